"""What a spec file takes from a file beside the experiment file, read when a run begins.

From then on it stands in the experiment itself, as the journal has it: what becomes of the file later changes no run.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl_core.spec.errors import Path as Place
from automl_core.spec.errors import Problem, SpecError, in_file, show
from automl_core.spec.models import Experiment
from automl_core.spec.spec_files import SpecFile, spec_file_problems, unknown_placeholders
from automl_core.spec.yaml_reader import MAX_BYTES, Document, read_yaml
from automl_core.specfiles.prototxt_reader import Message, read_prototxt

_PROTOTXT = (".prototxt", ".textproto", ".pbtxt")

READERS = (".yaml", ".yml", ".json", ".toml", *_PROTOTXT)
"""Endings of files that `base` can be read from, where the format is no text template."""

_PLACE = ("spec_file", "base")


def values_beside(stated: str, file: Path | None) -> dict[str, Any]:
    """What a file that ``base`` names gives; nothing where it can't be read, which `with_base` tells when a run begins.

    Args:
        stated: its path, as the experiment has it.
        file: the experiment file, beside which it lies; None where nobody knows.
    """
    if file is None and not Path(stated).is_absolute():
        return {}
    path = (file.absolute().parent if file is not None else Path()) / stated
    try:
        return _parsed(_text(path, stated), path)[0]
    except SpecError:
        return {}


def with_base(experiment: Experiment, file: Path | None) -> Experiment:
    """The experiment with the content of its spec file's ``base``.

    Args:
        experiment: as its file has it.
        file: the experiment file, beside which the other lies; None where nobody knows.

    Raises:
        SpecError: the file is missing or can't be read, or doesn't go with the parameters. Problems of the experiment
            file have a path and no file; those of the other name it and the line.
    """
    spec = experiment.spec_file
    if spec is None or spec.to_read is None:
        return experiment
    if file is None and not Path(spec.to_read).is_absolute():
        problem = Problem(
            "a file can't be read where only the text of the experiment file is known", _PLACE, found=spec.to_read
        )
        raise SpecError([problem])
    path = (file.absolute().parent if file is not None else Path()) / spec.to_read
    text = _text(path, spec.to_read)
    if spec.format == "text":
        name = spec.name or (path.name if _is_name(path.name) else None)
        problems = in_file(unknown_placeholders(text, experiment), str(path))
        whole = _with(experiment, {"base": None, "text": text, "name": name})
    else:
        body, positions = _parsed(text, path)
        update: dict[str, Any] = {"base": body}
        if spec.format == "prototxt" and isinstance(positions, Message):
            update["enums"] = [*spec.enums, *sorted(positions.enums - set(spec.enums))]
        whole = _with(experiment, update)
        problems = [_placed(each, path, positions) for each in spec_file_problems(whole)]
    if problems:
        raise SpecError(problems)
    return whole


def _with(experiment: Experiment, update: dict[str, Any]) -> Experiment:
    assert experiment.spec_file is not None
    return experiment.model_copy(update={"spec_file": experiment.spec_file.model_copy(update=update)})


def _is_name(name: str) -> bool:
    try:
        return SpecFile(name=name).name == name
    except ValueError:
        return False


def _text(path: Path, stated: str) -> str:
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise SpecError([Problem(f"{path} is larger than {MAX_BYTES >> 20} MiB", _PLACE, found=show(stated))])
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        problem = Problem(
            f"there is no file {path}", _PLACE, found=show(stated), suggestion="It is relative to the experiment file"
        )
        raise SpecError([problem]) from None
    except OSError as error:
        problem = Problem(f"{path} can't be read: {(error.strerror or str(error)).lower()}", _PLACE, found=show(stated))
        raise SpecError([problem]) from None
    except UnicodeDecodeError as error:
        raise SpecError([Problem(f"{path} is not UTF-8: {error.reason}", _PLACE, found=show(stated))]) from None


def _parsed(text: str, path: Path) -> tuple[dict[str, Any], Document | Message | None]:
    """The file's data, and what knows on which line everything stands (None where nothing does)."""
    ending, found = path.suffix.lower(), None
    document: Document | Message | None = None
    try:
        if ending in (".yaml", ".yml"):
            document = read_yaml(text, str(path))
            if document.problems:
                raise SpecError(document.problems)
            found = document.data
        elif ending == ".json":
            found = json.loads(text)
        elif ending in _PROTOTXT:
            document = read_prototxt(text)
            found = document.data
        elif ending == ".toml":
            import tomllib

            found = _plain(tomllib.loads(text), str(path))
        else:
            raise SpecError([Problem(f"{path.name}: its ending is not known", _PLACE, allowed=READERS)])
    except ValueError as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError([Problem(str(error), file=str(path), line=getattr(error, "lineno", None))]) from None
    if not isinstance(found, dict):
        raise SpecError([Problem(f"found {show(found)} where a mapping is wanted", file=str(path))])
    return found, document


def _plain(value: Any, place: str) -> Any:
    """TOML's data without its dates, which no other format has."""
    if isinstance(value, dict):
        return {key: _plain(child, f"{place}: {key}") for key, child in value.items()}
    if isinstance(value, list):
        return [_plain(child, place) for child in value]
    if isinstance(value, str | bool | int | float) and not (isinstance(value, float) and not math.isfinite(value)):
        return value
    raise ValueError(f"{place}: {value} is a value that not every format has; write it as text")


def _placed(problem: Problem, path: Path, document: Document | Message | None) -> Problem:
    """A problem where it belongs: in the file that was read, where it is about its content."""
    if problem.path[:2] != _PLACE or len(problem.path) == 2:
        return problem
    inside: Place = problem.path[2:]
    line, column = document.position(inside) if document is not None else (None, None)
    return replace(problem, file=str(path), path=inside, line=line, column=column)
