"""The walkers of a card against the CPU's, move by move, in CUDA's simulator; and that the kernel compiles for a card.

Both run in a process of their own: the simulator is chosen before numba is imported.
"""

import importlib.util
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from gcmc_naive import (
    CO2,
    FORCEFIELD,
    LOPSIDED,
    METHANE,
    TRICLINIC,
    guest_model,
    quick_settings,
    toy_framework,
)

from zifsim.errors import InputError
from zifsim.gcmc import gpu, sampling
from zifsim.gcmc.gpu import Batch, arguments_for, check_card, sample_on_gpu
from zifsim.gcmc.moves import DELETION, INSERTION, REGROWTH, ROTATION, SWAP, TRANSLATION, Conditions, run_moves
from zifsim.gcmc.random import streams
from zifsim.gcmc.sampling import check_energy, log_activities, move_mix, orientations_of
from zifsim.gcmc.system import make_system
from zifsim.gcmc.walker import copy_walker

N_MOVES = 130
# In plain Python: compiling the functions one by one, as the simulator calls them, would take minutes.
SIMULATOR = {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
NITROGEN = guest_model([(36.0, 3.3, -0.45, 0.55), (0.0, 1.0, 0.9, 0.0), (36.0, 3.3, -0.45, -0.55)], "N2-toy", "N2",
                       28.0)
SIMULATE = """
import pickle, sys, threading
from numba.cuda.simulator import kernelapi
from zifsim.errors import SimulationError
from zifsim.gcmc import gpu, sampling
sampling.MOVE_PROBABILITIES = sampling.MIXTURE_PROBABILITIES    # every kind of move, of one gas too
sys.setswitchinterval(1e-5)                  # the simulator's lanes are threads that wait for each other
# The simulator looks shared arrays up and stores them without a lock, so that lanes may get different ones. It tells
# arrays apart by the line that asks, which is now the one below: right for a kernel with one shared array.
alone, allocate = threading.Lock(), kernelapi.FakeCUDAShared.array
def array(self, shape, dtype):
    with alone:
        return allocate(self, shape, dtype)
kernelapi.FakeCUDAShared.array = array
gpu.LANES, gpu.LAUNCH_MOVES = 3, 90          # so that lanes take several trials, and a run several launches
with open(sys.argv[1], "rb") as stream:
    batches, n_moves = pickle.load(stream)
try:
    result = gpu.sample_on_gpu(batches, n_moves, sample_every=1)
except SimulationError as error:
    result = str(error)
with open(sys.argv[2], "wb") as stream:
    pickle.dump(result, stream)
"""
COMPILE = """
import pickle, sys, types
from numba import cuda, typeof
from zifsim.gcmc import gpu
try:
    from numba.cuda.cudadrv.nvvm import NVVM
    NVVM()
except Exception as error:
    print(f"NVVM, the compiler of the CUDA toolkit, cannot be loaded ({type(error).__name__})")
    sys.exit(77)
import numba.cuda.dispatcher
import numpy as np
# device functions ask the card at hand what it is; there is none
numba.cuda.dispatcher.get_current_device = lambda: types.SimpleNamespace(compute_capability=(8, 0))
with open(sys.argv[1], "rb") as stream:
    (batch,), _ = pickle.load(stream)
gpu.teach_rint()
field, conditions, walkers, series = gpu.arguments_for(batch, 10)
values = (field, conditions, walkers, gpu.scratches_for(batch, gpu.LANES, np.zeros), series, 0, 100, 10)
signature = tuple(typeof(v) for v in values)
made = {}
for name, kernel in vars(gpu).items():
    if isinstance(kernel, numba.cuda.dispatcher.CUDADispatcher) and not kernel.targetoptions.get("device"):
        for cc in ((8, 0), (9, 0)):     # not optimised: a quarter of the time
            made[name, cc], _ = cuda.compile_ptx(kernel.py_func, signature, device=False, cc=cc, opt=False)
with open(sys.argv[2], "wb") as stream:
    pickle.dump(made, stream)
"""


def batch_of(models, n_trials, fugacities_pa, **settings):
    # weakly biased, so that a hundred moves see each kind accepted
    settings = quick_settings(bias_exponent=0.3, **settings)
    system = make_system(toy_framework(TRICLINIC), models, FORCEFIELD, 300.0, settings)
    return Batch(system, np.array(fugacities_pa), [1, 2], n_trials)


def run_apart(script, folder, batches, **environment):
    """Run a script in its own process on pickled batches; returns the path it wrote to."""
    given, made = folder / "batches.pickle", folder / "result"
    given.write_bytes(pickle.dumps((batches, N_MOVES)))
    paths = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script, str(given), str(made)], check=False,
                          env=os.environ | paths | environment, capture_output=True, text=True, timeout=600)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stderr[-3000:]
    return made


