"""Summary of one structure or melt: everything that is measured on it, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from zifsim import limits
from zifsim.analysis.angles import Angles, AnglesResult
from zifsim.analysis.bonds import BondLifetime, BondsResult
from zifsim.analysis.coordination import Coordination, CoordinationResult
from zifsim.analysis.displacement import LEAST_FRAMES, DisplacementResult, MeanSquareDisplacement
from zifsim.analysis.energy_pores import EnergyPores, EnergyPoresResult
from zifsim.analysis.frames import Frames
from zifsim.analysis.history import HistoryResult, history
from zifsim.analysis.measured import Agreement, MeasuredCurve, compare
from zifsim.analysis.order import LinkerOrder
from zifsim.analysis.pairs import FirstPeak, PairDistribution, PairResult, PeakResult
from zifsim.analysis.pore_sizes import PoreSizes, PoreSizesResult
from zifsim.analysis.pores import Pores, PoresResult
from zifsim.analysis.quantity import Quantity, over_frames
from zifsim.analysis.rings import Rings, RingsResult
from zifsim.analysis.scattering import ScatteringResult, TotalScattering
from zifsim.crystals.linkers import METALS
from zifsim.limits import Limits
from zifsim.melt.coordination import ZN_N_CUTOFF
from zifsim.model.shown import Drawn
from zifsim.runs import stopping
from zifsim.runs.progress import Event, Report, silent
from zifsim.units import AMU_PER_CUBIC_ANGSTROM_TO_G_CM3

BIN_WIDTH = Limits(0.001, 1.0, "Å")


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """What is measured and how; lengths in Å, Q in Å⁻¹ (see the classes these are handed to)."""

    zn_n_cutoff: float = ZN_N_CUTOFF
    r_max: float = 12.0
    bin_width: float = 0.02
    q_max: float = 25.0
    q_resolution: float = 0.05
    lorch: bool = True
    rings: bool = False
    pores: bool = False
    energy_pores: bool = False

    def __post_init__(self) -> None:
        for name, bounds in (("zn_n_cutoff", limits.BOND_DISTANCE), ("r_max", limits.PAIR_DISTANCE),
                             ("bin_width", BIN_WIDTH), ("q_max", limits.WAVE_NUMBER),
                             ("q_resolution", limits.RESOLUTION)):
            bounds.check(getattr(self, name), f"analysis: {name}")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Analysis(Drawn):
    """The results of one structure; ``quantities`` are the rows of its table, everything else is for figures."""

    name: str
    frames: Frames
    n_frames: int
    quantities: tuple[Quantity, ...]
    coordination: CoordinationResult
    angles: AnglesResult
    pairs: PairResult
    peaks: tuple[PeakResult, ...]
    scattering: ScatteringResult
    agreements: tuple[Agreement, ...] = ()
    displacement: DisplacementResult | None = None
    bonds: BondsResult | None = None
    history: HistoryResult | None = None
    rings: RingsResult | None = None
    pores: PoresResult | None = None
    pore_sizes: PoreSizesResult | None = None
    energy_pores: EnergyPoresResult | None = None


def analyse(frames: Frames, settings: AnalysisSettings, measured: Sequence[MeasuredCurve] = (),
            report: Report = silent) -> Analysis:
    """Structure, scattering and, where there is time, dynamics of all frames; agreement with measured curves.

    Raises
    ------
    RunInterrupted: asked to stop, between one step and the next.
    """
    extra = [name for name in ("rings", "pores", "energy_pores") if getattr(settings, name)]
    steps = ["coordination", "pairs", "scattering", "dynamics", *extra]

    def begin(step: str) -> None:
        stopping.check()
        report(Event(frames.name, steps.index(step) / len(steps), step.replace("_", " ")))

    begin("coordination")
    coordination = Coordination(settings.zn_n_cutoff).compute(frames)
    angles = Angles(settings.zn_n_cutoff).compute(frames)
    begin("pairs")
    pairs = PairDistribution(settings.r_max, settings.bin_width).compute(frames)
    peaks = tuple(p.compute(frames) for name in shown_pairs(pairs) if (p := FirstPeak.of(pairs, name)) is not None)
    begin("scattering")
    scattering = TotalScattering(q_max=settings.q_max, resolution=settings.q_resolution,
                                 lorch=settings.lorch).compute(frames)
    agreements = tuple(compare(scattering, curve) for curve in measured)
    quantities = [*_density(frames), *coordination.quantities(), *angles.quantities(),
                  *(q for peak in peaks for q in peak.quantities()), *_scattering_rows(scattering, agreements)]
    begin("dynamics")
    displacement, bonds, past = _dynamics(frames, settings, pairs.n_frames)
    if frames.step_ps > 0.0:
        quantities += [over_frames(f"lindemann_{'_'.join(p.pair).lower()}", f"Lindemann ratio, {'–'.join(p.pair)}",
                                   "", p.lindemann) for p in peaks]
    rings, pores, sizes, by_energy = _voids_and_rings(frames, settings, begin)
    quantities += LinkerOrder(settings.zn_n_cutoff).compute(frames).quantities()
    quantities += [q for result in (displacement, bonds, past, rings, pores, sizes, by_energy) if result is not None
                   for q in result.quantities()]
    report(Event(frames.name, 1.0, kind="done"))
    return Analysis(frames.name, frames, pairs.n_frames, tuple(quantities), coordination, angles, pairs, peaks,
                    scattering, agreements, displacement, bonds, past, rings, pores, sizes, by_energy)


def _voids_and_rings(frames: Frames, settings: AnalysisSettings, begin: Callable[[str], None]) -> tuple[
        RingsResult | None, PoresResult | None, PoreSizesResult | None, EnergyPoresResult | None]:
    """What is measured only where it is asked for."""
    rings = pores = sizes = by_energy = None
    if settings.rings:
        begin("rings")
        rings = Rings(settings.zn_n_cutoff).compute(frames)
    if settings.pores:
        begin("pores")
        pores, sizes = Pores().compute(frames), PoreSizes().compute(frames)
    if settings.energy_pores:
        begin("energy_pores")
        by_energy = EnergyPores().compute(frames)
    return rings, pores, sizes, by_energy


def _dynamics(frames: Frames, settings: AnalysisSettings,
              n_frames: int) -> tuple[DisplacementResult | None, BondsResult | None, HistoryResult | None]:
    """What needs time; None where the frames are too few or have none."""
    if n_frames < LEAST_FRAMES or frames.step_ps <= 0.0:
        return None, None, history(frames)
    return (MeanSquareDisplacement().compute(frames), BondLifetime(settings.zn_n_cutoff).compute(frames),
            history(frames))


def shown_pairs(pairs: PairResult) -> list[tuple[str, str]]:
    """The pairs that tables and figures show: metal–N, metal–metal, N–N."""
    metals = [e for e in pairs.elements if e in METALS]
    return [p for p in pairs.g if set(p) <= {*metals, "N"}]


def _density(frames: Frames) -> list[Quantity]:
    """Bulk density and number density, frame by frame."""
    volumes = np.array([abs(np.linalg.det(frame.box)) for frame in frames])
    mass, atoms = frames.framework.mass_amu, frames.framework.n_atoms
    return [over_frames("density", "bulk density", "g/cm³", mass / volumes * AMU_PER_CUBIC_ANGSTROM_TO_G_CM3),
            over_frames("number_density", "number density", "atoms/Å³", atoms / volumes)]


def _scattering_rows(scattering: ScatteringResult, agreements: Sequence[Agreement]) -> list[Quantity]:
    basis = f"{scattering.n_frames} frame{'s' if scattering.n_frames > 1 else ''} together"
    rows = [Quantity("highest_s_low_q", "highest X-ray S(Q), 0.45–3 Å⁻¹", "",
                     scattering.xray.highest_at_low_q, basis=basis)]
    return rows + [Quantity(f"r_w_{a.measured.kind}_{a.measured.source}", f"R_w, {a.measured.kind} {a.measured.source}",
                            "", a.r_w, basis=f"{len(a.x)} points, scale {a.scale:.3g}") for a in agreements]
