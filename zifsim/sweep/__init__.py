"""Sweeps: one study at every quench rate, configuration and replicate, as jobs that a queue can run."""
