"""A melt run: what it records, how it stops, and that it continues without a seam."""

import csv
import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import openmm
import pytest

from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, SimulationError
from zifsim.io.files import read_json
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.trajectory import read_dcd
from zifsim.melt.box import minimum_image
from zifsim.melt.glass import average
from zifsim.melt.observe import Observer
from zifsim.melt.platform import choose_platform
from zifsim.melt.relax import ENERGY_TOLERANCE, carry_molecules, minimise
from zifsim.melt.run import MeltSettings, run_melt
from zifsim.melt.system import NM, build_model
from zifsim.melt.trial import available_platforms
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.runs.progress import Event

SHORT = TemperatureProgram("short", (
    Segment("heat", 300.0, 400.0, 0.1, "NVT"), Segment("cool", 400.0, 300.0, 0.1),
    Segment("hold", 300.0, 300.0, 0.1, barostat="anisotropic")), 0.5)
SETTINGS = MeltSettings(platform="CPU", cpu_threads=1, state_interval_ps=0.02, frame_interval_ps=0.05,
                        checkpoint_interval_ps=0.05)


@pytest.fixture(scope="module")
def zif8() -> Framework:
    """Not quite the ideal crystal, where zincs lie half a cell apart and have no nearest image."""
    ideal = load_framework("ZIF-8")
    shaken = ideal.positions + 0.02 * np.random.default_rng(1).standard_normal((ideal.n_atoms, 3))
    return replace(ideal, positions=shaken)


