"""Seeds: one for each name, the same on every machine, and generators that come back bit for bit."""

import json

import numpy as np

from zifsim.rng import derive_seed, generator, generator_state, restore_generator


def test_every_name_and_every_seed_has_a_stream_of_its_own():
    names = ((), ("a",), ("b",), ("a", "b"), ("a", 1), (1,))
    seeds = [derive_seed(seed, *of) for seed in (0, 1, 2) for of in names]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_seeds_are_those_of_other_machines_and_versions():
    assert [derive_seed(1, "replica", n) for n in (1, 2)] == [derive_seed(1, "replica", str(n)) for n in (1, 2)]
    assert derive_seed(7, "widom") == 761953350


def test_a_generator_comes_back_bit_for_bit_from_json():
    rng = generator(3)
    rng.normal(size=5)
    state = json.loads(json.dumps(generator_state(rng)))
    assert np.array_equal(restore_generator(state).normal(size=10), rng.normal(size=10))
