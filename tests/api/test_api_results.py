"""What the door gives: the same from names and values, resumable with a folder; results that show themselves."""

import os
import re

import matplotlib
import pytest
from matplotlib.figure import Figure

import zifsim
from zifsim.model.shown import Drawn, Shown

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def methane(zif8, quick):
    return zifsim.isotherm(zif8, "CH4", pressures_bar=[1, 0.1], **quick)


@pytest.fixture(scope="module")
def carbon_dioxide(zif8, quick):
    return zifsim.isotherm(zif8, "CO2", pressures_bar=[0.1, 1], **quick)


def shown(result):
    """repr, frame and notebook of a result, each as it has to be."""
    assert isinstance(result, Shown)
    assert re.fullmatch(r"<[^\n]{10,200}>", repr(result))
    frame = result.to_frame()
    assert len(frame) > 0
    assert not frame.isin([None]).to_numpy().any() or frame.isna().to_numpy().any()
    html = result._repr_html_()
    assert html.startswith("<div>")
    assert html.count("<td") == html.count("</td>")
    return frame


def drawn(result, **options):
    """The axes that were drawn on: those given, or new ones."""
    assert isinstance(result, Drawn)
    ax = Figure().add_subplot()
    assert result.plot(ax, **options) is ax
    assert ax.has_data()
    mine = result.plot(**options)
    assert mine is not ax
    matplotlib.pyplot.close("all")
    return ax


def test_names_paths_and_values_are_the_same(tmp_path, zif8, quick, methane):
    from zifsim.io.xyz import write_framework

    write_framework(tmp_path / "my.extxyz", zif8)
    for structure, gas in (("ZIF-8", zifsim.gas("CH4")), (tmp_path / "my.extxyz", "CH4")):
        again = zifsim.isotherm(structure, gas, pressures_bar=[0.1, 1], **quick)
        assert again.points == methane.points


def test_charges_are_assigned_where_the_gas_needs_them(methane, carbon_dioxide):
    assert (methane.charges, carbon_dioxide.charges) == ("none", "ZIF-FF")
    assert zifsim.load("ZIF-8").charges is None
    assert zifsim.load("ZIF-8", charges="ZIF-FF").charges.sum() == pytest.approx(0.0, abs=1e-9)


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch, zif8, quick):
    monkeypatch.chdir(tmp_path)
    zifsim.isotherm(zif8, "CH4", pressures_bar=1, **quick)
    zifsim.henry(zif8, "CH4", insertions=1_000, grid_spacing_angstrom=0.4)
    assert os.listdir(tmp_path) == []


def test_with_a_folder_a_run_is_recorded_and_read_back(tmp_path, zif8, quick, methane):
    out = tmp_path / "methane"
    first = zifsim.isotherm(zif8, "CH4", pressures_bar=[0.1, 1], out=out, **quick)
    assert first.points == methane.points
    assert {"isotherm.json", "isotherm.csv", "record.json", "config.json", "DONE"} <= set(os.listdir(out))
    before = (out / "isotherm.json").stat().st_mtime_ns
    assert zifsim.isotherm(zif8, "CH4", pressures_bar=[0.1, 1], out=out, **quick).points == first.points
    assert (out / "isotherm.json").stat().st_mtime_ns == before
    with pytest.raises(zifsim.errors.InputError, match="holds another"):
        zifsim.isotherm(zif8, "CO2", out=out, **quick)
    more = zifsim.isotherm(zif8, "CH4", pressures_bar=[0.1, 1, 2], out=out, **quick)
    assert [p.loading_mol_kg for p in more.points[:2]] == [p.loading_mol_kg for p in first.points]
    with pytest.raises(zifsim.errors.InputError, match="CO2"):
        zifsim.iast([out, first], {"CH4": 0.5, "CO2": 0.5})


def test_an_isotherm_shows_itself(methane):
    frame = shown(methane)
    assert list(frame["pressure_pa"]) == [1e4, 1e5]
    assert frame["loading_ml_stp_g"].iloc[1] == pytest.approx(methane.points[1].loading_ml_stp_g)
    assert frame["p_over_p0"].isna().all()
    assert repr(methane) == "<Isotherm of CH4 in ZIF-8, 273 K: 2 pressures, 0.1 to 1 bar>"
    assert drawn(methane, unit="mol_kg").get_ylabel() == "absolute uptake, mol/kg"
    with pytest.raises(zifsim.errors.UnknownNameError, match="unit"):
        methane.plot(unit="litres")


