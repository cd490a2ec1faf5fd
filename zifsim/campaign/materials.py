"""Materials: the structural models that stages are planned for, and the parameters of what is adsorbed in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zifsim.campaign.stagefolder import parameter_digests
from zifsim.model.framework import Framework

if TYPE_CHECKING:
    from zifsim.campaign.study import GasRun
    from zifsim.model.forcefield import AdsorptionForceField, ChargeSet
    from zifsim.model.guest import GuestModel


@dataclass(frozen=True, slots=True)
class StructuralModel:
    """A structural model of a material: the stage that makes its framework, and the cell it (roughly) has."""

    material: str
    configuration: str
    kind: str
    stage: str
    cell: Framework
    file: str = "framework.extxyz"


@dataclass(frozen=True, slots=True)
class Adsorption:
    """The force field and charges of the adsorption runs, and for each gas its run and its guest."""

    forcefield: AdsorptionForceField
    charges: ChargeSet
    gases: tuple[tuple[GasRun, GuestModel], ...]
    _digests: dict[int, dict[str, str]] = field(default_factory=dict, repr=False)
    _seen: dict[int, Framework] = field(default_factory=dict, repr=False)

    def parameters(self, guest: GuestModel) -> dict[str, Any]:
        """Of one gas's stages, by value."""
        return {"forcefield": self.forcefield, "charges": self.charges, "guest": guest}

    def is_new(self, cell: Framework) -> bool:
        """True the first time that a cell is seen: replicas share theirs, which is checked but once."""
        new = id(cell) not in self._seen
        self._seen[id(cell)] = cell
        return new

    def digests(self, guest: GuestModel) -> dict[str, str]:
        """sha256 of each of :meth:`parameters`; reckoned once for all stages of a gas."""
        if id(guest) not in self._digests:      # those of ``gases``, which live as long as this does
            self._digests[id(guest)] = parameter_digests(self.parameters(guest))
        return self._digests[id(guest)]
