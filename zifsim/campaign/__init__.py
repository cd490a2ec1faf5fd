"""Machines: studies, stages, run folders, provenance."""
