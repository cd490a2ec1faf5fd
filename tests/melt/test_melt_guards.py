"""A melt that becomes unphysical stops, says why in a sentence, and leaves its last good checkpoint to go on from."""

import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from zifsim.crystals.load import load_framework
from zifsim.errors import InputError, RunInterrupted, SimulationError
from zifsim.io.files import read_json
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.xyz import read_framework, write_framework
from zifsim.melt.glass import called
from zifsim.melt.program import melt_program
from zifsim.melt.result import verdict
from zifsim.melt.run import MeltSettings, run_melt
from zifsim.model.forcefield import MeltForceField
from zifsim.model.framework import Framework
from zifsim.model.schedule import Segment, TemperatureProgram
from zifsim.runs import stopping
from zifsim.runs.progress import Event

HOLD = TemperatureProgram("hold", (Segment("hold", 300.0, 300.0, 0.2, "NVT"),), 1.0)
SETTINGS = MeltSettings(platform="CPU", cpu_threads=1, state_interval_ps=0.02, checkpoint_interval_ps=0.05)


@pytest.fixture(scope="module")
def zif8() -> Framework:
    return load_framework("ZIF-8")


def stop_at_the_first_row(event: Event) -> None:
    if event.values and not stopping.asked():
        os.kill(os.getpid(), signal.SIGUSR1)


@pytest.fixture(scope="module")
def forcefield() -> MeltForceField:
    return load_melt_forcefield("nb-ZIF-FF-s")


@pytest.mark.parametrize(("limit", "value", "says"), [
    ("MIN_ZN_ZN", 6.5, r"two Zn have come as close as 5\.\d+ Å \(fused\)"),
    ("LONGEST_BOND", 0.9, r"linker bond between atoms \d+ and \d+ has stretched to \d\.\d\d Å \(broken\)"),
])
def test_an_unphysical_run_keeps_its_last_checkpoint_and_can_go_on(
        zif8: Framework, forcefield: MeltForceField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str,
        value: float, says: str) -> None:
    """The limits are tightened here until a sound configuration breaks them; then they are put back."""
    with pytest.raises(RunInterrupted), stopping.stoppable():
        run_melt(zif8, forcefield, HOLD, SETTINGS, tmp_path, stop_at_the_first_row)
    kept = (tmp_path / "checkpoint.json").read_bytes()
    step = read_json(tmp_path / "checkpoint.json")["step"]
    with monkeypatch.context() as tight:
        tight.setattr(f"zifsim.melt.observe.{limit}", value)
        with pytest.raises(SimulationError, match=says) as caught:
            run_melt(zif8, forcefield, HOLD, SETTINGS, tmp_path)
    assert f"The last good checkpoint, of step {step}, is kept" in str(caught.value)
    assert (tmp_path / "checkpoint.json").read_bytes() == kept
    assert run_melt(zif8, forcefield, HOLD, SETTINGS, tmp_path).n_steps == 200


def test_a_cell_that_shrinks_below_twice_the_cut_off_stops_the_run(zif8: Framework, forcefield: MeltForceField,
                                                                   tmp_path: Path) -> None:
    press = TemperatureProgram("press", (Segment("press", 300.0, 300.0, 2.0, "NPT", 50_000.0),), 1.0)
    with pytest.raises(SimulationError, match="cell has become too small for the cut-off") as caught:
        run_melt(zif8, forcefield, press, replace(SETTINGS, cutoff_angstrom=8.45), tmp_path)
    assert "larger cell" in str(caught.value)
    kept = re.search(r"of step (\d+), is kept", str(caught.value))
    assert kept is not None
    assert int(kept.group(1)) == read_json(tmp_path / "checkpoint.json")["step"]


def test_a_collision_ends_in_one_sentence(zif8: Framework, forcefield: MeltForceField, tmp_path: Path) -> None:
    wild = TemperatureProgram("wild", (Segment("hold", 1500.0, 1500.0, 5.0, "NVT"),), 5.0)
    with pytest.raises(SimulationError, match=r"stopped at step \d+ \(segment 'hold', 1500 K\): .*\. (The last good "
                                              "checkpoint|There is no checkpoint)"):
        run_melt(zif8, forcefield, wild, SETTINGS, tmp_path)


@pytest.mark.parametrize(("limit", "value", "says"), [
    ("observe.MIN_ZN_ZN", 6.5, "fused"), ("dynamics.RUNAWAY", 0.1, "temperature has run away to"),
    ("dynamics.COLLAPSED", 1.5, "cell has collapsed to 1 of"), ("dynamics.BURST", 0.5, "cell has burst to 1 of")])
def test_a_start_that_is_unphysical_says_that_there_is_no_checkpoint(
        zif8: Framework, forcefield: MeltForceField, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str,
        value: float, says: str) -> None:
    monkeypatch.setattr(f"zifsim.melt.{limit}", value)
    with pytest.raises(SimulationError, match=rf"stopped at step 0 .*{says}.*There is no checkpoint yet"):
        run_melt(zif8, forcefield, HOLD, SETTINGS, tmp_path)
    assert not (tmp_path / "melt.json").exists()


def test_what_kept_more_than_half_of_its_bonds_is_not_called_a_glass() -> None:
    assert verdict(0.5, True) == "melted"
    assert verdict(0.72, True) == "not melted: 72 % of the crystal's Zn–N bonds kept"
    assert verdict(1.0, False).endswith("which this force field cannot break")


def test_name_and_source_say_whether_it_is_a_glass(zif8: Framework, forcefield: MeltForceField, tmp_path: Path) -> None:
    """So that what is read from its file alone says it too."""
    glass, crystal = called(zif8, 0.1, forcefield), called(zif8, 0.92, forcefield)
    assert (glass.name, crystal.name) == ("ZIF-8 glass", "ZIF-8 not melted")
    assert "; melted and quenched with nb-ZIF-FF-s" in glass.source
    assert "; heated and cooled with nb-ZIF-FF-s" in crystal.source
    assert crystal.source.endswith("; not melted: 92 % of the crystal's Zn–N bonds kept")
    write_framework(tmp_path / "glass.extxyz", crystal)
    read = read_framework(tmp_path / "glass.extxyz")
    assert (read.name, read.source) == (crystal.name, crystal.source)
    annealed = called(glass, 0.9, forcefield)           # of a glass: its own bonds
    assert annealed.name == "ZIF-8 glass"
    assert "not melted" not in annealed.source


def test_a_linker_that_the_force_field_does_not_know_is_named(zif8: Framework, forcefield: MeltForceField,
                                                              tmp_path: Path) -> None:
    poor = replace(forcefield, name="poor", atoms={k: v for k, v in forcefield.atoms.items() if k not in ("C3", "H3")})
    with pytest.raises(InputError, match=r"poor does not know the atom types C3, H3 \(in mIm\)"):
        run_melt(zif8, poor, HOLD, SETTINGS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_program_hotter_than_tested_starts_nothing(zif8: Framework, forcefield: MeltForceField,
                                                     tmp_path: Path) -> None:
    with pytest.raises(InputError, match="tested only up to 1500 K"):
        run_melt(zif8, forcefield, melt_program("paper", melt_temperature_k=1600), SETTINGS, tmp_path / "out")
    assert not (tmp_path / "out").exists()
