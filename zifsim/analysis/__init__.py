"""Space: structure, scattering, dynamics and pores of crystals, melts and glasses."""
