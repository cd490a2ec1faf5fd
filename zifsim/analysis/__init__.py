"""Structure, scattering, dynamics and pores of crystals, melts and glasses: everything that is measured in space."""
