"""Crystals: their linkers, their disorder, and the ordered cells made of them."""
