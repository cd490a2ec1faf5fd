"""Coordination, angles, pair distributions against lattices, the ideal gas, crystals and MDAnalysis."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ideal_lattice import BEND, ZN_ZN, diamond_framework, displaced, random_points

from zifsim.analysis.angles import Angles
from zifsim.analysis.coordination import Coordination
from zifsim.analysis.frames import load_frames, of_framework
from zifsim.analysis.pairs import FWHM, FirstPeak, PairDistribution
from zifsim.errors import InputError
from zifsim.structures import load_structure

GLASSES = Path(__file__).resolve().parents[1] / "data/cells"
TETRAHEDRON = np.degrees(np.arccos(-1.0 / 3.0))


def test_diamond_net_is_four_coordinated_and_tetrahedral() -> None:
    frames = of_framework(diamond_framework())
    result = Coordination().compute(frames)
    assert result.metal[0, 4] == 1.0
    assert result.linker[0].tolist() == [0.0, 0.0, 1.0]
    assert result.nitrogen[0].tolist() == [0.0, 1.0, 0.0]
    assert result.bond_length[0] == pytest.approx(2.0, abs=1e-5)
    angles = Angles().compute(frames)
    assert angles.n_zn_n.mean[0] == pytest.approx(TETRAHEDRON, abs=1e-6)
    assert angles.n_zn_n.deviation[0] == pytest.approx(0.0, abs=1e-6)
    assert angles.q4[0] == pytest.approx(1.0, abs=1e-9)
    assert angles.zn_linker_zn.mean[0] == pytest.approx(2.0 * np.degrees(np.arctan(0.5 * ZN_ZN / BEND)), abs=1e-6)
    assert angles.zn_linker_zn.density.sum() == pytest.approx(1.0)


def test_a_linker_that_leaves_is_free_and_one_that_turns_away_dangles() -> None:
    framework = diamond_framework()
    first, second = framework.units[8].atoms, framework.units[20].atoms
    positions = framework.positions.copy()
    positions[list(first)] += [1.2, 1.2, -2.4]                 # across the bond, away from both Zn
    positions[second[1]] += [1.2, 1.2, -2.4]                   # one N of another
    result = Coordination().compute(of_framework(replace(framework, positions=positions)))
    assert result.linker[0].tolist() == [1 / 16, 1 / 16, 14 / 16]
    assert result.mean[0] == pytest.approx((32 - 3) / 8)
    assert result.nitrogen[0, 0] == 3 / 32


def test_random_directions_have_no_tetrahedral_order_on_average() -> None:
    rng = np.random.default_rng(3)
    framework = diamond_framework()
    positions = framework.positions.copy()
    metals = np.flatnonzero([s == "Zn" for s in framework.species])
    values = []
    for _ in range(200):
        near = rng.normal(size=(len(metals), 4, 3))
        near *= 2.0 / np.linalg.norm(near, axis=-1, keepdims=True)
        nitrogens = np.flatnonzero([s == "N" for s in framework.species])
        positions[nitrogens] = (positions[metals][:, None] + near).reshape(-1, 3)
        values.append(Angles().compute(of_framework(replace(framework, positions=positions.copy()))).q4[0])
    assert np.mean(values) == pytest.approx(0.0, abs=4.0 * np.std(values) / np.sqrt(len(values)))


def test_ideal_gas_has_g_of_one_in_a_skew_cell_beyond_half_its_width() -> None:
    cell = np.array([[9.0, 0.0, 0.0], [3.0, 8.0, 0.0], [-2.0, 1.5, 10.0]])
    result = PairDistribution(r_max=12.0, width=0.4).compute(random_points(("Zn",) * 40 + ("N",) * 60, cell, 60, 1))
    for pair, g in result.g.items():
        # Periodic images of one atom lie at fixed distances: like pairs have a share 1/N less elsewhere.
        expected = 1.0 if pair == ("Zn", "N") else 1.0 - 1.0 / (40 if pair == ("Zn", "Zn") else 60)
        free = np.ones(len(g), dtype=bool) if pair == ("Zn", "N") else result.r < 7.0
        error = result.spread[pair][free] / np.sqrt(60)
        assert (np.abs(g[free] - expected)[5:] < 5.0 * error[5:]).all(), pair


def test_lattice_peaks_hold_the_right_number_of_neighbours() -> None:
    frames = of_framework(diamond_framework())
    pairs = PairDistribution(r_max=20.0).compute(frames)
    peak = FirstPeak.of(pairs, ("Zn", "Zn"))
    assert peak is not None
    result = peak.compute(frames)
    assert result.mean[0] == pytest.approx(ZN_ZN)
    assert result.neighbours[0] == 4.0
    # Shells of the diamond lattice: 4 at d, 12 at d√(8/3), 12 at d√(11/3), 6 at d√(16/3).
    running = pairs.coordination(("Zn", "Zn"))
    for ratio, total in ((1.0, 4), (8 / 3, 16), (11 / 3, 28), (16 / 3, 34)):
        assert running[int((ZN_ZN * np.sqrt(ratio) + 0.1) / pairs.width)] == pytest.approx(total)


def test_width_and_lindemann_ratio_of_an_einstein_solid() -> None:
    sigma = 0.12
    frames = displaced(diamond_framework(), sigma, 60, seed=2)
    peak = FirstPeak.of(PairDistribution(r_max=9.0).compute(frames), ("Zn", "Zn"))
    assert peak is not None
    result = peak.compute(frames)
    # Along the bond two independent displacements add: s.d. √2 σ; across it the mean grows by 2σ²/d.
    n = 60 * 16
    assert result.deviation.mean() == pytest.approx(np.sqrt(2.0) * sigma, abs=4 * sigma / np.sqrt(n))
    assert result.mean.mean() == pytest.approx(ZN_ZN + 2.0 * sigma**2 / ZN_ZN, abs=4 * np.sqrt(2) * sigma / np.sqrt(n))
    assert result.lindemann.mean() == pytest.approx(FWHM * np.sqrt(2.0) * sigma / ZN_ZN, rel=0.1)


def test_g_equals_that_of_mdanalysis() -> None:
    mda = pytest.importorskip("MDAnalysis")
    from MDAnalysis.analysis.rdf import InterRDF

    frames = displaced(load_frames("ZIF-62").framework, 0.1, 4, seed=5)
    universe = mda.Universe.empty(frames.framework.n_atoms, trajectory=True)
    universe.add_TopologyAttr("element", list(frames.framework.species))
    box = np.array([*np.diag(frames.framework.cell), 90.0, 90.0, 90.0])
    universe.load_new(np.array([f.positions for f in frames]), dimensions=box)
    zinc, nitrogen = (universe.select_atoms(f"element {e}") for e in ("Zn", "N"))
    theirs = InterRDF(zinc, nitrogen, nbins=70, range=(0.0, 7.0)).run().results.rdf
    ours = PairDistribution(r_max=7.0, width=0.1).compute(frames).g["Zn", "N"]
    assert ours == pytest.approx(theirs, rel=2e-3, abs=1e-3)       # their positions are single precision


@pytest.mark.parametrize(("name", "zn_n", "zn_zn"), [("ZIF-8", 1.987, 6.007), ("ZIF-62", 1.983, 5.913)])
def test_crystals_have_their_published_distances(name: str, zn_n: float, zn_zn: float) -> None:
    frames = of_framework(load_structure(name, relax=False), name)
    assert Coordination().compute(frames).metal[0, 4] == 1.0
    pairs = PairDistribution().compute(frames)
    for pair, distance in ((("Zn", "N"), zn_n), (("Zn", "Zn"), zn_zn)):
        peak = FirstPeak.of(pairs, pair)
        assert peak is not None
        result = peak.compute(frames)
        assert result.mean[0] == pytest.approx(distance, abs=1e-3)
        assert result.neighbours[0] == 4.0
    assert Angles().compute(frames).n_zn_n.mean[0] == pytest.approx(TETRAHEDRON, abs=0.1)


@pytest.mark.parametrize("name", ["npt", "dense"])
def test_prototype_glasses_are_read_as_they_were_measured(name: str) -> None:
    # 13/87 % three- and four-coordinated, Zn–N 2.010 and 2.014 Å (300 K means), N–Zn–N 109.5(8) and 109.6(7)°.
    frames = load_frames(GLASSES / f"agZIF-62_{name}_prototype.cif")
    result = Coordination().compute(frames)
    assert result.metal[0, 3:5] == pytest.approx([0.125, 0.875])
    assert result.bond_length[0] == pytest.approx(2.012, abs=0.005)
    angles = Angles().compute(frames)
    assert angles.n_zn_n.mean[0] == pytest.approx(109.5, abs=0.4)
    assert angles.n_zn_n.deviation[0] == pytest.approx(8.0, abs=1.0)


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(InputError, match="between 1 and 4"):
        Coordination(cutoff=8.0)
    with pytest.raises(InputError, match="ten bins"):
        PairDistribution(r_max=1.0, width=0.5)
