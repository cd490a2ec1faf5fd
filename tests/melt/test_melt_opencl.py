"""OpenCL asked for by name, on whatever device it has (PoCL on a CPU will do): energies and forces of a melt's model
are Reference's, and a melt that is killed goes on to its end.

In a process of its own, which a broken driver may end.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NO_DEVICE = 77
RUN = """
import json, sys
from pathlib import Path
import numpy as np
import openmm
from zifsim.crystals.load import load_framework
from zifsim.io.melt_forcefields import load_melt_forcefield
from zifsim.melt import dynamics
from zifsim.melt.opencl import opencl_devices
from zifsim.melt.platform import choose_platform
from zifsim.melt.run import MeltSettings, run_melt
from zifsim.melt.system import NM, build_model
from zifsim.model.schedule import Segment, TemperatureProgram
if not opencl_devices():
    sys.exit(77)
folder = Path(sys.argv[1])
crystal, forcefield = load_framework("ZIF-8"), load_melt_forcefield("nb-ZIF-FF-s")
choice = choose_platform("OpenCL")
model = build_model(crystal, forcefield, tail_correction=True)

def seen(name, properties):
    context = openmm.Context(model.system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName(name),
                             properties)
    context.setPositions(model.positions * NM)
    state = context.getState(getEnergy=True, getForces=True)
    return state.getPotentialEnergy()._value, np.array(state.getForces(asNumpy=True)._value)

energy, forces = seen("OpenCL", choice.properties)
right, exact = seen("Reference", {})
dynamics.REPORT_INTERVAL_S = 0.0
program = TemperatureProgram("short", (Segment("heat", 300.0, 400.0, 0.03, "NVT"), Segment("cool", 400.0, 300.0, 0.03)),
                             1.0)
settings = MeltSettings(platform="OpenCL", cpu_threads=1, state_interval_ps=0.01, frame_interval_ps=0.01,
                        checkpoint_interval_ps=0.02)

def kill(event):
    if event.values.get("step", 0) >= 50:
        raise KeyboardInterrupt

try:
    run_melt(crystal, forcefield, program, settings, folder, kill)
    sys.exit("the melt was not killed")
except KeyboardInterrupt:
    kept = (folder / "state.csv").read_text().splitlines()
result = run_melt(crystal, forcefield, program, settings, folder)
print(json.dumps({
    "energy": energy, "right": right, "force_error": float(np.sqrt(((forces - exact) ** 2).sum(1).mean())),
    "force": float(np.sqrt((exact ** 2).sum(1).mean())), "note": choice.note, "kept": kept,
    "rows": (folder / "state.csv").read_text().splitlines(), "density": result.density_g_cm3}))
"""


@pytest.mark.slow
def test_opencl_by_name_computes_what_reference_does_and_resumes(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", RUN, str(tmp_path)], capture_output=True, text=True, timeout=900,
                          env=os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)})
    if done.returncode == NO_DEVICE:
        pytest.skip("OpenCL has no device here: install a driver, or PoCL for the CPU (Debian: pocl-opencl-icd)")
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["note"].startswith("OpenCL, mixed precision")
    assert seen["energy"] == pytest.approx(seen["right"], abs=0.1)
    assert seen["force_error"] < 1e-3 * seen["force"]
    steps = [int(row.split(",")[0]) for row in seen["rows"][1:]]
    assert steps == list(range(0, 61, 10))      # none twice, none missing
    assert seen["kept"][:4] == seen["rows"][:4]     # what the checkpoint of step 30 vouches for
    temperatures = [float(row.split(",")[4]) for row in seen["rows"][1:]]
    assert all(200.0 < kelvin < 500.0 for kelvin in temperatures)
    assert 0.85 < seen["density"] < 1.0
