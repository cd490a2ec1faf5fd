"""Temperature programs: presets, files, and what makes no sense."""

import itertools
from pathlib import Path

import pytest

from zifsim.errors import InputError, UnknownNameError, ZifsimError
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt.program import check_temperatures, melt_program


def test_paper_heats_at_100_k_per_ps_holds_and_quenches_at_constant_pressure() -> None:
    program = melt_program("paper", hold_ps=4, quench_rate_k_per_ps=100, equilibrate_ps=4)
    assert [s.duration_ps for s in program.segments] == [12.0, 4.0, 12.0, 4.0]
    assert {s.ensemble for s in program.segments} == {"NPT"}
    assert program.segments[0].rate_k_per_ps == 100.0
    assert program.segments[2].rate_k_per_ps == -100.0
    assert program.n_steps == 32000


def test_dense_melts_at_constant_volume_and_anneals_at_constant_pressure() -> None:
    segments = melt_program("dense", hold_ps=40, anneal_ps=80, quench_rate_k_per_ps=10).segments
    assert [(s.name, s.ensemble) for s in segments] == [
        ("heat", "NVT"), ("melt", "NVT"), ("cool", "NVT"), ("anneal", "NPT"), ("quench", "NPT"),
        ("equilibrate", "NPT")]
    assert segments[3].from_k == segments[3].to_k == 1000.0
    assert segments[4].duration_ps == 70.0


def test_anneal_stays_at_the_anneal_temperature() -> None:
    program = melt_program("anneal", anneal_temperature_k=900, quench_rate_k_per_ps=10)
    assert max(s.to_k for s in program.segments) == 900


def test_a_segment_ends_where_the_next_one_begins() -> None:
    program = melt_program("paper", hold_ps=4, quench_rate_k_per_ps=100, equilibrate_ps=4)
    heat = program.steps_of(program.segments[0])
    assert [program.locate(s) for s in (0, heat - 1, heat, program.n_steps)] == [
        (0, 0), (0, heat - 1), (1, 0), (3, program.steps_of(program.segments[3]))]


def test_set_point_is_a_continuous_function_of_the_step() -> None:
    program = melt_program("dense", hold_ps=1, anneal_ps=1, quench_rate_k_per_ps=100, equilibrate_ps=1)
    temperatures = [program.temperature_at(s) for s in range(0, program.n_steps + 1, 10)]
    jumps = [abs(b - a) for a, b in itertools.pairwise(temperatures)]
    assert temperatures[0] == temperatures[-1] == 300.0
    assert max(temperatures) == 1500.0
    assert max(jumps) <= 1.0 + 1e-9         # 100 K/ps is 1 K in 10 steps of 1 fs


def test_a_hold_of_zero_is_left_out() -> None:
    assert [s.name for s in melt_program("paper", hold_ps=0).segments] == ["heat", "quench", "equilibrate"]


def test_segments_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "slow.toml"
    path.write_text('name = "slow"\n[[segment]]\nname = "up"\nto_k = 1200\nrate_k_per_ps = 50\n'
                    '[[segment]]\nto_k = 1200\nduration_ps = 3\nensemble = "NVT"\n'
                    '[[segment]]\nto_k = 300\nrate_k_per_ps = 9\npressure_bar = 1000\n'
                    'barostat = "anisotropic"\n')
    program = melt_program(path, timestep_fs=0.25)
    assert (program.name, program.timestep_fs) == ("slow", 0.25)
    assert [s.duration_ps for s in program.segments] == [18.0, 3.0, 100.0]
    assert [s.from_k for s in program.segments] == [300.0, 1200.0, 1200.0]
    assert (program.segments[2].pressure_bar, program.segments[2].barostat) == (1000.0, "anisotropic")


@pytest.mark.parametrize(("row", "says"), [
    ("to_k = 1500\nrate_k_per_ps = -100", "segment.0.rate_k_per_ps = -100 is not allowed"),
    ("to_k = 1500\nduration_ps = -1", "duration_ps = -1 is not allowed"),
    ("to_k = 1500", "either 'duration_ps' or 'rate_k_per_ps'"),
    ("to_k = 1500\nduration_ps = 1\nrate_k_per_ps = 1", "either 'duration_ps' or 'rate_k_per_ps'"),
    ("duration_ps = 1", "'segment.0.to_k' is missing"),
    ("to_k = -5\nduration_ps = 1", "to_k = -5 is not allowed: input should be greater than 0"),
    ("to_k = 300\nduration_ps = 1\npressure_bar = -2", "allowed: ≥ 0 and ≤ 1e+06; bar"),
    ("to_k = 300\nduration_ps = 1\nensemble = 'NVE'", "'NPT' or 'NVT'. Did you mean 'NVT'?"),
    ("to_k = 300\nduration_ps = 'long'", "must be a number"),
    ("to_k = 300\nduration = 1", "'duration'. Did you mean 'duration_ps'?"),
    ("to_k = 300\nduration_ps = 1\n[[segment]]\nfrom_k = 400\nto_k = 9\nduration_ps = 1", "starts at 400 K"),
])
def test_a_wrong_segment_is_told_what(tmp_path: Path, row: str, says: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f"[[segment]]\n{row}\n")
    with pytest.raises(ZifsimError) as caught:
        melt_program(path)
    assert says in str(caught.value)
    assert "wrong.toml" in str(caught.value)


@pytest.mark.parametrize(("text", "says"), [
    ('timestep_fs = "short"\n[[segment]]\nto_k = 300\nduration_ps = 1',
     "timestep_fs = 'short' is not allowed: it must be a number"),
    ("segment = [3]", r"must be a table of values \(begin each with \[\[segment"),
    ("[segment]\nto_k = 300", r"must be a list \(begin each with \[\[segment"),
    ("name = 'none'", "no segments"),
])
def test_a_wrong_file_is_told_what(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        melt_program(path)


@pytest.mark.parametrize("numbers", [{"hold_ps": -1}, {"quench_rate_k_per_ps": -10},
                                     {"quench_rate_k_per_ps": 0}, {"timestep_fs": 0}])
def test_negative_rates_and_durations_are_refused(numbers: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(numbers))):
        melt_program("paper", **numbers)


def test_unknown_preset_and_missing_file() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'paper'"):
        melt_program("papre")
    with pytest.raises(InputError, match="no file"):
        melt_program("nowhere/program.toml")


def test_hotter_than_tested_is_refused() -> None:
    program = melt_program("paper", melt_temperature_k=2000)
    with pytest.raises(InputError, match="reaches 2000 K, but nb-ZIF-FF-s was tested only up to 1500 K"):
        check_temperatures(program, load_melt_forcefield("nb-ZIF-FF-s"))
