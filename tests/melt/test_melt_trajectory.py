"""Trajectory parts: whole or absent, in order, and merged without loss."""

from pathlib import Path

import numpy as np
import pytest

from zifsim.io.trajectory import Frame, drop_parts_after, merge_parts, parts, read_dcd, write_part


def frame(step: int) -> Frame:
    box = np.array([[15.0, 0.0, 0.0], [-3.0, 16.0, 0.0], [1.0, 2.0, 17.0]]) * (1 + 1e-4 * step)
    return Frame(step, np.random.default_rng(step).normal(scale=10.0, size=(7, 3)), box)


def write(folder: Path, *batches: range) -> None:
    for batch in batches:
        write_part(folder, [frame(s) for s in batch], 10, 0.0005)


def test_frames_come_back_with_step_positions_and_box(tmp_path: Path) -> None:
    write(tmp_path / "parts", range(10, 50, 10))
    for back in read_dcd(parts(tmp_path / "parts")[0]):
        assert back.positions == pytest.approx(frame(back.step).positions, abs=1e-5)
        assert back.box == pytest.approx(frame(back.step).box, abs=1e-4)


def test_no_frames_make_no_part(tmp_path: Path) -> None:
    assert write_part(tmp_path / "parts", [], 10, 0.0005) is None
    assert not (tmp_path / "parts").exists()


def test_parts_after_the_checkpoint_are_dropped(tmp_path: Path) -> None:
    write(tmp_path, range(10, 50, 10), range(50, 90, 10), range(90, 100, 10))
    drop_parts_after(tmp_path, 60)
    assert [f.step for p in parts(tmp_path) for f in read_dcd(p)] == list(range(10, 90, 10))


@pytest.mark.parametrize("removed_before_the_kill", [0, 1, 2])
def test_merging_is_safe_to_repeat_after_a_kill_at_any_moment(tmp_path: Path, removed_before_the_kill: int) -> None:
    folder, target = tmp_path / "parts", tmp_path / "trajectory.dcd"
    batches = (range(10, 50, 10), range(50, 90, 10))
    write(folder, *batches)
    merge_parts(folder, target, 10, 0.0005)
    write(folder, *batches[removed_before_the_kill:])       # the parts that a kill would have left
    assert merge_parts(folder, target, 10, 0.0005) == 8
    assert [f.step for f in read_dcd(target)] == list(range(10, 90, 10))
    assert not folder.exists()
