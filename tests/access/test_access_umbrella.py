"""Umbrella sampling along a path through the moving framework: path, forces, free energy, resuming."""

from dataclasses import replace

import numpy as np
import openmm
import pytest

from zifsim.access import run, umbrella
from zifsim.access.guest_system import guest_system, turned
from zifsim.access.landscape import FreeEnergyGrid
from zifsim.access.path import GuestPath, easiest_path
from zifsim.access.result import UmbrellaBarrier
from zifsim.access.run import AccessSettings
from zifsim.access.stored import best_access, read_access, write_access
from zifsim.access.umbrella import BIAS, BLOCKS, STIFFNESS, UmbrellaSettings, free_energy, integrated, umbrella_barrier
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.gcmc.host import framework_kinds, host_pairs
from zifsim.gcmc.settings import GCMCSettings
from zifsim.io.adsorption import load_adsorption_forcefield
from zifsim.io.guests import load_guest
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.box import minimum_image
from zifsim.melt.platform import choose_platform
from zifsim.model.guest import GuestSite
from zifsim.units import KELVIN_TO_KJ_MOL

PP, ZIF_FF = load_adsorption_forcefield("PP"), load_melt_forcefield("ZIF-FF")
CH4, H2 = load_guest("CH4"), load_guest("H2", temperature_k=77.0)


@pytest.fixture(scope="module")
def zif8():
    return load_framework("ZIF-8")


def grid_of(values, length=10.0, kt=0.5):
    return FreeEnergyGrid(values.astype(np.float32), length * np.eye(3), kt / KELVIN_TO_KJ_MOL)


def test_the_easiest_path_runs_down_the_valley_to_the_next_image():
    """F = 1 − cos along b and a valley that winds along a: the path follows it, one period on, over the saddle."""
    n = 24
    a, b, c = np.meshgrid(*[np.arange(n) / n] * 3, indexing="ij")
    winding = 0.25 * np.sin(2 * np.pi * b)
    level = 2.0 * (1 - np.cos(2 * np.pi * b)) + 40.0 * (2 - np.cos(2 * np.pi * (a - winding)) - np.cos(2 * np.pi * c))
    path = easiest_path(grid_of(level), 0, axis=1, top=4.0)
    assert path.places[-1] - path.places[0] == pytest.approx([0.0, 10.0, 0.0])
    assert np.abs(np.diff(path.places, axis=0)).sum(axis=1) == pytest.approx(10.0 / n)       # to neighbours only
    off = path.places[:, 0] - 2.5 * np.sin(2 * np.pi * path.places[:, 1] / 10.0)
    assert np.abs(off).max() < 1.01 * 10.0 / n         # within a node of the valley
    assert 4.0 <= path.barrier <= 4.001 + 40.0 * (1 - np.cos(2 * np.pi / n))
    assert path.levels[0] == path.levels[-1] == 0.0


@pytest.mark.parametrize("start", [(5, 7), (0, 0), (11, 3)])
def test_a_path_may_cross_the_faces_of_the_cell(start):
    """A valley along (1, 1, 0): the next cell along a is reached in it, one cell aside along b."""
    n = 12
    a, b, c = np.meshgrid(*[np.arange(n)] * 3, indexing="ij")
    level = np.where((a - b) % n <= 1, 0.0, 30.0) + 0.0 * c
    path = easiest_path(grid_of(level), int(np.ravel_multi_index((start[0], *start), level.shape)), axis=0, top=0.0)
    assert path.places[-1] - path.places[0] == pytest.approx([10.0, 10.0, 0.0])
    assert path.barrier == 0.0
    levels = level[tuple((np.round(path.places * n / 10.0).astype(int) % n).T)]
    assert levels == pytest.approx(path.levels)


