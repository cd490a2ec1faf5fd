"""What was simulated beside what was measured and published: table, scores, tensions."""

from zifsim.compare.table import ComparisonTable, run_comparison

__all__ = ["ComparisonTable", "run_comparison"]
