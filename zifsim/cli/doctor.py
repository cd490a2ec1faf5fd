"""``zifsim doctor``: what this machine offers, and a self test of ten seconds."""

from __future__ import annotations

import sys
import time

import typer

from zifsim.cli.terminal import say

SELF_TESTS = {
    "energy": "energy of ZIF-8 against a stored number",
    "dynamics": "molecular dynamics of ZIF-8",
    "ideal-gas": "ideal gas in the Monte Carlo engine",
}
PATIENCE_S = 600.0      # compiling the kernels on a slow machine included


def doctor() -> None:
    """Name the platforms found, say how to get a missing one, and run a 10-second self test.

    Every test runs in a process of its own, so that a driver that crashes is told of too. Exit code 1 where a test
    fails.

    Example: zifsim doctor
    """
    _versions()
    test_failed, told = _in_a_process("platforms")
    say("\n".join(told))
    failed = int(test_failed)
    for test, what in SELF_TESTS.items():
        say(f"{what:42s}", end="", flush=True)
        began = time.perf_counter()
        test_failed, told = _in_a_process(test)
        failed += test_failed
        say(f"{told[-1]}  [{time.perf_counter() - began:.1f} s]")
    if failed:
        say(f"{failed} of {len(SELF_TESTS) + 1} self tests failed.")
        raise typer.Exit(1)
    say("All self tests passed.")


def _in_a_process(test: str) -> tuple[bool, list[str]]:
    """Whether a test failed, and the lines that it, or its end, has to say."""
    import subprocess

    from zifsim.runs.stopping import end_with_parent, how_it_ended

    try:
        ended = subprocess.run(_command(test), check=False, text=True, encoding="utf-8", errors="replace",
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               timeout=PATIENCE_S, preexec_fn=end_with_parent)
    except subprocess.TimeoutExpired:
        return True, [f"FAILED: it had not ended after {PATIENCE_S:g} s"]
    lines = ended.stdout.strip().splitlines()
    if ended.returncode != 0 and not (lines and lines[-1].startswith("FAILED")):
        lines.append(f"FAILED: it {how_it_ended(ended.returncode)}")
    return ended.returncode != 0, lines or ["FAILED: it said nothing"]


def _command(test: str) -> list[str]:
    return [sys.executable, "-X", "utf8", "-m", "zifsim.cli.selftest", test]


def _versions() -> None:
    """What every record of a run on this machine will say, and how many cores this process may use of it."""
    from zifsim.runs.devices import worker_count
    from zifsim.runs.record import PACKAGES, machine, package_versions
    from zifsim.runs.version import version

    found = package_versions()
    say(f"zifsim {version()}, Python {found['python']}; {machine()}; {worker_count(0)} for this process")
    say(", ".join(f"{package} {found.get(package, 'not installed')}" for package in PACKAGES))
