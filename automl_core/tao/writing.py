"""A network's template, from its schema: the files of one version."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from automl_core.tao.containers import UnknownAction
from automl_core.tao.parameters import Parameters, parameters_of
from automl_core.tao.schema import leaves_of
from automl_core.tao.tasks import PROGRAM_FILES, goal_of, spec_file_of, tasks_of
from automl_core.templates.digest import FILE

READING = 1
"""How metadata are read, counted: it goes up with every change that makes another template of the same schema."""

GROUP = "tao"
"""Before the slash of each network's template."""

_LANGUAGE = frozenset({"cosmos-rl", "vila"})
_SERVICES = {
    "analytics": "analyze", "annotations": "convert", "augmentation": "generate", "auto_label": "generate",
    "image": "validate", "skin_tone": "generate",
}  # fmt: skip
"""Data services, which train nothing, and what they do."""


def files_of(network: str, schema: Mapping[str, Any], *, version: int, made_from: str) -> dict[str, bytes]:
    """Name → content of everything in the folder of a version.

    Args:
        network: as NVIDIA calls it.
        schema: of its action ``train``.
        version: of the template.
        made_from: where the schema comes from, for people.

    Raises:
        SpecError: the schema is wrong.
    """
    text = template_text(network, schema, version=version, made_from=made_from)
    return {FILE: text.encode(), **{name: path.read_bytes() for name, path in PROGRAM_FILES.items()}}


def template_text(network: str, schema: Mapping[str, Any], *, version: int, made_from: str) -> str:
    """The text of template.yaml; arguments as `files_of`.

    Raises:
        SpecError: the schema is wrong.
    """
    found = parameters_of(leaves_of(schema, made_from))
    return "\n".join(_lines(network, found, version, made_from)) + "\n"


def _lines(network: str, found: Parameters, version: int, made_from: str) -> Iterator[str]:
    yield f"# Made from {made_from}, by reading {READING} of its metadata (docs/tao.md)."
    yield f"template: {GROUP}/{network}"
    yield f"version: {version}"
    yield f"title: {flow(f'NVIDIA TAO: {network}')}"
    yield f"description: {flow(f'Parameters, bounds and default search of {made_from}.')}"
    yield f"kind: {'text' if network in _LANGUAGE else 'image'}"
    yield f"requires: {flow([f'the container of NVIDIA TAO that has the command {network}'])}"
    yield "unsearched: program"
    left = ", ".join(found.left)
    if left:
        yield f"# Left to spec_file.base, since a spec file has something else under these names: {left}"
    yield "parameters:" if found.known else "parameters: {}"
    for name, raw in found.known.items():
        yield f"  {name}: {flow(raw)}"
    goal = None
    try:
        goal, spec_file, tasks = goal_of(network), spec_file_of(network), tasks_of(network)
    except UnknownAction:
        action = _SERVICES.get(network, "generate")
        spec_file = {"format": "yaml", "groups": []}
        tasks = [{"name": action, "cwd": "code", "command": [network, action, "-e", "${spec_file}"]}]
    if found.enums and spec_file["format"] == "prototxt":
        spec_file = {**spec_file, "enums": found.enums}
    yield f"goal: {flow(goal or {'metric': 'loss', 'direction': 'minimize'})}"
    yield "trials: {max: 20}"
    yield f"spec_file: {flow(spec_file)}"
    yield "tasks:"
    for task in tasks:
        yield f"  - {flow(task)}"


_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./-]*[A-Za-z0-9_/])?")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "none"})


def flow(value: Any) -> str:
    """A value in one line of YAML, the same to readers of YAML 1.1 and 1.2."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, float):
        digits, exponent, power = repr(value).partition("e")
        return f"{digits if '.' in digits else f'{digits}.0'}{exponent}{power}"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
        return value if plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)
