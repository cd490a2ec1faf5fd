"""docs/schema is what the models say, whatever the version of pydantic words it like."""

import importlib.util
import json
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def names(schema):
    """Every table of a schema with its keys."""
    tables = {"": schema, **schema.get("$defs", {})}
    return {title: sorted(table.get("properties", ())) for title, table in tables.items()}


def test_the_schemas_are_not_stale():
    spec = importlib.util.spec_from_file_location("make_schemas", DOCS / "make_schemas.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = {path.name: path.read_text(encoding="utf-8") for path in (DOCS / "schema").glob("*.json")}
    made = module.schemas()
    assert sorted(kept) == sorted(made)
    for name, text in made.items():
        assert names(json.loads(kept[name])) == names(json.loads(text)), "run `python docs/make_schemas.py`"
    assert json.loads(made["study.json"])["$defs"]["Melt"]["properties"]["hold_ps"]["maximum"] == 1e6