def test_a_path_does_not_wander_where_it_is_low():
    """Two ways under the top: a straight one over a bump of half its height, and one twice as long without."""
    n = 40
    a, b, c = np.meshgrid(*[np.arange(n)] * 3, indexing="ij")
    level = np.full((n, n, n), 50.0)
    level[(a == 0) & (c == 0)] = 0.0                                    # along b
    level[0, 30, 0] = 10.0                                              # the top
    level[0, 10, 0] = 5.0                                               # the bump ...
    level[(a <= 10) & (c == 0) & ((b == 5) | (b == 15))] = 0.0          # ... and the way round it
    level[(a == 10) & (c == 0) & (b >= 5) & (b <= 15)] = 0.0
    path = easiest_path(grid_of(level), 0, axis=1, top=10.0)
    assert len(path.places) == n + 1
    assert path.barrier == 10.0
    level[0, 10, 0] = 12.0              # above the top the way round is worth its length
    assert len(easiest_path(grid_of(level), 0, axis=1, top=10.0).places) == n + 21


def test_what_is_not_joined_has_no_path():
    level = np.zeros((6, 6, 6))
    level[3] = np.inf
    with pytest.raises(ValueError, match="no path along axis 0"):
        easiest_path(grid_of(level), 0, axis=0, top=0.0)


@pytest.mark.parametrize("gas", ["H2-Buch-FH", "CH4-TraPPE", "N2-TraPPE", "CO2-TraPPE"])
def test_the_guest_feels_the_lennard_jones_of_gcmc(gas):
    framework = load_framework("ZIF-62")
    guest = replace(load_guest(gas), sites=tuple(replace(s, charge_e=0.0) for s in load_guest(gas).sites))
    inside = guest_system(framework, guest, 77.0, PP, ZIF_FF, BIAS)
    context = inside.context(openmm.VerletIntegrator(0.001), choose_platform("CPU", cpu_threads=1))
    model = inside.model
    cutoff = 0.499 * float(np.linalg.norm(model.box.vectors, axis=1).min())
    kinds, epsilon, sigma = framework_kinds(framework, PP)
    table = host_pairs(epsilon, sigma, [guest], 77.0, GCMCSettings(cutoff_angstrom=cutoff)).coefficients
    here, ours = [], []
    for place in np.random.default_rng(1).random((100, 3)) @ framework.cell:
        sites, energy = place + guest.site_positions, 0.0
        for site, row in zip(sites, table[:, kinds], strict=True):
            r = np.linalg.norm(minimum_image(framework.positions - site, framework.cell), axis=1)
            terms = row / r[:, None] ** np.array([6, 8, 12, 14])
            energy += float(terms[r < cutoff].sum()) * KELVIN_TO_KJ_MOL
        if energy < 100.0:
            ours.append(energy)
            context.setPositions(np.concatenate([model.positions, model.box.to_box_frame(sites)]) * 0.1)
            here.append(context.getState(getEnergy=True).getPotentialEnergy()._value)
    assert len(ours) >= 5
    assert np.ptp(ours) > 10.0
    assert np.diff(here) == pytest.approx(np.diff(ours), abs=0.02)      # forces are summed in single precision


def test_a_molecule_is_turned_with_its_sites_in_order():
    n2 = load_guest("N2").site_positions
    along = np.array([0.0, 0.6, 0.8])
    sites = turned(n2, along)
    assert np.linalg.norm(sites[:, None] - sites, axis=2) == pytest.approx(np.linalg.norm(n2[:, None] - n2, axis=2))
    assert np.cross(sites, along) == pytest.approx(np.zeros_like(sites), abs=1e-12)
    assert turned(CH4.site_positions, along) == pytest.approx(np.zeros((1, 3)))


def test_a_bent_molecule_cannot_follow_a_path(zif8):
    places = ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.5, 0.0))
    bent = replace(CH4, name="bent", sites=tuple(
        GuestSite(f"X{n}", "C", 5.0, 50.0, 3.0, 0.0, place) for n, place in enumerate(places)))
    with pytest.raises(InputError, match="neither a point nor linear"):
        guest_system(zif8, bent, 300.0, PP, ZIF_FF, BIAS)


