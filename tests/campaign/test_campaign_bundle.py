"""Bundles: what is packed, and that nothing can be changed unnoticed."""

import gzip
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

import pytest

from zifsim.campaign.bundle import make_bundle, verify_bundle
from zifsim.cli import app
from zifsim.errors import InputError
from zifsim.sweep.axes import load_sweep
from zifsim.sweep.collect import collect_sweep

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sweep"))
import finished_sweep


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / "swept"
    jobs = finished_sweep.finish(out, load_sweep("smoke_sweep"))
    collect_sweep(out)
    (out / jobs[2].id / "trajectory.dcd").write_bytes(b"frames")
    return out, jobs, make_bundle(out)


def read(path):
    with tarfile.open(path) as archive:
        return {e.name: archive.extractfile(e).read() for e in archive}


def rewrite(path, files):
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb") as zipped, tarfile.open(fileobj=zipped, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    path.write_bytes(stream.getvalue())


def test_a_bundle_of_a_sweep_has_inputs_records_versions_results_and_tables(swept):
    _, jobs, bundle = swept
    files = read(bundle.path)
    assert bundle.n_stages == len(jobs) == 20      # two of them relax
    for job in jobs:
        assert {f"{job.id}/{name}" for name in ("config.json", "record.json", "DONE")} <= set(files)
    assert {"sweep.json", "jobs.json", "sweep.csv", "summary.csv", "sweep.html", "figures/sweep.png"} <= set(files)
    assert {"inputs/structures/ZIF-62.cif", "inputs/melt/nb-ZIF-FF-s.toml", "inputs/melt/nb-ZIF-FF.toml",
            "inputs/adsorption/PP.toml", "inputs/charges/ZIF-FF.toml",
            "inputs/guests/CH4-TraPPE.toml"} <= set(files)
    contents = json.loads(files["bundle.json"])
    assert {"python", "numpy", "openmm", "zifsim"} <= set(contents["versions"])
    assert not [name for name in files if name.endswith((".dcd", "job.json", ".lock"))]


def test_a_whole_bundle_is_confirmed_and_the_same_results_give_the_same_bytes(swept, tmp_path, capsys):
    out, _, bundle = swept
    again = make_bundle(out, tmp_path / "again.tar.gz")
    assert again.path.read_bytes() == bundle.path.read_bytes()
    with pytest.raises(SystemExit) as end:
        app.main(["verify", str(bundle.path)])
    assert end.value.code == 0
    assert bundle.fingerprint in capsys.readouterr().out


def changed(files, out, jobs):
    files["sweep.csv"] = files["sweep.csv"].replace(b"1000.0", b"1001.0", 1)
    return "sweep.csv was changed"


def missing(files, out, jobs):
    del files[f"{jobs[-1].id}/record.json"]
    return f"{jobs[-1].id}/record.json is missing"


def foreign(files, out, jobs):
    files["melt/new/melt.json"] = b"{}"
    return "melt/new/melt.json does not belong to it"


def recomputed(files, out, jobs):
    """A forger who mends the checksum too, but not what the stage itself wrote."""
    name = f"{jobs[-1].id}/isotherm.json"
    files[name] = files[name].replace(b"0.01", b"0.02")
    contents = json.loads(files["bundle.json"])
    contents["files"][name] = hashlib.sha256(files[name]).hexdigest()
    files["bundle.json"] = json.dumps(contents).encode()
    return f"{name} is not what its run wrote"


@pytest.mark.parametrize("tamper", [changed, missing, foreign, recomputed])
def test_a_tampered_file_is_named_with_exit_code_2(swept, tmp_path, capsys, tamper):
    out, jobs, bundle = swept
    files = read(bundle.path)
    said = tamper(files, out, jobs)
    rewrite(tmp_path / "forged.tar.gz", files)
    with pytest.raises(SystemExit) as end:
        app.main(["verify", str(tmp_path / "forged.tar.gz")])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"x" + b, lambda b: b"", lambda b: b"text"])
def test_what_is_no_whole_archive_is_said_in_one_line(swept, tmp_path, damage):
    path = tmp_path / "damaged.tar.gz"
    path.write_bytes(damage(swept[2].path.read_bytes()))
    with pytest.raises(InputError, match=r"is damaged or no tar\.gz archive"):
        verify_bundle(path)


def test_an_archive_of_something_else_is_no_bundle(tmp_path):
    rewrite(tmp_path / "other.tar.gz", {"readme": b"hello"})
    with pytest.raises(InputError, match="is no bundle"):
        verify_bundle(tmp_path / "other.tar.gz")
    with pytest.raises(InputError, match="No file"):
        verify_bundle(tmp_path / "absent.tar.gz")


def test_changed_results_are_not_packed(tmp_path):
    jobs = finished_sweep.finish(tmp_path / "swept", load_sweep("smoke_sweep"))
    (tmp_path / "swept" / jobs[-1].id / "isotherm.json").write_text("{}")
    with pytest.raises(InputError, match=r"isotherm\.json is not what its run wrote"):
        make_bundle(tmp_path / "swept")
    assert [p.name for p in tmp_path.iterdir()] == ["swept"]


def test_an_unfinished_sweep_is_packed_as_far_as_it_is_and_says_so(tmp_path, capsys):
    sweep = load_sweep("smoke_sweep")
    jobs = finished_sweep.finish(tmp_path / "swept", sweep)
    (tmp_path / "swept" / jobs[-1].id / "DONE").unlink()
    with pytest.raises(SystemExit) as end:
        app.main(["bundle", str(tmp_path / "swept")])
    assert end.value.code == 0
    assert "note: 1 stages are not finished" in capsys.readouterr().out


def test_a_single_job_can_be_packed_and_nothing_is_overwritten(swept, tmp_path):
    out, jobs, _ = swept
    target = tmp_path / "one.tar.gz"
    assert make_bundle(out / jobs[-1].id, target).n_stages == 1
    assert verify_bundle(target).n_files == 4
    with pytest.raises(InputError, match="exists; choose another --out"):
        make_bundle(out / jobs[-1].id, target)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="is no results folder"):
        make_bundle(tmp_path / "empty")
