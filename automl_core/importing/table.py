"""A table of trials in a CSV file: a row a trial, with a header.

What MLflow, Weights & Biases, Optuna's data frames and this product's leaderboards export is read as it is: their
prefixes of parameters and metrics, their columns of states. What a cell means is said by the experiment's space.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_core.importing.trials import CannotImport, OldStudy, OldTrial
from automl_core.space import ListParameter, Parameter, Space, Value
from automl_core.spec.errors import did_you_mean
from automl_core.spec.models import Experiment

_PARAMETER_PREFIXES = ("", "params.", "params_", "config.", "param.", "hyperparameters.")
_METRIC_PREFIXES = ("", "metrics.", "metrics_", "values_", "summary.")
_STATE_COLUMNS = ("state", "status")
_WELL = frozenset({"complete", "completed", "finished", "succeeded", "success"})
_EARLY = frozenset({"pruned", "early_stopped"})
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")


def read_table(path: Path, experiment: Experiment, columns: Mapping[str, str] | None = None) -> OldStudy:
    """The trials of a CSV file.

    Args:
        path: text in UTF-8, with or without its mark; cells stand between commas, semicolons or tabs.
        experiment: whose parameters and metrics the columns are.
        columns: parameter or metric → column, where the file calls it otherwise.

    Raises:
        CannotImport: the file is no table, or lacks a column; it names the line and the columns that there are.
    """
    rows = _rows(path)
    if not rows:
        raise CannotImport(
            f"{path} is empty: wanted is a line with the names of the columns, and a line for each trial"
        )
    header = [name.strip() for name in rows[0][1]]
    space, given = Space.from_models(experiment.space), dict(columns or {})
    _check_names(path, experiment, space, given, header)
    metrics = {name: _needed(path, header, name, given, _METRIC_PREFIXES, "metric") for name in experiment.goal.metrics}
    params = {name: _column(path, header, name, given, _PARAMETER_PREFIXES) for name in space.by_name}
    taken = {*metrics.values(), *params.values()}
    lower = [name.lower() for name in header]
    state = next((lower.index(name) for name in _STATE_COLUMNS if name in lower), None)
    state = None if state in taken else state
    directions = tuple(each.direction for each in experiment.goal.all_objectives)
    study = OldStudy("csv", path.name, str(path), directions)
    for line, cells in rows[1:]:
        if len(cells) != len(header):
            raise CannotImport(
                f"{path}, line {line}: {len(cells)} cells, and the header has {len(header)}; text with commas or line "
                "breaks in it stands in quotes"
            )
        trial = OldTrial(f"line {line}", "complete" if state is None else _state(cells[state]))
        where = f"{path}, line {line}"
        for name, place in metrics.items():
            if (number := _number(where, name, cells[place])) is not None and math.isfinite(number):
                trial.metrics[name] = number
        for name, column in params.items():
            if column is None:
                continue
            value = _value(where, space.by_name[name], cells[column])
            if isinstance(value, _Unread):
                trial.state = value.reason if trial.state in _USED else trial.state
            elif value is not _NOTHING:
                trial.params[name] = value
        trial.values = _values(experiment, trial.metrics)
        study.trials.append(trial)
    return study


@dataclass(frozen=True, slots=True)
class _Unread:
    """A cell that is none of a parameter's values, and why its trial is left out."""

    reason: str


_NOTHING: Any = object()
"""An empty cell."""

