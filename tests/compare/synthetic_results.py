"""A synthetic results folder: made-up isotherms whose averages can be worked out by hand."""

import hashlib
import json
from pathlib import Path

from zifsim.model.uptake import Isotherm, LoadingPoint
from zifsim.units import STP_ML_MOL

ML_PER_MOL_KG = STP_ML_MOL * 1e-3
BLENDS = {
    "(ZIF-8)(ZIF-62)(20/80)": {"ZIF-8": 0.2, "ZIF-62": 0.8},
    "ag[(ZIF-8)0.2(ZIF-62)0.8]": {"ZIF-8": 0.2, "agZIF-62": 0.8},
}
GASES = {"H2": 77.0, "CO2": 273.0, "O2": 273.0, "N2": 77.0, "CH4": 273.0}
# Uptake at 1 bar, mL(STP)/g, per model; the error is 2 % of it plus 0.1.
UPTAKE = {
    ("ZIF-8", "A"): {"H2": 80.0, "CO2": 33.0, "O2": 3.9, "N2": 330.0, "CH4": 10.5},
    ("ZIF-62", "A"): {"H2": 120.0, "CO2": 40.0, "O2": 5.0, "N2": 160.0, "CH4": 22.0},
    ("ZIF-62", "B"): {"H2": 110.0, "CO2": 42.0, "O2": 5.4, "N2": 168.0, "CH4": 25.0},
    ("agZIF-62", "A-r1"): {"H2": 60.0, "CO2": 18.0, "O2": 1.4, "N2": 60.0, "CH4": 4.0},
    ("agZIF-62", "B-r1"): {"H2": 50.0, "CO2": 24.0, "O2": 1.8, "N2": 40.0, "CH4": 5.0},
}


def uptake_error(uptake: float) -> float:
    return 0.02 * uptake + 0.1


def loading_point(
    pressure_bar: float, uptake: float, error: float, equilibrated: bool = True
) -> LoadingPoint:
    return LoadingPoint(
        pressure_pa=pressure_bar * 1e5,
        fugacity_pa=pressure_bar * 0.99e5,
        loading_mol_kg=uptake / ML_PER_MOL_KG,
        loading_error_mol_kg=error / ML_PER_MOL_KG,
        excess_mol_kg=0.98 * uptake / ML_PER_MOL_KG,
        molecules_per_cell=10.0,
        molecules_per_cell_error=0.1,
        heat_of_adsorption_kj_mol=20.0,
        heat_of_adsorption_error_kj_mol=0.5,
        n_moves=100000,
        n_equilibration_moves=20000,
        effective_samples=150.0,
        equilibrated=equilibrated,
        seed=4711,
    )


def write_isotherm(
    folder: Path,
    material: str,
    configuration: str,
    gas: str,
    temperature_k: float,
    points: list[LoadingPoint],
) -> Path:
    kind = "glass" if material.startswith("ag") else "crystal"
    isotherm = Isotherm(
        gas=gas,
        guest_model=f"{gas}-model",
        forcefield="PP",
        charges="ZIF-FF",
        framework=f"{material} {configuration}",
        framework_sha256=hashlib.sha256(f"{material}{configuration}".encode()).hexdigest(),
        temperature_k=temperature_k,
        supercell=(2, 2, 2),
        points=tuple(points),
        settings={"cutoff_angstrom": 12.8, "seed": 4711},
    )
    stage = folder / "gcmc" / f"{material}-{configuration}-{gas}-{temperature_k:g}".replace("/", "-")
    stage.mkdir(parents=True)
    values = isotherm.to_dict() | {
        "material": material,
        "configuration": configuration,
        "framework_kind": kind,
    }
    (stage / "isotherm.json").write_text(json.dumps(values))
    (stage / "record.json").write_text(
        json.dumps(
            {
                "stage": f"gcmc {stage.name}",
                "zifsim_version": "9.8.7",
                "git_commit": "0123456789abcdef",
                "versions": {"numba": "0.68"},
                "machine": "a machine, 2 cores",
                "seed": 4711,
                "started": "2026-01-01T00:00:00",
                "finished": "2026-01-01T00:01:00",
                "exit_reason": "finished",
            }
        )
    )
    return stage


def write_study(folder: Path, quality: str = "quick") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.json").write_text(
        json.dumps(
            {
                "study": {"name": "synthetic", "title": "Made-up numbers", "seed": 11, "quality": quality},
                "materials": {name: {} for name in ("ZIF-8", "ZIF-62", "agZIF-62")},
                "blends": BLENDS,
                "melt": {
                    "forcefield": "nb-ZIF-FF-s",
                    "program": "paper",
                    "quench_rate_k_per_ps": 100.0,
                    "hold_ps": 2.0,
                },
                "gcmc": {
                    "forcefield": "PP",
                    "charges": "ZIF-FF",
                    "cutoff_angstrom": 12.8,
                    "gases": [
                        {"gas": g, "temperature_k": t, "pressures_bar": [0.1, 1.0]} for g, t in GASES.items()
                    ],
                },
            }
        )
    )


def write_results(folder: Path) -> Path:
    """A whole study: all models and gases, two pressures each (a quarter of the 1-bar uptake at 0.1 bar)."""
    write_study(folder)
    for (material, configuration), uptakes in UPTAKE.items():
        for gas, uptake in uptakes.items():
            points = [
                loading_point(0.1, 0.25 * uptake, 0.25 * uptake_error(uptake)),
                loading_point(1.0, uptake, uptake_error(uptake)),
            ]
            write_isotherm(folder, material, configuration, gas, GASES[gas], points)
    return folder
