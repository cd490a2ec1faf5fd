"""Comparison of what was simulated with what was measured and published: table, scores, tensions."""

from zifsim.compare.run import run_comparison
from zifsim.compare.table import ComparisonTable

__all__ = ["ComparisonTable", "run_comparison"]
