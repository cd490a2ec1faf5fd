"""Settings of a melt run, beyond its temperature program."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from zifsim import limits
from zifsim.limits import Limits
from zifsim.melt.system import DEFAULT_CUTOFF

# Fields that change how fast a run goes or how often it reports, not what comes out.
NOT_PHYSICS = {"platform", "precision", "cpu_threads", "device", "checkpoint_interval_ps"}

LIMITS = {
    "seed": limits.SEED,
    "cpu_threads": limits.SOME_THREADS,
    "cutoff_angstrom": limits.CUTOFF,
    "ewald_tolerance": Limits(1e-12, 0.1),
    "friction_per_ps": Limits(1e-3, 1e3, "/ps"),
    "barostat_interval": Limits(1, 10**6, whole=True),
    "update_steps": Limits(1, 20, whole=True),      # the set point must follow the program
    "state_interval_ps": limits.SOME_DURATION,
    "frame_interval_ps": limits.SOME_DURATION,
    "checkpoint_interval_ps": limits.SOME_DURATION,
}
CPU_CHECKPOINT_PS, GPU_CHECKPOINT_PS = 2.0, 50.0


@dataclass(frozen=True, slots=True)
class MeltSettings:
    """Settings of :func:`zifsim.melt.run.run_melt`.

    seed: of velocities, thermostat and barostat. platform, precision, cpu_threads, device: see
    :func:`zifsim.melt.platform.choose_platform`. cutoff_angstrom: of pair forces, must stay under half the
    cell. tail_correction: of Lennard-Jones beyond it (:func:`zifsim.melt.system.build_model`). ewald_tolerance:
    PME error tolerance. friction_per_ps: of the Langevin thermostat, whose bath is set ahead on ramps
    (:func:`zifsim.melt.program.bath_temperature`). barostat_interval: steps between volume
    moves. update_steps: steps between changes of the set point (10 at 100 K/ps and 1 fs is 1 K).
    state_interval_ps, frame_interval_ps: between rows of state.csv and frames. checkpoint_interval_ps: what a
    kill can cost; None is 2 ps on a CPU and 50 ps on a GPU (seconds to a minute in both cases, against 0.1 to
    2 s for opening the next stretch).
    """

    seed: int = 1
    platform: str = "auto"
    precision: str = "mixed"
    cpu_threads: int | None = None
    device: str | None = None
    cutoff_angstrom: float = DEFAULT_CUTOFF
    tail_correction: bool = True
    ewald_tolerance: float = 5e-4
    friction_per_ps: float = 10.0
    barostat_interval: int = 15
    update_steps: int = 10
    state_interval_ps: float = 0.1
    frame_interval_ps: float = 0.5
    checkpoint_interval_ps: float | None = None

    def __post_init__(self) -> None:
        for name, bounds in LIMITS.items():
            value = getattr(self, name)
            if value is not None or name not in ("cpu_threads", "checkpoint_interval_ps"):
                bounds.check(value, f"melt settings: {name}")

    def physics(self) -> dict[str, Any]:
        """The settings that decide the outcome."""
        values = {k: v for k, v in asdict(self).items() if k not in NOT_PHYSICS}
        if not self.tail_correction:    # said only where it is on: runs begun before there was a choice go on
            del values["tail_correction"]
        return values

    def steps(self, interval_ps: float, timestep_fs: float) -> int:
        """An interval in steps, as a multiple of ``update_steps``."""
        return self.update_steps * max(1, round(interval_ps * 1000.0 / timestep_fs / self.update_steps))

    def checkpoint_steps(self, on_gpu: bool, timestep_fs: float) -> int:
        """Steps between checkpoints; they decide where random streams begin anew, so a run keeps its own."""
        interval_ps = self.checkpoint_interval_ps or (GPU_CHECKPOINT_PS if on_gpu else CPU_CHECKPOINT_PS)
        return self.steps(interval_ps, timestep_fs)
