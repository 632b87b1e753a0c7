"""A run and its trials as a run of MLflow with nested runs: derived from the journal, as often as one likes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automl_core.metrics.series import Series
from automl_core.results.entries import controller
from automl_core.spec.models import Experiment
from automl_core.spec.stages import experiment_in
from automl_core.storage.base import ObjectStore
from automl_core.study.state import State
from automl_core.tracking import words
from automl_core.tracking.server import MlflowServer
from automl_core.views.curves import read_series

PARENT = "mlflow.parentRunId"
"""MLflow's own tag: its page shows runs with it below that run."""

RUN, TRIAL, DIGEST, STATE = "automl.run", "automl.trial", "automl.digest", "automl.state"
"""Our tags. A run without a digest was left half written."""

VALUE, BEST = "automl/value", "automl/best_value"
"""Metrics: what a trial is worth, and what the best one is."""

_STATUS = {"SUCCEEDED": "FINISHED", "RUNNING": "RUNNING", "WAITING": "SCHEDULED", "FAILED": "FAILED"}
"""All other states are KILLED: stopped early, cancelled, out of time."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What was written.

    Attributes:
        experiment: id of MLflow's experiment.
        run: id of the run that holds the trials' runs.
        written: trials that were written now.
        kept: trials that stood there already as they are.
        removed: runs that were out of date or left half written, moved to its trash.
    """

    experiment: str
    run: str
    written: int
    kept: int
    removed: int


def track(
    server: MlflowServer, store: ObjectStore, prefix: str, state: State, *, name: str | None = None,
    said: Callable[[str], None] = lambda _: None,
) -> Tracked:  # fmt: skip
    """Write a run and its trials to a tracking server.

    What stands there already as it is stays; what has changed since (a trial was cleared, went on, was labelled) is
    written anew and the old one goes to MLflow's trash, so a second call completes a first one that was cut off.

    Args:
        server: where to.
        store: the model storage path; trials' curves are read from it.
        prefix: the run's folder in it.
        state: folded from the run's journal.
        name: of MLflow's experiment; the experiment's own when left out.
        said: told what is left out.

    Raises:
        MlflowError: the server can't be reached, or refuses.
        StorageError: the store does.
    """
    experiment = experiment_in(state.experiment)
    body = controller(experiment, state)
    place = server.experiment(name or experiment.name)
    identity = f"{experiment.name}/{state.run}@{state.created:.6f}"
    run, known, removed = _parent(server, place, identity, experiment, body)
    written = kept = 0
    for entry in body["trials"]:
        number = str(entry["number"])
        series = read_series(store, prefix, entry["number"]) or Series()
        digest = _digest(entry, series)
        before = known.pop(number, [])
        stands = [each for each in before if each["tags"].get(DIGEST) == digest]
        if stands:
            kept += 1
        else:
            _write(server, place, run, experiment, entry, series, digest, said)
            written += 1
        for each in before:
            if each not in stands[:1]:
                server.delete(each["run_id"])
                removed += 1
    for each in (one for left in known.values() for one in left):
        server.delete(each["run_id"])
        removed += 1
    _conclude(server, run, experiment, body, f"{store.url}/{prefix}".rstrip("/"))
    return Tracked(place, run, written, kept, removed)


def _parent(
    server: MlflowServer, place: str, identity: str, experiment: Experiment, body: Mapping[str, Any]
) -> tuple[str, dict[str, list[dict[str, Any]]], int]:
    """The run of the whole, made where there is none; the trials' runs below it by number; how many were removed."""
    held = [each for each in server.runs(place, RUN, identity) if PARENT not in each["tags"]]
    if held:
        run = held[0]["run_id"]
        removed = len(held) - 1  # two writers at once: the elder's stays
        for each in held[1:]:
            for child in server.runs(place, PARENT, each["run_id"]):
                server.delete(child["run_id"])
            server.delete(each["run_id"])
        known: dict[str, list[dict[str, Any]]] = {}
        for each in server.runs(place, PARENT, run):
            known.setdefault(each["tags"].get(TRIAL, ""), []).append(each)
        return run, known, removed
    head = body["experiment"]
    tags = {RUN: words.tag(identity), "mlflow.source.name": experiment.name, "mlflow.source.type": "JOB"}
    return server.create(place, words.tag(head["run"] or experiment.name), _milliseconds(head["started"]), tags), {}, 0


