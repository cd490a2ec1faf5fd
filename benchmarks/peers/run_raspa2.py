"""RASPA2 through its Python package: a job as JSON on stdin (yardstick.job_of), the result as JSON on stdout.

Needs nothing but ``RASPA2``. All files are written afresh into a temporary folder; interpolation grids are off.
``task = "gcmc"``: molecules after every cycle for about ``seconds`` of processor time, from an empty cell.
``task = "energy"``: terms in K of the given ``molecules``.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

TRIAL_CYCLES = 30
START_SHARE = 5          # one cycle in five comes before production
EWALD_PRECISION = 1e-6
NUMBER = r"\s*(-?\d+\.?\d*(?:[eE][+-]?\d+)?)"


def kind_names(job: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Pseudo-atom names of host and guest kinds; letters at the end, because RASPA2 may strip digits there."""
    host = [f"Host{i}{kind[0]}x" for i, kind in enumerate(job["host_kinds"])]
    return host, [f"Guest{i}{kind[0]}x" for i, kind in enumerate(job["guest_kinds"])]


def kinds_files(job: dict[str, Any]) -> dict[str, str]:
    """Pseudo atoms and Lennard-Jones rows."""
    host, guest = kind_names(job)
    rows = list(zip(host + guest, [*job["host_kinds"], *job["guest_kinds"]], strict=True))
    atoms = ["# number of pseudo atoms", str(len(rows)),
             "# type print as chem oxidation mass charge polarization B-factor radii connectivity anisotropic "
             "anisotropic-type tinker-type"]
    pairs = ["# general rule for shifted vs truncated", "shifted", "# general rule tail corrections", "no",
             "# number of defined interactions", str(len(rows)), "# type interaction, parameters"]
    for name, (_, element, mass, epsilon, sigma, charge) in rows:
        symbol = "H" if element == "X" else element
        atoms.append(f"{name} yes {symbol} {symbol} 0 {mass!r} {charge!r} 0.0 1.0 1.0 0 0 absolute 0")
        pairs.append(f"{name} lennard-jones {epsilon!r} {sigma!r}" if epsilon > 0 else f"{name} none")
    pairs += ["# general mixing rule", "Lorentz-Berthelot"]
    overrides = ["# rules to overwrite", "0", "# number of defined interactions", "0",
                 "# mixing rules to overwrite", "0"]
    return {name: "\n".join(lines) + "\n" for name, lines in (
        ("pseudo_atoms.def", atoms), ("force_field_mixing_rules.def", pairs), ("force_field.def", overrides))}


def host_file(job: dict[str, Any]) -> str:
    """The framework as a P1 CIF with charges."""
    names, _ = kind_names(job)
    lengths = [row[i] for i, row in enumerate(job["cell"])]
    lines = ["data_host", *(f"_cell_length_{x} {length!r}" for x, length in zip("abc", lengths, strict=True)),
             "_cell_angle_alpha 90", "_cell_angle_beta 90", "_cell_angle_gamma 90",
             "_symmetry_space_group_name_H-M 'P 1'", "_symmetry_Int_Tables_number 1", "",
             "loop_", "_symmetry_equiv_pos_as_xyz", " 'x,y,z'", "",
             "loop_", "_atom_site_label", "_atom_site_type_symbol", "_atom_site_fract_x", "_atom_site_fract_y",
             "_atom_site_fract_z", "_atom_site_charge"]
    for kind, *fractional in job["host_atoms"]:
        _, element, _, _, _, charge = job["host_kinds"][kind]
        x, y, z = (f % 1.0 for f in fractional)
        lines.append(f"{names[kind]} {element} {x:.12f} {y:.12f} {z:.12f} {charge!r}")
    return "\n".join(lines) + "\n"


def guest_file(job: dict[str, Any]) -> str:
    """The molecule: rigid, its sites in the job's order."""
    _, names = kind_names(job)
    sites = job["guest_sites"]
    n = len(sites)
    temperature, pressure, acentric = job["critical"]
    lines = ["# critical constants: temperature [K], pressure [Pa], acentric factor",
             repr(temperature), repr(pressure), repr(acentric),
             "# number of atoms", str(n), "# number of groups", "1", "# group", "rigid" if n > 1 else "flexible",
             "# number of atoms in the group", str(n), "# atoms"]
    lines += [f"{i} {names[kind]}" + (f" {x!r} {y!r} {z!r}" if n > 1 else "")
              for i, (kind, x, y, z) in enumerate(sites)]
    lines += ["# chiral bond bond-dipoles bend urey-bradley inversion torsion improper bond/bond bond/bend bend/bend "
              "stretch/torsion bend/torsion intra-vdw intra-coulomb", f"0 {n - 1} 0 0 0 0 0 0 0 0 0 0 0 0 0"]
    if n > 1:
        lines += ["# bonds", *(f"0 {i} RIGID_BOND" for i in range(1, n))]
    return "\n".join([*lines, "# number of config moves", "0"]) + "\n"


