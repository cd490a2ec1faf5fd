"""The benchmark scripts: that they start, and that the decks written for the peers carry the model zifsim runs."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
sys.path[:0] = [str(FOLDER), str(FOLDER / "peers")]

import n2_77k  # noqa: E402
import run_all  # noqa: E402
import run_lammps  # noqa: E402
import run_raspa2  # noqa: E402
from yardstick import Cost, cost_of_series, job_of, molecules_for, rounded, yardstick  # noqa: E402

from zifsim.io.guests import load_guest  # noqa: E402

SCRIPTS = sorted(p.name for p in FOLDER.glob("*.py") if p.name != "yardstick.py")
GASES = ("CO2-TraPPE", "CH4-TraPPE", "O2-TraPPE", "H2-Darkrim-Levesque")


def deck_of(gas: str, **extra):
    framework, forcefield = yardstick()
    guest = load_guest(gas)
    job = job_of(framework, guest, forcefield, 273.0, task="energy", **extra)
    return framework, forcefield, guest, job


def numbers(text: str, after: str, columns: int) -> np.ndarray:
    """Rows of numbers that follow a heading, up to the next empty line."""
    block = text.split(after, 1)[1].lstrip("\n").split("\n\n")[0]
    return np.array([[float(x) for x in line.split()[:columns]] for line in block.splitlines()])


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_script_explains_itself(script, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(FOLDER / script), "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(FOLDER / script), run_name="__main__")
    assert ended.value.code == 0
    assert "python benchmarks/" in capsys.readouterr().out


def test_the_one_command_asks_scripts_only_for_options_they_have():
    peers = {"raspa3": "python", "raspa2": "python", "lammps": "python"}
    for _, (script, *options) in run_all.plan(peers, full=False) + run_all.plan(peers, full=True):
        text = (FOLDER / script).read_text()
        known = set(re.findall(r'add_argument\("(--[a-z0-9-]+)"', text))
        if 'add_argument(f"--{peer.lower()}"' in text:
            known |= {f"--{peer}" for peer in peers}
        if 'add_argument(f"--{peer.lower()}-seconds"' in text:
            known |= {f"--{peer}-seconds" for peer in peers}
        assert {o for o in options if o.startswith("--")} <= known, script


def test_two_runs_have_met_only_if_settled_known_and_alike():
    def point(loading: float, error: float = 3.0, settled: bool = True):
        return SimpleNamespace(mean=loading, standard_error=error, equilibrated=settled)

    assert n2_77k.met(point(300.0), point(306.0))
    assert not n2_77k.met(point(300.0), point(310.0))
    assert not n2_77k.met(point(300.0), point(300.0, settled=False))
    assert not n2_77k.met(point(300.0), point(300.0, error=30.0))


@pytest.mark.parametrize("gas", GASES)
def test_a_job_carries_framework_and_guest_unchanged(gas):
    framework, forcefield, guest, job = deck_of(gas)
    kinds = [job["host_kinds"][kind] for kind, *_ in job["host_atoms"]]
    assert [k[0] for k in kinds] == list(framework.types)
    assert np.allclose([k[5] for k in kinds], framework.charges, rtol=0, atol=1e-9)
    assert [k[3] for k in kinds] == [forcefield.atoms[s].epsilon_k for s in framework.species]
    back = np.array([f for _, *f in job["host_atoms"]]) @ np.array(job["cell"])
    assert np.allclose(back, framework.positions)
    sites = sorted((job["guest_kinds"][kind][3], *r) for kind, *r in job["guest_sites"])
    assert sites == sorted((s.epsilon_k, *s.position) for s in guest.sites)
    assert job["guest_kinds"][job["guest_sites"][0][0]][3] > 0     # RASPA grows from a site that feels the wall


@pytest.mark.parametrize("gas", GASES)
def test_the_lammps_data_file_is_a_neutral_supercell_with_the_guests_in_it(gas):
    _, _, guest, job = deck_of(gas)
    placed = guest.site_positions[None] + np.array([[3.0, 4.0, 5.0], [9.0, 9.0, 9.0]])[:, None]
    job["molecules"] = molecules_for(guest, placed)
    atoms = numbers(run_lammps.data_file(job), "Atoms # full", 7)
    n_host = 8 * len(job["host_atoms"])
    assert len(atoms) == n_host + placed.size // 3
    assert abs(atoms[:, 3].sum()) < 1e-6
    assert np.allclose(np.sort(atoms[n_host:, 4:], axis=0), np.sort(placed.reshape(-1, 3), axis=0))
    corner = atoms[:n_host, 4:].max(axis=0)
    assert np.all((corner > 1.9 * 16.991) & (corner < 2 * 16.991))
    molecules = atoms[n_host:, 1]
    assert set(molecules) == ({1, 2} if len(guest.sites) > 1 else {0})      # fix gcmc refuses atoms of molecules


def test_the_lammps_commands_convert_kelvin_and_pascal():
    *_, job = deck_of("CO2-TraPPE")
    rows = {int(line.split()[1]): float(line.split()[3]) for line in run_lammps.model_commands(job)
            if line.startswith("pair_coeff")}
    kinds = [*job["host_kinds"], *job["guest_kinds"]]
    assert np.allclose([rows[i] / 0.0019872067 for i in range(1, len(kinds) + 1)], [k[3] for k in kinds])
    fix = next(line for line in run_lammps.gcmc_commands(job) if line.startswith("fix"))
    assert float(re.search(r"pressure (\S+)", fix)[1]) * 101325 == pytest.approx(1e5)
    assert "full_energy" in fix
    *_, neutral = deck_of("CH4-TraPPE")
    assert not any("kspace" in line or "full_energy" in line
                   for line in run_lammps.model_commands(neutral) + run_lammps.gcmc_commands(neutral))


@pytest.mark.parametrize("gas", GASES)
def test_the_raspa2_deck_carries_the_same_rows(gas):
    framework, _, guest, job = deck_of(gas)
    job["molecules"] = molecules_for(guest, guest.site_positions[None])
    files = run_raspa2.decks(job)
    kinds = [*job["host_kinds"], *job["guest_kinds"]]
    charges = {line.split()[0]: float(line.split()[6]) for line in files["pseudo_atoms.def"].splitlines()
               if not line.startswith("#") and len(line.split()) > 6}
    assert list(charges.values()) == [k[5] for k in kinds]
    pairs = re.findall(r"^(\w+) (?:lennard-jones (\S+) (\S+)|none)$", files["force_field_mixing_rules.def"], re.M)
    assert [(float(e or 0), float(s) if e else 0.0) for _, e, s in pairs] == [
        (k[3], k[4] if k[3] > 0 else 0.0) for k in kinds]
    rows = [line.split() for line in files["host.cif"].splitlines() if line.startswith("Host")]
    assert np.allclose([float(r[5]) for r in rows], framework.charges, rtol=0, atol=1e-9)
    found = np.array([[float(x) for x in r[2:5]] for r in rows])
    assert np.allclose(found, framework.fractional % 1.0, atol=1e-9)
    restart = next(text for name, text in files.items() if name.startswith("RestartInitial"))
    assert restart.count("Adsorbate-atom-position:") == len(guest.sites)


def test_the_ruler_finds_the_error_of_independent_numbers():
    series = np.random.default_rng(7).poisson(19.0, 4000).tolist()
    cost = cost_of_series(series, cpu_s=8.0, moves=80_000)
    # 4000 samples of variance 19 around 19: error √(19/4000); 1 % of 19 needs 100²/19 = 526 of them.
    assert cost.settled
    assert cost.error == pytest.approx(np.sqrt(19 / 4000), rel=0.15)
    assert cost.seconds == pytest.approx(8.0 * 526 / 4000, rel=0.3)
    assert cost.moves_per_s == 10_000


def test_a_run_that_has_not_settled_is_charged_by_its_samples_or_its_insertions():
    reference = Cost(mean=19.0, error=0.19, seconds=1.0, moves_per_s=1.0, samples=600.0, settled=True)
    climbing = list(np.linspace(0.0, 20.0, 50))
    bound = cost_of_series(climbing, cpu_s=10.0, moves=100, reference=reference)
    assert not bound.settled
    assert bound.time.startswith("> ")
    # 600 samples, each worth two relaxation times of 19 insertions; 100 of those were accepted in 10 s.
    estimate = cost_of_series(climbing, cpu_s=10.0, moves=100, reference=reference, insertions=100)
    assert estimate.seconds == pytest.approx(600 * 2 * 19 * 10 / 100)
    assert estimate.time == "≈ 2300"


@pytest.mark.parametrize(("value", "text"), [(1234.0, "1200"), (0.0345, "0.035"), (3.46, "3.5"), (85.2, "85")])
def test_two_digits_are_kept(value, text):
    assert rounded(value) == text
