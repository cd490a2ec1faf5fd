"""Accessibility in time: a guest's free-energy landscape, its basins and windows, and how fast a particle fills."""
