"""Sweeps whose jobs take no time: the real plan with the stages of tests/campaign/fake_stages.py."""

import os
import sys
from pathlib import Path

import pytest

FAKES = Path(__file__).resolve().parents[1] / "campaign"
sys.path.insert(0, str(FAKES))


@pytest.fixture(autouse=True)
def fake_stages_importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKES), str(FAKES.parents[1])]))
