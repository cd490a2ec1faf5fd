"""Fixtures of the comparison and report tests."""

from pathlib import Path

import pytest
from synthetic_results import write_results


@pytest.fixture
def results_folder(tmp_path: Path) -> Path:
    """A finished synthetic study."""
    return write_results(tmp_path / "results")
