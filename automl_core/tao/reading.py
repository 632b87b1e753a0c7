"""The folders that TAO's AutoML leaves, read as trials: ``.automl/`` of today's package, and its document's layout.

Of the package (nvidia-tao-automl 7.2, tao_automl/state/state_store.py): ``.automl/controller/ID.json``, a list of
recommendations; ``.automl/custom_ranges/ID.json``. Of the document of 2023: ``controller.json``, ``brain.json``,
``automl_metadata.json`` and ``recommendation_N.yaml`` beside one another. Nothing is written there.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from automl_core.importing.trials import CannotImport, Distribution, OldStudy, OldTrial
from automl_core.spec.errors import did_you_mean
from automl_core.spec.goal import Direction, Goal

TOOL = "tao"

BUDGET_KEYS = frozenset({"num_epochs", "epochs", "n_epochs", "max_iters", "epoch", "max_epochs"})
"""Last parts of names that are a recommendation's budget (tao_automl/controller/controller.py)."""

_STATES = {
    "success": "complete", "done": "complete", "failure": "failed", "error": "failed", "pending": "waiting",
    "started": "running", "running": "running", "canceled": "was cancelled", "canceling": "was cancelled",
}  # fmt: skip
_WIDE = 100  # a range of numbers above 0 whose ends lie so far apart is taken as logarithmic
_MOST_BYTES = 256 << 20
_LISTS = ("recommendations", "experiments", "results", "trials")

MINIMIZED = ("loss", "latency", "runtime", "duration", "time", "cost", "flops", "params", "memory", "energy", "wer",
             "cer", "perplexity", "ppl", "error")  # fmt: skip
"""What of a metric's name makes the package minimize it where no direction is given (tao_automl/objectives.py)."""


def read_folder(folder: Path, session: str | None = None, goal: Goal | None = None) -> OldStudy:
    """The recommendations of one search.

    Args:
        folder: a workspace (with ``.automl`` in it), that ``.automl`` itself, or a folder of the document's layout.
        session: which search, where a workspace has several.
        goal: of the experiment that they are for. A folder says no direction and no objective but the first, so both
            are the goal's; without one, the direction is what the package guesses from the metric's name.

    Raises:
        CannotImport: there is no such search; it says what there is.
    """
    if not folder.is_dir():
        raise CannotImport(f"{folder}: there is no such folder")
    root = folder if folder.name == ".automl" else folder / ".automl"
    if (root / "controller").is_dir():
        name, entries, ranges = _of_package(root, session)
    elif (folder / "controller.json").is_file():
        name, entries, ranges = folder.resolve().name, _of_document(folder), {}
    else:
        raise CannotImport(
            f"{folder} is no folder of TAO's: wanted is one with .automl/controller/ID.json (nvidia-tao-automl), or "
            "with controller.json (the layout of TAO's document)"
        )
    metric = _metric(entries, folder)
    objectives = goal.all_objectives if goal is not None else ()
    directions = tuple(each.direction for each in objectives) or (direction_of(metric),)
    names = tuple(each.label for each in objectives) or (metric,)
    study = OldStudy(TOOL, name, str(folder), directions, names)
    budgets = [_budget(entry) for entry in entries]
    most = max((budget for budget in budgets if budget is not None), default=None)
    for place, (entry, budget) in enumerate(zip(entries, budgets, strict=True)):
        trial = _trial(place, entry, metric, study)
        trial.values = _values(trial, entry, goal, metric)
        if most is not None and trial.state == "complete" and (budget or 0) < most:
            trial.state = "pruned"  # it went no further, and its value is not that of a whole training
            trial.place += f", ended at {budget or 0:g} of {most:g} epochs"
        study.trials.append(trial)
    _distributions(study, ranges)
    return study


def direction_of(metric: str) -> Direction:
    """What the package takes for the direction of a metric that has none."""
    return "minimize" if any(part in metric.lower() for part in MINIMIZED) else "maximize"


