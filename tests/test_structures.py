"""One name is one structure: in every command, with its origin said."""

from pathlib import Path

import numpy as np
import pytest

from zifsim.campaign.plan import make_plan
from zifsim.campaign.study import study_from_dict
from zifsim.crystals.crystal import open_crystal
from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.io.xyz import read_framework, write_framework
from zifsim.runs.progress import Event
from zifsim.structures import RELAX_FORCEFIELD, load_structure, prepared, relaxed_path


@pytest.mark.parametrize("bim_per_cell", [3, 4])
def test_relaxed_cells_travel_for_every_arrangement(bim_per_cell: int) -> None:
    """A change of what they are made from asks for `make relaxed-cells`."""
    forcefield = load_melt_forcefield(RELAX_FORCEFIELD)
    for cell in open_crystal("ZIF-62").order("all", bim_per_cell):
        assert relaxed_path(cell, forcefield).is_file(), f"{cell.name}: run `make relaxed-cells`"


def test_shared_sites_are_relaxed_and_measured_ones_kept() -> None:
    mixed, plain = load_structure("ZIF-62"), load_structure("ZIF-8")
    assert mixed.name == "ZIF-62-bIm3-A"
    assert mixed.source.endswith("relaxed with ZIF-FF")
    assert np.abs(mixed.positions - load_framework("ZIF-62").positions).max() > 0.05
    assert plain.content_hash() == load_framework("ZIF-8").content_hash()


def test_what_is_unusual_stands_in_the_name() -> None:
    assert load_structure("ZIF-62", relax=False).name == "ZIF-62-bIm3-A-unrelaxed"


def test_a_file_of_one_ordered_cell_is_taken_as_it_stands(tmp_path: Path) -> None:
    made = load_structure("ZIF-62")
    write_framework(tmp_path / "z.extxyz", made)
    assert load_structure(tmp_path / "z.extxyz").content_hash() == made.content_hash()


def test_a_supercell_is_that_of_the_relaxed_cell() -> None:
    one, two = load_structure("ZIF-62"), load_structure("ZIF-62", supercell=(1, 1, 2))
    assert np.array_equal(two.positions[:one.n_atoms], one.positions)


def test_where_the_force_field_lacks_a_term_the_cell_stays_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise InputError("Force field ZIF-FF has no term for bond Zn–X.")

    monkeypatch.setattr("zifsim.melt.relax.relax_framework", refuse)
    monkeypatch.setattr("zifsim.structures.PHYSICS", {"relax": -1})
    crystal, events = open_crystal("ZIF-62"), list[Event]()
    cell = prepared(crystal.order()[0], crystal, report=events.append)
    assert cell.name.endswith("-unrelaxed")
    assert "not relaxed: Force field ZIF-FF has no term" in cell.source
    assert next(e.message for e in events if e.kind == "note").startswith("ZIF-62-bIm3-A is not relaxed")
    with pytest.raises(InputError, match="no term"):
        prepared(crystal.order()[0], crystal, relax=True)


def test_a_study_and_a_command_have_the_same_cell() -> None:
    gas = {"gas": "CH4", "temperature_k": 273.0, "pressures_bar": [1.0]}

    def relax_stages(**material: object) -> list:
        study = study_from_dict({"study": {"name": "s"}, "materials": {"Z": {"structure": "ZIF-62", **material}},
                                 "gcmc": {"gases": [gas]}}, "s.toml")
        return [(s.kind, s.config.get("forcefield"), s.config.get("framework_name")) for s in make_plan(study)
                if s.kind in ("build", "relax")]

    assert relax_stages() == [("build", None, None), ("relax", "ZIF-FF", None)]
    assert relax_stages(relax_with="none") == [("build", None, "ZIF-62-bIm3-A-unrelaxed")]


@pytest.mark.slow
def test_the_cell_that_travels_is_what_is_made_here() -> None:
    from zifsim.melt.relax import relax_framework

    cell, forcefield = load_framework("ZIF-62"), load_melt_forcefield(RELAX_FORCEFIELD)
    shipped = read_framework(relaxed_path(cell, forcefield))
    made = relax_framework(cell, forcefield)
    assert np.abs(made.minimum_image(made.positions - shipped.positions)).max() < 0.005


def test_a_glass_is_made_alike_wherever_nobody_says_otherwise() -> None:
    """Command, function, study, engine and the recipe of the shipped glasses."""
    import inspect
    import tomllib

    import zifsim
    from zifsim.campaign.study import Melt
    from zifsim.cli.melt import melt as command
    from zifsim.io.resources import data_folder
    from zifsim.melt.program import melt_program
    from zifsim.melt.settings import MeltSettings

    recipe = tomllib.loads((data_folder("structures") / "glasses" / "glasses.toml").read_text(encoding="utf-8"))
    study = Melt()
    expected = {"program": "dense", "hold_ps": recipe["program"]["dense"]["hold_ps"],
                "anneal_ps": recipe["program"]["dense"]["anneal_ps"],
                "equilibrate_ps": recipe["program"]["equilibrate_ps"], "tail_correction": recipe["tail_correction"]}
    assert {name: getattr(study, name) for name in expected} == expected
    assert study.quench_rate_k_per_ps == recipe["program"]["quench_rate_k_per_ps"]
    assert MeltSettings().tail_correction == expected["tail_correction"]
    for function in (command, zifsim.melt, melt_program):
        for name, parameter in inspect.signature(function).parameters.items():
            key = {"preset_or_file": "program", "quench_rate": "quench_rate_k_per_ps"}.get(name, name)
            if key in type(study).model_fields and key in (*expected, "quench_rate_k_per_ps"):
                assert parameter.default == getattr(study, key), f"{function.__name__}: {name}"
    flagship = tomllib.loads((data_folder("workflows") / "flux_melting.toml").read_text(encoding="utf-8"))["melt"]
    assert {name: flagship[name] for name in ("program", "hold_ps", "anneal_ps", "tail_correction")} == {
        name: expected[name] for name in ("program", "hold_ps", "anneal_ps", "tail_correction")}
