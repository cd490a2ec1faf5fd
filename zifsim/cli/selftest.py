"""Self tests of ``zifsim doctor``, each in a process of its own: ``python -m zifsim.cli.selftest NAME``.

What a test has to say is the last line that it prints; the exit code is 1 where it failed.
"""

from __future__ import annotations

import sys

# kJ/mol: the shipped ZIF-8 with nb-ZIF-FF-s, cut-off 7 Å, PME tolerance 1e-6; also asserted in tests/melt.
ZIF8_ENERGY = -4479.9027
NEXT_TO_NOTHING = 1e-30     # ε/k_B in K: repels within a thousandth of σ only


def main(name: str) -> int:
    """Run a test, print its outcome, return the exit code."""
    try:
        print(TESTS[name]())
    except Exception as error:      # a self test reports whatever goes wrong on a strange machine
        print(f"FAILED: {type(error).__name__}: {error}")
        return 1
    return 0


def platforms() -> str:
    """Which platforms OpenMM has and how those of GPUs fare; the one that 'auto' chooses."""
    from zifsim.melt.platform import CUDA_INSTALL, GPUS, choose_platform
    from zifsim.melt.trial import ABSENT, available_platforms, trial

    print(f"OpenMM platforms: {', '.join(available_platforms())}", flush=True)
    for name in GPUS:
        found = trial(name, {"Precision": "mixed"})
        if found.why is None:
            print(f"{name} works{found.seen}.")
        elif name == "CUDA":
            print(f"CUDA is missing ({found.why}): melts run on the CPU, one to two orders of magnitude slower. "
                  f"With an NVIDIA GPU, {CUDA_INSTALL}.")
        elif found.why != ABSENT:
            print(f"{name} is not used unless asked for ({found.why}).")
    return f"'auto' chooses: {choose_platform('auto').note}"


def _agree(found: float, expected: float, within: float, what: str) -> None:
    if not abs(found - expected) <= within:
        raise ArithmeticError(f"{what} is {found:.4f}, expected {expected:.4f} ± {within:g}")


def energy() -> str:
    """ZIF-8 with nb-ZIF-FF-s on OpenMM's Reference platform, double precision."""
    import openmm

    from zifsim.crystals.load import load_framework
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.melt.system import build_model, energy_of

    model = build_model(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"), ewald_tolerance=1e-6)
    energy = energy_of(model, openmm.Platform.getPlatformByName("Reference"))
    _agree(energy, ZIF8_ENERGY, 0.01, "the energy in kJ/mol")
    return f"ok ({energy:.3f} kJ/mol)"


def dynamics() -> str:
    """Two hundred steps at 300 K on the platform that 'auto' chooses: Zn–N bonds whole, speed told."""
    import tempfile

    from zifsim.crystals.load import load_framework
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.melt.run import MeltSettings, run_melt
    from zifsim.model.schedule import Segment, TemperatureProgram

    program = TemperatureProgram("self test", (Segment("hold", 300.0, 300.0, 0.1),), timestep_fs=0.5)
    with tempfile.TemporaryDirectory() as folder:
        result = run_melt(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"), program,
                          MeltSettings(state_interval_ps=0.02), folder)
    _agree(result.mean_coordination, 4.0, 1e-9, "the number of N per Zn")
    return f"ok ({result.ns_per_day:.1f} ns/day with 372 particles on {result.platform.split(' (')[0]})"


def ideal_gas() -> str:
    """A gas without interactions in a box that one atom keeps from being empty: ⟨N⟩ = f V / k_B T."""
    from dataclasses import replace

    import numpy as np

    from zifsim.gcmc.engine import run_isotherm
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.io.adsorption import load_adsorption_forcefield
    from zifsim.io.guests import load_guest
    from zifsim.model.framework import Framework
    from zifsim.units import BOLTZMANN_J_K

    methane = load_guest("CH4")
    ideal = replace(methane, sites=tuple(replace(s, epsilon_k=NEXT_TO_NOTHING) for s in methane.sites))
    box = Framework("box", ("Zn",), np.zeros((1, 3)), 30.0 * np.eye(3))
    temperature = 300.0
    settings = GCMCSettings(min_moves=40_000, max_moves=40_000, widom_insertions=0, bias_exponent=0.0,
                            cutoff_angstrom=8.0, grid_spacing_angstrom=1.0)
    isotherm = run_isotherm(box, ideal, load_adsorption_forcefield("UFF"), temperature, [1e6], settings)
    point = isotherm.points[0]
    expected = point.fugacity_pa * box.volume * 1e-30 / (BOLTZMANN_J_K * temperature)
    error = max(point.molecules_per_cell_error, 1e-3 * expected)
    _agree(point.molecules_per_cell, expected, 4 * error, "the number of molecules")
    return f"ok ({point.molecules_per_cell:.2f} ± {error:.2f} molecules, exact {expected:.2f})"


TESTS = {"platforms": platforms, "energy": energy, "dynamics": dynamics, "ideal-gas": ideal_gas}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
