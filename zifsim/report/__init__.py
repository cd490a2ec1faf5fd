"""Reports for people: figures and the HTML page. Reads results only, never simulates."""

from zifsim.report.html import write_report

__all__ = ["write_report"]
