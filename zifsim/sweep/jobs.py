"""Jobs of a sweep. A job is known by what it computes, so its id never depends on the rest of the sweep.

A job's key is a hash of its configuration, of the version of the physics and of the keys of the jobs it takes its
inputs from; its id, which is also its folder, ends in eight digits of the key. Keys are known before anything has run,
a grown sweep finds the finished jobs of the smaller one, and seeds derive from the sweep's seed and the job's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from zifsim.campaign import estimate
from zifsim.campaign.materials import StructuralModel
from zifsim.campaign.plan import crystal_stages, gcmc_stages, load_adsorption, melt_stages
from zifsim.campaign.stage import Stage
from zifsim.campaign.stagefolder import StageFolder, seed_of
from zifsim.campaign.stages import program_from
from zifsim.errors import InputError
from zifsim.runs.digest import plain
from zifsim.runs.folder import content_key
from zifsim.sweep.axes import Sweep, rate_label

KINDS = ("build", "relax", "melt", "pores", "gcmc")
PORES_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Job:
    """One job. ``id`` is its folder under the results folder; ``needs``: input -> (id of the job it is from, file).

    ``rate_k_per_ps``, ``configuration`` and ``replicate`` are its point on the axes, None where it serves several.
    ``seconds`` are estimated for one CPU thread, ``gpu_seconds`` for a GPU (0 where it uses none). ``parameters``:
    digest -> force field, charges or guest, of a job that was just planned.
    """

    id: str
    kind: str
    name: str
    key: str
    config: Mapping[str, Any]
    run: str
    needs: Mapping[str, tuple[str, str]]
    seed: int | None
    seconds: float
    gpu_seconds: float
    megabytes: float
    size: str
    work: str
    rate_k_per_ps: float | None = None
    configuration: str | None = None
    replicate: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def folder(self, out: Path) -> StageFolder:
        """The job's folder under ``out``."""
        return StageFolder(out, self.kind, self.name, self.key)

    def to_dict(self) -> dict[str, Any]:
        """All but the parameters, which the jobs of a sweep share."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "parameters"}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Job:
        needs = {name: (source, file) for name, (source, file) in values["needs"].items()}
        return cls(**{**values, "needs": needs})


def plan_jobs(sweep: Sweep) -> list[Job]:
    """All jobs of a sweep, inputs before those that use them.

    Raises
    ------
    InputError, UnknownNameError: a structure, force field, charge set, program or gas that cannot be used.
    """
    shared: list[Stage] = []
    crystals = crystal_stages(sweep.crystal, sweep.crystals, shared)
    planned = _Planned()
    planned.add(shared)
    adsorption = load_adsorption(sweep.study.gcmc)
    for rate in sweep.axes.quench_rate_k_per_ps:
        study = sweep.at_rate(rate)
        for one in crystals:
            melts: list[Stage] = []
            models = melt_stages(study, sweep.glass, [one], melts, f"{rate_label(rate)}-")
            for replicate, (stage, model) in enumerate(zip(melts, models, strict=True), start=1):
                stages = [stage]
                if sweep.measure.pores:
                    stages.append(_pores_stage(model))
                gcmc_stages(study, adsorption, model, stages)
                planned.add(stages, rate_k_per_ps=rate, configuration=one.configuration, replicate=replicate)
    return sorted(planned.jobs.values(), key=lambda job: KINDS.index(job.kind))


def _pores_stage(model: StructuralModel) -> Stage:
    name = f"{model.material} {model.configuration}"
    return Stage("pores", name, {"material": model.material, "configuration": model.configuration},
                 "zifsim.sweep.stages:run_pores", needs={"framework": (model.stage, model.file)}, seconds=PORES_SECONDS,
                 size=f"{model.cell.n_atoms} atoms", work="pore diameters")


class _Planned:
    """Jobs by the id of their stage, in the order in which they came."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self._parameters: dict[str, Any] = {}       # digest -> force field, charges or guest as plain values

    def add(self, stages: Iterable[Stage], **point: Any) -> None:
        for stage in stages:
            if stage.id in self.jobs:
                raise InputError(f"The sweep asks for '{stage.id}' twice; name each configuration once.")
            inputs = {name: f"{self.jobs[source].key}/{file}" for name, (source, file) in stage.needs.items()}
            key = content_key(stage.kind, stage.config, inputs)
            self.jobs[stage.id] = Job(
                id=StageFolder(Path(), stage.kind, stage.name, key).relative, kind=stage.kind, name=stage.name,
                key=key, config=stage.config, run=stage.run,
                needs={name: (self.jobs[source].id, file) for name, (source, file) in stage.needs.items()},
                seed=seed_of(stage.config),
                seconds=stage.seconds, gpu_seconds=_gpu_seconds(stage), megabytes=stage.megabytes, size=stage.size,
                work=stage.work, parameters=self._parameters_of(stage), **point)

    def _parameters_of(self, stage: Stage) -> dict[str, Any]:
        """By their digests; jobs with the same ones share them."""
        named = stage.config.get("parameters_sha256", {})
        for name, sha256 in named.items():
            if sha256 not in self._parameters:
                self._parameters[sha256] = plain(stage.parameters[name])
        return {sha256: self._parameters[sha256] for sha256 in named.values()}


def _gpu_seconds(stage: Stage) -> float:
    if stage.kind != "melt":
        return 0.0
    steps = program_from(stage.config["program"]).n_steps
    particles = stage.seconds / (steps * estimate.MELT_SECONDS_PER_STEP_AND_PARTICLE)
    return estimate.gpu_melt_seconds(particles, steps)


def totals(jobs: Sequence[Job]) -> dict[str, float]:
    """Estimated ``cpu_hours`` without a GPU, ``gpu_hours`` of the melts, ``cpu_hours_beside_gpu``, ``gigabytes``."""
    return {"cpu_hours": sum(j.seconds for j in jobs) / 3600.0,
            "gpu_hours": sum(j.gpu_seconds for j in jobs) / 3600.0,
            "cpu_hours_beside_gpu": sum(j.seconds for j in jobs if not j.gpu_seconds) / 3600.0,
            "gigabytes": sum(j.megabytes for j in jobs) / 1000.0}
