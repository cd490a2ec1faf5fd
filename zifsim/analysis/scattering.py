"""Total scattering of X-rays and neutrons, in the functions of Keen, J. Appl. Cryst. 2001, 34, 172.

doi:10.1107/S0021889800019993, there equations 4, 8 to 10, 19 to 20, 26 to 29 and, for X-rays, 41 to 46. With c the
concentrations, b the coherent scattering lengths, A_ij(Q) − 1 = 4πρ₀ ∫ r² (g_ij − 1) sin(Qr)/(Qr) dr:

====  =======================================================  ========================  ====================
      neutrons                                                 X-rays                    at small r (neutrons)
====  =======================================================  ========================  ====================
F(Q)  Σ c_i c_j b_i b_j (A_ij − 1), barn/sr per atom           over (Σ c_i f_i(Q))²      –
S(Q)  1 + F(Q)/(Σ c_i b_i)²                                    1 + F(Q)                  –
D(r)  (2/π) ∫ Q F(Q) sin(Qr) dQ                                the same                  −4πρ₀r (Σ c b)²
G(r)  D(r)/(4πρ₀r), Keen's; the "PDF" of others is D/(Σ c b)²  the same                  −(Σ c b)²
====  =======================================================  ========================  ====================

Form factors: International Tables C (1992), neutral atoms, which end at Q = 25.1 Å⁻¹; scattering lengths: Sears,
Neutron News 1992, 3, 26, doi:10.1080/10448639208218770; both as tabulated in gemmi, which reads the CIFs here anyway.
"""

from __future__ import annotations

from dataclasses import dataclass

import gemmi
import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from zifsim.analysis.frames import Frames
from zifsim.analysis.pairs import PairDistribution, PairResult
from zifsim.errors import InputError