def test_a_channel_that_narrows_has_the_free_energy_of_its_middle():
    """U = 5 − 5 cos(2πy/L) and walls ½·c(y)·(x² + z²), stiffest at the top: along the middle F = U, whatever the
    restraint makes of the walls, and the last place is the image of the first."""
    length, kt = 6.0, 77.0 * KELVIN_TO_KJ_MOL
    system = openmm.System()
    force = openmm.CustomExternalForce(
        "5*(1-cos(w*y)) + 0.5*(1000+10000*(1-cos(w*y)))*(x^2+z^2) + 0.5*hold*((x-ax)^2+(y-ay)^2+(z-az)^2)")
    for name, value in (("w", 2 * np.pi / (0.1 * length)), ("hold", STIFFNESS * 100.0), ("ax", 0.0), ("ay", 0.0),
                        ("az", 0.0)):
        force.addGlobalParameter(name, value)
    system.addParticle(28.0)
    force.addParticle(0)
    system.addForce(force)
    integrator = openmm.LangevinMiddleIntegrator(77.0, 20.0, 0.005)
    integrator.setRandomNumberSeed(7)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))
    context.setPositions([[0.0, 0.0, 0.0]])
    places = np.column_stack([np.zeros(25), np.linspace(0.0, length, 25), np.zeros(25)])
    forces = []
    for place in places:
        context.setParameter("ay", 0.1 * place[1])
        integrator.step(5_000)
        here = []
        for _ in range(1_500):
            integrator.step(10)
            at = context.getState(getPositions=True).getPositions(asNumpy=True)._value[0] * 10.0
            here.append(STIFFNESS * (place - at))
        forces.append(here)
    level, blocks = free_energy(places, np.array(forces), kt)
    error = blocks.std(axis=0, ddof=1) / np.sqrt(BLOCKS)
    exact = 5.0 * (1.0 - np.cos(2 * np.pi * places[:, 1] / length))
    assert 0.1 < error[-1] < 0.6
    assert np.abs(level - exact).max() < 4 * error.max()
    assert level[-1] == pytest.approx(0.0, abs=4 * error[-1])
    restrained = integrated(places, np.array(forces).mean(axis=1))
    assert restrained.max() > exact.max() + 0.3       # what the freeing takes away: kT·ln((k + c)/k) grows


def test_what_does_not_close_is_spread_over_the_path_and_counts_as_an_error():
    places = np.column_stack([np.zeros(11), np.linspace(0.0, 10.0, 11), np.zeros(11)])
    level = 4.0 * np.sin(np.pi * places[:, 1] / 10.0) + 0.1 * places[:, 1]       # ends 1 too high
    blocks = np.array([level + spread * places[:, 1] / 10.0 for spread in np.linspace(-0.1, 0.1, BLOCKS)])
    found = umbrella._barrier(places, level, blocks, level - 0.1 * places[:, 1], "b", 12.0)
    assert found.barrier_kj_mol == pytest.approx(4.0)
    assert found.averaged_kj_mol == pytest.approx(4.0)
    assert found.closure_kj_mol == pytest.approx(1.0)
    assert found.error_kj_mol == pytest.approx(0.5, abs=1e-6)        # blocks that differ by a slope alone agree
    assert [row[0] for row in found.profile] == pytest.approx(places[:, 1])


def test_places_lie_half_an_angstrom_apart_with_the_top_among_them():
    levels = np.zeros(41)
    levels[7] = 3.0
    path = GuestPath(np.column_stack([np.zeros(41), 0.25 * np.arange(41), np.zeros(41)]), levels)
    keep = umbrella._thinned(path)
    assert {0, 7, 40} <= set(keep.tolist())
    assert np.diff(keep).max() == 2
    assert len(keep) < 25


