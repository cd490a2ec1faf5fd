"""Tests leave the user's cache of host grids alone."""

import os

os.environ["ZIFSIM_CACHE"] = "off"
