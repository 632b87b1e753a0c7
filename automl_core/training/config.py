"""What a training program is asked to do: its spec file, and the trial's environment where that says nothing."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl_core.training.problems import TrainingError, nearest

OURS = ("data", "columns", "automl")
"""Groups of a spec file that hold no parameters."""

COLUMN_KEYS = ("target", "features", "id", "group", "time", "weight", "categorical", "text")
"""What a program knows of ``columns:``; other keys are left to those who read them."""


@dataclass(frozen=True)
class Config:
    """One training.

    Attributes:
        params: dotted name of a parameter → its value.
        data: name of a data set → its place.
        columns: what ``columns:`` says: ``target`` and so on.
        model_dir: folder for the model.
        checkpoint_dir: folder for checkpoints, None where nothing is to be resumed later.
        resume_from: folder of the checkpoint to go on from, None at the beginning.
        budget: up to which budget to train, None where the parameters say.
        groups: what the file holds beside the product's own groups, as it stands there: groups are nested.
    """

    params: Mapping[str, Any]
    data: Mapping[str, str]
    columns: Mapping[str, Any]
    model_dir: Path
    checkpoint_dir: Path | None = None
    resume_from: Path | None = None
    budget: int | None = None
    source: str = field(default="the configuration")
    groups: Mapping[str, Any] = field(default_factory=dict)

    def values(self, defaults: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters of a program: the defaults, and over them what the spec file gives.

        Raises:
            TrainingError: there is no such parameter, or its value is of another type than its default.
        """
        for name, value in self.params.items():
            if name not in defaults:
                raise TrainingError(f"{self.source}: there is no parameter {name!r}{nearest(name, defaults)}")
            if not _fits(value, defaults[name]):
                kind = type(defaults[name]).__name__
                raise TrainingError(
                    f"{self.source}: {name} must be of type {kind}, like {defaults[name]!r}; it is {value!r}"
                )
        given = {name: value for name, value in self.params.items() if value is not None}
        whole = {name: float(value) for name, value in given.items() if isinstance(defaults[name], float)}
        return {**defaults, **given, **whole}

    def place(self, name: str) -> str | None:
        """Where a data set lies: the spec file, or AUTOML_DATA_<NAME>; None where neither names it."""
        found = self.data.get(name) or os.environ.get(f"AUTOML_DATA_{name.upper()}")
        return str(found) if found else None

    def need(self, name: str) -> str:
        """Where a data set lies that there is no training without.

        Raises:
            TrainingError: it is not named.
        """
        found = self.place(name)
        if found is None:
            raise TrainingError(f"{self.source}: data.{name} is missing: the place of the rows to learn from")
        return found

    def column(self, key: str) -> str | None:
        """The one column that has a role, None where no column has it.

        Raises:
            TrainingError: what is named is no column's name.
        """
        value = self.columns.get(key)
        if value is not None and not isinstance(value, str):
            raise TrainingError(f"{self.source}: columns.{key} must be the name of one column; it is {value!r}")
        return value

    def column_list(self, key: str) -> list[str] | None:
        """The columns that have a role, None where nothing is said of it.

        Raises:
            TrainingError: it is no list of names.
        """
        value = self.columns.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            return [value]
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise TrainingError(f"{self.source}: columns.{key} must be a list of columns' names; it is {value!r}")
        return list(value)


def read_config(description: str, argv: list[str] | None = None) -> Config:
    """Read ``--config FILE`` (YAML or JSON); AUTOML_SPEC_FILE where the argument is left out.

    Raises:
        TrainingError: there is no such file, or it is no mapping.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--config", default=os.environ.get("AUTOML_SPEC_FILE"), help="spec file, YAML or JSON")
    parser.add_argument("--model-dir", type=Path, help="folder for the model (AUTOML_MODEL_DIR; ./model)")
    args = parser.parse_args(argv)
    if not args.config:
        raise TrainingError("--config FILE is missing, and AUTOML_SPEC_FILE names no file either")
    whole = _mapping(Path(args.config))
    ours = {name: whole.pop(name, None) or {} for name in OURS}
    for name, group in ours.items():
        if not isinstance(group, dict):
            raise TrainingError(f"{args.config}: {name} must be a group of keys; it is {group!r}")
    automl = ours["automl"]
    budget = automl.get("budget") or os.environ.get("AUTOML_BUDGET")
    return Config(
        params=dict(_flat(whole, "")),
        data=ours["data"],
        columns=ours["columns"],
        model_dir=args.model_dir or _folder("AUTOML_MODEL_DIR", automl.get("model_dir")) or Path("model"),
        checkpoint_dir=_folder("AUTOML_CHECKPOINT_DIR", automl.get("checkpoint_dir")),
        resume_from=_folder("AUTOML_RESUME_FROM", automl.get("resume_from")),
        budget=int(budget) if budget else None,
        source=str(args.config),
        groups=whole,
    )


def _mapping(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise TrainingError(f"{path}: can't be read: {error.strerror}") from None
    try:
        value = json.loads(text) if path.suffix == ".json" else _yaml(text)
    except ValueError as error:
        raise TrainingError(f"{path}: is not valid: {error}") from None
    if not isinstance(value, dict):
        raise TrainingError(f"{path}: must be a mapping of parameters; it is a {type(value).__name__}")
    return value


def _yaml(text: str) -> Any:
    import re

    import yaml

    class SafeLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """YAML in which ``1e-5`` is a number, as in JSON and in YAML 1.2; PyYAML's own takes it for text."""

    SafeLoader.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    )
    try:
        return yaml.load(text, Loader=SafeLoader)  # noqa: S506 - a subclass of the safe loader
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from None


def _flat(group: Mapping[str, Any], prefix: str) -> Any:
    for name, value in group.items():
        dotted = f"{prefix}{name}"
        if isinstance(value, dict):
            yield from _flat(value, f"{dotted}.")
        else:
            yield dotted, value


def _folder(variable: str, stated: object) -> Path | None:
    # the environment first: a spec file that is used again by hand may name folders of its trial, which are gone
    value = os.environ.get(variable) or stated
    if not value:
        return None
    text = str(value).removeprefix("file://")
    if "://" in text:
        raise TrainingError(
            f"{variable} is {text}: this program writes to folders; in pods, `artifacts:` of the training task carries "
            "them from and to the bucket"
        )
    return Path(text)


def _fits(value: Any, default: Any) -> bool:
    if value is None or default is None:
        return True
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, int):
        return isinstance(value, int)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))
