"""Isotherms as AIF, the adsorption information file that pyGAPS and NIST's isotherm database read.

Data names: https://adsorptioninformationformat.com (Evans et al., Langmuir 2021, doi:10.1021/acs.langmuir.1c00122).
"""

from __future__ import annotations

import math
from pathlib import Path

import gemmi

from zifsim.io.files import write_text_atomic
from zifsim.model.uptake import Isotherm
from zifsim.units import BAR_PA

DICTIONARY = "78bc861"    # commit of the AIF dictionary whose data names are used
UNKNOWN = "?"             # CIF's word for a value that is not known


def _number(value: float) -> str:
    return UNKNOWN if math.isnan(value) else f"{value:.8g}"


def format_aif(isotherm: Isotherm, date: str, version: str) -> str:
    """One isotherm as AIF text: pressures in bar, amounts in mmol/g, Henry coefficient in mmol/g/bar, enthalpy
    (at zero loading, negative) in kJ/mol; p0 below the critical temperature only; ``date`` is ISO 8601;
    ``version``: of zifsim."""
    document = gemmi.cif.Document()
    block = document.add_new_block(f"{isotherm.framework}_{isotherm.gas}_{isotherm.temperature_k:g}K".replace(" ", "_"))
    repeats = "x".join(str(n) for n in isotherm.supercell)
    pairs = {
        "_audit_aif_version": DICTIONARY,
        "_exptl_adsorptive": isotherm.gas,
        "_exptl_temperature": f"{isotherm.temperature_k:g}",
        "_exptl_method": "grand canonical Monte Carlo",
        "_exptl_isotherm_type": "absolute",
        "_adsnt_material_id": isotherm.framework,
        "_adsnt_info": f"sha256 {isotherm.framework_sha256}",
        "_simltn_code": f"zifsim {version}",
        "_simltn_date": date,
        "_simltn_size": f"{repeats} unit cells",
        "_simltn_forcefield_adsorptive": isotherm.guest_model,
        "_simltn_forcefield_adsorbent": f"{isotherm.forcefield}, charges {isotherm.charges}",
        "_simltn_sampling": "grand canonical Monte Carlo, rigid framework",
        "_units_temperature": "K", "_units_pressure": "bar", "_units_loading": "mmol/g", "_units_mass": "g",
    }
    if isotherm.henry is not None:
        pairs["_adsorp_henry"] = _number(isotherm.henry.henry_coefficient_mol_kg_pa * BAR_PA)
        pairs["_adsorp_enthalpy"] = _number(-isotherm.henry.heat_of_adsorption_kj_mol)
    for name, value in pairs.items():
        block.set_pair(name, value if value == UNKNOWN else gemmi.cif.quote(value))
    points, saturation = isotherm.points, isotherm.saturation_pressure_pa
    absolute = [p.loading_mol_kg for p in points]
    columns = {
        "pressure": [p.pressure_pa / BAR_PA for p in points],
        "p0": [saturation / BAR_PA] * len(points),
        "fugacity": [p.fugacity_pa / BAR_PA for p in points],
        "amount": absolute, "amount_absolute": absolute, "amount_excess": [p.excess_mol_kg for p in points],
    }
    if math.isnan(saturation):
        del columns["p0"]
    loop = block.init_loop("_adsorp_", list(columns))
    for row in zip(*columns.values(), strict=True):
        loop.add_row([f"{x:.8g}" for x in row])
    return document.as_string()


def write_aif(path: Path, isotherm: Isotherm, date: str, version: str) -> None:
    """:func:`format_aif` into a file, whole or not at all."""
    write_text_atomic(path, format_aif(isotherm, date, version))
