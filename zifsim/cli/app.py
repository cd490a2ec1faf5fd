"""The ``zifsim`` command: one file per subcommand, heavy imports inside each, errors in one line."""

from __future__ import annotations

import inspect
import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from zifsim.cli.access import access
from zifsim.cli.analyse import analyse
from zifsim.cli.build import build
from zifsim.cli.bundle import bundle, verify
from zifsim.cli.compare import compare
from zifsim.cli.doctor import doctor
from zifsim.cli.energy import energy
from zifsim.cli.gcmc import gcmc
from zifsim.cli.iast import iast
from zifsim.cli.melt import melt
from zifsim.cli.mixture import mixture
from zifsim.cli.report import report
from zifsim.cli.run import run
from zifsim.cli.sweep import app as sweep
from zifsim.cli.terminal import say
from zifsim.cli.widom import widom
from zifsim.errors import RunInterrupted, SimulationError, ZifsimError
from zifsim.io.files import refused
from zifsim.printable import one_line
from zifsim.runs.environment import whole_number

app = typer.Typer(
    name="zifsim", no_args_is_help=True, add_completion=False, rich_markup_mode="rich",
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]},
    help="From a ZIF crystal to its melt-quenched glass, and how much gas both take up. "
         "Start with [bold]zifsim run quick[/]: build, melt, adsorb and compare at quick settings.")


def _version(wanted: bool) -> None:
    if wanted:
        from zifsim.runs.version import version as of_this

        say(f"zifsim {of_this()}")
        raise typer.Exit


def _max_memory(size: str | None) -> None:
    if size is not None:
        from zifsim.memory import VARIABLE, parse_size

        parse_size(size)
        os.environ[VARIABLE] = size     # workers of a study inherit it


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True,
                                          help="Print the version and exit.")] = False,
    max_memory: Annotated[str | None, typer.Option(
        "--max-memory", metavar="SIZE", callback=_max_memory, show_default="four fifths of what there is",
        help="Memory that a calculation may take, such as 4GiB (also after the command); what would take more is "
        "refused before it is begun.")] = None,
) -> None:
    """Options before the command."""


def _help_of(command: Callable[..., None]) -> str:
    """The docstring with every paragraph on one line, so that the terminal's width breaks it."""
    return "\n\n".join(" ".join(p.split()) for p in (inspect.getdoc(command) or "").split("\n\n"))


for _command in (run, build, melt, gcmc, mixture, iast, widom, energy, access, analyse, compare, report, bundle, verify,
                 doctor):
    app.command(_command.__name__, help=_help_of(_command))(_command)

for _part in sweep.registered_commands:
    assert _part.callback is not None
    _part.help = _help_of(_part.callback)
app.add_typer(sweep, name="sweep")


def main(arguments: list[str] | None = None) -> None:
    """Run a command line. Exit codes: 0 done, 1 failed, 2 wrong input, 75 stopped with its state saved, 130 Ctrl-C."""
    os.environ["MPLBACKEND"] = "agg"        # pictures go into files; a notebook's backend is none of ours
    logging.getLogger("matplotlib").setLevel(logging.ERROR)     # a cache that it cannot keep is no news to a user
    try:
        try:
            whole_number("NUMBA_NUM_THREADS", "threads")        # of which numba itself says nothing, or a traceback
            app(_options_first(sys.argv[1:] if arguments is None else arguments), prog_name="zifsim")
        finally:
            sys.stdout.flush()
    except RunInterrupted as stop:
        _say(f"stopped: {stop}")
        sys.exit(stop.exit_code)
    except ZifsimError as error:
        _say(f"error: {error}")
        sys.exit(1 if isinstance(error, SimulationError) else 2)
    except BrokenPipeError:     # nobody reads on: `zifsim ... | head`
        _drop_output()
        sys.exit(1)
    except OSError as error:
        if (reason := refused(error)) is None:
            raise
        _drop_output()
        _say(f"error: {reason}")
        sys.exit(2)
    except MemoryError as error:
        _say(f"error: there is not enough memory for this ({str(error) or 'none left'}); ask for something smaller.")
        sys.exit(2)


def _drop_output() -> None:
    """Let what is left for a stdout that cannot be written to go nowhere, so that the interpreter's end is quiet."""
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _options_first(arguments: list[str]) -> list[str]:
    """``--max-memory`` moved before the command, so that it may stand anywhere."""
    for k, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--max-memory" and k + 1 < len(arguments):
            return [argument, arguments[k + 1], *arguments[:k], *arguments[k + 2:]]
        if argument.startswith("--max-memory="):
            return [argument, *arguments[:k], *arguments[k + 1:]]
    return arguments


def _say(message: str) -> None:
    """One line on stderr, whatever the message held."""
    say(one_line(message), error=True)
