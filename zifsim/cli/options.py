"""Options that several commands share, so that they are named and explained alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from zifsim import limits
from zifsim.limits import Limits


def within(bounds: Limits) -> Callable[..., Any]:
    """A callback of an option: its number (or each of its numbers) lies within limits, else one sentence says so."""
    def check(param: typer.CallbackParam, value: Any) -> Any:
        for number in value if isinstance(value, tuple | list) else (value,):
            if number is not None:
                bounds.check(number, max(param.opts, key=len))
        return value

    return check


MODEL, SAMPLING, OUTPUT = "Model", "Sampling", "Output"

Structure = Annotated[str, typer.Argument(
    metavar="STRUCTURE", help="Shipped structure (ZIF-8, ZIF-62), CIF or extXYZ file.")]
Temperature = Annotated[float, typer.Option(
    "--temperature", "-T", metavar="K", help="Temperature, K.", rich_help_panel=MODEL,
    callback=within(limits.TEMPERATURE))]
Pressures = Annotated[str | None, typer.Option(
    "--pressures", "-p", metavar="BAR", rich_help_panel=MODEL,
    help="Pressures, bar: a list 0.01,0.1,1 or start:stop:n (log-spaced).", show_default="1")]
ForceField = Annotated[str, typer.Option(
    "--forcefield", metavar="NAME", rich_help_panel=MODEL,
    help="Lennard-Jones of the framework: PP, UFF, DREIDING or a file.")]
Charges = Annotated[str | None, typer.Option(
    "--charges", metavar="NAME", rich_help_panel=MODEL, show_default="those of the force field's file, else ZIF-FF",
    help="Framework charges: ZIF-FF, ZIF-FF-bIm-ESP (another guess for bIm), PP and RESP (mIm only), RESP-ZIF-4 "
    "(Im only) or a file.")]
Cutoff = Annotated[float, typer.Option(
    "--cutoff", metavar="Å", help="Cut-off, Å; the supercell grows with it.", rich_help_panel=MODEL,
    callback=within(limits.CUTOFF))]
Truncation = Annotated[str, typer.Option(
    "--truncation", metavar="NAME", rich_help_panel=MODEL,
    help="Lennard-Jones beyond the cut-off: truncated, shifted or tail.")]
Coulomb = Annotated[str, typer.Option(
    "--coulomb", metavar="NAME", rich_help_panel=MODEL,
    help="Between guests: cutoff (whole molecules within the cut-off; none may have a dipole), ewald, or auto: cutoff "
    "where no molecule has a dipole. Their difference is measured at every pressure.")]
GuestImages = Annotated[str, typer.Option(
    "--guest-images", metavar="NAME", rich_help_panel=MODEL,
    help="A guest meets the nearest image of another (the supercell holds twice the cut-off), or all within the "
    "cut-off (the cell need hold it once: an eighth of the molecules to settle, for packed pores in the cold).")]
Metastable = Annotated[bool, typer.Option(
    "--metastable", rich_help_panel=MODEL,
    help="Beyond the saturation pressure of the gas outside, the fugacity of the metastable vapour as far as there is "
    "one, in place of that of the liquid, which is stable.")]
Error = Annotated[float, typer.Option(
    "--error", metavar="FRACTION", rich_help_panel=SAMPLING, callback=within(limits.RELATIVE_ERROR),
    help="A pressure is done at this standard error over loading ...")]
MaxMoves = Annotated[int, typer.Option(
    "--max-moves", metavar="N", help="... or after so many Monte Carlo moves.", rich_help_panel=SAMPLING,
    callback=within(limits.MOVES))]
Sampled = Annotated[str, typer.Option(
    "--isotherm", metavar="NAME", rich_help_panel=SAMPLING,
    help="pooled: what insertions and deletions tell at all pressures gives the loading at each of them. plain: the "
    "average over each pressure's own run, slower, a check.")]
Starts = Annotated[str, typer.Option(
    "--starts", metavar="NAME", rich_help_panel=SAMPLING,
    help="Each pressure from an empty cell, from both an empty and a full one (which must meet), or auto: both below "
    "0.7 of the critical temperature of a gas, where a pore fills and empties in steps.")]
Threads = Annotated[int, typer.Option(
    "--threads", metavar="N", callback=within(limits.THREADS), rich_help_panel=SAMPLING,
    help="Pressures side by side; 0: all cores. Of a plain isotherm and a mixture it decides the numbers, with the "
    "seed: each thread starts from an empty cell.")]
Seed = Annotated[int, typer.Option(
    "--seed", metavar="N", help="Seed of the random streams.", rich_help_panel=SAMPLING, callback=within(limits.SEED))]
Unit = Annotated[str, typer.Option(
    "--unit", metavar="UNIT", rich_help_panel=OUTPUT,
    help="Of the printed table and the plot: mol/kg, mmol/g, mL/g (STP), wt% (g per 100 g of framework), "
    "molecules/unit-cell or molecules/supercell. The files have all of them.")]
Access = Annotated[list[str] | None, typer.Option(
    "--access", metavar="MATERIAL[:MODEL]=DIR",
    help="Folder of `zifsim access` with the accessibility of a material, or of one of its models (ZIF-62:A=...). "
    "Repeatable. Stages of the study need no naming.")]
DryRun = Annotated[bool, typer.Option(
    "--dry-run", help="Check the input and say what would run; write nothing.", rich_help_panel=OUTPUT)]
