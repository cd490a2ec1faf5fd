"""Force fields as parameters only: one kind for the melt (flexible), one for adsorption (rigid host)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AtomType:
    """Nonbonded parameters of a melt atom type: charge e, ε kJ/mol, σ Å, mass amu (None: the element's)."""

    name: str
    charge_e: float
    epsilon_kj_mol: float
    sigma_angstrom: float
    source: str
    mass_amu: float | None = None


@dataclass(frozen=True, slots=True)
class BondTerm:
    """E = k (r − r0)², k in kJ/mol/Å², r0 in Å."""

    types: tuple[str, str]
    k: float
    r0: float
    source: str


@dataclass(frozen=True, slots=True)
class AngleTerm:
    """E = k (θ − θ0)² + k_ub (r13 − r_ub)²; k in kJ/mol/rad², θ0 in degrees, k_ub in kJ/mol/Å², r_ub in Å."""

    types: tuple[str, str, str]
    k: float
    theta0: float
    k_ub: float
    r_ub: float
    source: str


@dataclass(frozen=True, slots=True)
class DihedralTerm:
    """E = k [1 + cos(nφ − d)], k in kJ/mol, d in degrees."""

    types: tuple[str, str, str, str]
    k: float
    n: int
    phase: float
    source: str


@dataclass(frozen=True, slots=True)
class ImproperTerm:
    """E = k [1 − cos 2χ], k in kJ/mol; ``outer`` as three types, ``last`` the one put fourth."""

    centre: str
    outer: tuple[str, str, str]
    last: str
    k: float
    source: str


@dataclass(frozen=True, slots=True)
class MorsePair:
    """E = D [exp(−2α(r−r0)) − 2 exp(−α(r−r0))] between Zn and N, in place of LJ; D kJ/mol, α 1/Å, r0 Å."""

    depth_kj_mol: float
    alpha: float
    r0: float
    source: str


@dataclass(frozen=True, slots=True)
class ZincWall:
    """E = k (r0 − r)² for Zn–Zn closer than r0, else 0; k in kJ/mol/Å², r0 in Å."""

    k: float
    r0: float
    source: str


@dataclass(frozen=True, slots=True)
class MeltForceField:
    """A flexible force field for ZIFs.

    ``dissociable`` models carry dummy sites on Zn (type He) and N (type Ne) and a Morse Zn–N pair, so the Zn–N
    bond can break; bonded ones list Zn–N bonds among ``bonds`` and cannot melt.
    """

    name: str
    description: str
    dissociable: bool
    atoms: Mapping[str, AtomType]
    bonds: tuple[BondTerm, ...]
    angles: tuple[AngleTerm, ...]
    dihedrals: tuple[DihedralTerm, ...]
    impropers: tuple[ImproperTerm, ...]
    lj_14: float
    coulomb_14: float
    morse: MorsePair | None
    zinc_wall: ZincWall | None
    soft_epsilon_kj_mol: float
    soft_sigma_angstrom: float
    max_tested_temperature_k: float
    source: str


@dataclass(frozen=True, slots=True)
class LennardJones:
    """ε/k_B in K and σ in Å of one element (or atom type), with its source."""

    epsilon_k: float
    sigma_angstrom: float
    source: str


@dataclass(frozen=True, slots=True)
class AdsorptionForceField:
    """Lennard-Jones parameters of the framework, by element or by atom type (types win)."""

    name: str
    description: str
    atoms: Mapping[str, LennardJones]
    source: str


@dataclass(frozen=True, slots=True)
class ChargeSet:
    """Framework charges by atom type (e), for the rigid host of adsorption."""

    name: str
    description: str
    charges: Mapping[str, float]
    source: str
