"""Whose turn it is on a GPU, with lists of devices that are not there."""

import os
import subprocess
import sys
import threading
import time

import pytest

from zifsim.runs import devices

HOLD = """
import sys, time
from zifsim.runs.devices import gpu_lease
with gpu_lease("CUDA") as gpu:
    print(gpu, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def two_gpus(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(devices.tempfile, "tempdir", None)
    monkeypatch.setattr(devices, "LEASE_CHECK_SECONDS", 0.02)


def hold_four(monkeypatch, shares):
    monkeypatch.setenv("ZIFSIM_MELTS_PER_GPU", str(shares))
    return [subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True) for _ in range(4)]


def test_melts_spread_over_the_gpus_before_they_share_one(monkeypatch):
    melts = hold_four(monkeypatch, 2)
    try:
        assert sorted(melt.stdout.readline().strip() for melt in melts) == ["0", "0", "1", "1"]
    finally:
        for melt in melts:
            melt.kill()


def test_a_melt_waits_for_a_share_and_gets_that_of_one_that_was_killed(monkeypatch):
    melts = hold_four(monkeypatch, 2)
    held = {melt: melt.stdout.readline().strip() for melt in melts}
    got = []

    def fifth():
        with devices.gpu_lease("CUDA") as gpu:
            got.append(gpu)

    waiting = threading.Thread(target=fifth)
    waiting.start()
    time.sleep(0.3)
    assert got == []
    melts[2].kill()
    waiting.join(timeout=20)
    for melt in melts:
        melt.kill()
    assert got == [held[melts[2]]]


def test_four_melts_share_the_one_gpu_that_a_queue_gave(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-5e1f/2")
    melts = hold_four(monkeypatch, 4)
    try:
        assert {melt.stdout.readline().strip() for melt in melts} == {"GPU-5e1f/2"}
    finally:
        for melt in melts:
            melt.kill()


def test_the_lease_pins_the_melt_and_gives_the_environment_back():
    with devices.gpu_lease("auto") as gpu:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == gpu == "0"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


@pytest.mark.parametrize("platform", ["CPU", "Reference", "OpenCL"])
def test_a_melt_without_cuda_takes_no_gpu(platform):
    with devices.gpu_lease(platform) as gpu:
        assert gpu is None


def test_without_a_queue_the_driver_is_asked(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 0; echo 1; echo 2\n")
    smi.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert devices.visible_gpus() == ["0", "1", "2"]
    smi.write_text("#!/bin/sh\nexit 9\n")
    assert devices.visible_gpus() == []


def test_an_empty_list_from_the_queue_means_no_gpu(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with devices.gpu_lease("auto") as gpu:
        assert gpu is None