def on_the_cpu(batch, w):
    """The same walker, run by the CPU's kernel."""
    system = batch.system
    walker = copy_walker(batch.starts[w]) if batch.starts else system.new_walker()
    conditions = Conditions(1.0 / system.temperature_k, log_activities(batch.fugacities_pa[w], system.temperature_k),
                            system.volume, move_mix(system, batch.n_trials), np.array(batch.steps),
                            orientations_of(batch.n_trials), np.zeros(1), np.zeros(0))
    counts, energies = np.zeros((N_MOVES, len(system.guest_models))), np.zeros(N_MOVES)
    assert run_moves(streams(batch.seeds[w], batch.n_trials + 1), system.host, system.guests, system.ewald,
                     system.bias, walker, system.new_scratch(batch.n_trials), conditions, N_MOVES, 1, counts, energies)
    return counts, energies, walker


def test_walkers_on_a_card_take_the_path_of_the_cpu_move_by_move(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "MOVE_PROBABILITIES", sampling.MIXTURE_PROBABILITIES)
    methane = batch_of((METHANE,), 1, [[5e6], [2e7]], host_path="direct")
    co2 = batch_of((CO2,), 4, [[1e6], [1e7]])
    # Both gases have an orientation: turning a sphere changes nothing, and rounding would decide how it is accepted.
    mixture = batch_of((CO2, NITROGEN), 4, [[1e6, 3e7], [1e7, 1e7]])
    polar = batch_of((LOPSIDED,), 3, [[3e5], [3e7]])     # with the Fourier part of Ewald
    assert polar.system.guests.fourier
    crowded = batch_of((CO2,), 8, [[1e6], [1e7]], guest_images="all", cutoff_angstrom=9.0)      # two orientations each
    assert crowded.system.guests.images > 1
    batches = [methane, co2, mixture, polar, crowded]
    made = run_apart(SIMULATE, tmp_path, batches, **SIMULATOR)
    for batch, series in zip(batches, pickle.loads(made.read_bytes()), strict=True):
        # the grid is interpolated in single precision, and compiled code rounds in another order: some mK a molecule
        rounding_k = 0.1 if batch.system.host.use_grid else 1e-6
        for w in range(2):
            counts, energies, walker = on_the_cpu(batch, w)
            assert np.array_equal(series.counts[w], counts)
            assert series.energies[w] == pytest.approx(energies, rel=1e-9, abs=rounding_k)
            assert np.array_equal(series.walkers[w].accepted, walker.accepted)
            assert np.array_equal(series.walkers[w].attempted, walker.attempted)
            assert series.walkers[w].transitions == pytest.approx(walker.transitions, rel=1e-3)
            assert counts.max() > 2
            check_energy(batch.system, series.walkers[w], gpu.CARD_TOLERANCE)
        accepted = series.walkers[0].accepted + series.walkers[1].accepted
        assert np.all(accepted[[INSERTION, DELETION, TRANSLATION]] > 0)
        assert accepted[REGROWTH] > 0 or batch is crowded
        assert accepted[ROTATION] > 0 or batch is methane
        assert accepted[SWAP] > 0 or batch is not mixture


def test_a_cell_that_fills_up_is_an_error(tmp_path):
    batch = batch_of((METHANE,), 2, [[1e5], [1e5]])
    roomy, full = batch.system.new_walker(), batch.system.new_walker()
    full.total[0] = full.number[0] = batch.system.capacity - 1
    made = run_apart(SIMULATE, tmp_path, [replace(batch, starts=[roomy, full])], **SIMULATOR)
    assert f"filled up with {batch.system.capacity - 1} molecules" in pickle.loads(made.read_bytes())


def test_every_kernel_compiles_for_cards_of_8_0_and_9_0(tmp_path):
    if importlib.util.find_spec("numba_cuda") is None:
        pytest.skip("numba-cuda is not installed: pip install 'zifsim[gpu]'")
    batch = batch_of((CO2, METHANE), gpu.LANES, [[1e6, 1e7], [1e7, 3e6]])
    made = pickle.loads(run_apart(COMPILE, tmp_path, [batch]).read_bytes())
    assert set(made) == {("walk", (8, 0)), ("walk", (9, 0))}
    for (_, (major, minor)), ptx in made.items():
        assert f".target sm_{major}{minor}" in ptx
        assert ptx.count(".visible .entry") == 1
        assert ".extern .func" not in ptx     # nothing that a card does not have


def test_without_a_card_one_sentence_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(gpu.cuda, "implementation", "Built-in")
    with pytest.raises(InputError, match="needs the package numba-cuda"):
        check_card()
    monkeypatch.setattr(gpu.cuda, "implementation", "NVIDIA")
    monkeypatch.setattr(gpu.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="No CUDA card"):
        sample_on_gpu([], 100)


def test_a_batch_that_does_not_fit_its_system_is_refused():
    batch = batch_of((METHANE,), 2, [[1e5], [1e6]])
    with pytest.raises(InputError, match="one positive fugacity per seed"):
        arguments_for(Batch(batch.system, np.array([[1e5, 1e5]]), [1]), 10)
    with pytest.raises(InputError, match="one positive fugacity per seed"):
        arguments_for(Batch(batch.system, np.array([[0.0]]), [1]), 10)
    with pytest.raises(InputError, match="at least one trial"):
        arguments_for(Batch(batch.system, np.array([[1e5]]), [1], 0), 10)
    with pytest.raises(InputError, match="walkers to start from"):
        arguments_for(Batch(batch.system, np.array([[1e5]]), [1], 1, [batch.system.new_walker()] * 2), 10)
