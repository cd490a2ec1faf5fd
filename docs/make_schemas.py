#!/usr/bin/env python
"""Write docs/schema/*.json: JSON Schemas of every TOML file that zifsim reads, for editors that check while one types.

In a TOML file, Even Better TOML and Taplo take a first line such as ``#:schema PATH/study.json``.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from zifsim.campaign.study import Study
from zifsim.io.adsorption import HostFile
from zifsim.io.guests import GuestFile
from zifsim.io.melt_tables import MeltFile
from zifsim.melt.program import ProgramFile
from zifsim.sweep.axes import SweepTables

FOLDER = Path(__file__).parent / "schema"
MODELS: dict[str, type[BaseModel]] = {
    "study": Study, "adsorption_forcefield": HostFile, "guest": GuestFile, "melt_forcefield": MeltFile,
    "melt_program": ProgramFile}


def schemas() -> dict[str, str]:
    """Name of a file -> its schema; a sweep has the tables of a study and two of its own."""
    made = {name: model.model_json_schema() for name, model in MODELS.items()}
    study, own = made["study"], SweepTables.model_json_schema()
    made["sweep"] = study | {
        "title": "Sweep", "$defs": study["$defs"] | own["$defs"], "properties": study["properties"] | own["properties"],
        "required": [*study["required"], *own["required"]]}
    return {f"{name}.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n" for name, schema in made.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(f"wrote {FOLDER / name}")
