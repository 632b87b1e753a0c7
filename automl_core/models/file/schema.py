"""JSON Schema of a model's file, for editors and for programs that write such files."""

from __future__ import annotations

from typing import Any

from automl_core.models.file.model import ModelFile
from automl_core.spec.schema import DIALECT, by_tag


def model_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a model's file.

    It knows keys, types, limits and which keys go with which `deploy.to`, `deploy.backend` and `test`. What groups say
    of one another is beyond a schema: `automl_core.models.file.relations` checks that.
    """
    schema = ModelFile.model_json_schema()
    definitions = schema.get("$defs", {})
    for definition in definitions.values():
        for tag in ("to", "backend", "test"):
            place = definition.get("properties", {}).get(tag, {})
            if "const" in place:
                place.setdefault("description", definition.get("description", "").replace("``", ""))
    made: dict[str, Any] = by_tag(schema, definitions)
    return {"$schema": DIALECT, **made, "title": "AutoML model"}
