"""How anything runs: result folders, records, stop signals, progress and devices, below all engines."""
