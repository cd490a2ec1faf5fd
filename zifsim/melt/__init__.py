"""Time: force-field assembly in OpenMM, temperature programs, melt and quench."""
