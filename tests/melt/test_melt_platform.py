"""Which platform is chosen: what works, tried in a process of its own, and never a CPU in the place of a GPU."""

import sys

import openmm
import pytest

from zifsim.crystals.load import load_framework
from zifsim.errors import InputError
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt import opencl, probe, trial
from zifsim.melt import platform as platforms
from zifsim.melt.context import settle_on
from zifsim.melt.platform import PlatformChoice, choose_platform
from zifsim.melt.relax import ENERGY_TOLERANCE, minimise
from zifsim.melt.system import NM, build_model
from zifsim.melt.trial import ABSENT, Trial
from zifsim.runs.progress import Event

NO_GPU = "none of its devices is a GPU: pthread-skylake"
CARD = Trial(None, True, {"Precision": "mixed", "DeviceIndex": "1"}, "A card", "550.54")
CRASH = "import os; os.kill(os.getpid(), 11)"


def tried(code, monkeypatch, patience=60.0):
    monkeypatch.setattr(trial, "PATIENCE_S", patience)
    return trial._run([sys.executable, "-c", code])


def test_a_trial_passes_on_a_platform_that_works(capsys):
    probe._try("CPU", {"Threads": "1"})
    told = capsys.readouterr().out
    assert '"moves": true' in told
    assert '"minimises": true' in told


@pytest.mark.parametrize("what", ["bond", "charge", "pair", "box"])
def test_a_trial_sees_what_a_platform_leaves_out(what):
    """The system as a platform would run it that loses a force, takes a charge wrongly, or forgets the box."""
    wrong = probe.small_system()
    bond, charges, morse = wrong.getForce(0), wrong.getForce(3), wrong.getForce(4)
    if what == "bond":
        bond.setBondParameters(0, 0, 1, 0.15, 200_000.0)
    elif what == "charge":
        charges.setParticleParameters(0, 0.61, 0.3, 0.5)
    elif what == "pair":
        morse.setInteractionGroupParameters(0, [0, 4], [3, 7])
    else:
        wrong.setDefaultPeriodicBoxVectors([1.8, 0, 0], [0, 1.8, 0], [0, 0, 1.8])
    context = probe._context(wrong, "Reference", {})
    if what == "box":
        state = context.getState(getForces=True, getPositions=True)
        context = Forgetful(context, state)
    with pytest.raises(probe.Differs):
        probe.compare(context, probe._context(probe.small_system(), "Reference", {}), "of the first configuration")


class Forgetful:
    """A context that says it has the tilted box and computes in a straight one."""

    def __init__(self, context, state):
        self.context, self.state = context, state

    def getState(self, **wanted):
        state = self.context.getState(**wanted)
        return state if not wanted.get("getPositions") else Boxed(state)


class Boxed:
    def __init__(self, state):
        self.state = state

    def getPeriodicBoxVectors(self):
        return probe.small_system().getDefaultPeriodicBoxVectors()

    def getPositions(self):
        return self.state.getPositions()


def test_a_trial_that_crashes_is_a_platform_that_does_not_work(monkeypatch):
    assert tried(CRASH, monkeypatch) == Trial("a trial was ended by SIGSEGV")
    assert tried("raise SystemExit(3)", monkeypatch).why == "a trial ended with code 3"
    assert tried("pass", monkeypatch).why == "a trial ended early"
    assert tried("import time; time.sleep(60)", monkeypatch, 0.5).why == "a trial had not ended after 0.5 s"
    assert tried("""print('WARNING\\n{"why": "no device"}\\n{"half": ')""", monkeypatch).why == "no device"


def test_a_minimiser_that_crashes_is_a_platform_that_moves(monkeypatch):
    found = tried("""print('{"device": "d", "driver": "3"}'); print('{"moves": true}', flush=True); """ + CRASH,
                  monkeypatch)
    assert found == Trial(None, False, {}, "d", "3")
    assert found.seen == " (d, driver 3)"


def test_a_trial_is_made_once_for_the_same_devices(monkeypatch):
    ran = []
    monkeypatch.setattr(trial, "available_platforms", lambda: ["CUDA"])
    monkeypatch.setattr(trial, "_tried", {})
    monkeypatch.setattr(trial, "_run", lambda command: ran.append(command) or CARD)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert [trial.trial("CUDA", {}) for _ in range(3)] == [CARD] * 3
    assert len(ran) == 1
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    trial.trial("CUDA", {})
    assert len(ran) == 2
    assert trial.trial("OpenCL", {}).why == ABSENT


@pytest.fixture
def machine(monkeypatch):
    """A machine where trials end as a test says."""
    outcomes = {}
    monkeypatch.setattr(platforms, "trial", lambda name, properties, gpu_only: outcomes.get(
        (name, gpu_only), outcomes.get(name, Trial(ABSENT))))
    return outcomes


def chosen(name="auto"):
    events: list[Event] = []
    choice = choose_platform(name, cpu_threads=1, report=events.append)
    return choice, " | ".join(event.message for event in events)


