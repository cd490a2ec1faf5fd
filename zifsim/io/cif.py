"""Crystal structures: reading CIFs as they are found in databases, writing ordered P1 cells."""

from __future__ import annotations

import re
from pathlib import Path

import gemmi
import numpy as np

from zifsim import limits
from zifsim.errors import InputError
from zifsim.io.files import write_text_atomic
from zifsim.io.text import decoded
from zifsim.model.disordered import AsymmetricAtom, DisorderedStructure
from zifsim.model.framework import FloatArray, Framework
from zifsim.printable import one_line

OPERATION_TAGS = ("_space_group_symop_operation_xyz", "_symmetry_equiv_pos_as_xyz",
                  "_space_group_symop.operation_xyz", "_symmetry_equiv.pos_as_xyz")
SPACEGROUP_TAGS = ("_space_group_name_H-M_alt", "_symmetry_space_group_name_H-M",
                   "_space_group_name_H-M_full", "_space_group_name_H-M_ref",
                   "_space_group_name_Hall", "_symmetry_space_group_name_Hall")
NUMBER_TAGS = ("_space_group_IT_number", "_symmetry_Int_Tables_number")
FRACTIONAL = limits.Limits(-1000.0, 1000.0)
SITE_COLUMNS = ["label", "fract_x", "fract_y", "fract_z", "?type_symbol", "?occupancy", "?disorder_assembly",
                "?disorder_group", "?calc_flag"]
# ICSD writes the setting as a last letter: origin choice 1 or 2, hexagonal or rhombohedral axes.
SETTING_LETTERS = {"S": ":1", "Z": ":2", "H": ":H", "R": ":R"}


def _block_with_atoms(path: Path) -> gemmi.cif.Block:
    if not path.is_file():
        raise InputError(f"No file '{path}'. Check the path (relative to the current folder).")
    try:
        # Authors' names in Latin-1 do no harm: CIFs of the nineties have them.
        document = gemmi.cif.read_string(decoded(path.read_bytes(), path, replace=True))
    except InputError:
        raise
    except Exception as error:
        # gemmi raises ValueError, RuntimeError or UnicodeDecodeError; to the user all mean "not a CIF".
        reason = one_line(str(error).splitlines()[0].replace("string:", "line "))[:200] if str(error) else "damaged"
        raise InputError(f"{path}: not a CIF ({reason}).") from error
    for block in document:
        if block.find_loop("_atom_site_fract_x"):
            return block
    raise InputError(f"{path}: no atoms with fractional coordinates (no _atom_site_fract_x loop).")


def _number(text: str, what: str) -> float:
    """A CIF number; a standard uncertainty in brackets is dropped."""
    value = gemmi.cif.as_number(text)
    if not np.isfinite(value):
        raise InputError(f"{what} is '{text}', which is not a number. Correct or remove that entry.")
    return value


def _read_cell(block: gemmi.cif.Block, path: Path) -> FloatArray:
    parameters = []
    for tag in ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"):
        text = block.find_value(f"_cell_{tag}")
        if text is None:
            raise InputError(f"{path}: the cell is incomplete: _cell_{tag} is missing.")
        parameters.append(_number(text, f"{path}: _cell_{tag}"))
    for tag, value in zip("abc", parameters[:3], strict=True):
        limits.CELL_EDGE.check(value, f"{path}: _cell_length_{tag}")
    for tag, value in zip(("alpha", "beta", "gamma"), parameters[3:], strict=True):
        limits.CELL_ANGLE.check(value, f"{path}: _cell_angle_{tag}")
    unit_cell = gemmi.UnitCell(*parameters)
    if not unit_cell.volume > 1.0:
        raise InputError(f"{path}: the cell {parameters} has no volume. Correct the _cell_ entries.")
    # gemmi's columns are the lattice vectors, a along x; ours are rows. Round off its 1e-16 zeros.
    return np.array(unit_cell.orth.mat.tolist()).T.round(12) + 0.0


def find_spacegroup(symbol: str) -> gemmi.SpaceGroup | None:
    """A space group by any notation in use: ``P21/c``, ``P 1 21/c 1``, ``R -3 H``, ``F d -3 m Z``."""
    symbol = re.sub(r"\s*/\s*", "/", symbol.replace("_", " ").strip())
    candidates = [symbol, symbol.replace(" ", "")]
    if len(symbol) > 2 and symbol[-1] in SETTING_LETTERS:
        candidates.append(symbol[:-1].strip() + SETTING_LETTERS[symbol[-1]])
        candidates.append(symbol[:-1].strip())
    for candidate in candidates:
        found = gemmi.find_spacegroup_by_name(candidate)
        if found is not None:
            return found
    try:
        return gemmi.find_spacegroup_by_ops(gemmi.symops_from_hall(symbol))
    except (RuntimeError, ValueError):
        return None


