"""BET areas against isotherms of the BET equation itself."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zifsim.analysis.bet import BETArea
from zifsim.cli.app import main
from zifsim.errors import InputError
from zifsim.model.uptake import Isotherm, LoadingPoint
from zifsim.units import AVOGADRO

P0 = 97_000.0


def bet_isotherm(monolayer: float, c: float, error: float = 0.0, seed: int = 0) -> Isotherm:
    """n = n_m C x / ((1 − x)(1 + (C − 1) x)) with relative noise."""
    x = np.geomspace(1e-4, 0.4, 25)
    n = monolayer * c * x / ((1.0 - x) * (1.0 + (c - 1.0) * x))
    n = n * (1.0 + error * np.random.default_rng(seed).normal(size=len(n)))
    points = tuple(LoadingPoint(p, p, q, error * q, q, 1.0, 0.01, 20.0, 0.1, 1000, 100, 50.0, True, 1)
                   for p, q in zip((x * P0).tolist(), n.tolist(), strict=True))
    return Isotherm("N2", "N2", "PP", "ZIF-FF", "host", "abc", 77.0, (1, 1, 1), points, saturation_pressure_pa=P0)


def test_the_bet_equation_gives_back_its_monolayer() -> None:
    result = BETArea().compute(bet_isotherm(10.0, 200.0))
    assert result.monolayer == pytest.approx(10.0, rel=1e-6)
    assert result.c == pytest.approx(200.0, rel=1e-5)
    assert result.area == pytest.approx(10.0 * AVOGADRO * 0.162e-18 / 1000.0)
    assert result.lowest == pytest.approx(result.highest)


def test_the_error_is_that_of_the_scatter() -> None:
    areas, errors = [], []
    for seed in range(30):
        result = BETArea(resamples=60).compute(bet_isotherm(10.0, 100.0, error=0.003, seed=seed))
        areas.append(result.area)
        errors.append(result.error)
    # The range is chosen anew each time, which widens the scatter a little.
    assert 0.4 < np.std(areas) / np.mean(errors) < 2.5
    assert np.mean(areas) == pytest.approx(975.6, abs=4.0 * np.std(areas) / np.sqrt(30) + 2.0)


def test_what_has_no_bet_area_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = bet_isotherm(10.0, 200.0)
    with pytest.raises(InputError, match="N2 at 77 K"):
        BETArea().compute(replace(good, gas="CO2"))
    with pytest.raises(InputError, match="more pressures"):
        BETArea().compute(replace(good, points=good.points[:3]))
    path = tmp_path / "isotherm.json"
    path.write_text(json.dumps(good.to_dict()))
    with pytest.raises(SystemExit) as stop:
        main(["analyse", "ZIF-8", "--q-resolution", "0.3", "--bet", str(tmp_path)])
    assert not stop.value.code
    assert "BET area of N2 in host: 975.6 ± 0.0 m²/g" in capsys.readouterr().out
