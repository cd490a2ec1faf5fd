"""People: figures and the HTML report. Reads results only, never simulates."""