def _spacegroup_in(block: gemmi.cif.Block) -> tuple[gemmi.SpaceGroup | None, str]:
    """The space group named in the file, and the name as written there."""
    written = ""
    for tag in SPACEGROUP_TAGS:
        text = block.find_value(tag)
        if text and gemmi.cif.as_string(text).strip("? ."):
            written = written or gemmi.cif.as_string(text)
            found = find_spacegroup(gemmi.cif.as_string(text))
            if found is not None:
                return found, written
    for tag in NUMBER_TAGS:
        text = block.find_value(tag)
        if text and not written and gemmi.cif.as_string(text).isdigit():
            written = gemmi.cif.as_string(text)
            return gemmi.find_spacegroup_by_number(int(written)), written
    return None, written


def _read_symmetry(block: gemmi.cif.Block, path: Path) -> tuple[list[gemmi.Op], str]:
    """Operations in the file's order (or the named group's), and the space group symbol."""
    group, written = _spacegroup_in(block)
    symbol = group.xhm() if group is not None else written
    for tag in OPERATION_TAGS:
        texts = [gemmi.cif.as_string(t) for t in block.find_values(tag)]
        if not texts:
            continue
        operations = []
        for row, text in enumerate(texts, start=1):
            try:
                operations.append(gemmi.Op(text))
            except (RuntimeError, ValueError) as error:
                raise InputError(f"{path}: symmetry operation {row} '{text}' cannot be read.") from error
        return operations, symbol
    if group is None and written:
        raise InputError(f"{path}: unknown space group '{written}'. List its operations under "
                         f"{OPERATION_TAGS[0]}.")
    if group is None:
        raise InputError(f"{path}: no symmetry is given. Add _space_group_name_H-M_alt ('P 1' if all atoms "
                         "are listed).")
    return list(group.operations()), symbol


def _element(text: str, is_label: bool) -> str | None:
    """Chemical symbol at the start of a type symbol (``Zn2+``, ``D``) or a label (``C1A``), or None."""
    letters = re.match(r"[A-Za-z]+", text)
    if letters is None:
        return None
    word = letters.group()
    lengths: tuple[int, ...]
    if is_label:
        # 'Zn1' is zinc, 'CA1' is carbon, 'ZN1' can only be zinc.
        lengths = (2, 1) if len(word) > 1 and word[1].islower() else (1, 2)
    elif len(word) > 2:
        return None
    else:
        lengths = (len(word),)
    for length in lengths:
        symbol = word[:length].capitalize()
        if symbol == "D":
            return "H"
        if gemmi.Element(symbol).atomic_number > 0:
            return str(gemmi.Element(symbol).name)
    return None


def _read_atom(row: gemmi.cif.Table.Row, number: int, path: Path) -> AsymmetricAtom | None:
    """One row of the atom list; None for a dummy atom."""
    def text(column: int, default: str) -> str:
        value = gemmi.cif.as_string(row[column]) if row.has(column) else ""
        return value if value not in ("", ".", "?") else default

    label = text(0, f"atom {number}")
    where = f"{path}: atom {number} ({label})"
    if text(8, "") in ("dum", "calc_dum"):
        return None
    species = _element(text(4, ""), is_label=False) if text(4, "") else _element(label, is_label=True)
    if species is None:
        raise InputError(f"{where}: unknown element '{text(4, label)}'. Correct its _atom_site_type_symbol.")
    x, y, z = (_number(row[c], f"{where}: fractional coordinate") for c in (1, 2, 3))
    for value in (x, y, z):
        FRACTIONAL.check(value, f"{where}: a fractional coordinate")
    occupancy = _number(text(5, "1"), f"{where}: occupancy")
    group = text(7, "0")
    if not re.fullmatch(r"-?\d{1,6}", group):
        raise InputError(f"{where}: disorder group '{group}' is no whole number. Number the groups 1, 2, ...")
    if not 0 < occupancy <= 1.001:
        raise InputError(f"{where}: occupancy {occupancy:g} is outside 0 to 1. Remove or correct the atom.")
    if occupancy < 0.999 and int(group) == 0:
        raise InputError(f"{where}: occupancy {occupancy:g} without a disorder group. Mark alternatives by "
                         "_atom_site_disorder_group 1, 2, ... or remove the atoms that are not to be kept.")
    return AsymmetricAtom(label, species, (x, y, z), occupancy, text(6, ""), int(group))


