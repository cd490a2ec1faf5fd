"""`import zifsim` is instant, shows what there is, and every function of it is found, documented and typed."""

import inspect
import subprocess
import sys
import typing
from dataclasses import fields
from pathlib import Path

import pytest

import zifsim
from zifsim.api.analysis import Measures
from zifsim.api.given import Dynamics, Sampling

HEAVY = ("numpy", "scipy", "numba", "openmm", "ase", "gemmi", "pandas", "matplotlib", "pymatgen", "pydantic", "rich",
         "typer", "subprocess")
FUNCTIONS = ("access", "analyse", "gas", "henry", "iast", "isotherm", "load", "melt", "mixture", "run_study")


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_door_lists_its_functions():
    assert tuple(zifsim.__all__) == FUNCTIONS
    assert set(FUNCTIONS) | {"__version__"} <= set(dir(zifsim))
    with pytest.raises(AttributeError, match="no attribute 'isoterm'"):
        _ = zifsim.isoterm


def test_importing_zifsim_loads_nothing_heavy():
    assert python(f"import sys, zifsim; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


def test_importing_zifsim_takes_less_than_50_ms():
    code = ("import time; from time import process_time as t; a = t(); import zifsim; print(1e3 * (t() - a))")
    assert min(float(python(code)) for _ in range(3)) < 50.0


def test_looking_a_function_up_loads_no_engine():
    code = "import sys, zifsim; [getattr(zifsim, n) for n in zifsim.__all__]; print('numba' in sys.modules)"
    assert python(code) == "False"


@pytest.mark.parametrize("name", ["melt", "access"])
def test_a_room_with_the_name_of_a_function_is_that_function_however_it_was_imported(name):
    before = f"import zifsim; f = zifsim.{name}; "
    after = f"import zifsim.{name}.result; import zifsim; f = zifsim.{name}; zifsim.{name}.result; "
    from_ = f"import zifsim.{name}.result; from zifsim import {name} as f; "
    for start in (before, after, from_):
        code = start + "import inspect; print('structure' in inspect.signature(f).parameters)"
        assert python(code) == "True"
    code = after + ("import zifsim.errors\n"
                    "try: f('no-such-structure', gases={}) if 'access' in str(f) else f('no-such-structure')\n"
                    "except zifsim.errors.UnknownNameError as e: print(str(e)[:34])")
    assert python(code) == "Unknown structure 'no-such-structur"[:34]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_takes_gives_and_raises(name):
    function = inspect.unwrap(getattr(zifsim, name))
    text = inspect.getdoc(function)
    for heading in ("Parameters", "Returns", "Raises", "Examples"):
        assert f"\n{heading}\n{'-' * len(heading)}\n" in text, f"{name} lacks {heading}"
    assert f">>> zifsim.{name}(" in text or f"zifsim.{name}(" in text
    described = text.partition("\nReturns\n")[0]
    for parameter in inspect.signature(function).parameters:
        assert parameter in described, f"{name}: '{parameter}' is not described"


def test_keywords_are_the_settings_fields():
    from zifsim.analysis.summary import AnalysisSettings
    from zifsim.gcmc.settings import GCMCSettings
    from zifsim.melt.settings import MeltSettings

    for keywords, settings in ((Sampling, GCMCSettings), (Dynamics, MeltSettings), (Measures, AnalysisSettings)):
        assert typing.get_type_hints(keywords) == typing.get_type_hints(settings)
        assert list(keywords.__annotations__) == [f.name for f in fields(settings)]


def test_the_package_is_marked_as_typed():
    assert (Path(zifsim.__file__).parent / "py.typed").is_file()


@pytest.mark.slow
def test_a_checker_knows_the_results(tmp_path):
    program = tmp_path / "user.py"
    program.write_text(
        "import zifsim\n"
        "reveal_type(zifsim.isotherm('ZIF-8', 'CH4'))\n"
        "reveal_type(zifsim.melt('ZIF-8', hold_ps=1.0, seed=2))\n"
        "reveal_type(zifsim.analyse(['ZIF-8']))\n"
        "zifsim.isotherm('ZIF-8', 'CH4', cutof_angstrom=12.0)\n")
    root = Path(zifsim.__file__).parents[1]
    answer = subprocess.run([sys.executable, "-m", "mypy", "--config-file", str(root / "pyproject.toml"), str(program)],
                            capture_output=True, text=True, check=False, cwd=root)
    for words in ('"zifsim.model.uptake.Isotherm"', '"zifsim.melt.result.MeltResult"', "zifsim.api.several.Analyses"):
        assert words in answer.stdout
    assert 'Unexpected keyword argument "cutof_angstrom"' in answer.stdout
