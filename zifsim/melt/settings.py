"""How a melt is run, beyond its temperature program."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from zifsim.errors import InputError
from zifsim.melt.system import DEFAULT_CUTOFF

# Fields that change how fast a run goes or how often it reports, not what comes out.
NOT_PHYSICS = {"platform", "precision", "cpu_threads", "device", "checkpoint_interval_s"}


@dataclass(frozen=True, slots=True)
class MeltSettings:
    """Settings of :func:`zifsim.melt.run.run_melt`.

    seed: of velocities, thermostat and barostat. platform, precision, cpu_threads, device: see
    :func:`zifsim.melt.platform.choose_platform`. cutoff_angstrom: of pair forces, must stay under half the
    cell. ewald_tolerance: PME error tolerance. friction_per_ps: of the Langevin thermostat (on a ramp the
    temperature lags by rate/friction: 22 K measured at 100 K/ps; at constant set point it agrees within 0.5
    %, with and without barostat). barostat_interval: steps between volume moves. update_steps: steps
    between changes of the set point (20 at 100 K/ps and 0.5 fs is 1 K). state_interval_ps,
    frame_interval_ps: between rows of state.csv and frames. checkpoint_interval_s: wall time that a kill
    can cost.
    """

    seed: int = 1
    platform: str = "auto"
    precision: str = "mixed"
    cpu_threads: int | None = None
    device: str | None = None
    cutoff_angstrom: float = DEFAULT_CUTOFF
    ewald_tolerance: float = 5e-4
    friction_per_ps: float = 5.0
    barostat_interval: int = 25
    update_steps: int = 20
    state_interval_ps: float = 0.1
    frame_interval_ps: float = 0.5
    checkpoint_interval_s: float = 20.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, int | float) and item.name != "seed" and value <= 0:
                raise InputError(f"melt settings: {item.name} is {value:g}; it must be > 0.")
        if self.seed < 0:
            raise InputError(f"melt settings: seed is {self.seed}; it must not be negative.")
        if self.update_steps > 20:
            raise InputError(f"melt settings: update_steps is {self.update_steps}; the set point must follow "
                             "the program at least every 20 steps.")

    def physics(self) -> dict[str, Any]:
        """The settings that decide the outcome."""
        return {k: v for k, v in asdict(self).items() if k not in NOT_PHYSICS}

    def steps(self, interval_ps: float, timestep_fs: float) -> int:
        """An interval in steps, as a multiple of ``update_steps``."""
        return self.update_steps * max(1, round(interval_ps * 1000.0 / timestep_fs / self.update_steps))
