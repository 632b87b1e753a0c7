"""``--conf trials.max=5`` and ``--set lr=0.01``: values on the command line, as an experiment file has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from automl_core.cli.places import UserError


def parse_conf(entries: Iterable[str]) -> dict[str, Any]:
    """The conf of a run.

    Args:
        entries: each ``group.field=value`` (the value as in the experiment file: ``1e-3``, ``[a, b]``,
            ``null``), or a whole mapping (``{trials: {max: 5}}``). Later ones go before earlier ones.

    Raises:
        UserError: an entry is neither.
    """
    conf: dict[str, Any] = {}
    for entry in entries:
        if entry.lstrip().startswith("{"):
            value = _read(entry, entry)
            if not isinstance(value, dict):
                raise UserError(f"--conf {entry}: a mapping such as '{{trials: {{max: 5}}}}' is wanted")
            _merge(conf, value)
            continue
        key, equals, text = entry.partition("=")
        names = key.strip().split(".")
        if not equals or not all(names):
            raise UserError(f"--conf {entry}: group.field=value is wanted, such as trials.max=5")
        nested: Any = _read(text, entry)
        for name in reversed(names):
            nested = {name: nested}
        _merge(conf, nested)
    return conf


def parse_values(entries: Iterable[str] | None, wanted: str) -> dict[str, Any]:
    """The values of parameters: ``lr=0.01`` and the like.

    Args:
        entries: what ``--set`` was given.
        wanted: what it takes, for people.

    Raises:
        UserError: an entry is something else.
    """
    from automl_core.spec.yaml_reader import read_yaml

    values: dict[str, Any] = {}
    for entry in entries or ():
        name, equals, text = entry.partition("=")
        document = read_yaml(text, "--set")
        if not equals or not name.strip() or document.problems:
            raise UserError(f"--set {entry}: {wanted}")
        values[name.strip()] = document.data
    return values


def _read(text: str, entry: str) -> Any:
    from automl_core.spec.yaml_reader import read_yaml

    document = read_yaml(text, "--conf")
    if document.problems:
        raise UserError(f"--conf {entry}: {document.problems[0].message}")
    return document.data


def _merge(conf: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(conf.get(key), dict):
            _merge(conf[key], value)
        else:
            conf[key] = value
