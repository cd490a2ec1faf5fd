"""``zifsim doctor``: what this machine offers, and a self test of ten seconds."""

from __future__ import annotations

import time

import typer

from zifsim.cli.terminal import say

# kJ/mol: the shipped ZIF-8 with nb-ZIF-FF-s, cut-off 7 Å, PME tolerance 1e-6; also asserted in tests/melt.
ZIF8_ENERGY = -4479.9027
NEXT_TO_NOTHING = 1e-30     # ε/k_B in K: repels within a thousandth of σ only


def doctor() -> None:
    """Name the platforms found, say how to get a missing one, and run a 10-second self test.

    Exit code 1 where a self test fails.

    Example: zifsim doctor
    """
    _versions()
    _platforms()
    failed = 0
    for what, test in (("energy of ZIF-8 against a stored number", _test_energy),
                       ("molecular dynamics of ZIF-8", _test_dynamics),
                       ("ideal gas in the Monte Carlo engine", _test_ideal_gas)):
        say(f"{what:42s}", end="", flush=True)
        began = time.perf_counter()
        try:
            outcome = test()
        except Exception as error:      # a self test reports whatever goes wrong on a strange machine
            failed += 1
            outcome = f"FAILED: {type(error).__name__}: {error}"
        say(f"{outcome}  [{time.perf_counter() - began:.1f} s]")
    if failed:
        say(f"{failed} of 3 self tests failed.")
        raise typer.Exit(1)
    say("All self tests passed.")


def _versions() -> None:
    """What every record of a run on this machine will say, and how many cores this process may use of it."""
    from zifsim.runs.devices import worker_count
    from zifsim.runs.record import PACKAGES, machine, package_versions
    from zifsim.runs.version import version

    found = package_versions()
    say(f"zifsim {version()}, Python {found['python']}; {machine()}; {worker_count(0)} for this process")
    say(", ".join(f"{package} {found.get(package, 'not installed')}" for package in PACKAGES))


def _platforms() -> None:
    from zifsim.melt.platform import CUDA_INSTALL, available_platforms, choose_platform, why_not

    say(f"OpenMM platforms: {', '.join(available_platforms())}")
    if (reason := why_not("CUDA")) is None:
        say("CUDA works.")
    else:
        say(f"CUDA is missing ({reason}): melts run on the CPU, one to two orders of magnitude slower. "
            f"With an NVIDIA GPU, {CUDA_INSTALL}.")
    say(f"'auto' chooses: {choose_platform('auto').note}")


def _agree(found: float, expected: float, within: float, what: str) -> None:
    if not abs(found - expected) <= within:
        raise ArithmeticError(f"{what} is {found:.4f}, expected {expected:.4f} ± {within:g}")


def _test_energy() -> str:
    """ZIF-8 with nb-ZIF-FF-s on OpenMM's Reference platform, double precision."""
    import openmm

    from zifsim.crystals.load import load_framework
    from zifsim.io.melt_forcefields import load_melt_forcefield
    from zifsim.melt.system import build_model, energy_of

    model = build_model(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"), ewald_tolerance=1e-6)
    energy = energy_of(model, openmm.Platform.getPlatformByName("Reference"))
    _agree(energy, ZIF8_ENERGY, 0.01, "the energy in kJ/mol")
    return f"ok ({energy:.3f} kJ/mol)"


def _test_dynamics() -> str:
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


def _test_ideal_gas() -> str:
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
