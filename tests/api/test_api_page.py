"""docs/api.md is what the docstrings say, and their quick examples hold."""

import doctest
import importlib.util
import inspect
from pathlib import Path

import pytest

import zifsim

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def make_api():
    spec = importlib.util.spec_from_file_location("make_api", DOCS / "make_api.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_not_stale(make_api):
    assert (DOCS / "api.md").read_text(encoding="utf-8") == make_api.page(), "run `python docs/make_api.py`"


def test_the_page_has_every_function_and_every_kind_of_result(make_api):
    from zifsim.api.looks import LOOKS

    assert sorted(name for names in make_api.GROUPS.values() for name in names) == zifsim.__all__
    assert {where.split(":")[1] for where in make_api.RESULTS} == set(LOOKS)


@pytest.mark.parametrize("name", ["load", "gas"])
def test_quick_examples_hold(name):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    text = inspect.getdoc(getattr(zifsim, name))
    example = doctest.DocTestParser().get_doctest(text, {"zifsim": zifsim}, name, None, 0)
    assert runner.run(example).failed == 0
    assert example.examples
