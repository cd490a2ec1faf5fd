"""Seeds and generators: every random stream is derived from one seed and a name, and can be saved.

Streams come from numpy's SeedSequence, so adding one leaves the others unchanged.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


def derive_seed(seed: int, *names: str | int | float) -> int:
    """A 31-bit seed for the stream called ``names`` under the study seed (reproducible anywhere)."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0] >> 1)


def generator(seed: int) -> np.random.Generator:
    """A PCG64 generator; numba kernels take it as an argument and draw the same stream as Python."""
    return np.random.Generator(np.random.PCG64(seed))


def generator_state(rng: np.random.Generator) -> dict[str, Any]:
    """The generator's state as JSON-ready values; :func:`restore_generator` brings it back bit for bit."""
    return dict(rng.bit_generator.state)


def restore_generator(state: dict[str, Any]) -> np.random.Generator:
    """Inverse of :func:`generator_state`."""
    rng = generator(0)
    rng.bit_generator.state = state
    return rng
