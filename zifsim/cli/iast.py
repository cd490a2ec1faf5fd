"""``zifsim iast``: a mixture of gases from the isotherms of the pure ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zifsim import limits
from zifsim.cli.options import within
from zifsim.cli.terminal import console, say

if TYPE_CHECKING:
    from zifsim.model.uptake import MixturePoint


def iast(
    isotherms: Annotated[list[Path], typer.Argument(
        metavar="ISOTHERM...", help="isotherm.json of each gas, or the folder that holds it.")],
    composition: Annotated[str, typer.Option(
        "--composition", metavar="GAS=FRACTION,...", help="Mole fractions in the gas, for example CO2=0.15,N2=0.85.")],
    pressures: Annotated[str, typer.Option(
        "--pressures", "-p", metavar="BAR", help="Total pressures, bar: a list or start:stop:n (log-spaced).")] = "1",
    extrapolation: Annotated[str, typer.Option(
        "--extrapolation", metavar="NAME", help="Beyond an isotherm's last point: error, or langmuir (the curve "
        "through its last two points).")] = "error",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the error bars.",
        callback=within(limits.SEED))] = 1,
    allow_different: Annotated[bool, typer.Option(
        "--allow-different", help="Use isotherms of different frameworks, force fields, charges or temperatures, and "
        "say so.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Loadings and selectivity of a gas mixture from pure isotherms, by ideal adsorbed solution theory.

    The gas is taken as ideal: partial pressures against the pressures of the isotherms. Errors are propagated from
    those of the isotherms.

    Example: zifsim iast zif8-co2 zif8-n2 --composition CO2=0.15,N2=0.85 --pressures 0.1,1
    """
    import json

    from zifsim.cli.gcmc import parse_pressures
    from zifsim.gcmc.iast import differences
    from zifsim.gcmc.iast import iast as mixture_of
    from zifsim.io.results import read_isotherm
    from zifsim.runs.folder import unaltered

    fractions = parse_composition(composition)
    pure = [read_isotherm(unaltered(path)) for path in isotherms]
    points = [mixture_of(pure, fractions, pressure, extrapolation=extrapolation, seed=seed,
                         allow_different=allow_different)
              for pressure in parse_pressures(pressures)]
    for difference in differences(pure):
        say(f"note: {difference}", error=True)
    if as_json:
        say(json.dumps([point.to_dict() for point in points], indent=2))
        return
    _show(points)


def parse_composition(text: str) -> dict[str, float]:
    """Gas -> mole fraction from ``CO2=0.15,N2=0.85``.

    Raises
    ------
    InputError: not of that form, or a gas given twice.
    """
    from zifsim.errors import InputError

    fractions: dict[str, float] = {}
    for part in text.split(","):
        gas, _, fraction = part.partition("=")
        try:
            value = float(fraction)
        except ValueError:
            raise InputError(f"--composition '{text}' cannot be read; give mole fractions such as CO2=0.15,N2=0.85."
                             ) from None
        if gas.strip() in fractions:
            raise InputError(f"--composition '{text}' names {gas.strip()} twice.")
        fractions[gas.strip()] = value
    return fractions


def _show(points: Sequence[MixturePoint]) -> None:
    from rich.table import Table

    from zifsim.io.tables import with_error

    first = points[0]
    named = ", ".join(f"{fraction:g} {gas}" for gas, fraction in first.composition.items())
    present = [g for g in first.composition if first.composition[g] > 0.0]
    gases = sorted(present, key=lambda g: -first.loadings_mol_kg[g] / first.composition[g])     # the favoured one first
    pairs = [(gas, other) for k, gas in enumerate(gases) for other in gases[k + 1:]]
    table = Table("pressure, bar", *(f"{gas}, mol/kg" for gas in gases), *(f"selectivity {a}/{b}" for a, b in pairs),
                  title=f"IAST: {named} in {first.framework} at {first.temperature_k:g} K", title_justify="left")
    for column in table.columns:
        column.justify = "right"
    for point in points:
        loadings = [with_error(point.loadings_mol_kg[g], point.loading_errors_mol_kg[g]) for g in gases]
        selectivities = [with_error(*point.selectivity(a, b)) for a, b in pairs]
        table.add_row(f"{point.pressure_pa / 1e5:.4g}", *loadings, *selectivities)
    console().print(table)
    if not all(point.equilibrated for point in points):
        say("note: a pressure of the isotherms was not equilibrated")
