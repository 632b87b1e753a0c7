"""An experiment file from TAO's settings, as text: what a person would write, and what became of each setting."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from automl_core.tao.settings import Brought

_WIDTH = 118
_ORDER = ("name", "template", "data", "goal", "search", "space", "trials", "tasks", "conclude", "spec_file", "output")


def text_of(brought: Brought, source: str = "") -> str:
    """The file.

    Args:
        brought: what stands in it.
        source: where the settings come from, for its first line.
    """
    lines = [f"# From TAO's settings{f' ({source})' if source else ''}."]
    for note in brought.notes:
        lines += textwrap.wrap(" ".join(note.split()), _WIDTH, initial_indent="# - ", subsequent_indent="#   ")
    keys = sorted(brought.body, key=lambda key: _ORDER.index(key) if key in _ORDER else len(_ORDER))
    for key in keys:
        value = brought.body[key]
        line = f"{key}: {flow(value)}"
        if len(line) <= _WIDTH or not isinstance(value, Mapping | list):
            lines.append(line)
        else:
            lines += [f"{key}:", *_block(value, "  ")]
    return "\n".join(lines) + "\n"


def _block(value: Mapping[str, Any] | list[Any], indent: str) -> list[str]:
    lines: list[str] = []
    items = value.items() if isinstance(value, Mapping) else (("-", each) for each in value)
    for key, each in items:
        head = f"{indent}{'-' if key == '-' else f'{flow(key)}:'}"
        line = f"{head} {flow(each)}"
        if len(line) <= _WIDTH or not isinstance(each, Mapping | list) or not each:
            lines.append(line)
        else:
            lines += [head, *_block(each, indent + "  ")]
    return lines


def flow(value: Any) -> str:
    """A value in one line of YAML; text is quoted unless nobody could take it for anything else."""
    from automl_core.specfiles.yaml_text import to_yaml

    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(each) for each in value) + "]"
    if isinstance(value, str):
        return to_yaml({"a": value}).removeprefix("a: ").rstrip("\n") if "\n" not in value else json.dumps(value)
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        return f"{int(value)}" if abs(value) >= 1e6 else f"{value}"
    return to_yaml({"a": value}).removeprefix("a: ").rstrip("\n")
