"""Every command with --out on a full disk, in a read-only or a foreign folder, or with something in its way: one
sentence, exit code 2, nothing left half written; and the same result once there is room.

A full disk is a limit to the size of files (RLIMIT_FSIZE): writes fail then as they do on a full disk, those of
libraries in C too. A read-only or foreign folder is emulated, since root may write everywhere.
"""

import builtins
import errno
import io
import os
import resource
import signal
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
import typer
from cli_call import call

from zifsim.cli.app import app
from zifsim.crystals.load import load_framework
from zifsim.io.files import TEMPORARY, write_json_atomic
from zifsim.io.xyz import write_framework
from zifsim.runs.folder import Claim

SMALL = "small.extxyz"
PROGRAM = """
timestep_fs = 1.0
[[segment]]
name = "heat"
to_k = 320
duration_ps = 0.02
ensemble = "NVT"
"""
STUDY = """
[study]
name = "tiny"
[materials.ZIF-8]
structure = "ZIF-8"
[gcmc]
gases = [{ gas = "CH4", temperature_k = 273, pressures_bar = [1.0] }]
"""
# Command -> its arguments, quick ones; {out} is the --out.
COMMANDS = {
    "build": ["build", SMALL, "--no-relax", "--out", "{out}/cell.extxyz"],
    "bundle": ["bundle", "finished", "--out", "{out}/b.tar.gz"],
    "gcmc": ["gcmc", SMALL, "--gas", "CH4", "--cutoff", "4.4", "--max-moves", "2000", "--out", "{out}"],
    "mixture": ["mixture", SMALL, "--composition", "CO2=0.5,CH4=0.5", "--cutoff", "4.4", "--max-moves", "2000",
                "--out", "{out}"],
    "access": ["access", SMALL, "--gas", "CH4", "--cutoff", "4.4", "--spacing", "0.6", "--out", "{out}"],
    "analyse": ["analyse", SMALL, "--out", "{out}"],
    "melt": ["melt", "ZIF-8", "--program", "program.toml", "--platform", "CPU", "--threads", "1", "--out", "{out}"],
    "run": ["run", "tiny.toml", "--out", "{out}"],
    "sweep plan": ["sweep", "plan", "smoke_sweep", "--out", "{out}"],
    "sweep run": ["sweep", "run", "smoke_sweep", "--out", "{out}"],
}
WAYS = ("full", "read-only", "foreign")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with what the commands read."""
    folder = tmp_path_factory.mktemp("refused")
    crystal = load_framework("ZIF-8")
    write_framework(folder / SMALL, replace(crystal, positions=0.8 * crystal.positions, cell=0.8 * crystal.cell))
    (folder / "program.toml").write_text(PROGRAM)
    (folder / "tiny.toml").write_text(STUDY)
    before = os.getcwd()
    os.chdir(folder)
    finished = Claim("analysis", "something finished", {})
    finished.run(folder / "finished", ["a.json"], work=lambda: None, read=lambda: None,
                 write=lambda _, date: write_json_atomic(folder / "finished" / "a.json", {"a": 1}))
    yield folder
    os.chdir(before)


@pytest.fixture
def out(place, tmp_path):
    """A folder that is there, so that it is not making it that fails."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@contextmanager
def full(most: int = 0):
    """No file may be larger than so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    taken = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, taken)


@contextmanager
def refusing(folder: Path, number: int):
    """Nothing below the folder may be changed, by Python."""
    def inside(path) -> bool:
        return not isinstance(path, int) and os.path.abspath(os.fsdecode(path)).startswith(str(folder))

    def guard(function, writes=lambda *a, **k: True, paths=1):
        def guarded(*arguments, **named):
            for path in arguments[:paths]:
                if inside(path) and writes(*arguments, **named):
                    raise OSError(number, os.strerror(number), os.fsdecode(path))
            return function(*arguments, **named)
        return guarded

    def to_write(path, mode="r", *rest, **named) -> bool:
        return any(letter in mode for letter in "wax+")

    with pytest.MonkeyPatch.context() as patch:
        for module in (builtins, io):
            patch.setattr(module, "open", guard(open, to_write))
        patch.setattr(os, "open", guard(os.open, lambda path, flags, *r, **k: bool(flags & (os.O_WRONLY | os.O_RDWR))))
        patch.setattr(os, "mkdir", guard(os.mkdir, lambda path, *r, **k: not os.path.isdir(path)))
        for name in ("unlink", "remove", "rmdir"):
            patch.setattr(os, name, guard(getattr(os, name)))
        for name in ("replace", "rename"):
            patch.setattr(os, name, guard(getattr(os, name), paths=2))
        if number == errno.EACCES:
            may = os.access
            patch.setattr(os, "access", lambda path, mode: may(path, mode) and not (inside(path) and mode & os.W_OK))
        yield


def way(name: str, folder: Path):
    return full() if name == "full" else refusing(folder, errno.EROFS if name == "read-only" else errno.EACCES)


def arguments(command: str, out: Path) -> list[str]:
    return [word.replace("{out}", str(out)) for word in COMMANDS[command]]


def check_sentence(code: int, said: str) -> None:
    assert code == 2, said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert "Traceback" not in said


def left(folder: Path) -> list[str]:
    return [p.name for p in folder.rglob("*") if TEMPORARY.fullmatch(p.name)]


def with_out(group, prefix=()):
    """Names of all commands that have --out."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from with_out(command, (*prefix, name))
        elif any("--out" in parameter.opts for parameter in command.params):
            yield " ".join((*prefix, name))


