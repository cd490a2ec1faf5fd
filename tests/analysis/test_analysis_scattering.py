"""Total scattering against sums over wave vectors, Debye's formula, the ideal gas, sum rules and measured peaks."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from ideal_lattice import diamond_framework, displaced, random_points

from zifsim.analysis.frames import Frames, load_frames, of_framework
from zifsim.analysis.measured import MeasuredCurve, compare, read_curve
from zifsim.analysis.pairs import PairDistribution
from zifsim.analysis.powder import PowderPattern
from zifsim.analysis.scattering import (
    BIN,
    TotalScattering,
    form_factor,
    partial_structure_factors,
    scattering_length,
)
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, UnknownNameError
from zifsim.io.trajectory import Frame

GLASSES = Path(__file__).resolve().parents[1] / "data/cells"
LENGTHS = {"Zn": 5.68, "N": 9.36, "C": 6.646, "H": -3.739}      # fm, Sears 1992


def test_partials_equal_the_sum_over_the_wave_vectors_of_the_cell() -> None:
    """Q (A − 1) folded with a Gaussian is, by Poisson's summation, a sum over the crystal's reciprocal lattice."""
    rng = np.random.default_rng(4)
    cell = np.array([[6.0, 0.0, 0.0], [1.0, 5.5, 0.0], [-0.5, 0.8, 6.5]])
    species = np.array(["Zn"] * 4 + ["N"] * 6)
    positions = rng.random((10, 3)) @ cell
    frames = Frames("cell", of_cell(tuple(species), positions, cell), lambda: iter((Frame(0, positions, cell),)), "")
    sigma, q = 0.12, np.linspace(1.0, 6.0, 26)
    pairs = PairDistribution(r_max=5.0 / sigma, width=0.005).compute(frames)
    ours, = partial_structure_factors(q, pairs, sigma)
    reciprocal = 2.0 * np.pi * np.linalg.inv(cell).T
    indices = np.array([h for h in itertools.product(range(-10, 11), repeat=3) if any(h)])
    vectors = indices @ reciprocal
    lengths = np.linalg.norm(vectors, axis=1)
    amplitude = {e: np.exp(1j * vectors @ positions[species == e].T).sum(axis=1) for e in ("Zn", "N")}
    volume = abs(np.linalg.det(cell))
    for (a, b), found in ours.items():
        n_a, n_b, n = (species == a).sum(), (species == b).sum(), len(species)
        product = (amplitude[a].conj() * amplitude[b]).real
        # Powder average: a reflection of length k is spread over 4πk² with a Gaussian in |Q|. Its mirror at −k counts.
        fold = sum(sign * np.exp(-0.5 * ((q[:, None] - sign * lengths) / sigma) ** 2) for sign in (1, -1))
        fold = fold / (sigma * np.sqrt(2.0 * np.pi))
        expected = (fold * (product / lengths)).sum(axis=1) * 2.0 * np.pi**2 / volume * n / (n_a * n_b) / q
        expected = expected - (n / n_a if a == b else 0.0)         # the atom with itself is no pair
        assert found == pytest.approx(expected, abs=0.02 * np.abs(expected).max()), (a, b)


def of_cell(species, positions, cell):
    from zifsim.model.framework import Framework

    return Framework("cell", species, positions.copy(), cell.copy())


def test_a_molecule_in_a_large_box_scatters_as_debye_says() -> None:
    framework = load_framework("ZIF-62")
    linker = next(u for u in framework.units if u.kind == "bIm")
    positions = framework.positions[list(linker.atoms)]
    positions = positions[0] + framework.minimum_image(positions - positions[0])
    species = tuple(framework.species[a] for a in linker.atoms)
    edge = 200.0
    alone = of_cell(species, positions, edge * np.eye(3))
    result = TotalScattering().compute(bare(alone))
    distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
    q = result.neutron.q
    keep = q > 2.0
    b = np.array([LENGTHS[s] for s in species])
    f = np.array([form_factor(s, q) for s in species])
    sinc = np.sinc(q[:, None, None] * distances / np.pi)
    sinc[:, np.arange(len(b)), np.arange(len(b))] = 0.0
    damping = np.exp(-0.5 * (0.05 * distances) ** 2)
    neutron = 0.01 * np.einsum("i,j,qij,ij->q", b, b, sinc, damping) / len(b)
    xray = np.einsum("iq,jq,qij,ij->q", f, f, sinc, damping) / len(b) / f.mean(axis=0) ** 2
    # F also holds −1 for the emptiness around, which at this density (8e-6 atoms per Å³) is nothing at Q > 2.
    assert result.neutron.f[keep] == pytest.approx(neutron[keep], abs=0.01 * np.abs(neutron).max())
    assert result.xray.f[keep] == pytest.approx(xray[keep], abs=0.01 * np.abs(xray).max())


def bare(framework):
    return Frames(framework.name, framework, lambda: iter((Frame(0, framework.positions, framework.cell),)), "")


def test_ideal_gas_scatters_like_its_atoms_alone() -> None:
    gas = random_points(("Zn",) * 200 + ("N",) * 300, 25.0 * np.eye(3), 20, 7)
    result = TotalScattering(resolution=0.4).compute(gas)
    inside = result.neutron.q > 2.0
    # F of one frame is of the order of Σ c b² and changes sign from frame to frame and Q to Q.
    scale = sum(c * LENGTHS[e] ** 2 for e, c in (("Zn", 0.4), ("N", 0.6))) * 0.01
    assert np.abs(result.neutron.f[inside]).max() < 0.15 * scale
    assert np.abs(result.neutron.f[inside].mean()) < 0.01 * scale
    assert result.neutron.s[inside].mean() == pytest.approx(1.0, abs=0.01)


def test_slope_of_d_at_small_r_is_the_density() -> None:
    """No two atoms are closer than 0.9 Å: there D(r) = −4πρ₀r (Σ c b)² (Keen 2001)."""
    frames = displaced(load_frames("ZIF-62").framework, 0.06, 12, seed=3)
    result = TotalScattering(resolution=0.1).compute(frames)
    curves = result.neutron                 # the weights of X-rays change with Q, so their slope is only nearly this
    low = (curves.r > 0.1) & (curves.r < 0.6)
    slope = (curves.r[low] * curves.d[low]).sum() / (curves.r[low] ** 2).sum()
    density = frames.framework.n_atoms / frames.framework.volume
    assert -slope / (4.0 * np.pi * curves.mean_b2) == pytest.approx(density, rel=0.05)
    assert curves.pdf == pytest.approx(curves.d / curves.mean_b2)
    assert result.neutron.g[result.neutron.r < 0.5].mean() == pytest.approx(-result.neutron.mean_b2, rel=0.1)


def test_d_of_r_is_the_pair_distribution_weighted_by_scattering_lengths() -> None:
    """What comes back from Q is 4πρ₀r Σ c c b b (g − 1), which needs no transform for neutrons."""
    frames = displaced(diamond_framework(), 0.15, 30, seed=8)
    result = TotalScattering(lorch=False, resolution=0.1).compute(frames)
    pairs = PairDistribution(r_max=12.0, width=BIN).compute(frames)
    c = pairs.concentrations
    weighted = {p: (1 if p[0] == p[1] else 2) * np.prod([c[e] * LENGTHS[e] for e in p]) for p in pairs.g}
    direct = sum(weighted[p] * (g - 1.0) for p, g in pairs.g.items())
    direct = np.asarray(direct) * 0.01 * 4.0 * np.pi * pairs.number_density * pairs.r
    smooth = np.convolve(direct, np.ones(11) / 11, mode="same")     # its noise, that of single bins
    shown = (result.neutron.r > 1.5) & (result.neutron.r < 10.0)
    assert result.neutron.d[shown] == pytest.approx(np.interp(result.neutron.r[shown], pairs.r, smooth),
                                                    abs=0.05 * np.abs(smooth).max())


def test_xray_peaks_of_zif62_lie_where_those_of_zif4_were_measured() -> None:
    peaks = TotalScattering().compute(load_frames("ZIF-62")).xray.peaks()
    for measured in (1.34, 1.98, 2.98, 4.10, 5.86):                 # Å, ZIF-4 at 31 °C
        assert np.abs(peaks - measured).min() < 0.07


def test_bragg_peaks_are_gone_in_the_glass() -> None:
    crystal = TotalScattering().compute(load_frames("ZIF-62"))
    glass = TotalScattering().compute(load_frames(GLASSES / "agZIF-62_dense_prototype.cif"))
    assert crystal.xray.highest_at_low_q > 1.7 * glass.xray.highest_at_low_q
    middle = (crystal.xray.q > 2.0) & (crystal.xray.q < 6.0)
    # Bragg peaks make S(Q) rough: the mean square step from one resolution width to the next.
    rough = [np.diff(s.xray.s[middle][::5]).std() for s in (crystal, glass)]
    assert rough[0] > 1.5 * rough[1]


def test_scattering_lengths_and_form_factors_are_the_tabulated_ones() -> None:
    for element, length in LENGTHS.items():
        assert scattering_length(element) == pytest.approx(length, abs=2e-3)
    for element, electrons in (("H", 1), ("C", 6), ("N", 7), ("Zn", 30)):
        assert form_factor(element, np.zeros(1))[0] == pytest.approx(electrons, rel=2e-3)


def test_powder_pattern_of_zif8_has_bragg_angles_and_extinctions_of_its_lattice() -> None:
    pattern = PowderPattern().compute(load_framework("ZIF-8"))
    strong = pattern.intensity > 1.0
    hkl = np.array(pattern.hkl)[strong]
    assert (hkl.sum(axis=1) % 2 == 0).all()                         # body-centred
    spacing = 16.991 / np.sqrt((hkl**2).sum(axis=1))
    assert pattern.spacing[strong] == pytest.approx(spacing, rel=1e-4)
    assert pattern.two_theta[strong] == pytest.approx(2 * np.degrees(np.arcsin(0.5 * pattern.wavelength / spacing)))
    assert pattern.hkl[int(np.argmax(pattern.intensity))] == (1, 1, 0)


def test_r_w_of_a_scaled_copy_is_zero_and_of_noise_is_its_share(tmp_path: Path) -> None:
    result = TotalScattering(resolution=0.2).compute(of_framework(diamond_framework()))
    y = 2.5 * result.xray.d
    exact = compare(result, MeasuredCurve("xray-D", result.xray.r, y, None, "copy"))
    assert exact.r_w == pytest.approx(0.0, abs=1e-12)
    assert exact.scale == pytest.approx(2.5)
    noise = 0.3 * y.std() * np.random.default_rng(1).normal(size=len(y))
    path = tmp_path / "d.dat"
    rows = [f"{r:.4f}, {v:.8f}\n" for r, v in zip(result.xray.r, y + noise, strict=True)]
    path.write_text("# r D\nr  D\n" + "".join(rows))
    found = compare(result, read_curve("xray-D", path))
    assert found.r_w == pytest.approx(np.linalg.norm(noise) / np.linalg.norm(y + noise), rel=0.01)


def test_unusable_curves_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.dat"
    path.write_text("1 2\n3 4\n")
    with pytest.raises(InputError, match="at least ten"):
        read_curve("xray-D", path)
    with pytest.raises(UnknownNameError, match="xray-D"):
        read_curve("xray-d", path)
    path.write_text("".join(f"{x} 1\n" for x in (*range(12), 3)))
    with pytest.raises(InputError, match="does not rise at row 13"):
        read_curve("neutron-S", path)
    with pytest.raises(InputError, match="form factors"):
        TotalScattering(q_max=40.0)