def sessions(root: Path) -> list[str]:
    """The searches of a workspace, by their ids."""
    return sorted(file.stem for file in (root / "controller").glob("*.json"))


def _of_package(root: Path, session: str | None) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
    there = sessions(root)
    if session is None and len(there) > 1:
        raise CannotImport(f"{root} has {len(there)} searches; say which with --session: {', '.join(there)}")
    if not there:
        raise CannotImport(f"{root / 'controller'} is empty: no recommendation was ever given")
    chosen = there[0] if session is None else session
    if chosen not in there:
        hint = did_you_mean(chosen, there)
        raise CannotImport(f"{root} has no search {chosen!r}. {hint} There are: {', '.join(there)}".replace("  ", " "))
    entries = _entries(_read(root / "controller" / f"{chosen}.json"), root / "controller" / f"{chosen}.json")
    ranges: dict[str, Any] = {}
    for file in sorted((root / "custom_ranges").glob("*.json")):
        found = _read(file)
        if isinstance(found, dict) and (file.stem == chosen or len(there) == 1):
            ranges |= found
    return chosen, entries, ranges


def _of_document(folder: Path) -> list[dict[str, Any]]:
    """Entries of ``controller.json``; what it doesn't have of a combination stands in ``recommendation_N.yaml``."""
    entries = _entries(_read(folder / "controller.json"), folder / "controller.json")
    if all(isinstance(entry.get("specs"), Mapping) and entry["specs"] for entry in entries):
        return entries
    specs = dict(_recommendations(folder))
    for place, entry in enumerate(entries):
        if not entry.get("specs") and (spec := specs.get(_number(entry, place))) is not None:
            entry["specs"] = spec
    return _that_differ(entries)


