"""Melt and quench: force fields in OpenMM, temperature programs, molecular dynamics, the glass."""
