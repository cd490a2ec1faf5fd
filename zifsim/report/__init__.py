"""People: figures and the HTML report. Reads results only, never simulates."""

from zifsim.report.html import write_report

__all__ = ["write_report"]
