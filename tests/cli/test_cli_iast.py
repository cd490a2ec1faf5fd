"""``zifsim iast``: what it prints and what it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_call import call

from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint

AFFINITY = {"CO2": 3e-5, "N2": 1e-6}


@pytest.fixture(autouse=True)
def two_langmuir_isotherms(tmp_path, monkeypatch):
    """Equal saturation loadings, so that the mixture is the extended Langmuir model."""
    monkeypatch.chdir(tmp_path)
    for gas, b in AFFINITY.items():
        points = tuple(LoadingPoint(p, p, q, 0.01 * q, q, 1.0, 0.01, 20.0, 0.1, 1000, 100, 50.0, True, 1)
                       for p in np.geomspace(1e3, 1e7, 9).tolist() for q in [4.0 * b * p / (1.0 + b * p)])
        henry = HenryResult(gas, 273.0, 4.0 * b, 0.01 * b, 20.0, 0.1, 1000, 1)
        isotherm = Isotherm(gas, gas, "PP", "ZIF-FF", "host", "abc", 273.0, (1, 1, 1), points, henry)
        Path(gas).mkdir()
        Path(gas, "isotherm.json").write_text(json.dumps(isotherm.to_dict()))


def test_loadings_and_selectivity_are_printed_with_errors(capsys):
    assert call("iast", "CO2", "N2/isotherm.json", "--composition", "CO2=0.15,N2=0.85", "--pressures", "0.1,1") == 0
    text = capsys.readouterr().out
    assert "0.15 CO2, 0.85 N2 in host at 273 K" in text
    assert "selectivity CO2/N2" in text
    assert "30.00 ± 0." in text


def test_json_has_the_extended_langmuir_loadings(capsys):
    assert call("iast", "CO2", "N2", "--composition", "CO2=0.5,N2=0.5", "--json") == 0
    point = json.loads(capsys.readouterr().out)[0]
    assert point["loadings_mol_kg"]["CO2"] == pytest.approx(4.0 * 1.5 / (1.0 + 1.5 + 0.05), rel=1e-9)
    assert 0.0 < point["loading_errors_mol_kg"]["CO2"] < 0.05
    assert point["selectivities"]["CO2/N2"]["value"] == pytest.approx(30.0)


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["CO2", "N2", "--composition", "CO2:0.5,N2:0.5"], "cannot be read"),
    (["CO2", "N2", "--composition", "CO2=0.5,CO2=0.5"], "names CO2 twice"),
    (["CO2", "N2", "--composition", "CO2=0.5,N2=0.6"], "sum to 1"),
    (["CO2", "--composition", "CO2=0.5,N2=0.5"], "one isotherm for each gas"),
    (["CO2", "absent", "--composition", "CO2=0.5,N2=0.5"], "No file 'absent'"),
    (["CO2", "other.json", "--composition", "CO2=0.5,N2=0.5"], "other.json is not an isotherm"),
    (["CO2", "N2", "--composition", "CO2=0.5,N2=0.5", "--pressures", "100"], "isotherm of N2 beyond its last point"),
    (["CO2", "N2", "--composition", "CO2=0.5,N2=0.5", "--extrapolation", "cubic"], "'cubic'"),
])
def test_wrong_input_is_one_line_and_exit_code_2(capsys, arguments, sentence):
    Path("other.json").write_text("[1, 2]")
    assert call("iast", *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert sentence in error
