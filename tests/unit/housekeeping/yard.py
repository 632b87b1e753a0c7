"""A model storage path with runs of every kind in it, made by the journal itself."""

from __future__ import annotations

import json
from typing import Any

from automl_core.housekeeping import ExperimentFile, Options, Plan, look, make_plan
from automl_core.journal import JOURNAL, key_of
from automl_core.results.entries import controller
from automl_core.storage.base import ObjectStore
from tests.unit.results.lab import START, Lab, experiment

DAY = 86_400
NOW = int(START) + 100 * DAY


def lived(
    store: ObjectStore, run: str, *, days_ago: float, name: str = "digits", value: float | None = 0.5,
    end: bool = True, publish: bool = True, earlier: list[tuple[str, str]] | None = None, code: str | None = None,
) -> Lab:  # fmt: skip
    """A run whose last record is so many days old."""
    spec = experiment(
        name=name, tasks=[{"command": ["train"]}], **({"code": {"folder": "x", "digest": code}} if code else {})
    )
    lab = Lab.__new__(Lab)
    _begin(lab, spec, store, run, NOW - days_ago * DAY - 100, earlier or [])
    lab.trial(value, seconds=10)
    if end:
        lab.stop()
    if publish:
        lab.store.put(f"{lab.prefix}controller.json", json.dumps(controller(lab.spec, lab.state)).encode())
        lab.store.put(f"{lab.prefix}best_model/model/weights.bin", b"weights")
    return lab


def _begin(lab: Lab, spec: Any, store: ObjectStore, run: str, now: float, earlier: list[tuple[str, str]]) -> None:
    from automl_core.study.journal import StudyJournal
    from tests.unit.results.lab import Clock

    lab.spec, lab.store, lab.prefix, lab.clock = spec, store, f"{spec.name}/{run}/", Clock(now)
    lab.journal = StudyJournal(store, lab.prefix, clock=lab.clock, sleep=lambda _: None)
    lab.journal.append(
        "created",
        {
            "experiment": spec.model_dump(mode="json"), "name": spec.name, "run": run, "overrides": [],
            "algorithm": "random", "plan": {"slots": 4, "trials": 4, "units": None, "note": ""}, "proposals": [],
            "earlier": [{"experiment": e, "run": r} for e, r in earlier],
        },
    )  # fmt: skip


def planned(store: ObjectStore, files: list[ExperimentFile] | None = None, at: int = NOW, **options: Any) -> Plan:
    if "what" in options:
        options["what"] = frozenset(options["what"].split(","))
    return make_plan(look(store, files or []), Options(**options), at)


def going(plan: Plan, what: str = "runs") -> list[str]:
    """Places that go."""
    return [item.place for item in plan.items if item.what == what]


def why(plan: Plan, place: str) -> str:
    """Why a run stays."""
    return next(each.why for each in plan.spared if each.place == place)


def first_key(prefix: str) -> str:
    return prefix + JOURNAL + key_of(1)
