"""zifsim: from a ZIF crystal to its melt-quenched glass, and how much gas both take up."""

__version__ = "0.1.0"
