"""Random numbers that the kernels draw: xoroshiro128++, the same stream on a CPU, on a GPU and in plain Python.

Blackman & Vigna, ACM Trans. Math. Softw. 2021, doi:10.1145/3460772. A walker has several streams: the first decides,
each trial placement draws from its own. So trials may be tried one after another or side by side (a GPU's lanes), and
the result is the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zifsim.gcmc.jit import kernel

_UNIT = 2.0**-53
_SHIFT_11, _SHIFT_17, _SHIFT_21, _SHIFT_28 = np.uint64(11), np.uint64(17), np.uint64(21), np.uint64(28)
_SHIFT_36, _SHIFT_15, _SHIFT_47, _SHIFT_49 = np.uint64(36), np.uint64(15), np.uint64(47), np.uint64(49)
DECISIONS = 0     # the stream that decides; trial t draws from stream t + 1


def streams(seed: int, number: int) -> NDArray[np.uint64]:
    """(number, 2) states of independent streams; the first ones do not depend on ``number``."""
    sequences = np.random.SeedSequence(seed).spawn(number)
    return np.stack([s.generate_state(2, np.uint64) for s in sequences])


@kernel
def uniform(rng: NDArray[np.uint64], stream: int) -> float:
    """A random number in [0, 1) from ``rng[stream]``, which moves on."""
    a, b = rng[stream, 0], rng[stream, 1]
    c = a + b
    c = ((c << _SHIFT_17) | (c >> _SHIFT_47)) + a
    b ^= a
    rng[stream, 0] = ((a << _SHIFT_49) | (a >> _SHIFT_15)) ^ b ^ (b << _SHIFT_21)
    rng[stream, 1] = (b << _SHIFT_28) | (b >> _SHIFT_36)
    return float(c >> _SHIFT_11) * _UNIT
