"""``zifsim energy``: the energy of given guests in a framework, term by term."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zifsim import limits
from zifsim.cli import options
from zifsim.cli.options import within
from zifsim.cli.terminal import console, say


def energy(
    structure: Annotated[str, typer.Argument(metavar="STRUCTURE", help="Shipped structure, CIF or extXYZ file.")],
    gas: Annotated[str, typer.Option("--gas", help="Gas, guest model or guest file.")],
    guests: Annotated[Path, typer.Option("--guests", help="XYZ file: the sites of whole molecules, in the "
                                         "model's order, Å.")],
    forcefield: options.ForceField = "PP",
    charges: options.Charges = None,
    cutoff: Annotated[float, typer.Option("--cutoff", metavar="Å", help="Cut-off, Å.",
        callback=within(limits.CUTOFF))] = 12.8,
    truncation: Annotated[str, typer.Option("--truncation", help="truncated, shifted or tail.")] = "truncated",
    temperature: Annotated[float, typer.Option("--temperature", "-T", metavar="K", callback=within(limits.TEMPERATURE),
        help="Kelvin; matters for "
                                               "Feynman-Hibbs models only.")] = 273.0,
    path: Annotated[str, typer.Option("--path", help="Host energy summed over atoms (direct) or interpolated "
                                      "(grid).")] = "direct",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Energy of a configuration: host-guest and guest-guest, Lennard-Jones and Coulomb, in K and kJ/mol.

    The cell is repeated as the cut-off asks; coordinates may lie anywhere in it.

    Example: zifsim energy ZIF-8 --gas CO2 --guests guests.xyz --cutoff 12 --truncation shifted --json
    """
    import json

    from zifsim.campaign.adsorption import load_host
    from zifsim.cli.screen import preparing
    from zifsim.gcmc.energy import configuration_energy
    from zifsim.gcmc.eos import check_temperature
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.io.guests import load_guest, read_guest_sites

    guest = load_guest(gas, temperature_k=temperature)
    check_temperature(guest.gas, temperature)
    settings = GCMCSettings(cutoff_angstrom=cutoff, truncation=truncation, host_path=path, ewald_tolerance=1e-10)
    with preparing() as report:
        host = load_host(structure, (guest,), forcefield, charges, settings, report)
    terms = configuration_energy(host.framework, guest, host.forcefield, temperature,
                                 read_guest_sites(guests, guest), settings).to_dict()
    if as_json:
        say(json.dumps(terms, indent=2))
        return
    _show(terms)


def _show(terms: dict[str, float]) -> None:
    from rich.table import Table

    table = Table("term", "K", "kJ/mol")
    for name in terms:
        if name.endswith("_k"):
            label = name.removesuffix("_k")
            table.add_row(label.replace("_", " "), f"{terms[name]:.6f}", f"{terms[label + '_kj_mol']:.6f}")
    for column in table.columns[1:]:
        column.justify = "right"
    console().print(table)
