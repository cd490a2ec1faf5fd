"""The adsorption results survive JSON, also where a value is not a number."""

import json
import math

from zifsim.model.uptake import HenryResult, Isotherm, LoadingPoint

POINT = LoadingPoint(1e5, 9.9e4, 0.0, 1e-4, 0.0, 0.0, 1e-4, math.nan, math.nan, 1000, 0, 100.0, True, 1)


def test_isotherms_become_strict_json_and_come_back() -> None:
    henry = HenryResult("N2", 77.0, 0.0, 0.0, math.nan, math.nan, 1000, 1)
    isotherm = Isotherm("N2", "N2-TraPPE", "PP", "ZIF-FF", "host", "abc", 77.0, (2, 2, 2), (POINT,), henry, {"seed": 1})
    text = json.dumps(isotherm.to_dict(), allow_nan=False)
    back = Isotherm.from_dict(json.loads(text))
    assert back.supercell == (2, 2, 2)
    assert math.isnan(back.points[0].heat_of_adsorption_kj_mol)
    assert back.points[0].loading_error_mol_kg == 1e-4
    assert back.henry is not None
    assert math.isnan(back.henry.heat_of_adsorption_kj_mol)
    assert back.to_dict() == isotherm.to_dict()