def test_auto_takes_no_cpu_for_a_gpu(machine):
    machine["OpenCL", True], machine["OpenCL", False] = Trial(NO_GPU), Trial(None, False)
    choice, told = chosen()
    assert choice.name == "CPU"
    assert choice.note == "CPU, 1 thread"
    assert f"no working GPU platform was found; OpenCL: {NO_GPU}" in told


def test_auto_takes_the_first_platform_that_works_and_says_with_which_device(machine):
    machine["CUDA"] = Trial("a trial was ended by SIGSEGV")
    machine["OpenCL"] = CARD
    choice, told = chosen()
    assert (choice.name, choice.properties, choice.minimiser) == ("OpenCL", CARD.properties, None)
    assert choice.note == "OpenCL, mixed precision (A card, driver 550.54)"
    assert told == f"platform: {choice.note}"
    machine["CUDA"] = CARD
    assert chosen()[0].name == "CUDA"
    machine["CUDA"] = machine["OpenCL"] = Trial("a trial was ended by SIGSEGV")
    choice, told = chosen()
    assert choice.name == "CPU"
    assert "CUDA: a trial was ended by SIGSEGV; OpenCL: a trial was ended by SIGSEGV" in told


def test_a_cpus_opencl_runs_when_it_is_asked_for_by_name(machine):
    machine["OpenCL", True], machine["OpenCL", False] = Trial(NO_GPU), Trial(None, False, {"Precision": "mixed"})
    choice, told = chosen("opencl")
    assert choice.name == "OpenCL"
    assert choice.minimiser.name == "CPU"
    assert "minimised on CPU, 1 thread" in told


def test_a_platform_asked_for_by_name_that_crashes_is_one_sentence(machine):
    machine["OpenCL"] = Trial("a trial was ended by SIGSEGV")
    with pytest.raises(InputError, match=r"OpenCL was asked for but does not work here \(a trial was ended by SIGSEGV"):
        chosen("OpenCL")


def test_a_number_of_threads_that_is_none_is_one_sentence(monkeypatch):
    monkeypatch.setenv("OPENMM_CPU_THREADS", "many")
    with pytest.raises(InputError, match="OPENMM_CPU_THREADS"):
        choose_platform("CPU")


def test_where_a_platform_cannot_minimise_another_does():
    model = build_model(load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s"))
    cpu = choose_platform("CPU", cpu_threads=1)
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001),
                             openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(model.positions * NM)
    settle_on(context, PlatformChoice("Reference", {}, "", minimiser=cpu))
    positions, _ = minimise(model, cpu)
    found = context.getState(getEnergy=True).getPotentialEnergy()._value
    context.setPositions(positions * NM)
    assert found == pytest.approx(context.getState(getEnergy=True).getPotentialEnergy()._value, abs=ENERGY_TOLERANCE)


class FakeOpenCL:
    """Two platforms as a machine with PoCL and a card has them; what OpenCL's functions are given are ctypes' own."""

    DEVICES = ((("a CPU", 1 << 1, "3.1"),), (("a GPU", 1 << 2, "550.54"), ("another", 1 << 2, "550.54")))

    def clGetPlatformIDs(self, number, handles, count):
        return self._list([1, 2], handles, count)

    def clGetDeviceIDs(self, platform, kind, number, handles, count):
        known = self.DEVICES[platform.value - 1]
        return self._list([10 * platform.value + n for n in range(len(known))], handles, count)

    def _list(self, found, handles, count):
        if handles is None:
            count._obj.value = len(found)
        else:
            handles[:] = found
        return 0

    def clGetDeviceInfo(self, handle, what, size, buffer, _):
        name, kind, driver = self.DEVICES[handle.value // 10 - 1][handle.value % 10]
        if what == opencl.DEVICE_TYPE:
            buffer._obj.value = kind
        else:
            buffer.value = (name if what == opencl.DEVICE_NAME else driver).encode()
        return 0


def test_the_gpu_among_opencls_devices_is_the_one_that_auto_uses(monkeypatch):
    monkeypatch.setattr(opencl.ctypes, "CDLL", lambda name: FakeOpenCL())
    assert [(d.name, d.is_gpu, d.driver) for d in opencl.opencl_devices()] == [
        ("a CPU", False, "3.1"), ("a GPU", True, "550.54"), ("another", True, "550.54")]
    given = {"Precision": "mixed"}
    assert probe._properties("OpenCL", given, True) == given | {"OpenCLPlatformIndex": "1", "DeviceIndex": "0"}
    assert probe._properties("OpenCL", given | {"DeviceIndex": "1"}, True)["DeviceIndex"] == "1"
    assert probe._properties("OpenCL", given, False) == given
    monkeypatch.setattr(FakeOpenCL, "DEVICES", (FakeOpenCL.DEVICES[0],) * 2)
    with pytest.raises(probe.Differs, match="none of its devices is a GPU: a CPU"):
        probe._properties("OpenCL", given, True)


def test_a_machine_without_opencl_has_no_devices(monkeypatch):
    def missing(name):
        raise OSError("libOpenCL.so.1: cannot open shared object file")

    monkeypatch.setattr(opencl.ctypes, "CDLL", missing)
    assert opencl.opencl_devices() == []