@pytest.fixture(scope="module")
def finished(zif8: Framework, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("melt")
    events: list[Event] = []
    result = run_melt(zif8, load_melt_forcefield("nb-ZIF-FF-s"), SHORT, SETTINGS, folder, events.append)
    return folder, result, events


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "state.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_run_leaves_its_glass_numbers_states_and_frames(finished, zif8: Framework) -> None:
    folder, result, events = finished
    assert [int(r["step"]) for r in table(folder)] == list(range(0, 601, 40))
    assert [f.step for f in read_dcd(folder / "trajectory.dcd")] == list(range(100, 601, 100))
    assert {r["segment"] for r in table(folder)} == {"heat", "cool", "hold"}
    told = [e for e in events if "segment" in e.values]
    assert {200, 400, 600} <= {e.values["step"] for e in told}          # where a segment ends, at least
    assert {(e.part, e.values["total"]) for e in told} == {(zif8.name, 600)}
    assert all(e.fraction == e.values["step"] / 600 for e in told)
    assert {"temperature_k", "set_point_k", "density_g_cm3", "coordination", "ns_per_day", "min_zn_zn"} <= set(
        told[-1].values)
    assert re.match(r"hold \d+ K \(set 300\), 0\.\d+ g/cm³, Zn–N 4\.00, min Zn–Zn \d\.\d\d Å, .* ns/day",
                    told[-1].message)
    assert (events[-1].kind, events[-1].message) == ("done", result.summary)
    assert "(not settled), 100 % of Zn with four N" in result.summary
    assert any(e.kind == "note" and e.message.startswith("platform: CPU, 1 thread") for e in events)
    assert result.coordination == {"4": 1.0}
    assert (result.bonds_kept, result.bonds_new) == (1.0, 0.0)
    assert result.framework.name == f"{zif8.name} not melted"
    assert result.mean_zn_n_angstrom == pytest.approx(1.99, abs=0.03)
    values = read_json(folder / "melt.json")
    assert values["n_steps"] == 600
    assert values["can_break"] is True
    assert values["density_settled"] is False           # 0.1 ps settles nothing, and says so
    glass = result.framework
    assert glass.species == zif8.species
    assert glass.units == zif8.units
    assert len(glass.bonds) == len(zif8.bonds)


def test_glass_has_the_mean_cell_of_the_last_segment(finished) -> None:
    folder, result, _ = finished
    last = [r for r in table(folder) if r["segment"] == "hold"]
    first = average(np.array([float(r["density_g_cm3"]) for r in last])).first
    edges = [np.mean([float(r[c]) for r in last[first:]]) for c in ("ax_a", "by_a", "cz_a")]
    assert np.diag(result.framework.cell) == pytest.approx(edges, abs=1e-3)
    assert result.framework.density_g_cm3 == pytest.approx(result.density_g_cm3, rel=1e-3)


def test_temperature_starts_at_the_set_point_and_frames_hold_the_box(finished, zif8: Framework) -> None:
    folder, _, _ = finished
    kinetic = [float(r["temperature_k"]) for r in table(folder)]
    assert kinetic[0] == pytest.approx(300.0, abs=4 * 300 * np.sqrt(2 / (3 * 372)))     # 4 σ
    for frame in read_dcd(folder / "trajectory.dcd"):
        assert frame.positions.shape == (zif8.n_atoms, 3)
        assert np.diag(frame.box) == pytest.approx(np.diag(zif8.cell), rel=0.03)


def test_a_finished_run_is_not_repeated(finished, zif8: Framework) -> None:
    folder, result, _ = finished
    before = (folder / "melt.json").stat().st_mtime_ns
    events: list[Event] = []
    again = run_melt(zif8, load_melt_forcefield("nb-ZIF-FF-s"), SHORT, SETTINGS, folder, events.append)
    assert [(e.kind, e.fraction) for e in events] == [("resumed", 1.0)]
    assert replace(again, framework=result.framework) == result
    assert (folder / "melt.json").stat().st_mtime_ns == before


def test_a_folder_of_another_melt_is_refused(finished, zif8: Framework) -> None:
    folder, _, _ = finished
    with pytest.raises(InputError, match="another melt"):
        run_melt(zif8, load_melt_forcefield("nb-ZIF-FF-s"), SHORT, replace(SETTINGS, seed=2), folder)


def test_a_bonded_force_field_says_that_topology_cannot_change(zif8: Framework, tmp_path: Path) -> None:
    program = TemperatureProgram("short", (Segment("hold", 300.0, 300.0, 0.04),), 0.5)
    events: list[Event] = []
    result = run_melt(zif8, load_melt_forcefield("ZIF-FF"), program, SETTINGS, tmp_path, events.append)
    assert any("cannot break" in e.message for e in events if e.kind == "note")
    assert not result.can_break
    assert result.framework.bonds.tolist() == zif8.bonds.tolist()


def test_fused_zincs_and_broken_linkers_stop_a_run(zif8: Framework) -> None:
    model = build_model(zif8, load_melt_forcefield("nb-ZIF-FF-s"))
    observer, box = Observer(model), model.box.vectors
    positions = model.positions[: zif8.n_atoms].copy()
    assert observer.watch(positions, box).coordination == 4.0
    fused = positions.copy()
    fused[observer.zinc[1]] = fused[observer.zinc[0]] + [3.0, 0.0, 0.0]
    with pytest.raises(SimulationError, match=r"3\.00 Å \(fused\)"):
        observer.watch(fused, box)
    i, j = observer.linker_bonds[0]
    positions[i] += 2.0 * (positions[i] - positions[j])
    with pytest.raises(SimulationError, match="broken"):
        observer.watch(positions, box)


def test_the_start_of_the_dynamics_is_where_nothing_more_is_gained(zif8: Framework) -> None:
    model, choice = build_model(zif8, load_melt_forcefield("nb-ZIF-FF-s")), choose_platform("CPU", cpu_threads=1)
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU"))

    def energy(positions: np.ndarray) -> float:
        context.setPositions(positions * NM)
        return context.getState(getEnergy=True).getPotentialEnergy().value_in_unit(openmm.unit.kilojoule_per_mole)

    first, _ = minimise(model, choice)
    second, _ = minimise(replace(model, positions=first), choice)
    assert energy(first) < energy(model.positions)
    assert energy(second) > energy(first) - 2.0 * ENERGY_TOLERANCE


@pytest.mark.parametrize("name", ["nb-ZIF-FF-s", "ZIF-FF"])
def test_a_change_of_cell_moves_molecules_rigidly_wherever_their_images_lie(zif8: Framework, name: str) -> None:
    images = np.random.default_rng(4).integers(-1, 2, size=(zif8.n_atoms, 3)) @ zif8.cell
    model = build_model(replace(zif8, positions=zif8.positions + images), load_melt_forcefield(name))
    old = model.box.vectors
    new = old * 1.03
    moved = carry_molecules(model, model.positions, old, new)
    for unit in zif8.units:
        atoms = np.array(unit.atoms)
        before = minimum_image(model.positions[atoms] - model.positions[atoms[0]], old)
        after = minimum_image(moved[atoms] - moved[atoms[0]], new)
        assert after == pytest.approx(before, abs=1e-9)
    zinc = [i for i, t in enumerate(zif8.types) if t == "Zn"]
    stretch = minimum_image(moved[zinc[0]] - moved[zinc[1:]], new)
    assert stretch == pytest.approx(1.03 * minimum_image(model.positions[zinc[0]] - model.positions[zinc[1:]], old),
                                    abs=0.02)


def test_absent_cuda_is_an_error_that_names_the_mend() -> None:
    if "CUDA" in available_platforms():
        pytest.skip("this machine has OpenMM's CUDA platform")
    with pytest.raises(InputError, match=r"pip install 'zifsim\[cuda12\]'"):
        choose_platform("CUDA")


def test_auto_says_aloud_that_it_found_no_gpu() -> None:
    events: list[Event] = []
    choice = choose_platform("auto", cpu_threads=1, report=events.append)
    if not choice.is_gpu:
        assert choice.properties["Threads"] == "1"
        assert choice.note == "CPU, 1 thread"
        assert "no working GPU" in events[0].message


def test_average_of_a_correlated_series_covers_the_truth() -> None:
    """AR(1), ρ = 0.9: over 20 series the means scatter as their own standard errors say."""
    rng = np.random.default_rng(5)
    errors, misses = [], []
    for _ in range(20):
        series = np.empty(500)
        series[0] = rng.normal()
        for i in range(1, 500):
            series[i] = 0.9 * series[i - 1] + np.sqrt(1 - 0.81) * rng.normal()
        found = average(series)
        errors.append(found.error)
        misses.append(found.mean)
    assert np.std(misses) == pytest.approx(np.mean(errors), rel=0.5)
    assert np.abs(misses).max() < 4 * np.mean(errors)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_one_thread_is_one_thread_of_pme_as_well(zif8: Framework, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenMM's PME does not heed the context's number of threads, only the environment, which is set for it."""
    monkeypatch.delenv("OPENMM_CPU_THREADS", raising=False)
    choose_platform("CPU", cpu_threads=3)
    assert os.environ["OPENMM_CPU_THREADS"] == "3"
    choose_platform("CPU", cpu_threads=1)
    assert os.environ["OPENMM_CPU_THREADS"] == "1"
    assert choose_platform("CPU").properties["Threads"] == str(len(os.sched_getaffinity(0)))
    monkeypatch.setenv("OPENMM_CPU_THREADS", "5")           # the user's own word counts where nothing else is said
    assert choose_platform("CPU").note == "CPU, 5 threads"
