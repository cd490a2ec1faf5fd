"""Chance: grand canonical Monte Carlo on a rigid framework."""
