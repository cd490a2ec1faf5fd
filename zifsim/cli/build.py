"""``zifsim build``: ordered cells from a crystal structure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zifsim import limits
from zifsim.cli.options import within
from zifsim.cli.terminal import console, say
from zifsim.limits import Limits

if TYPE_CHECKING:
    from zifsim.crystals.ordering import LinkerClass
    from zifsim.model.framework import Framework

FORMATS = (".cif", ".extxyz", ".xyz")


def build(
    structure: Annotated[str, typer.Argument(
        metavar="NAME|FILE", help="Shipped structure (ZIF-62, ZIF-8), or a CIF or extXYZ file.")],
    bim_per_cell: Annotated[int | None, typer.Option(
        "--bim-per-cell", callback=within(Limits(0, 10**6, whole=True)),
        metavar="N", help="Benzimidazolates per crystallographic cell on the mixed "
        "sites; ZIF-62: 3 is 62.5/37.5, 4 is Zn(Im)1.75(bIm)0.25.",
        show_default="nearest to the occupancies of the file; ZIF-62: 3")] = None,
    configuration: Annotated[str, typer.Option(
        "--configuration", "-c", metavar="A|B|all", help="Symmetry class of the linker arrangement: A the "
        "likeliest, B the one with its benzimidazolates farthest apart, C ... the others, or all.")] = "A",
    supercell: Annotated[tuple[int, int, int], typer.Option(
        "--supercell", callback=within(limits.REPEATS),
        metavar="NA NB NC", help="Repeats along a, b, c, e.g. 2 2 1.")] = (1, 1, 1),
    relax: Annotated[bool | None, typer.Option(
        "--relax/--no-relax", help="Minimise the energy of the atoms at fixed cell with ZIF-FF; refined disorder "
        "leaves distorted rings.", show_default="where linkers share sites")] = None,
    out: Annotated[Path | None, typer.Option(
        "--out", "-o", metavar="FILE", help="File to write, .extxyz (with bonds and types) or .cif; with "
        "--configuration all the letter is inserted. Without it only the table is shown.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing files.")] = False,
) -> None:
    """Order a crystal: one linker per site, recognised, bonded and typed, as a P1 cell.

    Examples:

    zifsim build ZIF-62 --out zif62-A.extxyz

    zifsim build ZIF-62 --bim-per-cell 4 --configuration all --supercell 2 2 2 --out zif62.cif

    zifsim build my.cif --no-relax
    """
    from zifsim.cli.screen import preparing
    from zifsim.crystals.crystal import open_crystal
    from zifsim.structures import prepared

    crystal = open_crystal(structure)
    chosen = crystal.choose(configuration, bim_per_cell)
    targets = _targets(out, chosen, configuration, force)
    with preparing() as report:
        frameworks = [prepared(cell, crystal, relax=relax, report=report).supercell(supercell)
                      for cell in crystal.order(configuration, bim_per_cell)]
    _show_classes(crystal.classes(bim_per_cell), chosen)
    _show_frameworks(frameworks)
    for target, framework in zip(targets, frameworks, strict=False):
        _write(target, framework)
        say(f"wrote {target}")


def _targets(out: Path | None, chosen: list[LinkerClass], configuration: str, force: bool) -> list[Path]:
    """Files to write, checked before anything is computed."""
    from zifsim.errors import InputError

    if out is None:
        return []
    if out.suffix.lower() not in FORMATS or out.is_dir():
        raise InputError(f"--out '{out}': the file must end in .extxyz or .cif.")
    targets = [out] if configuration.lower() != "all" else [
        out.with_name(f"{out.stem}-{c.letter}{out.suffix}") for c in chosen]
    for target in targets:
        if target.exists() and not force:
            raise InputError(f"'{target}' exists. Choose another --out, or add --force to overwrite it.")
    return targets


def _write(target: Path, framework: Framework) -> None:
    from zifsim.io.cif import write_framework_cif
    from zifsim.io.xyz import write_framework

    (write_framework_cif if target.suffix.lower() == ".cif" else write_framework)(target, framework)


def _show_classes(classes: list[LinkerClass], chosen: list[LinkerClass]) -> None:
    from rich.table import Table

    if sum(c.multiplicity for c in classes) < 2:
        return
    table = Table(title=f"{sum(c.multiplicity for c in classes)} arrangements without clash, "
                        f"{len(classes)} symmetry classes", title_justify="left")
    for column in ("configuration", "mixed sites with the rarer linker", "multiplicity", ""):
        table.add_column(column)
    for c in classes:
        built = "built" if c in chosen else ""
        table.add_row(c.letter, " ".join(map(str, c.sites)), str(c.multiplicity), built)
    console().print(table)


def _show_frameworks(frameworks: list[Framework]) -> None:
    import numpy as np
    from rich.table import Table

    from zifsim.crystals.contacts import metal_nitrogen_distances, shortest_contacts
    from zifsim.io.cif import cell_parameters

    for framework in frameworks:
        table = Table(title=framework.name, title_justify="left", show_header=False)
        lengths = cell_parameters(framework.cell)
        table.add_row("cell, Å and °", "  ".join(f"{x:.4f}" for x in lengths[:3]) + "   "
                      + "  ".join(f"{x:.2f}" for x in lengths[3:]))
        table.add_row("formula", f"{framework.formula}  ({framework.n_atoms} atoms)")
        table.add_row("units", ", ".join(f"{n} {kind}" for kind, n in framework.unit_counts().items()))
        table.add_row("density, g/cm³", f"{framework.density_g_cm3:.4f}")
        distances = metal_nitrogen_distances(framework)
        if distances:
            table.add_row("metal–N bonds, Å", f"{np.mean(distances):.3f}  ({min(distances):.3f} to "
                                              f"{max(distances):.3f})")
        contacts = [f"{pair} {distance:.3f}" for pair, distance in shortest_contacts(framework).items()]
        table.add_row("shortest contacts, Å", "  ".join(contacts))
        table.add_row("made from", framework.source)
        console().print(table)
