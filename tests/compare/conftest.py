"""Fixtures of the comparison and report tests."""

from pathlib import Path

import pytest
from synthetic_results import write_results


@pytest.fixture
def quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """For reports whose pictures nobody looks at: drawing them takes seconds."""
    monkeypatch.setattr("zifsim.report.figures.to_png", lambda figure: b"png")
    monkeypatch.setattr("zifsim.report.figures.to_svg", lambda figure, *names: "<svg></svg>")


@pytest.fixture
def results_folder(tmp_path: Path) -> Path:
    """A finished synthetic study."""
    return write_results(tmp_path / "results")
