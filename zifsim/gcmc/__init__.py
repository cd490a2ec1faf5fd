"""GCMC: grand canonical Monte Carlo in a rigid framework."""