def test_a_stopped_walk_continues_to_the_same_numbers(zif8, tmp_path, monkeypatch):
    monkeypatch.setattr(umbrella, "WARMING_PS", 0.1)
    monkeypatch.setattr(umbrella, "LEAST_PS", 0.1)
    short = UmbrellaSettings(0.2, ZIF_FF, seed=3)
    places = np.array([[0.5, 0.5, 0.5]]) @ zif8.cell + np.column_stack([np.zeros(4), 0.5 * np.arange(4), np.zeros(4)])
    path = GuestPath(places, np.array([0.0, 0.1, 0.2, 0.0]))
    seen = []
    whole = umbrella_barrier(zif8, H2, 77.0, PP, path, 1, short, folder=tmp_path,
                             report=seen.append)
    assert [e.fraction for e in seen if e.kind == "progress"] == [0.25, 0.5, 0.75, 1.0]
    assert whole.axis == "b"
    assert whole.places == 4
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) == 4
    for path_ in files[2:]:
        path_.unlink()
    again = umbrella_barrier(zif8, H2, 77.0, PP, path, 1, short, folder=tmp_path)
    assert again == whole
    other = umbrella_barrier(zif8, H2, 77.0, PP, path, 1, replace(short, seed=4), folder=tmp_path)
    assert other != whole
    assert len(list(tmp_path.glob("*.npz"))) == 8


def test_too_short_a_time_is_refused():
    with pytest.raises(InputError, match=r"needs 1 to 1e\+06 ps at each place"):
        UmbrellaSettings(0.5, ZIF_FF)


def test_its_barrier_slows_the_averages_hopping_and_comes_first_in_comparisons(zif8, tmp_path, monkeypatch):
    asked = []

    def two_higher(framework, guest, temperature_k, forcefield, path, axis, settings, **rest):
        asked.append((framework.name, guest.name, temperature_k, settings.ps))
        return UmbrellaBarrier("abc"[axis], path.barrier + 2.0, 0.5, path.barrier, 0.1, len(path.places), settings.ps,
                               ())

    monkeypatch.setattr(run, "umbrella_barrier", two_higher)
    settings = AccessSettings(gcmc=GCMCSettings(cutoff_angstrom=6.0, grid_spacing_angstrom=0.4))
    rigid, average, found = run.framework_access(
        zif8, [(CH4, 300.0)], PP, settings, snapshots=[zif8], snapshot_temperature_k=300.0,
        umbrella=UmbrellaSettings(12.0, ZIF_FF), folder=tmp_path / "average")
    assert asked == [("ZIF-8", CH4.name, 300.0, 12.0)]
    assert (rigid.kind, average.kind, found.kind) == ("rigid", "1 snapshots", f"umbrella along {found.umbrella.axis}")
    along = "abc".index(found.umbrella.axis)
    assert found.barrier_kj_mol == found.umbrella.barrier_kj_mol == found.axis_barriers_kj_mol[along]
    assert found.umbrella.averaged_kj_mol >= average.barrier_kj_mol - 1e-6
    slower, error = (np.exp(e / (300.0 * KELVIN_TO_KJ_MOL)) for e in (-2.0, 0.5))
    assert found.diffusion_m2_s == pytest.approx(slower * average.diffusion_m2_s, rel=1e-6)
    assert found.fill_time_s == pytest.approx(average.fill_time_s / slower, rel=1e-6)
    assert found.fill_time_band == pytest.approx((found.fill_time_s / error, found.fill_time_s * error), rel=1e-6)
    write_access(tmp_path, zif8, [rigid, average, found], {"forcefield": "PP", "charges": "none"}, "0")
    best = best_access(read_access(tmp_path), CH4.name, 300.0)
    assert best.kind == "umbrella sampling, 12 ps a place"
    assert best.accessible_fraction == pytest.approx(found.accessible_fraction)
    assert best.blocked().shape == found.blocked.shape
