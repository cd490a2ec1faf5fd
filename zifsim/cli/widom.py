"""``zifsim widom``: Henry coefficient and heat of adsorption at zero loading."""

from __future__ import annotations

from typing import Annotated

import typer

from zifsim import limits
from zifsim.cli import options
from zifsim.cli.options import within
from zifsim.cli.terminal import say
from zifsim.limits import Limits


def widom(
    structure: Annotated[str, typer.Argument(metavar="STRUCTURE", help="Shipped structure, CIF or extXYZ file.")],
    gas: Annotated[str, typer.Option("--gas", help="Gas, guest model or guest file.")],
    temperature: Annotated[float, typer.Option("--temperature", "-T", metavar="K", help="Kelvin.",
        callback=within(limits.TEMPERATURE))] = 273.0,
    forcefield: options.ForceField = "PP",
    charges: options.Charges = None,
    cutoff: Annotated[float, typer.Option("--cutoff", metavar="Å", help="Cut-off, Å.",
        callback=within(limits.CUTOFF))] = 12.8,
    truncation: Annotated[str, typer.Option("--truncation", help="truncated, shifted or tail.")] = "truncated",
    insertions: Annotated[int, typer.Option("--insertions", help="Test insertions.",
        callback=within(Limits(1000, 10**12, whole=True)))] = 1_000_000,
    path: Annotated[str, typer.Option("--path", help="Host energy from a grid, or direct.")] = "grid",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the random streams.", callback=within(limits.SEED))] = 1,
    threads: Annotated[int, typer.Option("--threads", help="Threads that build the grids.",
        callback=within(limits.SOME_THREADS))] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Henry coefficient (mol/kg/Pa) and heat of adsorption (kJ/mol) at zero loading, by Widom insertion.

    Example: zifsim widom ZIF-8 --gas CH4 --temperature 273
    """
    import json

    from zifsim.campaign.adsorption import load_host
    from zifsim.cli.screen import preparing
    from zifsim.gcmc.eos import check_temperature
    from zifsim.gcmc.noroom import has_room, without_room
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.gcmc.widom import widom as test_insertion
    from zifsim.io.guests import load_guest

    guest = load_guest(gas, temperature_k=temperature)
    check_temperature(guest.gas, temperature)
    settings = GCMCSettings(cutoff_angstrom=cutoff, truncation=truncation, host_path=path, seed=seed,
                            widom_insertions=insertions)
    with preparing() as report:
        host = load_host(structure, (guest,), forcefield, charges, settings, report)
    framework = host.framework
    result = test_insertion(framework, guest, host.forcefield, temperature, settings, threads=threads)
    room = has_room(framework, result)
    if not room:
        result = without_room(result)
    if as_json:
        say(json.dumps(result.to_dict(), indent=2))
        return
    named = f"charges {host.charges}" if guest.has_charges else "no charges"
    say(f"{guest.name} in {framework.name} at {temperature:g} K ({host.forcefield.name}, {named}, {cutoff:g} Å "
        f"{truncation})\n{framework.name}: {framework.source}")
    if result.note:
        say(f"note: {result.note}")
    if not room:
        say(f"No room for the gas: {guest.gas} finds no place in {framework.name}, so its Henry coefficient is 0.")
        return
    say(f"Henry coefficient  {result.henry_coefficient_mol_kg_pa:.5e} ± {result.henry_error_mol_kg_pa:.1e} mol/kg/Pa")
    say(f"heat of adsorption {result.heat_of_adsorption_kj_mol:.3f} ± "
        f"{result.heat_of_adsorption_error_kj_mol:.3f} kJ/mol")