def _recommendations(folder: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    import yaml

    for file in sorted(folder.glob("recommendation_*.yaml")):
        match = re.fullmatch(r"recommendation_(\d+)", file.stem)
        if match is None:
            continue
        try:
            spec = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise CannotImport(f"{file} can't be read: {' '.join(str(error).split())}") from None
        yield int(match[1]), dict(_flat(spec if isinstance(spec, dict) else {}))


def _flat(body: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in body.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        else:
            yield name, value


def _that_differ(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries without what is the same in all: a whole spec file has much that no search has moved."""
    specs = [entry["specs"] for entry in entries if entry.get("specs")]
    if len(specs) < 2:
        return entries
    same = {name for name, value in specs[0].items() if all(other.get(name, _NOTHING) == value for other in specs[1:])}
    for entry in entries:
        entry["specs"] = {name: value for name, value in (entry.get("specs") or {}).items() if name not in same}
    return entries


_NOTHING = object()


def _read(file: Path) -> Any:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise CannotImport(f"{file} is larger than {_MOST_BYTES >> 20} MiB")
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotImport(f"{file} can't be read: {error}") from None


def _entries(found: Any, file: Path) -> list[dict[str, Any]]:
    if isinstance(found, dict):
        named = next((found[key] for key in _LISTS if isinstance(found.get(key), list)), None)
        if "format_version" in found and named is not None and isinstance(found.get("experiment"), dict):
            raise CannotImport(f"{file} is our own controller.json: search.transfer takes that run as it is")
        found = named
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise CannotImport(f"{file} holds no list of recommendations")
    if not found:
        raise CannotImport(f"{file} is empty: no recommendation was ever given")
    return [dict(entry) for entry in found]


def _metric(entries: Sequence[Mapping[str, Any]], folder: Path) -> str:
    for entry in entries:
        if isinstance(entry.get("metric"), str) and entry["metric"]:
            return str(entry["metric"])
    metadata = folder / "automl_metadata.json"
    if metadata.is_file():
        known = _read(metadata)
        best = next((key for key in known if str(key).startswith("best_")), None) if isinstance(known, dict) else None
        if best:
            return str(best).removeprefix("best_")
    return "result"


def _number(entry: Mapping[str, Any], place: int) -> int:
    found = entry.get("id", entry.get("rec_id", place))
    return int(found) if isinstance(found, int) or (isinstance(found, str) and found.isdigit()) else place


def _trial(place: int, entry: Mapping[str, Any], metric: str, study: OldStudy) -> OldTrial:
    status = str(entry.get("status") or "").lower()
    known = entry.get("objective_values")
    metrics = {str(k): float(v) for k, v in known.items() if _is_number(v)} if isinstance(known, Mapping) else {}
    if metric not in metrics and _is_number(entry.get("result")):
        metrics[metric] = float(entry["result"])
    state = _STATES.get(status, f"has the status {status!r}")
    moments = (_seconds(entry.get("created_on")), _seconds(entry.get("last_modified")))
    return OldTrial(
        f"recommendation {_number(entry, place)}", state, _params(entry, study), metrics=metrics, started=moments[0],
        ended=moments[1],
    )  # fmt: skip


def _values(trial: OldTrial, entry: Mapping[str, Any], goal: Goal | None, metric: str) -> tuple[float, ...]:
    """A trial's value in each objective; of those that are weighted, the sum. Empty where one is missing."""
    if goal is None or (
        not goal.several and goal.label not in trial.metrics and len(goal.all_objectives[0].weights) == 1
    ):
        return (trial.metrics[metric],) if metric in trial.metrics else ()
    values = []
    for objective in goal.all_objectives:
        if any(name not in trial.metrics for name in objective.weights):
            return ()
        values.append(math.fsum(weight * trial.metrics[name] for name, weight in objective.weights.items()))
    return tuple(values)


def _budget(entry: Mapping[str, Any]) -> float | None:
    found = [
        float(value) for name, value in (entry.get("specs") or {}).items()
        if _is_budget(str(name)) and _is_number(value)
    ]  # fmt: skip
    return max(found, default=None)


def _is_budget(name: str) -> bool:
    return name.rpartition(".")[2] in BUDGET_KEYS


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _seconds(text: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _params(entry: Mapping[str, Any], study: OldStudy) -> dict[str, Any]:
    """A recommendation's combination, without its budget; objects are no parameter's value here."""
    params: dict[str, Any] = {}
    for name, value in (entry.get("specs") or {}).items():
        if isinstance(value, Mapping):
            study.leave_out(f"{name}: an object is no parameter's value")
        elif not _is_budget(str(name)):
            params[str(name)] = value
    return params


def _distributions(study: OldStudy, ranges: Mapping[str, Any]) -> None:
    """Where each parameter was searched, for an experiment that is made of the folder.

    The folder has the ranges that somebody gave, and no others: where none is, they are those of the values seen.
    """
    seen: dict[str, list[Any]] = {}
    for trial in study.trials:
        for name, value in trial.params.items():
            seen.setdefault(name, []).append(value)
    known = {name: _distribution(values, ranges.get(name)) for name, values in seen.items()}
    for trial in study.trials:
        trial.distributions = {name: known[name] for name in trial.params}


def _distribution(values: Sequence[Any], given: Any) -> Distribution:
    stated = given if isinstance(given, Mapping) else {}
    if not all(_is_number(value) for value in values):
        options = {json.dumps(value): value for value in values}
        return Distribution("categorical", choices=tuple(options[key] for key in sorted(options)))
    low, high = min(values), max(values)
    for key, pick in (("valid_min", min), ("valid_max", max)):
        if _is_number(stated.get(key)) and math.isfinite(stated[key]):
            low, high = (pick(low, stated[key]), high) if key == "valid_min" else (low, pick(high, stated[key]))
    whole = all(isinstance(value, int) for value in (*values, low, high))
    found = Distribution("int" if whole else "float", float(low), float(high))
    return replace(found, log=True) if low > 0 and high / low >= _WIDE else found
