"""Displacements, bond lifetimes, glass transition and bulk modulus against processes with known answers."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ideal_lattice import diamond_framework, displaced

from zifsim.analysis.bonds import BondLifetime, exchanges, intermittent, survival
from zifsim.analysis.displacement import MeanSquareDisplacement, follow, windowed_msd
from zifsim.analysis.frames import Frames, load_frames, of_framework, of_melt, of_trajectory
from zifsim.analysis.history import history
from zifsim.analysis.thermal import BulkModulus, GlassTransition
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.io.trajectory import Frame, write_part
from zifsim.io.xyz import write_framework
from zifsim.model.framework import BuildingUnit, Framework
from zifsim.units import BOLTZMANN_J_K


def walkers(n: int, n_frames: int, sigma: float, seed: int, cell: np.ndarray, step_ps: float) -> Frames:
    """``n`` Zn on random walks, wrapped into a skew cell."""
    rng = np.random.default_rng(seed)
    path = np.cumsum(rng.normal(0.0, sigma, (n_frames, n, 3)), axis=0)
    inverse = np.linalg.inv(cell)
    fractional = path @ inverse
    positions = (fractional - np.floor(fractional)) @ cell
    framework = Framework("walkers", ("Zn",) * n, positions[0].copy(), cell.copy(), ("Zn",) * n,
                          units=tuple(BuildingUnit("Zn", (k,)) for k in range(n)))
    return Frames("walkers", framework, lambda: (Frame(10 * k, p, cell) for k, p in enumerate(positions)), "", step_ps)


def test_windowed_msd_equals_the_sum_over_pairs_of_times() -> None:
    path = np.random.default_rng(0).normal(size=(23, 3)).cumsum(axis=0) + 1e4
    naive = [np.mean(np.sum((path[lag:] - path[: 23 - lag]) ** 2, axis=1)) for lag in range(23)]
    assert windowed_msd(path) == pytest.approx(naive, abs=1e-6)


def test_random_walk_has_its_diffusion_coefficient() -> None:
    cell = np.array([[11.0, 0.0, 0.0], [2.0, 12.0, 0.0], [-3.0, 1.0, 10.0]])
    n, sigma, step_ps = 60, 0.8, 0.002
    result = MeanSquareDisplacement().compute(walkers(n, 400, sigma, 1, cell, step_ps)).groups["Zn"]
    # 6Dt = 3σ² per frame of ten steps; the common drift, 1/n of it, is taken out.
    expected = 0.5 * sigma**2 / (10 * step_ps) * (1.0 - 1.0 / n)
    assert abs(result.diffusion - expected) < 4.0 * result.diffusion_error
    assert 0.02 * expected < result.diffusion_error < 0.2 * expected
    assert result.exponent == pytest.approx(1.0, abs=0.15)


def test_einstein_solid_stays_where_it_is() -> None:
    sigma = 0.1
    frames = displaced(diamond_framework(), sigma, 60, seed=4, step_ps=0.5)
    result = MeanSquareDisplacement().compute(frames)
    zinc = result.groups["Zn"]
    assert zinc.msd[1:].mean() == pytest.approx(6.0 * sigma**2, rel=0.1)
    assert abs(zinc.exponent) < 0.1
    # A linker's centre moves as the mass-weighted mean of its atoms.
    masses = np.array([12.011, 14.007, 12.011, 12.011, 14.007])
    share = ((masses / masses.sum()) ** 2).sum()
    assert result.groups["linkers"].msd[1:].mean() == pytest.approx(6.0 * sigma**2 * share, rel=0.1)
    assert not [q for q in result.quantities() if q.key.startswith("diffusion")]


def test_linkers_across_the_boundary_and_a_common_drift_are_no_displacement() -> None:
    framework = load_framework("ZIF-62")
    inverse = np.linalg.inv(framework.cell)

    def drifting() -> Iterator[Frame]:
        for k in range(8):
            moved = (framework.positions + 3.0 * k) @ inverse
            yield Frame(k, (moved - np.floor(moved)) @ framework.cell, framework.cell)

    paths, _ = follow(of_trajectory(framework, drifting, step_ps=1.0))
    assert np.abs(paths - paths[0]).max() < 1e-9


def test_bonds_that_break_at_random_have_their_survival_and_rate() -> None:
    rng = np.random.default_rng(9)
    p_break, p_form, n_bonds, n_frames = 0.05, 0.2, 400, 200
    there = np.empty((n_frames, n_bonds), dtype=bool)
    there[0] = rng.random(n_bonds) < p_form / (p_form + p_break)
    for k in range(1, n_frames):
        draw = rng.random(n_bonds)
        there[k] = np.where(there[k - 1], draw >= p_break, draw < p_form)
    lags = np.arange(30)
    assert survival(there)[:30] == pytest.approx((1.0 - p_break) ** lags, abs=0.02)
    on = p_form / (p_form + p_break)
    assert intermittent(there)[:30] == pytest.approx(on + (1 - on) * (1 - p_form - p_break) ** lags, abs=0.02)


def test_exchange_needs_another_metal_and_breaking_does_not() -> None:
    nitrogen, metal = np.array([0, 0, 1]), np.array([7, 8, 7])
    # N 0: on 7, gone, on 7 again (no exchange), on 8 (exchange), on both, on 7 (exchange). N 1 stays.
    rows = [(1, 0, 1), (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1), (1, 0, 1)]
    assert exchanges(np.array(rows, dtype=bool), nitrogen, metal) == 2


def test_lifetimes_of_a_scripted_trajectory() -> None:
    framework = diamond_framework()
    nitrogen = int(np.flatnonzero([s == "N" for s in framework.species])[0])
    away = framework.positions.copy()
    away[nitrogen] += [1.2, 1.2, -2.4]
    pattern = [0, 0, 1, 1, 0, 0, 0, 0, 1, 0]
    read = [Frame(k, away if gone else framework.positions, framework.cell) for k, gone in enumerate(pattern)]
    result = BondLifetime().compute(of_trajectory(framework, lambda: iter(read), step_ps=0.5))
    assert result.breaking.events == 2
    assert result.breaking.exposure_ps == pytest.approx(0.5 * (9 * 32 - 3))
    assert result.breaking.lifetime_ps == pytest.approx(result.breaking.exposure_ps / 2)
    assert result.exchange.events == 0
    assert result.exchange.shortest_lifetime_ps == pytest.approx(9 * 0.5 * 32 / 3.0)
    keys = {q.key for q in result.quantities()}
    assert "bond_lifetime" in keys
    assert "exchange_lifetime" not in keys


def test_glass_transition_of_two_lines_is_found_within_its_error() -> None:
    t = np.linspace(1500.0, 300.0, 150)
    truth, misses = 620.0, []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        noise = np.zeros(len(t))
        for k in range(1, len(t)):                                  # correlated, as in a simulation
            noise[k] = 0.6 * noise[k - 1] + rng.normal(0.0, 0.004)
        y = 1.5 - 1e-4 * (t - truth) - 2e-4 * np.maximum(t - truth, 0.0) + noise
        fit = GlassTransition(resamples=60).compute(t, y)
        assert fit.clear
        misses.append((fit.temperature - truth) / fit.error)
        assert fit.slopes == pytest.approx((-1e-4, -3e-4), abs=6e-5)
    assert np.abs(misses).max() < 4.0
    assert 0.3 < np.std(misses) < 2.0                               # the error is that of the scatter


def test_a_straight_line_has_no_glass_transition() -> None:
    t = np.linspace(300.0, 1500.0, 150)
    unclear = [not GlassTransition(resamples=60).compute(
        t, 1.5 - 2e-4 * t + np.random.default_rng(seed).normal(0.0, 0.01, len(t))).clear for seed in range(10)]
    assert sum(unclear) >= 9
    wrong_way = 1.5 - 3e-4 * t + 2e-4 * np.maximum(t - 800.0, 0.0)      # flatter above: a melt that drifts
    assert not GlassTransition(resamples=20).compute(t, wrong_way).clear
    with pytest.raises(InputError, match="range of temperature"):
        GlassTransition().compute(np.full(30, 300.0), np.zeros(30))


def test_volume_noise_of_a_known_modulus_gives_it_back() -> None:
    modulus_gpa, volume, kelvin = 2.6, 35_000.0, 300.0
    variance = BOLTZMANN_J_K * kelvin * volume * 1e-30 / (modulus_gpa * 1e9) * 1e60
    for seed, memory in ((1, 0.0), (2, 0.8)):
        rng = np.random.default_rng(seed)
        noise = np.zeros(6000)
        for k in range(1, len(noise)):
            noise[k] = memory * noise[k - 1] + np.sqrt(1 - memory**2) * rng.normal()
        found = BulkModulus(kelvin).compute(volume + np.sqrt(variance) * noise)
        assert found.settled
        assert abs(found.gpa - modulus_gpa) < 4.0 * found.error_gpa
        independent = len(noise) * (1 - memory**2) / (1 + memory**2)
        assert found.error_gpa == pytest.approx(modulus_gpa * np.sqrt(2.0 / independent), rel=0.35)
    with pytest.raises(InputError, match="constant pressure"):
        BulkModulus(kelvin).compute(np.full(100, volume))


def make_melt(folder: Path) -> Framework:
    """The files of a finished melt: heated, cooled with a break at 700 K, held; two frames in each segment."""
    framework = replace(diamond_framework(), name="made up")
    folder.mkdir()
    write_framework(folder / "glass.extxyz", framework)
    rows, frames = ["step,segment,set_point_k,density_g_cm3,energy_kj_mol,volume_a3"], []
    for step in range(0, 3000, 10):
        name = ("heat", "quench", "hold")[step // 1000]
        t = {"heat": 300 + 1.2 * step, "quench": 1500 - 1.2 * (step - 1000), "hold": 300.0}[name]
        density = 1.2 - 1e-4 * (t - 700) - 2e-4 * max(t - 700, 0.0)
        rows.append(f"{step},{name},{t},{density},{-1e3 + 0.5 * t},{3e3 / density + np.sin(step)}")
        if step % 500 == 0:
            frames.append(Frame(step, framework.positions, framework.cell))
    (folder / "state.csv").write_text("\n".join(rows) + "\n")
    part = write_part(folder, frames, 500, 0.0005)
    assert part is not None
    part.rename(folder / "trajectory.dcd")
    return framework


def test_frames_of_a_melt_are_those_of_its_segment(tmp_path: Path) -> None:
    framework = make_melt(tmp_path / "melt")
    frames = load_frames(tmp_path / "melt")
    assert [f.step for f in frames] == [2000, 2500]
    assert [f.step for f in frames] == [2000, 2500]                 # read anew
    assert frames.step_ps == pytest.approx(0.0005)
    assert next(iter(frames)).positions == pytest.approx(framework.positions, abs=1e-4)
    assert [f.step for f in of_melt(tmp_path / "melt", segment="heat", every=2)] == [0]
    with pytest.raises(InputError, match="heat, quench, hold"):
        of_melt(tmp_path / "melt", segment="freeze")
    with pytest.raises(InputError, match="no finished melt"):
        load_frames(tmp_path)


def test_glass_transition_is_read_from_the_cooling_segments(tmp_path: Path) -> None:
    make_melt(tmp_path / "melt")
    result = history(load_frames(tmp_path / "melt"))
    assert result is not None
    assert result.by_density is not None
    assert result.by_density.temperature == pytest.approx(700.0, abs=1.0)
    assert result.temperature.max() == 1500.0
    assert result.modulus is not None
    assert {q.key for q in result.quantities()} >= {"tg_density", "bulk_modulus"}
    assert history(of_framework(diamond_framework())) is None
