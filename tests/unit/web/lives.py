"""Lives of models for tests: made by the acts themselves, on times that a test gives."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec

from automl_core.models.evaluation.document import evidence_of, interval, rows_of
from automl_core.models.life import Life, ModelLife, Person, Rollout, Source, Step, interval_key
from automl_core.models.life.rollouts import Kind
from automl_core.models.rollout import read_view
from automl_core.models.rollout.looks import Checkpoint, write_checkpoint
from automl_core.storage.folder import FolderStore
from tests.unit.web.guarded import HOSTILE, view_of

DAY = 86400.0
START = 1_795_000_000.0
"""2026-11-18: when the first version of a life is offered, where a test doesn't say."""

DAG = Person("churn.rollout", "dag")

ROLL = Person("churn.rollout/version_2", "dag")

SERVED = """\
deploy:
  to: servers
  key: customer_id
  steps: [5%, 25%, 100%]
  bake: 30m
  safeguard: {{errors: 1%, p99: 200ms}}
"""

TEXT = """\
kind: model
name: {name}
description: "Who leaves {hostile}"
output: {{storage: "file://{storage}"}}
candidates: {{experiments: [{experiment}]}}
evaluate:
  data: "file://{storage}/latest.csv"
  target: churned
  key: customer_id
  metric: roc_auc
  slices: [country]
accept: {{when: {when}, by: {by}, within: 3d}}
"""

BATCH = """\
deploy:
  to: batch
  data: "file://{storage}/new/ds=${{ds}}/"
  out: "file://{storage}/scores/ds=${{ds}}/"
  schedule: "@daily"
"""

STEPS = [Step(0.05, 1800.0), Step(0.25, 1800.0), Step(1.0, 1800.0)]


def model_text(
    world: Any, name: str, experiment: str, *, by: str = "anybody", when: str = "better", served: bool = False
) -> str:  # fmt: skip
    """The text of a model's file."""
    hostile = HOSTILE.replace('"', "'")
    return (TEXT + (SERVED if served else BATCH)).format(
        name=name, storage=world.storage, experiment=experiment, hostile=hostile, by=by, when=when
    )


def life_of(world: Any, name: str) -> Life:
    """The state of a model, as another process has it."""
    return ModelLife.open(FolderStore(world.storage), name).state


class Clock:
    """Time that a test moves."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Author:
    """Writes the life of a model, act by act."""

    def __init__(self, storage: Path, name: str, experiment: str, start: float = START) -> None:
        self.store, self.experiment = FolderStore(storage), experiment
        self.clock, self.start = Clock(start), start - start % DAY
        self.life = ModelLife.open(self.store, name, clock=self.clock)

    def person(self, name: str = "ann") -> Person:
        """Somebody who acts by our routes."""
        return Person(name, "rest")

    def after(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += seconds

    def offer(self, run: str, value: float = 0.8) -> int:
        """A version, whose model is one small file."""
        prefix = f"results/{self.life.name}/{run}/best_model/model/"
        self.store.put(prefix + "weights.bin", f"weights of {run}".encode())
        now = self.clock.now
        source = Source(
            storage=self.store.url, experiment=self.experiment, run=run, prefix=prefix, trial=3, metric="accuracy",
            value=value, started=now - 7200, published=now - 600, fingerprints={"train": {"digest": "sha256:aa"}},
        )  # fmt: skip
        return self.life.offer(source, (self.store, prefix), DAG).number

    def evaluate(self, version: int, gain: float | None = 0.02, *, ok: bool | None = True, again: int = 0) -> str:
        """Evidence on a version, beside today's champion."""
        champion = self.life.refresh().champion
        body = evidence(version, champion, gain, ok=ok, again=again)
        return self.life.evaluated(version, body, rows() if champion is not None else None)

    def ask(self, version: int, digest: str, *, whom: list[str] | None = None, run: str = "") -> None:
        """Ask people."""
        self.life.ask(version, digest, until=self.clock.now + 3 * DAY, whom=whom or [], run=run)

    def use(self, version: int, digest: str, by: Person | None = None) -> None:
        """Accept a version, and put it in use."""
        self.life.accept(version, digest, by or Person("ann", "airflow"), "looks right")
        self.after(60)
        self.life.put_in_use(version, DAG)

    def roll_out(self, version: int, steps: list[Step] | None = None, kind: Kind = "steps") -> Rollout:
        """Accept a version beside the one in use, and begin its rollout."""
        digest = self.evaluate(version, 0.03)
        self.after(60)
        self.life.accept(version, digest, Person("ann", "airflow"), "looks right")
        self.after(60)
        return self.life.begin_rollout(version, ROLL, steps or STEPS, kind)

    def look(self, number: int, **changes: Any) -> dict[str, Any]:
        """A look at the rollout that goes on (or the last), as the guard writes it: its checkpoint with a view."""
        rollout = self.life.refresh().rollouts[len(self.life.state.rollouts)]
        view = msgspec.structs.replace(view_of(rollout, self.life.name, self.clock.now, number), **changes)
        made = Checkpoint(number, "guard-1", self.clock.now, view=view.to_json())
        assert write_checkpoint(self.store, self.life.name, rollout.id, made)
        found = read_view(self.store, self.life.name, rollout.id)
        assert found is not None
        return found

    def score(self, day: int, version: int, rows: int = 1000) -> None:
        """Score a day's data."""
        start = self.start + day * DAY
        claim = self.life.begin_interval(interval_key(start, start + DAY), start, start + DAY, version, run=f"day{day}")
        self.after(30)
        self.life.end_interval(claim, rows=rows, out=f"file:///scores/{day}", digest="d" * 64)


