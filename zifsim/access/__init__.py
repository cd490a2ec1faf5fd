"""Kinetic accessibility: free-energy landscape of a guest, its basins and windows, and how fast a particle fills."""
