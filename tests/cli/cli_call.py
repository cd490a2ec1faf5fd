"""The command line, called within the tests' own process."""

from zifsim.cli import app


def call(*arguments):
    """Exit code of ``zifsim ARGUMENTS``."""
    try:
        app.main([str(a) for a in arguments])
    except SystemExit as end:
        return end.code or 0
    return 0