def live(world: Any, name: str, experiment: str, start: float | None = None) -> Author:
    """Five versions: replaced, rejected, in use, taken back, asked about; and intervals that were scored."""
    author = Author(world.storage, name, experiment, time.time() - 5 * DAY if start is None else start)
    author.life.configure({"accept": {"by": "anybody", "when": "better"}, "deploy": {"to": "batch"}}, DAG)
    first = author.offer("run-1")
    author.after(120)
    author.use(first, author.evaluate(first))
    for day in range(3):
        author.score(day, first)
    author.after(DAY)
    rejected = author.offer("run-2", 0.7)
    author.after(90)
    author.life.reject(rejected, author.evaluate(rejected, -0.05, ok=False), Person("conditions", "conditions"))
    author.after(DAY)
    second = author.offer("run-3", 0.85)
    author.after(100)
    digest = author.evaluate(second, 0.03)
    author.ask(second, digest)
    author.after(3600)
    author.use(second, digest)
    author.score(4, second)
    author.after(DAY)
    bad = author.offer("run-4", 0.9)
    author.after(90)
    author.use(bad, author.evaluate(bad, 0.01))
    author.after(3600)
    author.life.take_back(bad, Person("ann", "rest"), f"wrong on leap days {HOSTILE}")
    author.life.ask_retraining(experiment, {"by_hand": "new prices"}, Person("ann", "rest"), at_most=1, within=0.0)
    author.after(DAY)
    waiting = author.offer("run-5", 0.92)
    author.after(80)
    author.ask(waiting, author.evaluate(waiting, 0.015), whom=["ann", "ben"], run="version_5")
    return author


