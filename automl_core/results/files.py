"""The bytes of every published file that is derived from the journal alone.

The same state gives the same bytes on every machine with the same packages: no clock is read, keys stand in the
order of the code or of the journal, floats are written in their shortest exact form.
"""

from __future__ import annotations

import json
import math
import platform
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import yaml

from automl_core.results.entries import FORMAT_VERSION, controller, iso
from automl_core.results.forecast import forecast
from automl_core.results.front import pareto_front
from automl_core.results.leaderboard import Leaderboard
from automl_core.results.names import (
    BEST_MODEL,
    BRAIN,
    CONTROLLER,
    EXPERIMENT,
    FRONT,
    LEADERBOARD,
    METADATA,
    RECOMMENDATION,
    STATUS,
)
from automl_core.results.recommendations import name_of, recommendation_files
from automl_core.spec.models import Experiment
from automl_core.spec.units import format_duration
from automl_core.study.layout import trial_prefix
from automl_core.study.state import State

DISTRIBUTIONS = ("airflow-automl", "automl-core")
"""The packages whose versions, and whose requirements' versions, are published as far as they are installed."""

_DIGITS = 9
"""Significant digits of the algorithm's own numbers: their last ones differ between machines' linear algebra."""


def render(
    experiment: Experiment, state: State, algorithm_state: Mapping[str, Any] | None,
    stages: Mapping[str, Any] | None = None, model_from: str = "trial",
) -> dict[str, bytes]:  # fmt: skip
    """Every file derived from the journal, by its name below the experiment's folder.

    Args:
        experiment: its file, with the run's overrides.
        state: folded from its journal.
        algorithm_state: from `Algorithm.describe`; None leaves it out.
        stages: how the stages went, from `stage_entries`; empty where there are none.
        model_from: what made the published model: ``trial`` or ``conclude``.
    """
    body = controller(experiment, state)
    if stages:
        body["experiment"] |= {"stages": dict(stages), "model_from": model_from}
    board = Leaderboard.from_controller(body)
    resolved = to_yaml(experiment.model_dump(mode="json"))
    files = {
        EXPERIMENT: resolved,
        BRAIN: to_json(_brain(experiment, state, algorithm_state)),
        METADATA: to_json(_metadata(experiment, state, body)),
        f"{LEADERBOARD}.md": board.to_markdown().encode(),
        f"{LEADERBOARD}.csv": board.to_csv().encode(),
        CONTROLLER: to_json(body),
    }
    if experiment.goal.several:
        files[FRONT] = to_json(pareto_front(body))
    for trial, entry in zip(state.trials, body["trials"], strict=True):
        combination = recommendation_files(experiment, state, trial, entry, to_yaml)
        files |= {name_of(trial.number, ending): data for ending, data in combination.items()}
        files[trial_prefix(trial.number) + STATUS] = status = to_json(entry)
        if entry["rank"] == 1:
            files |= {
                **{BEST_MODEL + RECOMMENDATION + ending: data for ending, data in combination.items()},
                BEST_MODEL + EXPERIMENT: resolved,
                BEST_MODEL + STATUS: status,
            }
    return files


def to_json(body: Any) -> bytes:
    """JSON for people and programs alike."""
    return (json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def to_yaml(body: Any) -> bytes:
    """YAML with the keys in their own order: the order of a space is part of its meaning."""
    text: str = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=120)
    return text.encode()


def _brain(experiment: Experiment, state: State, algorithm_state: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "algorithm": state.algorithm,
        "asked_for": experiment.search.algorithm,
        "why": state.plan.get("note") or None,
        "seed": experiment.search.seed,
        "options": experiment.search.options,
        "records_seen": state.seq,
        "trials_seen": len(state.trials),
        "state": None if algorithm_state is None else readable(algorithm_state),
    }


def _metadata(experiment: Experiment, state: State, body: Mapping[str, Any]) -> dict[str, Any]:
    """Facts of the run; those that TAO writes bear its names, with the unit of the budget for its epochs."""
    left = forecast(state, experiment, state.updated)
    budget = experiment.trials.budget
    units, not_started = (budget.name, left.units_left) if budget else ("trials", left.trials_left)
    entry = body["experiment"]
    return {
        "format_version": FORMAT_VERSION,
        f"best_{experiment.goal.label}": entry["best_value"],
        "Estimated time for automl completion": _time(left.seconds_left),
        "Current experiment number": len(state.trials),
        f"Number of {units} yet to start": not_started,
        f"Time per {units.removesuffix('s')} in seconds": _rounded(left.seconds_per_unit),
        "name": state.name,
        "run": state.run,
        "state": entry["state"],
        "started": entry["started"],
        "ended": entry["ended"],
        "last_record": iso(state.updated),
        "units": units,
        "units_planned": state.plan.get("units") if budget else state.plan.get("trials"),
        "seconds": entry["seconds"],
        "cost": entry["cost"],
        "trials": [
            {name: trial[name] for name in ("number", "state", "started", "ended", "seconds", "cost")}
            for trial in body["trials"]
        ],
        "versions": dict(versions()),
        "experiment": experiment.model_dump(mode="json"),
    }


@cache
def versions() -> Mapping[str, str]:
    """Versions of Python, of this product and of the packages that it runs with, as far as they are installed."""
    found = {"python": platform.python_version()}
    required: list[str] = list(DISTRIBUTIONS)
    for distribution in DISTRIBUTIONS:
        with suppress(PackageNotFoundError):  # run from its source, or without Airflow
            required += requires(distribution) or []
    used = [line for line in required if not re.search(r"extra == ['\"]dev['\"]", line)]
    for name in sorted({re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in used}):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def readable(value: Any) -> Any:
    """An algorithm's state as plain JSON that stays the same from machine to machine.

    Arrays and tuples become lists, floats are rounded, what is not finite becomes text.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}") if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): readable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [readable(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((readable(item) for item in value), key=str)
    if hasattr(value, "tolist"):  # an array or a scalar of numpy
        return readable(value.tolist())
    return f"<{type(value).__name__}>"


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
