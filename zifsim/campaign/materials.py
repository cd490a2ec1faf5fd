"""Materials: the structural models that stages are planned for, and the parameters of what is adsorbed in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

    def parameters(self, guest: GuestModel) -> dict[str, Any]:
        """Of one gas's stages, by value."""
        return {"forcefield": self.forcefield, "charges": self.charges, "guest": guest}