def test_a_henry_coefficient_shows_itself_and_agrees_with_the_isotherm(zif8, methane):
    henry = zifsim.henry(zif8, "CH4", insertions=20_000, grid_spacing_angstrom=0.4)
    assert len(shown(henry)) == 1
    assert henry.henry_coefficient_mol_kg_pa == pytest.approx(methane.points[0].loading_mol_kg / 1e4, rel=0.2)


def test_a_mixture_sampled_and_predicted(zif8, quick, carbon_dioxide):
    nitrogen = zifsim.isotherm(zif8, "N2", pressures_bar=[0.1, 1], **quick)
    composition = {"CO2": 0.5, "N2": 0.5}
    predicted = zifsim.iast([carbon_dioxide, nitrogen], composition, pressures_bar=[0.02, 0.05])
    frame = shown(predicted)
    assert list(frame["pressure_pa"]) == [2e3, 5e3]
    assert frame["selectivity_CO2_over_N2"].iloc[0] == predicted[0].selectivity("CO2", "N2")[0] > 1.0
    drawn(predicted)
    sampled = zifsim.mixture(zif8, composition, pressures_bar=[0.02, 0.05], pure=[carbon_dioxide, nitrogen], **quick)
    assert len(shown(sampled)) == len(sampled.points) == len(sampled.predicted) == 2
    drawn(sampled, unit="mol_kg")


def test_a_framework_shows_itself(zif8):
    frame = shown(zif8)
    assert len(frame) == 276
    assert set(frame["unit"]) == {"Zn", "mIm"}
    assert repr(zif8).startswith("<Framework ZIF-8: Zn12 C96 H120 N48, 276 atoms, 0.924 g/cm³")


def test_accesses_show_themselves(zif8):
    found = zifsim.access(zif8, {"CH4": 273.0, "N2": 77.0}, grid_spacing_angstrom=0.5)
    assert len(shown(found)) == len(found) == 2
    assert len(shown(found[0])) == 1
    drawn(found)
    drawn(found[1])


def test_accesses_are_recorded_in_their_folder(tmp_path):
    access = {"gases": {"CH4": (273.0, 300.0)}, "grid_spacing_angstrom": 0.5, "out": tmp_path / "access"}
    found = zifsim.access("ZIF-8", **access)
    assert [a.temperature_k for a in found] == [273.0, 300.0]
    assert [a.barrier_kj_mol for a in zifsim.access("ZIF-8", **access)] == [a.barrier_kj_mol for a in found]
    assert (tmp_path / "access" / "record.json").is_file()


def test_analyses_show_themselves(zif8):
    both = zifsim.analyse([zif8, "ZIF-62"])
    assert set(shown(both)["structure"]) == {"ZIF-8", both[1].name}
    frame = shown(both[0])
    assert frame.loc[frame["key"] == "density", "value"].iloc[0] == pytest.approx(zif8.density_g_cm3)
    drawn(both, chart="pair_distributions", panel=1)
    drawn(both[0])


def test_a_comparison_shows_itself(tmp_path):
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[1] / "compare"))
    from synthetic_results import write_results

    from zifsim.compare.run import run_comparison

    table = run_comparison(write_results(tmp_path))
    assert len(shown(table)) == len(table.rows)
    assert "CO₂" in drawn(table, gas="CO2").get_title(loc="left")
    with pytest.raises(zifsim.errors.UnknownNameError, match="gas of the comparison"):
        table.plot(gas="Xe")


def test_a_melt_shows_itself_and_leaves_nothing_without_a_folder(tmp_path, monkeypatch, zif8):
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "short.toml"
    program.write_text('name = "short"\ntimestep_fs = 1.0\n[[segment]]\nname = "warm"\nfrom_k = 300\nto_k = 300\n'
                       'duration_ps = 0.2\nensemble = "NPT"\n')
    glass = zifsim.melt(zif8, program=program, platform="CPU", cpu_threads=1)
    assert os.listdir(tmp_path) == ["short.toml"]
    assert len(shown(glass)) == 1
    assert glass.framework.n_atoms == 276
    drawn(glass)


def test_an_analysis_is_recorded_in_its_folder(tmp_path):
    first = zifsim.analyse("ZIF-8", out=tmp_path / "analysis")
    assert len(shown(first)) == len(first.structures[0].quantities)
    assert repr(zifsim.analyse("ZIF-8", out=tmp_path / "analysis")) == repr(first)
    assert (tmp_path / "analysis" / "record.json").is_file()
    with pytest.raises(zifsim.errors.InputError, match="write the Framework to a file"):
        zifsim.analyse(zifsim.load("ZIF-8"), out=tmp_path / "other")


def test_a_gas_says_in_a_line_what_it_is() -> None:
    assert repr(zifsim.gas("CO2")).startswith("<Guest model CO2-TraPPE of CO2: 3 sites, charges, 44.009 g/mol, doi:")