def _write(
    server: MlflowServer, place: str, parent: str, experiment: Experiment, entry: Mapping[str, Any],
    series: Series, digest: str, said: Callable[[str], None],
) -> None:  # fmt: skip
    began = _milliseconds(entry["started"])
    tags = {PARENT: parent, TRIAL: str(entry["number"]), STATE: entry["state"], "mlflow.source.name": experiment.name}
    run = server.create(place, f"trial {entry['number']}", began, tags)
    more = {
        "automl.reason": entry["reason"], "mlflow.note.content": entry["note"],
        "automl.budget": entry.get("budget"), "automl.cost": entry["cost"],
    }  # fmt: skip
    named = words.names(entry["params"])
    server.log(
        run, _metrics(experiment, entry, series, began, said),
        {named[key]: words.param(value) for key, value in entry["params"].items()},
        {key: words.tag(str(value)) for key, value in more.items() if value is not None},
    )  # fmt: skip
    ended = _milliseconds(entry["ended"]) if entry["ended"] else None
    server.end(run, _STATUS.get(entry["state"], "KILLED"), ended)
    server.log(run, tags={DIGEST: digest})  # last: until here it is half a run


def _metrics(
    experiment: Experiment, entry: Mapping[str, Any], series: Series, began: int, said: Callable[[str], None]
) -> list[dict[str, Any]]:
    points = list(series)
    steps: dict[float, int] = {point.step: int(point.step) for point in points}
    if any(step != int(step) for step in steps):
        # MLflow cuts a step to a whole number and would put 0.25 and 0.5 in one place
        steps = {step: place for place, step in enumerate(sorted(steps))}
        said(f"trial {entry['number']}: its steps are fractions, which MLflow has not; they are counted from 0")
    last = dict(entry["metrics"])
    named = words.names([VALUE, *series.names, *last])
    found = [
        {"key": named[name], "value": words.number(value), "step": steps[point.step], "timestamp": began}
        for point in points
        for name, value in point.values.items()
    ]
    counted = steps.get(entry["step"] or 0, int(entry["step"] or 0))
    missing = {name: value for name, value in last.items() if name not in series.names}
    found += [
        {"key": named[name], "value": words.number(value), "step": counted, "timestamp": began}
        for name, value in missing.items()
    ]
    if entry["value"] is not None:
        found.append(
            {"key": VALUE, "value": words.number(entry["value"]), "step": counted, "timestamp": began}
        )  # fmt: skip
    return found


def _conclude(server: MlflowServer, run: str, experiment: Experiment, body: Mapping[str, Any], where: str) -> None:
    """What is known of the whole, and how it stands."""
    head = body["experiment"]
    goal = experiment.goal.first
    best = next((each for each in body["trials"] if each["number"] == head["best_trial"]), None)
    tags = {
        STATE: head["state"], "automl.result": where, "automl.algorithm": head["algorithm"],
        "automl.goal": f"{goal.direction} {goal.label}", "automl.stop_reason": head["stop_reason"],
        "automl.best_trial": head["best_trial"],
        "automl.data": json.dumps(head["data"], sort_keys=True) if head.get("data") else None,
        "automl.best_params": json.dumps(best["params"], ensure_ascii=False) if best else None,
        "mlflow.note.content": experiment.description or None,
    }  # fmt: skip
    metrics = []
    if head["best_value"] is not None:
        ended = _milliseconds(head["ended"] or head["started"])
        metrics = [{"key": BEST, "value": words.number(head["best_value"]), "step": 0, "timestamp": ended}]
    server.log(run, metrics, tags={key: words.tag(str(value)) for key, value in tags.items() if value is not None})
    over = head["ended"] is not None
    status = {"SUCCEEDED": "FINISHED", "FAILED": "FAILED"}.get(head["state"], "KILLED") if over else "RUNNING"
    server.end(run, status, _milliseconds(head["ended"]) if over else None)


def _digest(entry: Mapping[str, Any], series: Series) -> str:
    """Of all that is written of a trial."""
    others = ("attempts", "works", "warnings", "seen", "rank")  # a rank changes with every trial that comes
    told = {key: value for key, value in entry.items() if key not in others}
    points = [[point.step, sorted((name, repr(value)) for name, value in point.values.items())] for point in series]
    return hashlib.sha256(json.dumps([told, points], sort_keys=True).encode()).hexdigest()[:32]


def _milliseconds(moment: str | None) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000) if moment else 0