def evidence(
    version: int, champion: int | None, gain: float | None, *, ok: bool | None = True, again: int = 0
) -> dict[str, Any]:  # fmt: skip
    """Evidence as the evaluation lays it out, with all its parts."""
    mine, old = 0.87, 0.87 - (gain or 0.0)
    beside = champion is not None
    low, high = ((gain or 0.0) - 0.012, (gain or 0.0) + 0.012)
    difference = {
        "value": gain, "low": low, "high": high, "gain": gain, "gain_low": low, "gain_high": high,
        "method": "paired bootstrap by keys", "confidence": 0.95, "draws": 1000, "p_value": 0.013, "on": "unseen",
    } if beside else None  # fmt: skip
    return evidence_of(
        version=version, champion=champion,
        problem={"kind": "binary", "target": "churned", "classes": ["no", "yes"]},
        data={
            "place": "s3://lake/churn/latest.parquet", "fingerprint": {"digest": f"sha256:{again:04x}"}, "rows": 5200,
            "scored": 5000, "key": "customer_id", "keys": 4800, "clustered": True,
            "left_out": [{"why": "no label", "rows": 200}],
            "seen": {
                "challenger": {"share": 0.1, "rows": 500, "how": "rows", "note": ""},
                "champion": {"share": None, "rows": None, "how": "unknown", "note": "gone"} if beside else None,
            },
        },
        metric={"name": "roc_auc", "direction": "maximize"},
        values={"challenger": mine, "champion": old if beside else None}, difference=difference,
        metrics={
            "roc_auc": {"direction": "maximize", "challenger": interval(mine, mine - 0.01, mine + 0.01),
                        "champion": interval(old, old - 0.01, old + 0.01) if beside else None,
                        "difference": interval(gain, low, high) if beside else None},
            "log_loss": {"direction": "minimize", "challenger": interval(0.31, 0.3, 0.32),
                         "champion": interval(0.33, 0.32, 0.34) if beside else None,
                         "difference": interval(-0.02, -0.03, -0.01) if beside else None},
        },
        slices=[
            _slice("country", "DE", 3000, 0.03, "better", beside),
            _slice("country", HOSTILE, 1500, -0.04, "worse", beside),
            _slice("country", "AT", 20, None, "few", beside),
        ],
        calibration={
            "challenger": {"ece": 0.02, "brier": 0.11, "bins": _bins(0.7)},
            "champion": {"ece": 0.05, "brier": 0.12, "bins": _bins(0.1)} if beside else None,
        },
        latency={
            "challenger": {"single_ms": {"median": 1.2, "p95": 2.3}, "batch": {"rows": 5000, "rows_per_second": 81000}},
            "champion": {"single_ms": {"median": 1.0, "p95": 2.1}, "batch": {"rows": 5000, "rows_per_second": 90000}}
            if beside else None, "how": "200 rows one by one, then all at once",
        },
        size={"challenger": {"bytes": 240_000, "files": 4, "open_ms": 12.0},
              "champion": {"bytes": 210_000, "files": 4, "open_ms": 11.0} if beside else None},
        tests=[
            {"name": "loyal customers stay", "kind": "cases", "severity": "refuse", "passed": True, "checked": 12,
             "failed": 0, "why": ""},
            {"name": f"never falls with age {HOSTILE}", "kind": "monotone", "severity": "warn", "passed": False,
             "checked": 200, "failed": 3, "why": "3 of 200 rows fell"},
            {"name": "golden rows", "kind": "golden", "severity": "refuse", "passed": None, "checked": 0, "failed": 0,
             "why": "the model has none"},
        ],
        cases={
            "by": "key", "rule": "classified wrongly", "threshold": None, "most": 1000,
            "counts": {"fixed": 40, "still": 120, "new": 11, "regressed": 2, "unseen": 5},
            "fixed": ["c-1"], "still": ["c-2"], "new": ["c-3"], "regressed": ["c-3"], "unseen": ["c-9"],
        } if beside else None,
        notes=["the champion's training rows are not known: the difference may be in its favour"] if beside else [],
        verdict={"when": "better", "margin": 0.0, "ok": ok, "reasons": [
            "roc_auc is 0.02 better (0.008 to 0.032)" if ok else "roc_auc is not better",
        ]},
    )  # fmt: skip


def _bins(shift: float) -> list[dict[str, Any]]:
    return [
        {"rows": 500, "low": i / 10, "high": (i + 1) / 10, "said": (i + 0.5) / 10, "was": min(1, (i + shift) / 10)}
        for i in range(10)
    ]


def _slice(column: str, value: str, count: int, gain: float | None, state: str, beside: bool) -> dict[str, Any]:
    difference = interval(gain, gain - 0.02, gain + 0.02) if gain is not None else None
    return {
        "column": column, "value": value, "low": None, "high": None, "rows": count,
        "challenger": interval(0.85, 0.83, 0.87),
        "champion": interval(0.85 - (gain or 0), 0.82, 0.88) if beside else None,
        "difference": difference if beside else None,
        "p_value": 0.01 if gain else None, "p_holm": 0.03 if gain else None,
        "state": state if beside else "alone", "why": "fewer than 50 rows" if state == "few" else "",
    }  # fmt: skip


def rows() -> dict[str, Any]:
    """The rows of data beside evidence."""

    def case(key: str, state: str, truth: str, said: str, was: str | None) -> dict[str, Any]:
        return {
            "id": key, "state": state, "since": 1, "seen": False, "truth": truth,
            "challenger": {"prediction": said, "loss": 0.9, "score": 0.4},
            "champion": {"prediction": was, "loss": 1.1, "score": 0.3} if was is not None else None,
            "row": {"customer_id": key, "country": "DE", "note": HOSTILE},
        }  # fmt: skip

    return rows_of(
        [
            case("c-1", "fixed", "yes", "yes", "no"), case("c-2", "still", "no", "yes", "yes"),
            case("c-3", "regressed", "yes", "no", "yes"), case("c-9", "unseen", "no", "yes", None),
        ],
        {f"never falls with age {HOSTILE}": [{"id": "c-7", "row": {"age": 40}, "wanted": ">= 0.4", "found": 0.3}]},
    )  # fmt: skip
