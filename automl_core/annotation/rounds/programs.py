"""Programs that people bring: items out as JSON lines, predictions in as JSON lines, each line looked at.

A line that goes in: ``{"id": "i…", "item": {"text": "…"}}``. A line that comes out names the item and either all
probabilities, ``{"id": "i…", "probabilities": {"order": 0.9, "refund": 0.1}}``, or the likeliest class and how sure it
is, ``{"id": "i…", "label": "order", "confidence": 0.9}``: the rest is then shared alike by the other classes.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.rounds.mapping import NotUsable
from automl_core.annotation.rounds.reach import Reach
from automl_core.backends import apart

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile

Floats = NDArray[np.float64]

ITEMS, OUT = "items.jsonl", "out.jsonl"
NAMED = 3
"""Lines with a fault that are told one by one."""

MOST_FAULTS = 0.5
"""Share of lines with a fault from which on nothing of a program is believed."""

SUM = 0.01
"""How far from 1 probabilities of a program may sum up: many print three digits."""


def run_program(
    labeller: Any, file: AnnotationFile, ids: Sequence[str], contents: Sequence[Mapping[str, Any]], reach: Reach,
    folder: Path,
) -> tuple[Floats, list[str]]:  # fmt: skip
    """Probabilities of items by a program.

    Args:
        labeller: of the file, with a command.
        file: of the project.
        ids, contents: of the items.
        reach: where the program runs, and who hears its lines.
        folder: for its files, its own.

    Returns:
        (n, classes of the file), NaN of items that it says nothing of; and what people should know.

    Raises:
        NotUsable: it does not start, fails, takes too long, or what it writes is no prediction.
    """
    folder.mkdir(parents=True, exist_ok=True)
    items, out = (folder / ITEMS).absolute(), (folder / OUT).absolute()
    with items.open("w", encoding="utf-8") as lines:
        for name, content in zip(ids, contents, strict=True):
            lines.write(json.dumps({"id": name, "item": dict(content)}, ensure_ascii=False) + "\n")
    here = (reach.folder or folder).absolute()
    values = {"items": str(items), "out": str(out), "file_dir": str(here)}
    try:
        apart.run(
            _arguments(labeller.command, values), folder, cwd=here, results=(OUT,),
            what=f"the program {labeller.title}", timeout=float(labeller.timeout),
            variables=_variables(labeller.env), say=reach.say, wanted=reach.wanted,
        )  # fmt: skip
    except apart.NotDone as error:
        raise NotUsable(str(error)) from None
    return read_lines(labeller.title, out, ids, file.labels.classes)


def _arguments(command: str | Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The argument list; a text is run by /bin/sh with values that can't be split or executed."""
    from automl_core.backends.shell import shell_command
    from automl_core.backends.substitution import render

    if isinstance(command, str):
        return shell_command(command, lambda each: values.get(each.name))
    return [render(each, lambda found: values.get(found.name, "")) for each in command]


def _variables(given: Mapping[str, str]) -> dict[str, str]:
    """Of a program: what this process has but its secrets, the folder of this Python first on PATH, and its own."""
    from automl_core.backends.environment import inherited

    found = inherited(os.environ)
    path = os.pathsep.join([str(Path(sys.executable).parent), found.get("PATH", os.defpath)])
    return {**found, "PATH": path, "PYTHONUNBUFFERED": "1"} | dict(given)


def read_lines(name: str, path: Path, ids: Sequence[str], classes: Sequence[str]) -> tuple[Floats, list[str]]:
    """What a program wrote, line by line.

    Args:
        name: of the program.
        path: of its file.
        ids: of the items that it was given.
        classes: of the file.

    Raises:
        NotUsable: no line is a prediction, or more than half of them are none.
    """
    places = {each: place for place, each in enumerate(ids)}
    table = np.full((len(ids), len(classes)), np.nan)
    faults: list[str] = []
    said = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            said += 1
            try:
                place, values = _line(line, places, classes)
                if not np.isnan(table[place]).any():
                    raise ValueError(f"{ids[place]} a second time")
                table[place] = values
            except ValueError as error:
                faults.append(f"line {number}: {error}")
    told = "; ".join(faults[:NAMED]) + (f"; {len(faults) - NAMED} more" if len(faults) > NAMED else "")
    if len(ids) and (not said or len(faults) > MOST_FAULTS * said):
        raise NotUsable(f"the program {name} wrote no predictions that can be read: {told or 'no line'}")
    notes = [f"the program {name}: {told}"] if faults else []
    missing = int(np.isnan(table).any(axis=1).sum())
    if missing:
        notes.append(f"the program {name} says nothing of {missing} of {len(ids)} items")
    return table, notes


def _line(line: bytes, places: Mapping[str, int], classes: Sequence[str]) -> tuple[int, Floats]:
    try:
        body = json.loads(line)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(body, dict):
        raise ValueError("no object with id and probabilities")
    if body.get("id") not in places:
        raise ValueError(f"id: {body.get('id')!r} is no item that was asked for")
    if "probabilities" in body:
        return places[body["id"]], _probabilities(body["probabilities"], classes)
    if "label" not in body or "confidence" not in body:
        raise ValueError("neither probabilities nor label and confidence")
    return places[body["id"]], _likeliest(body["label"], body["confidence"], classes)


def _probabilities(given: Any, classes: Sequence[str]) -> Floats:
    if not isinstance(given, dict) or not given:
        raise ValueError("probabilities: an object of classes and numbers is wanted")
    found = np.zeros(len(classes))
    for name, value in given.items():
        _check_class(name, classes, "probabilities")
        found[list(classes).index(name)] = _number(value, f"probabilities.{name}")
    whole = float(found.sum())
    if abs(whole - 1) > SUM:
        raise ValueError(f"probabilities sum to {whole:g}, not to 1")
    return found / whole


def _likeliest(label: Any, confidence: Any, classes: Sequence[str]) -> Floats:
    _check_class(label, classes, "label")
    sure = _number(confidence, "confidence")
    found = np.full(len(classes), (1 - sure) / (len(classes) - 1))
    found[list(classes).index(label)] = sure
    return found


def _check_class(name: Any, classes: Sequence[str], where: str) -> None:
    if name not in classes:
        raise ValueError(f"{where}: {name!r} is no class (allowed: {', '.join(classes)})")


def _number(value: Any, where: str) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not math.isfinite(value)
        or not 0 <= value <= 1
    ):
        raise ValueError(f"{where}: {value!r} is no number from 0 to 1")
    return float(value)