FloatArray = NDArray[np.float64]
Partials = dict[tuple[str, str], FloatArray]    # A_ij(Q) − 1 by pair of elements
LARGEST_Q = 25.1            # 1/Å, end of the tabulated form factors (sin θ/λ = 2 Å⁻¹)
BIN = 0.01                  # Å; at 25 Å⁻¹ the bin's width lowers F by 0.3 %
R_STEP, R_SHOWN = 0.02, 20.0
FM2_TO_BARN = 0.01
REACH = 3.2                 # standard deviations of the damping at which pairs are cut off (0.6 % left)
LOW_Q = (0.45, 3.0)         # 1/Å; here lie a ZIF's strong Bragg reflections, below them the scattering of voids


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """What one radiation sees.

    q: (K,) 1/Å. f, s: (K,) F(Q) and S(Q). r: (R,) Å. d, g: (R,) D(r) and G(r). ``mean_b2``: (Σ c b)² in barn for
    neutrons, 1 for X-rays, in whose functions it is divided out; so F and G are in barn/sr per atom or pure
    numbers, D in barn/Å² or 1/Å².
    """

    radiation: str
    q: FloatArray
    f: FloatArray
    s: FloatArray
    r: FloatArray
    d: FloatArray
    g: FloatArray
    mean_b2: float

    @property
    def pdf(self) -> FloatArray:
        """(R,) D(r)/(Σ c b)², 1/Å²: called G(r) by PDFgui and its kin."""
        return np.asarray(self.d / self.mean_b2, dtype=np.float64)

    @property
    def highest_at_low_q(self) -> float:
        """The highest S(Q) from 0.45 to 3 Å⁻¹: Bragg peaks, as high as the resolution is fine, or a glass's halo."""
        return float(self.s[(self.q > LOW_Q[0]) & (self.q < LOW_Q[1])].max())

    def peaks(self, r_max: float = 6.5) -> FloatArray:
        """Positions (P,) of the maxima of D(r) from 1 Å to ``r_max``, Å, that stand out by 5 % of the highest."""
        inside = (self.r > 1.0) & (self.r < r_max)
        r, d = self.r[inside], self.d[inside]
        tops, _ = find_peaks(d, prominence=0.05 * float(d.max()))
        # Vertex of the parabola through three points.
        left, middle, right = d[tops - 1], d[tops], d[tops + 1]
        return np.asarray(r[tops] + 0.5 * R_STEP * (left - right) / (left - 2.0 * middle + right), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class ScatteringResult:
    """X-ray and neutron curves of the same frames; ``number_density`` atoms/Å³."""

    xray: Curves
    neutron: Curves
    number_density: float
    n_frames: int


@dataclass(frozen=True, slots=True)
class TotalScattering:
    """Scattering functions from partial g(r).

    Parameters
    ----------
    q_max: Å⁻¹, upper end of the transform to D(r). q_step: Å⁻¹.
    resolution: Å⁻¹, standard deviation of the instrument's resolution in Q: what Q·F(Q) shown here is folded with.
        It also says how far pairs are counted: 3.2/resolution, 64 Å by default. D(r) is not damped by it.
    lorch: damp the ripples that the end at q_max makes in D(r) (Lorch, J. Phys. C 1969, 2, 229,
        doi:10.1088/0022-3719/2/2/305); peaks become π/q_max wider or so.
    """

    q_max: float = 25.0
    q_step: float = 0.02
    resolution: float = 0.05
    lorch: bool = True

    def __post_init__(self) -> None:
        if not 5.0 <= self.q_max <= LARGEST_Q:
            raise InputError(f"q_max is {self.q_max:g} Å⁻¹; give one from 5 to {LARGEST_Q:g}, where the form factors "
                             "end.")
        if not 0.02 <= self.resolution <= 0.5:
            raise InputError(f"the resolution in Q is {self.resolution:g} Å⁻¹; give one from 0.02 to 0.5.")

    def compute(self, frames: Frames) -> ScatteringResult:
        """Average over all frames."""
        return self.of(PairDistribution(REACH / self.resolution, BIN).compute(frames))

    def of(self, pairs: PairResult) -> ScatteringResult:
        """From a pair distribution that reaches as far as the resolution asks."""
        q = np.asarray(self.q_step * np.arange(1, round(self.q_max / self.q_step) + 1), dtype=np.float64)
        sharp, folded = partial_structure_factors(q, pairs, 0.0, self.resolution)
        return ScatteringResult(self._curves("xray", q, sharp, folded, pairs),
                                self._curves("neutron", q, sharp, folded, pairs), pairs.number_density, pairs.n_frames)

    def _curves(self, radiation: str, q: FloatArray, sharp: Partials, folded: Partials, pairs: PairResult) -> Curves:
        """What one radiation makes of the partials."""
        weights, mean_b2 = _weights(radiation, q, pairs)
        f_sharp = np.asarray(sum(weights[pair] * a for pair, a in sharp.items()))
        f = np.asarray(sum(weights[pair] * a for pair, a in folded.items()))
        r = np.asarray(R_STEP * np.arange(1, round(R_SHOWN / R_STEP) + 1), dtype=np.float64)
        d = to_real_space(q, f_sharp, r, lorch=self.lorch)
        g = d / (4.0 * np.pi * pairs.number_density * r)
        return Curves(radiation, q, f, 1.0 + f / mean_b2, r, d, g, mean_b2)


def partial_structure_factors(q: FloatArray, pairs: PairResult, *resolutions: float) -> list[Partials]:
    """For each resolution, A_ij(Q) − 1 (K,) of all pairs; Q (A_ij − 1) is folded with a Gaussian of that s.d., 1/Å."""
    factor = 4.0 * np.pi * pairs.number_density * pairs.width * pairs.r
    columns = [factor * np.exp(-0.5 * (s * pairs.r) ** 2) * (g - 1.0) for s in resolutions for g in pairs.g.values()]
    transformed = (np.sin(np.outer(q, pairs.r)) / q[:, None] @ np.column_stack(columns)).T
    return [dict(zip(pairs.g, rows, strict=True))
            for rows in transformed.reshape(len(resolutions), len(pairs.g), len(q))]


def to_real_space(q: FloatArray, f: FloatArray, r: FloatArray, *, lorch: bool) -> FloatArray:
    """D(r) (R,) of F(Q) on equally spaced Q (K,) that end at q_max."""
    step = float(q[1] - q[0])
    window = np.sinc(q / q[-1]) if lorch else np.ones_like(q)
    window[-1] *= 0.5                                   # the trapezoidal rule; at Q = 0 the integrand is 0
    return np.asarray(2.0 / np.pi * step * np.sin(np.outer(r, q)) @ (q * f * window), dtype=np.float64)


def form_factor(element: str, q: FloatArray) -> FloatArray:
    """X-ray form factor f(Q) (K,) of a neutral atom, electrons."""
    table = gemmi.Element(element).it92
    if table is None:
        raise InputError(f"there is no X-ray form factor of {element}.")
    return np.array([table.calculate_sf((x / (4.0 * np.pi)) ** 2) for x in q])


def scattering_length(element: str) -> float:
    """Bound coherent neutron scattering length of the natural mixture of isotopes, fm."""
    return float(gemmi.Element(element).neutron92.get_coefs()[0])


def _weights(radiation: str, q: FloatArray, pairs: PairResult) -> tuple[dict[tuple[str, str], FloatArray], float]:
    """Weight (K,) of every partial in F(Q), unlike pairs counted twice, and (Σ c b)² of F's unit."""
    if radiation == "xray":
        b = {e: form_factor(e, q) for e in pairs.elements}
        unit = 1.0 / sum(c * b[e] for e, c in pairs.concentrations.items()) ** 2
        mean_b2 = 1.0
    else:
        b = {e: np.full_like(q, scattering_length(e)) for e in pairs.elements}
        unit = np.full_like(q, FM2_TO_BARN)
        mean_b2 = float(sum(c * b[e][0] for e, c in pairs.concentrations.items()) ** 2) * FM2_TO_BARN
    c = pairs.concentrations
    weights = {(i, j): (1.0 if i == j else 2.0) * c[i] * c[j] * b[i] * b[j] * unit for i, j in pairs.g}
    return weights, mean_b2