def input_file(job: dict[str, Any], cycles: int, first_cycles: int) -> str:
    """simulation.input; moves in the same shares as RASPA3's."""
    charged = any(kind[5] != 0.0 for kind in job["guest_kinds"])
    rotates = len(job["guest_sites"]) > 1
    lines = ["SimulationType MonteCarlo", f"NumberOfCycles {cycles}", f"NumberOfInitializationCycles {first_cycles}",
             "PrintEvery 1", f"PrintPropertiesEvery {cycles + 1}", "RandomSeed 5",
             f"RestartFile {'yes' if job['task'] == 'energy' else 'no'}", "Forcefield local",
             "UseChargesFromCIFFile yes", "RemoveAtomNumberCodeFromLabel no",
             f"CutOffVDW {job['cutoff']}", f"CutOffChargeCharge {job['cutoff']}"]
    lines += ["ChargeMethod Ewald", f"EwaldPrecision {EWALD_PRECISION}"] if charged else ["ChargeMethod None"]
    lines += ["Framework 0", "FrameworkName host", "UnitCells " + " ".join(map(str, job["repeats"])),
              "HeliumVoidFraction 0.45", f"ExternalTemperature {job['temperature_k']}",
              f"ExternalPressure {job['pressure_pa']}",
              "Component 0 MoleculeName guest", " MoleculeDefinition local", " FugacityCoefficient 1.0",
              " TranslationProbability 0.5", *([" RotationProbability 0.5"] if rotates else []),
              " ReinsertionProbability 0.5", " SwapProbability 1.0", " CreateNumberOfMolecules 0"]
    return "\n".join(lines) + "\n"


def restart_file(job: dict[str, Any]) -> str:
    """Fixed molecules as RASPA2's restart file."""
    molecules = job["molecules"]
    lines = [f"Components: 1 (Adsorbates {len(molecules)}, Cations 0)",
             f"Component: 0     Adsorbate {len(molecules)} molecules of guest"]
    for i, molecule in enumerate(molecules):
        lines += [f"Adsorbate-atom-position: {i} {j} {x:.12f} {y:.12f} {z:.12f}"
                  for j, (x, y, z) in enumerate(molecule)]
    return "\n".join(lines) + "\n"


def decks(job: dict[str, Any], cycles: int = 0, first_cycles: int = 0) -> dict[str, str]:
    """All files of a run, by name."""
    files = kinds_files(job) | {"host.cif": host_file(job), "guest.def": guest_file(job),
                                "simulation.input": input_file(job, cycles, first_cycles)}
    if job["task"] == "energy":
        a, b, c = job["repeats"]
        name = f"restart_host_{a}.{b}.{c}_{job['temperature_k']:.6f}_{job['pressure_pa']:g}"
        files[f"RestartInitial/System_0/{name}"] = restart_file(job)
    return files


def output_of(job: dict[str, Any], cycles: int = 0, first_cycles: int = 0) -> str:
    """Run RASPA2 in a folder of its own; the text it wrote."""
    from RASPA2 import run_script

    with tempfile.TemporaryDirectory() as folder:
        for name, text in decks(job, cycles, first_cycles).items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        os.chdir(folder)
        run_script("simulation.input", stream=False)
        found = list(Path(folder).glob("Output/System_0/*.data"))
        text = found[0].read_text(errors="replace") if found else ""
        os.chdir("/")
    if not found:
        sys.exit("RASPA2 wrote no output; its complaint stands above.")
    return text


def gcmc(job: dict[str, Any], cycles: int) -> dict[str, Any]:
    """Molecules after each production cycle, and their processor time as RASPA2 reports it."""
    text = output_of(job, cycles, max(1, cycles // START_SHARE))
    molecules = [float(n) for n in re.findall(r"integer/fractional/reaction molecules: (\d+)/\d+/\d+ \(avg\.", text)]
    cpu = float(re.findall(r"production run:\s+([\d.eE+-]+) \[s\]", text)[-1])
    return {"cpu_s": cpu, "molecules": molecules, "moves": sum(max(20.0, n) for n in molecules)}


def energy(job: dict[str, Any]) -> dict[str, float]:
    """Terms of fixed molecules, K, as RASPA2 prints them before its first move."""
    text = output_of(job)

    def term(label: str) -> float:
        return float(re.findall(re.escape(label) + r":" + NUMBER, text)[0])

    return {"host_guest_lj_k": term("Host/Adsorbate VDW energy"),
            "host_guest_coulomb_k": term("Host/Adsorbate Coulomb energy"),
            "guest_guest_lj_k": term("Adsorbate/Adsorbate VDW energy"),
            "guest_guest_coulomb_k": term("Adsorbate/Adsorbate Coulomb energy")}


def main() -> None:
    if "--check" in sys.argv:
        __import__("RASPA2")
        return
    job = json.load(sys.stdin)
    # RASPA2 writes to C's standard output whenever it likes: keep it off the channel of the result.
    channel = os.dup(1)
    os.dup2(2, 1)
    if job["task"] == "energy":
        result: dict[str, Any] = energy(job)
    else:
        trial = gcmc(job, TRIAL_CYCLES)
        filled = max(*trial["molecules"], 20.0) / 20.0      # later cycles hold more molecules than the first ones
        per_cycle = trial["cpu_s"] / TRIAL_CYCLES * filled
        result = gcmc(job, max(100, int(job["seconds"] / per_cycle / (1 + 1 / START_SHARE))))
    with os.fdopen(channel, "w") as stream:
        stream.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
