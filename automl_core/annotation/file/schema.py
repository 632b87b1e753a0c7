"""JSON Schema of an annotation project's file, for editors and for programs that write such files."""

from __future__ import annotations

from typing import Any

from automl_core.annotation.file.annotation import AnnotationFile
from automl_core.spec.schema import DIALECT, by_tag


def annotation_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of an annotation project's file.

    It knows keys, types and limits, and that a model is an experiment or a program. What groups say of one another is
    beyond a schema: `automl_core.annotation.file.relations` checks that.
    """
    schema = AnnotationFile.model_json_schema()
    nothing = {"type": "null"}
    schema["$defs"]["Labeller"]["oneOf"] = [
        {
            "required": ["experiment"],
            "properties": {"experiment": {"type": "string"}, "command": nothing, "name": nothing, "family": nothing},
        },
        {
            "required": ["name", "family", "command"],
            "properties": {"experiment": nothing, "families": {"const": 1}, "storage": nothing, "connection": nothing},
        },
    ]
    made: dict[str, Any] = by_tag(schema, schema.get("$defs", {}))
    return {"$schema": DIALECT, **made, "title": "AutoML annotation project"}
