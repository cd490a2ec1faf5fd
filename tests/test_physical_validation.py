"""Both engines sample the ensembles they name, judged by physical_validation in standard deviations.

Two runs at neighbouring states have distributions whose log ratio is a line of known slope (Shirts, J. Chem. Theory
Comput. 2013, 9, 909, doi:10.1021/ct300688p); kinetic energies have the mean and width of Maxwell and Boltzmann
(Merz & Shirts, PLoS ONE 2018, 13, e0202764, doi:10.1371/journal.pone.0202764). A wrong thermostat, pressure or
acceptance changes the slope. Four standard deviations are allowed: a right program is farther off once in 16,000.
"""

import math
from functools import cache

import numpy as np
import openmm
import pytest
from openmm import unit

from zifsim.crystals.load import load_framework
from zifsim.gcmc.sampling import advance, new_run
from zifsim.gcmc.settings import GCMCSettings
from zifsim.gcmc.system import make_system
from zifsim.io.adsorption import assign_charges, load_adsorption_forcefield, load_charge_set
from zifsim.io.guests import load_guest
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.context import degrees_of_freedom, open_context, set_temperatures
from zifsim.melt.platform import choose_platform
from zifsim.melt.settings import MeltSettings
from zifsim.melt.system import MeltSystem, build_model
from zifsim.model.schedule import Segment
from zifsim.units import GAS_CONSTANT

pytestmark = pytest.mark.slow
SIGMAS = 4.0
TIMESTEP_FS, STEPS_A_SAMPLE = 1.0, 20
SETTINGS = MeltSettings(platform="CPU", cpu_threads=1)
KB = GAS_CONSTANT * 1e-3        # kJ/mol/K


def units():
    import physical_validation

    return physical_validation.data.UnitData.units("GROMACS")       # kJ/mol, nm, nm³, K, bar, ps


@cache
def model() -> MeltSystem:
    """ZIF-8 in the dissociable force field of the melts: rigid dummies, virtual sites, molecules of their own."""
    return build_model(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"))


@cache
def melt_run(kelvin: float, pressure_bar: float | None, n_samples: int):
    """Potential and kinetic energies (kJ/mol) and volumes (nm³) of a hold with the melt engine's own context."""
    segment = Segment("hold", kelvin, kelvin, 1.0, "NVT" if pressure_bar is None else "NPT", pressure_bar or 1.0)
    context = open_context(model(), segment, SETTINGS, TIMESTEP_FS, choose_platform("CPU", cpu_threads=1), None, 0)
    set_temperatures(context, segment, kelvin, kelvin)
    context.setVelocitiesToTemperature(kelvin, 1)
    context.getIntegrator().step(5000)
    rows = []
    for _ in range(n_samples):
        context.getIntegrator().step(STEPS_A_SAMPLE)
        state = context.getState(getEnergy=True)
        rows.append([x.value_in_unit(unit.kilojoule_per_mole) for x in (
            state.getPotentialEnergy(), state.getKineticEnergy())] + [state.getPeriodicBoxVolume()._value])
    return np.array(rows).T


def simulation(ensemble: str, kelvin: float, pressure_bar: float | None, n_samples: int):
    import physical_validation as pv

    potential, kinetic, volume = melt_run(kelvin, pressure_bar, n_samples)
    system: openmm.System = model().system
    state = {"NVT": {"volume": float(volume[0])}, "NPT": {"pressure": pressure_bar}}[ensemble]
    n_atoms = sum(system.getParticleMass(p)._value > 0.0 for p in range(system.getNumParticles()))
    return pv.data.SimulationData(
        units=units(),
        ensemble=pv.data.EnsembleData(ensemble, natoms=n_atoms, temperature=kelvin, **state),
        system=pv.data.SystemData(natoms=n_atoms, nconstraints=3 * n_atoms - degrees_of_freedom(system),
                                  ndof_reduction_tra=0, ndof_reduction_rot=0),
        observables=pv.data.ObservableData(potential_energy=potential, kinetic_energy=kinetic, volume=volume,
                                           total_energy=potential + kinetic))


def test_kinetic_energies_of_a_melt_are_those_of_maxwell_and_boltzmann():
    import physical_validation as pv

    off = pv.kinetic_energy.distribution(simulation("NVT", 300.0, None, 2000), verbosity=0, bootstrap_seed=1)
    assert max(map(abs, off)) < SIGMAS, f"mean and width are off by {off} sigma"


def test_potential_energies_of_two_temperatures_have_the_ratio_of_boltzmann_factors():
    import physical_validation as pv

    off = pv.ensemble.check(simulation("NVT", 300.0, None, 2000), simulation("NVT", 325.0, None, 2000), verbosity=0,
                            bootstrap_seed=1)
    assert max(map(abs, off)) < SIGMAS, f"off by {off} sigma"


def test_volumes_of_two_pressures_have_the_ratio_of_their_work():
    import physical_validation as pv

    off = pv.ensemble.check(simulation("NPT", 300.0, 1.0, 2500), simulation("NPT", 300.0, 1200.0, 2500), verbosity=0,
                            bootstrap_seed=1)
    assert max(map(abs, off)) < SIGMAS, f"off by {off} sigma"


@cache
def adsorption():
    """CO2 in eight cells of ZIF-8, with Ewald sums and biased insertions."""
    framework = assign_charges(load_framework("ZIF-8"), load_charge_set("ZIF-FF"))
    settings = GCMCSettings(grid_spacing_angstrom=0.3, widom_insertions=0)
    return make_system(framework, load_guest("CO2"), load_adsorption_forcefield("PP"), 273.0, settings)


def sampled(fugacity_pa: float, seed: int, n_samples: int):
    """Numbers of molecules at a fugacity, and what physical_validation wants to know of the run.

    Chemical potentials are kT ln f: what is missing is common to both runs. Numbers are spread evenly over ±1/2, as the
    bins of physical_validation are narrower than a molecule; that flattens the slope by (1/12)/σ², a thousandth.
    """
    import physical_validation as pv

    system = adsorption()
    run, numbers = new_run(system, seed), np.zeros(n_samples)
    advance(system, run, [fugacity_pa], 150_000)
    for k in range(n_samples):
        advance(system, run, [fugacity_pa], 400)
        numbers[k] = run.walker.total[0]
    numbers += np.random.default_rng(seed).uniform(-0.5, 0.5, n_samples)
    mu = KB * system.temperature_k * math.log(fugacity_pa)
    return pv.data.SimulationData(
        units=units(),
        ensemble=pv.data.EnsembleData("muVT", mu=mu, volume=system.volume * 1e-3, temperature=system.temperature_k),
        observables=pv.data.ObservableData(number_of_species=numbers, potential_energy=np.zeros(n_samples)))


def test_numbers_of_molecules_at_two_fugacities_have_the_ratio_of_their_activities():
    import physical_validation as pv

    off = pv.ensemble.check(sampled(1.0e5, 1, 2500), sampled(1.3e5, 2, 2500), verbosity=0, bootstrap_seed=1)
    assert max(map(abs, off)) < SIGMAS, f"off by {off} sigma"
