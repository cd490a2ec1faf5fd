"""Melt job: one melt-quench run in a results folder of its own, claimed, recorded and DONE only when whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zifsim.melt.checkpoint import STATE_TABLE
from zifsim.melt.result import GLASS, RESULT, MeltResult
from zifsim.melt.run import MeltSettings, prepare_melt, read_finished
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.schedule import TemperatureProgram
from zifsim.report.melt import write_melt_page
from zifsim.runs.devices import gpu_lease
from zifsim.runs.digest import digest, plain
from zifsim.runs.folder import Claim, finished_outputs
from zifsim.runs.progress import Report, silent

KIND = "melt"
# What DONE vouches for. Page and picture can be drawn anew, the trajectory stays behind where results are bundled.
OUTPUTS = (GLASS, RESULT, STATE_TABLE)


@dataclass(frozen=True, slots=True)
class MeltJob:
    """A framework, what moves its atoms, and the temperature program it goes through."""

    framework: Framework
    forcefield: MeltForceField
    program: TemperatureProgram
    settings: MeltSettings

    @property
    def config(self) -> dict[str, Any]:
        """What decides the outcome, beside structure and parameters; platform, threads and device do not."""
        return {"forcefield": self.forcefield.name, "program": plain(self.program)} | self.settings.physics()

    @property
    def inputs_sha256(self) -> dict[str, str]:
        """Digests of structure and parameters as they were loaded."""
        return {"framework": self.framework.content_hash(), "forcefield": digest(self.forcefield)}

    @property
    def claim(self) -> Claim:
        """What its folder is known by."""
        fw = self.framework
        return Claim(KIND, f"melt of {fw.name}", self.config, self.inputs_sha256, self.settings.seed, beside={
            "structure": fw.name, "formula": fw.formula, "atoms": fw.n_atoms, "source": fw.source,
            "forcefield_description": self.forcefield.description, "can_break": self.forcefield.dissociable})


def run_melt_job(job: MeltJob, out: Path, report: Report = silent, part: str = "") -> MeltResult:
    """Run or continue a melt in ``out``, or read the result of a finished one; ``report`` as of ``run_melt``.

    Leaves ``config.json`` (first), ``record.json``, what :func:`zifsim.melt.run.run_melt` writes, ``melt.html``,
    ``melt.png`` and ``DONE`` (last).

    Raises
    ------
    InputError: ``out`` holds something else, is in use or cannot be written to, or the job does not fit together;
    nothing is changed then. SimulationError, RunInterrupted: as of ``run_melt``.
    """
    claim, parts = job.claim, (job.framework, job.forcefield, job.program, job.settings)
    claim.check(out)
    if finished_outputs(out) is not None:       # nothing to prepare for, and no GPU to wait for
        return read_finished(*parts, out, report, part)
    with gpu_lease(job.settings.platform):
        melt = prepare_melt(*parts, report, part)

        def run() -> MeltResult:
            return melt.run(out, report)

        def write(result: MeltResult, started: str) -> None:
            write_melt_page(out)

        return claim.run(out, OUTPUTS, work=run, write=write,
                         read=lambda: read_finished(*parts, out, report, part), platform=melt.choice.note)
