"""The temperature of the particles follows the program, within one per cent."""

import csv
from pathlib import Path

import numpy as np
import openmm
import pytest
from openmm import unit
from scipy.integrate import solve_ivp

from zifsim.crystals.load import load_framework
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.context import degrees_of_freedom, make_integrator
from zifsim.melt.program import bath_temperature, melt_program
from zifsim.melt.run import MeltSettings, run_melt
from zifsim.melt.system import build_model
from zifsim.model.schedule import Segment, TemperatureProgram

FRICTION = MeltSettings().friction_per_ps
RAMPS = TemperatureProgram("ramps", (Segment("up", 300.0, 1500.0, 12.0), Segment("hold", 1500.0, 1500.0, 2.0),
                                     Segment("down", 1500.0, 300.0, 12.0), Segment("end", 300.0, 300.0, 2.0)), 1.0)


def oscillators(omega_per_ps: float, bath_k) -> tuple[np.ndarray, np.ndarray]:
    """Times, ps, and kinetic temperature, K, of harmonic oscillators in a Langevin bath: their second moments.

    d⟨x²⟩ = 2⟨xv⟩, d⟨xv⟩ = ⟨v²⟩ − ω²⟨x²⟩ − γ⟨xv⟩, d⟨v²⟩ = −2ω²⟨xv⟩ − 2γ(⟨v²⟩ − T_bath), in units where k_B/m is 1.
    """
    def rate(t: float, y: np.ndarray) -> list[float]:
        xx, xv, vv = y
        return [2 * xv, vv - omega_per_ps**2 * xx - FRICTION * xv,
                -2 * omega_per_ps**2 * xv - 2 * FRICTION * (vv - bath_k(t))]

    times = np.arange(0.0, RAMPS.duration_ps, 0.1)
    found = solve_ivp(rate, (0.0, times[-1]), [300.0 / omega_per_ps**2, 0.0, 300.0], t_eval=times, max_step=0.005)
    return times, found.y[2]


@pytest.mark.parametrize("omega", [50.0, 200.0])       # 2π over 126 and 31 fs
def test_oscillators_follow_steep_ramps_within_half_a_per_cent(omega: float) -> None:
    times, kelvin = oscillators(omega, lambda t: bath_temperature(RAMPS, round(t * 1000), FRICTION))
    wanted = np.array([RAMPS.temperature_at(round(t * 1000)) for t in times])
    assert np.abs(kelvin / wanted - 1.0).max() < 0.005


def test_without_the_bath_ahead_they_lag_by_rate_over_friction() -> None:
    times, kelvin = oscillators(50.0, lambda t: RAMPS.temperature_at(round(t * 1000)))
    at_6_ps = np.searchsorted(times, 6.0)
    assert kelvin[at_6_ps] - RAMPS.temperature_at(6000) == pytest.approx(-100.0 / FRICTION, abs=1.0)


def test_bath_is_ahead_on_ramps_only_and_never_below_zero() -> None:
    assert bath_temperature(RAMPS, 6000, 10.0) == pytest.approx(910.0)
    assert bath_temperature(RAMPS, 13000, 10.0) == 1500.0
    assert bath_temperature(RAMPS, 20000, 10.0) == pytest.approx(890.0)
    steep = TemperatureProgram("steep", (Segment("down", 1000.0, 10.0, 0.1),), 1.0)
    assert bath_temperature(steep, 99, 10.0) == 0.0


def test_estimator_reads_the_bath_of_oscillators_at_the_time_step_in_use() -> None:
    """2000 particles on springs of 14.5 fs, the shortest period of the melt model, at 1 fs: within 3 σ (0.35 %)."""
    system, force = openmm.System(), openmm.CustomExternalForce("0.5*k*(x^2 + y^2 + z^2)")
    force.addGlobalParameter("k", 12.0 * (2 * np.pi / 0.0145)**2)
    for particle in range(2000):
        system.addParticle(12.0)
        force.addParticle(particle, [])
    system.addForce(force)
    assert degrees_of_freedom(system) == 6000
    integrator = make_integrator(1000.0, FRICTION, 1.0, 11)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"), {"Threads": "1"})
    context.setPositions(np.zeros((2000, 3)))
    context.setVelocitiesToTemperature(2000.0 * unit.kelvin, 12)
    integrator.step(500)
    kelvin = []
    for _ in range(40):             # 0.1 ps apart: with 10 /ps two kinetic energies share e⁻² of their deviation
        integrator.step(100)
        kinetic = context.getState(getEnergy=True).getKineticEnergy()
        kelvin.append(2.0 * kinetic / (6000 * unit.MOLAR_GAS_CONSTANT_R) / unit.kelvin)
    sigma = 1000.0 * np.sqrt(2.0 / 6000.0) / np.sqrt(40.0) * 1.15
    assert np.mean(kelvin) == pytest.approx(1000.0, abs=3.0 * sigma)


def test_dummies_count_among_the_degrees_of_freedom() -> None:
    model = build_model(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"))
    assert degrees_of_freedom(model.system) == 3 * (276 + 4 * 12 + 48)
    model.system.addConstraint(0, 1, 0.1)
    model.system.setParticleMass(5, 0.0)
    assert degrees_of_freedom(model.system) == 3 * (276 + 4 * 12 + 48 - 1) - 1


@pytest.mark.slow
def test_a_melting_framework_follows_ramp_hold_and_barostat_within_one_per_cent(tmp_path: Path) -> None:
    """ZIF-62, 418 particles: one reading scatters by 4 %; means over 8 to 20 ps by 0.3 to 0.5 % (σ from blocks)."""
    program = melt_program("dense", hold_ps=10, anneal_ps=20, quench_rate_k_per_ps=50, equilibrate_ps=8)
    run_melt(load_framework("ZIF-62"), load_melt_forcefield("nb-ZIF-FF-s"), program,
             MeltSettings(platform="CPU", cpu_threads=1, state_interval_ps=0.05), tmp_path)
    with open(tmp_path / "state.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for segment in program.segments:
        mine = [r for r in rows if r["segment"] == segment.name]
        off = np.array([float(r["temperature_k"]) / float(r["set_point_k"]) - 1.0 for r in mine])
        blocks = np.array([b.mean() for b in np.array_split(off, 8)])
        assert abs(off.mean()) < 0.01 + 2.0 * blocks.std(ddof=1) / np.sqrt(8), segment.name
