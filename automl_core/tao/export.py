"""A run of ours in TAO's file layout, for programs that read one.

Two layouts in one folder, which don't collide: that of NVIDIA's package (``.automl/``, read by
`AutoML(…, resume=True)` and `query_status` of nvidia-tao-automl 7.2), and that of TAO's document of 2023
(``controller.json``, ``brain.json``, ``automl_metadata.json``, ``recommendation_N.yaml``, ``experiment_N/``,
``best_model/``), which our published result has anyway but for the form of ``controller.json``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_core.results.entries import controller
from automl_core.results.files import render
from automl_core.results.names import BEST_MODEL, BRAIN, CONTROLLER, METADATA, RECOMMENDATION, STATUS
from automl_core.results.reading import find_run
from automl_core.spec.models import Experiment
from automl_core.spec.stages import experiment_in
from automl_core.specfiles import nested
from automl_core.storage import open_store
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.storage.credentials import Credentials
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import LOG_FILE, METRICS_FILE, safe
from automl_core.study.state import State

EPOCHS = "train.num_epochs"
"""Where a recommendation has its budget: the package takes the trials with the largest for the best."""

_STATUS = {
    "SUCCEEDED": "success", "EARLY_STOPPED": "success", "FAILED": "failure", "RUNNING": "running", "WAITING": "pending",
}  # fmt: skip
_ALGORITHM = "bayesian"
"""The package opens a folder as that of this algorithm: what it holds of the others can't be had from outside."""


class CannotExport(Exception):
    """There is no run, or no place for it. The message says which."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written.

    Attributes:
        session: id under which the package finds it (``session_id`` of its settings).
        metric, direction: as its settings want them.
        recommendations: how many.
        best: number of the best one, None while none has a value.
        files: names below the folder, sorted.
    """

    session: str
    metric: str
    direction: str
    recommendations: int
    best: int | None
    files: tuple[str, ...]


def export(run: str | Path, folder: Path, *, credentials: Credentials | None = None) -> Exported:
    """Write a run in TAO's layout.

    Args:
        run: its folder or address, or an experiment's (its newest run is taken).
        folder: where to write; it must be empty, or not be there.
        credentials: of a bucket.

    Raises:
        CannotExport: there is no run with a journal, or the folder is not empty.
        StorageError: the store refuses or is away.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotExport(f"{folder} is not empty: name a folder that is, or one that is not there")
    store = open_store(str(run).rstrip("/"), credentials)
    try:
        prefix = find_run(store)
    except LookupError as error:
        raise CannotExport(str(error)) from None
    state = StudyJournal(store, prefix).refresh()
    if not state.created:
        raise CannotExport(f"{store.url}/{prefix}: a result without its journal can't be exported")
    experiment = experiment_in(state.experiment)
    body = controller(experiment, state)
    session = safe(experiment.name, 60)
    files = _document(store, prefix, experiment, state) | _package(session, experiment, body)
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    goal = experiment.goal.first
    return Exported(
        session, goal.label, goal.direction, len(body["trials"]), body["experiment"]["best_trial"], tuple(sorted(files))
    )


def entries(experiment: Experiment, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The recommendations as the package's controller keeps them (`Controller._serialize_rec`).

    Args:
        experiment: its file.
        body: from `results.entries.controller`.
    """
    return [_entry(experiment, trial) for trial in body["trials"]]


def _entry(experiment: Experiment, trial: Mapping[str, Any]) -> dict[str, Any]:
    goal = experiment.goal
    value = trial["value"] if trial["value"] is not None and math.isfinite(trial["value"]) else None
    values = {name: each for name, each in (trial.get("values") or {}).items() if math.isfinite(each)}
    if not values and value is not None:
        values = {goal.label: value}
    score = value
    if goal.several and values:
        signs = {each.label: -each.sign for each in goal.all_objectives}
        score = math.fsum(signs[name] * each for name, each in values.items())
    specs = dict(trial["params"])
    if trial.get("budget") is not None and EPOCHS not in specs:
        specs[EPOCHS] = trial["budget"]
    attempts = trial["attempts"]
    outside = next((each["external"] for each in reversed(attempts) if each["external"]), None)
    status = _STATUS.get(trial["state"], "canceled")
    early = trial["state"] == "EARLY_STOPPED"
    return {
        "id": trial["number"], "specs": specs, "job_id": outside or f"trial-{trial['number']}",
        "status": status if value is not None or status != "success" else "failure",
        "result": 0.0 if score is None else score, "objective_score": 0.0 if score is None else score,
        "objective_values": values, "best_epoch_number": "" if trial["step"] is None else trial["step"],
        "metric": goal.label, "resume_from_job_id": None, "resume_from_epoch": None, "resume_from_step": None,
        "checkpoint_window": 0, "early_stop_epoch": trial["step"] if early else None,
        "failure_reason": trial["reason"] if status == "failure" else None, "adjustments": [], "feedback": None,
        "created_on": trial["started"] or "", "last_modified": trial["ended"] or trial["started"] or "",
    }  # fmt: skip


def _package(session: str, experiment: Experiment, body: Mapping[str, Any]) -> dict[str, bytes]:
    """What the package's state store has of a search."""
    found = entries(experiment, body)
    head = body["experiment"]
    best = head["best_trial"]
    first = found[best if best is not None else 0]["specs"] if found else {}
    brain = {
        "algorithm": _ALGORITHM, "max_recommendations": int(head["plan"].get("trials", len(found))),
        "metric": experiment.goal.label, "Xs": [], "ys": [],
    }  # fmt: skip
    files: dict[str, Any] = {
        f".automl/controller/{session}.json": found, f".automl/brain/{session}.json": brain,
        f".automl/specs/{session}.json": nested(first), CONTROLLER: found,
    }  # fmt: skip
    if best is not None:
        files[f".automl/best_rec/{session}.json"] = {"rec_number": best, "rec_data": found[best]}
    return {name: _json(data) for name, data in files.items()}


def _document(store: ObjectStore, prefix: str, experiment: Experiment, state: State) -> dict[str, bytes]:
    """What the document's layout has beside ``controller.json``: made from the journal, logs and models as they lie."""
    wanted = (METADATA, BRAIN, f"{RECOMMENDATION}_", "experiment_", BEST_MODEL)
    files = {name: data for name, data in render(experiment, state, None).items() if name.startswith(wanted)}
    for key in store.list(prefix):
        name = key.removeprefix(prefix)
        trial, _, inner = name.partition("/")
        own = trial.startswith("experiment_") and inner in (LOG_FILE, METRICS_FILE, STATUS)
        if own or name.startswith(BEST_MODEL) or name == BRAIN:
            try:
                files[name] = store.get(key)
            except NotFound:
                continue
    return files


def _json(body: Any) -> bytes:
    return (json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