def test_the_commands_tried_here_are_all_that_have_an_out():
    assert set(with_out(typer.main.get_command(app))) == set(COMMANDS)


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_file_system_refuses_is_one_sentence(place, out, capsys, command, how):
    with way(how, out):
        code = call(*arguments(command, out))
    check_sentence(code, capsys.readouterr().err)
    assert not left(out)


@pytest.mark.parametrize("command", ["build", "bundle", "gcmc", "analyse"])
def test_what_is_in_the_way_is_named(place, tmp_path, capsys, command):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name in ("file", "file/below", "link", "link/below", "n" * 300, "/".join(["long"] * 1500)):
        code = call(*arguments(command, tmp_path / name))
        check_sentence(code, capsys.readouterr().err)
    assert (tmp_path / "file").read_text() == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "link"]


@pytest.mark.parametrize("command", ["build", "bundle", *(pytest.param(c, marks=pytest.mark.slow) for c in (
    "analyse", "sweep plan"))])
def test_the_result_is_the_same_after_room_is_made(place, out, capsys, command):
    for most in (0, 1000):
        with full(most):
            check_sentence(call(*arguments(command, out)), capsys.readouterr().err)
    assert call(*arguments(command, out)) == 0
    whole = out.with_name("whole")
    assert call(*arguments(command, whole)) == 0
    assert results(out) == results(whole)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["gcmc", "mixture", "access", "melt", "run"])
def test_the_result_of_a_calculation_is_the_same_after_room_is_made(place, out, capsys, command):
    whole = out.with_name("whole")
    assert call(*arguments(command, whole)) == 0
    sizes = sorted({p.stat().st_size for p in whole.rglob("*") if p.is_file()})
    capsys.readouterr()
    for most in sizes[:-1]:
        with full(most):
            code = call(*arguments(command, out))
        if code:
            said = capsys.readouterr().err
            assert code in (1, 2), said         # 1: of a study, whose stages say it
            assert "Traceback" not in said
        assert not left(out)
    assert call(*arguments(command, out)) == 0
    assert results(out) == results(whole)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("snakemake") is None, reason="Snakemake is not installed (pip install 'zifsim[sweep]')")
def test_the_result_of_a_sweep_is_the_same_after_room_is_made(out, capfd):
    """One glass and one isotherm, on one core: with more the order of a melt's sums is not fixed."""
    axes = ("axes.replicates=1", "axes.quench_rate_k_per_ps=[1000.0]", 'axes.configurations=["A"]',
            "melt.anneal_ps=0.02", "melt.equilibrate_ps=0.1", "gcmc.gases.0.pressures_bar=[1.0]",
            "gcmc.cutoff_angstrom=7.8")
    command = ["sweep", "run", "smoke_sweep", "--cores", "1", *(word for change in axes for word in ("--set", change))]
    whole = out.with_name("whole")
    assert call(*command, "--out", whole) == 0
    # the plan, what a build leaves, a melt's checkpoint, its picture
    for most, said in ((1000, "config.json"), (20_000, "parameters.json"), (70_000, "checkpoint.json"),
                       (140_000, "melt.png")):
        capfd.readouterr()
        with full(most):
            assert call(*command, "--out", out) in (1, 2)       # 1: of a job, which says it
        text = capfd.readouterr().err
        assert f"{said} cannot be written to (File too large); make room" in text
        assert "Traceback" not in text
        assert not left(out)
    assert call(*command, "--out", out) == 0
    same = {name: content for name, content in results(whole).items() if not name.startswith(".snakemake")}
    assert {name.partition("/")[0] for name in same} >= {"sweep.csv", "summary.csv", "build", "relax", "melt", "gcmc"}
    assert {name: results(out)[name] for name in same} == same


def results(folder: Path) -> dict[str, bytes]:
    """What holds no time or date."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file() and
            (p.suffix in (".csv", ".extxyz", ".cif", ".gz", ".dcd") or p.name in ("isotherm.json", "mixture.json",
                                                                                   "access.json", "analysis.json"))}


def test_what_a_killed_command_left_beside_its_file_goes_with_the_next_one(place, out):
    dead = out / ".cell.extxyz.999999999.1.tmp"
    for path in (dead, out / ".other.extxyz.999999999.1.tmp", out / f".cell.extxyz.{os.getpid()}.1.tmp"):
        path.write_text("half")
    assert call(*arguments("build", out)) == 0
    assert {p.name for p in out.iterdir()} == {
        "cell.extxyz", ".other.extxyz.999999999.1.tmp", f".cell.extxyz.{os.getpid()}.1.tmp"}


def test_a_name_without_end_makes_a_folder_all_the_same(place, monkeypatch, tmp_path):
    from zifsim.campaign.isotherm import IsothermJob
    from zifsim.gcmc.settings import GCMCSettings

    monkeypatch.chdir(tmp_path)
    crystal = load_framework("ZIF-8")
    for name in ("n" * 3000, "..", ".hidden"):
        job = IsothermJob.load(replace(crystal, name=name), "CH4", 273.0, [1e5], "PP", "ZIF-FF", GCMCSettings())
        assert len(job.default_folder.name) < 200
        assert not job.default_folder.name.startswith(".")
        with job.claim.hold(job.default_folder):
            pass
