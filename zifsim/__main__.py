"""``python -m zifsim``."""

from zifsim.cli.entry import entry

entry()
