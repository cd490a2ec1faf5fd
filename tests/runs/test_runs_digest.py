"""Digests of values, which depend on the value and not on how it was written down."""

import hashlib
import json
from pathlib import Path

import numpy as np

from zifsim.model.schedule import Segment
from zifsim.runs.digest import canonical_json, digest, plain, sha256_file


def test_values_become_plain():
    value = plain({"s": Segment("hold", 1.0, 2.0, 3.0), "a": np.arange(2), "t": (1, None), "p": Path("x"), "n": {2, 1}})
    assert value["s"]["duration_ps"] == 3.0
    assert value["a"] == [0, 1]
    assert value["n"] == [1, 2]
    assert json.loads(json.dumps(value)) == value


def test_a_digest_is_that_of_the_canonical_json():
    assert canonical_json({"b": 0.1, "a": (1, None)}) == '{"a":[1,null],"b":0.1}'
    assert digest({"b": 0.1, "a": (1, None)}) == hashlib.sha256(b'{"a":[1,null],"b":0.1}').hexdigest()
    assert digest(np.float64(0.1)) == digest(0.1)


def test_a_value_that_went_through_json_keeps_its_digest():
    value = {"segments": [Segment("hold", 0.1 + 0.2, 1e-300, 3.0)]}
    assert digest(json.loads(json.dumps(plain(value)))) == digest(value)


def test_a_file_is_digested_whole(tmp_path):
    content = b"x" * (3 << 20) + b"y"
    (tmp_path / "f").write_bytes(content)
    assert sha256_file(tmp_path / "f") == hashlib.sha256(content).hexdigest()
