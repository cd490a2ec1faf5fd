"""A temperature program: what the thermostat and barostat are told at every step of a melt."""

from __future__ import annotations

from dataclasses import dataclass

# How a glass is made where nobody says otherwise: in every command, study and script, and for the shipped glasses.
# At 1 bar the liquid boils at 1500 K, so it is made at constant volume; a shorter hold leaves bonds of the crystal.
DEFAULT_PROGRAM = "dense"
HOLD_PS = 150.0
QUENCH_RATE_K_PER_PS = 10.0
ANNEAL_PS = 80.0
EQUILIBRATE_PS = 20.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A linear ramp (or a hold, where both temperatures agree).

    ``ensemble`` is ``NPT`` or ``NVT``; ``barostat`` is ``isotropic`` or ``anisotropic`` (NPT only).
    """

    name: str
    from_k: float
    to_k: float
    duration_ps: float
    ensemble: str = "NPT"
    pressure_bar: float = 1.0
    barostat: str = "isotropic"

    @property
    def rate_k_per_ps(self) -> float:
        """Signed heating rate, K/ps."""
        return (self.to_k - self.from_k) / self.duration_ps


@dataclass(frozen=True, slots=True)
class TemperatureProgram:
    """Segments run one after another; time is counted in integrator steps of ``timestep_fs``."""

    name: str
    segments: tuple[Segment, ...]
    timestep_fs: float

    def steps_of(self, segment: Segment) -> int:
        """Number of integrator steps of a segment (at least one)."""
        return max(1, round(segment.duration_ps * 1000.0 / self.timestep_fs))

    @property
    def n_steps(self) -> int:
        return sum(self.steps_of(s) for s in self.segments)

    @property
    def duration_ps(self) -> float:
        return self.n_steps * self.timestep_fs / 1000.0

    def locate(self, step: int) -> tuple[int, int]:
        """(segment index, steps already done inside it) at a global step; the end maps to the last segment."""
        done = step
        for index, segment in enumerate(self.segments):
            steps = self.steps_of(segment)
            if done < steps:
                return index, done
            done -= steps
        return len(self.segments) - 1, self.steps_of(self.segments[-1])

    def temperature_at(self, step: int) -> float:
        """Set-point temperature at a global step, K: a pure function of the program and the step."""
        index, done = self.locate(step)
        segment = self.segments[index]
        return segment.from_k + (segment.to_k - segment.from_k) * done / self.steps_of(segment)