def read_cif(path: str | Path) -> DisorderedStructure:
    """Read the first data block with atoms.

    Space groups may be given by operations or by name, in current or old notations. Occupancies below one
    need disorder groups (``_atom_site_disorder_assembly``, ``_atom_site_disorder_group``).

    Raises
    ------
    InputError: missing file, not a CIF, no cell or atoms, unknown element or space group, stray occupancy.
    """
    path = Path(path)
    block = _block_with_atoms(path)
    cell = _read_cell(block, path)
    operations, spacegroup = _read_symmetry(block, path)
    table = block.find("_atom_site_", SITE_COLUMNS)
    if len(table) == 0:
        raise InputError(f"{path}: the atom list needs _atom_site_label and _atom_site_fract_x, _y and _z.")
    atoms = [_read_atom(row, number, path) for number, row in enumerate(table, start=1)]
    return DisorderedStructure(
        name=path.stem,
        cell=cell,
        atoms=tuple(a for a in atoms if a is not None),
        rotations=np.array([op.rot for op in operations], dtype=np.float64) / gemmi.Op.DEN,
        translations=np.array([op.tran for op in operations], dtype=np.float64) / gemmi.Op.DEN,
        spacegroup=spacegroup,
        source=path.name,
    )


def format_framework_cif(framework: Framework) -> str:
    """A P1 CIF: all atoms, wrapped, labelled by type; charges and bonds in standard loops where known."""
    document = gemmi.cif.Document()
    block = document.add_new_block(re.sub(r"\W+", "_", framework.name) or "framework")
    unit_cell = gemmi.UnitCell(*cell_parameters(framework.cell))
    block.set_pair("_chemical_name_common", gemmi.cif.quote(framework.name))
    block.set_pair("_chemical_formula_sum", gemmi.cif.quote(framework.formula))
    block.set_pair("_audit_creation_method", gemmi.cif.quote(f"zifsim: {framework.source}"))
    for tag, value in zip(("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma"),
                          unit_cell.parameters, strict=True):
        block.set_pair(f"_cell_{tag}", f"{value:.8f}")
    block.set_pair("_space_group_name_H-M_alt", "'P 1'")
    block.set_pair("_space_group_IT_number", "1")
    block.init_loop("_space_group_symop_", ["operation_xyz"]).add_row(["x,y,z"])
    labels = [f"{kind}_{k + 1}" for k, kind in enumerate(framework.types or framework.species)]
    columns = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy"]
    loop = block.init_loop("_atom_site_", columns + (["charge"] if framework.charges is not None else []))
    fractional = framework.fractional - np.floor(framework.fractional)
    for k, (label, symbol, xyz) in enumerate(zip(labels, framework.species, fractional, strict=True)):
        charge = [] if framework.charges is None else [f"{framework.charges[k]:.8f}"]
        loop.add_row([label, symbol, *(f"{x:.9f}" for x in xyz), "1", *charge])
    _add_bonds(block, framework, fractional, labels)
    return str(document.as_string())


def cell_parameters(cell: FloatArray) -> tuple[float, ...]:
    """a, b, c in Å and alpha, beta, gamma in degrees of row vectors."""
    lengths = np.linalg.norm(cell, axis=1)
    unit = cell / lengths[:, None]
    cosines = (unit[1] @ unit[2], unit[2] @ unit[0], unit[0] @ unit[1])
    return (*lengths.tolist(), *np.degrees(np.arccos(cosines)).tolist())


def _add_bonds(block: gemmi.cif.Block, framework: Framework, fractional: FloatArray,
               labels: list[str]) -> None:
    """The bond loop; the second atom's lattice translation is written as 1_555 is written for none."""
    if len(framework.bonds) == 0:
        return
    loop = block.init_loop("_geom_bond_", ["atom_site_label_1", "atom_site_label_2", "distance",
                                           "site_symmetry_2"])
    for i, j in framework.bonds.tolist():
        step = fractional[j] - fractional[i]
        image = -np.round(step).astype(int)
        distance = float(np.linalg.norm((step + image) @ framework.cell))
        code = "." if not image.any() else "1_" + "".join(str(5 + shift) for shift in image.tolist())
        loop.add_row([labels[i], labels[j], f"{distance:.4f}", code])


def write_framework_cif(path: str | Path, framework: Framework) -> None:
    """Write a framework as a P1 CIF (whole or not at all), for other programs; extXYZ keeps more digits."""
    write_text_atomic(Path(path), format_framework_cif(framework))