_USED = ("complete", "pruned")


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """The number of each line that is not empty (the last of its lines), and its cells."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CannotImport(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CannotImport(f"{path} is not in UTF-8: {error.reason} at byte {error.start}") from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise CannotImport(f"{path}, line {reader.line_num}: {error}") from None


def _check_names(
    path: Path, experiment: Experiment, space: Space, given: Mapping[str, str], header: Sequence[str]
) -> None:
    known = [*space.by_name, *experiment.goal.metrics]
    for name, column in given.items():
        if name not in known:
            raise CannotImport(
                f"--map {name}={column}: {name!r} is neither a parameter nor a metric of the goal. "
                f"{did_you_mean(name, known)} There are: {', '.join(known)}".replace("  ", " ")
            )
        if column not in header:
            raise CannotImport(
                f"--map {name}={column}: {path} has no column {column!r}. {did_you_mean(column, header)} "
                f"There are: {', '.join(header)}".replace("  ", " ")
            )


def _column(
    path: Path, header: Sequence[str], name: str, given: Mapping[str, str], prefixes: Sequence[str]
) -> int | None:
    """The column of a parameter or metric, None where there is none."""
    for wanted in [given[name]] if name in given else [f"{prefix}{name}" for prefix in prefixes]:
        count = header.count(wanted)
        if count > 1:
            raise CannotImport(f"{path} has {count} columns {wanted!r}; which is meant can't be said")
        if count:
            return header.index(wanted)
    return None


def _needed(
    path: Path, header: Sequence[str], name: str, given: Mapping[str, str], prefixes: Sequence[str], what: str
) -> int:
    found = _column(path, header, name, given, prefixes)
    if found is None:
        raise CannotImport(
            f"{path} has no column for the {what} {name!r}: name it with --map {name}=COLUMN. "
            f"There are: {', '.join(header)}"
        )
    return found


def _state(cell: str) -> str:
    text = cell.strip().rpartition(".")[2].lower()  # "TrialState.COMPLETE"
    if text in _WELL:
        return "complete"
    return "pruned" if text in _EARLY else f"its state is {cell.strip() or 'empty'}"


def _number(where: str, name: str, cell: str) -> float | None:
    """A number, None for an empty cell or text.

    Raises:
        CannotImport: it has a decimal comma, as all numbers of such a file have.
    """
    text = cell.strip()
    try:
        return float(text) if "_" not in text else None
    except ValueError:
        if _COMMA.fullmatch(text):
            raise CannotImport(
                f"{where}: {name}: {text!r} has a comma in it. Numbers are written with a point, 0.5, and without "
                "separators of thousands: a comma may be either, so nothing is guessed"
            ) from None
        return None


def _value(where: str, parameter: Parameter, cell: str) -> Value | _Unread:
    """What a cell means for a parameter."""
    text = cell.strip()
    if parameter.kind in ("int", "float"):
        if text.lower() in _MISSING:
            return _NOTHING  # type: ignore[no-any-return]
        number = _number(where, parameter.name, text)
        if number is None or not math.isfinite(number):
            return _Unread(f"{parameter.name} is no number")
        # a column of whole numbers with gaps is written as 32.0 by pandas
        return int(number) if parameter.kind == "int" and number.is_integer() else number
    if isinstance(parameter, ListParameter):
        found = _list(text)
        if found is None:
            return _NOTHING if text.lower() in _MISSING else _Unread(f"{parameter.name} is no list")
        return found
    for option in parameter.options:
        if _means(text, option):
            return option
    if text.lower() in _MISSING:
        return _NOTHING  # type: ignore[no-any-return]
    return _Unread(f"{parameter.name} lies outside the experiment's values")


def _list(text: str) -> list[Any] | None:
    """A list as JSON, or as Python prints it (MLflow and pandas do)."""
    for read in (json.loads, ast.literal_eval):
        try:
            found = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(found, list | tuple):
            return list(found)
    return None


def _means(text: str, option: Value) -> bool:
    """Whether a cell is one way to write an option."""
    if isinstance(option, str):
        return text == option
    if option is None:
        return text.lower() in ("none", "null")
    if isinstance(option, bool):
        return text.lower() == str(option).lower()
    try:
        return float(text) == option
    except ValueError:
        return False


def _values(experiment: Experiment, metrics: Mapping[str, float]) -> tuple[float, ...]:
    """One value an objective, empty where a metric is missing."""
    try:
        return tuple(
            math.fsum(weight * metrics[name] for name, weight in objective.weights.items() if weight)
            for objective in experiment.goal.all_objectives
        )
    except KeyError:
        return ()
