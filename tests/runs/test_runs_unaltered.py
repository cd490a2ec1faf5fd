"""Results that other commands read: altered after their run finished, they are refused by name."""

import pytest

from zifsim.errors import InputError
from zifsim.io.files import write_json_atomic
from zifsim.io.tables import read_run_table
from zifsim.runs.folder import Claim, unaltered

CLAIM = Claim("isotherm", "isotherm CH4", {"gas": "CH4"})


def test_an_altered_result_is_refused_by_file_and_by_folder(tmp_path):
    result = tmp_path / "out" / "isotherm.json"
    assert unaltered(tmp_path / "nowhere") == tmp_path / "nowhere"
    CLAIM.run(tmp_path / "out", ["isotherm.json"], work=lambda: 1, read=lambda: 1,
              write=lambda _, date: write_json_atomic(result, {"loading_mol_kg": 2.5}))
    assert unaltered(result) == result
    write_json_atomic(result, {"loading_mol_kg": 4.64})
    for path in (result, result.parent):
        with pytest.raises(InputError, match=r"isotherm\.json is not what its run wrote"):
            unaltered(path)


@pytest.mark.parametrize(("text", "sentence"), [
    ("step,segment,t\n0,heat,1\nx100,heat,2\n", "line 3, is damaged"),
    ("step,segment,t\n5,heat,1\n3,heat,2\n", "line 3"),
    ("step,segment,t\n0,heat\n", "line 2"), ("step,segment,t\n0,heat,1,2\n", "line 2"), ("", "no rows with step"),
    ("step,segment,t\n0,heat,\xff\n", "line 2")])
def test_a_row_that_no_run_wrote_is_named(tmp_path, text, sentence):
    (tmp_path / "state.csv").write_text(text)
    with pytest.raises(InputError, match=sentence):
        read_run_table(tmp_path / "state.csv")
    (tmp_path / "state.csv").write_bytes(b"\xff\n")
    with pytest.raises(InputError, match="is damaged"):
        read_run_table(tmp_path / "state.csv")
