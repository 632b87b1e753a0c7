"""``automl model`` where an Airflow is asked: what it sends, and how what it gets is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.cli.conftest import Automl
from tests.unit.cli.fake_airflow import FakeAirflow

CHURN = "/models/churn"
DIGEST = "d" * 64
USED: dict[str, Any] = {
    "version": 2, "shares": {"2": 1.0}, "since": 1.79e9, "why": "", "cause": "in_use",
    "by": {"name": "dag", "how": "dag"},
    "accepted": {
        "what": "accepted", "by": {"name": "anna", "how": "airflow"}, "time": 1.79e9, "answered": 1.79e9,
        "evidence": DIGEST, "note": "",
    },
    "evidence": DIGEST, "source": {"experiment": "digits", "run": "one"},
}  # fmt: skip


@pytest.fixture
def server(airflow: FakeAirflow) -> FakeAirflow:
    airflow.answers["GET", CHURN] = {"model": "churn", "in_use": USED, "waiting": [], "newest": None, "skipped": 0}
    airflow.answers["GET", f"{CHURN}/versions"] = {"versions": [], "matched": 0}
    airflow.answers["GET", f"{CHURN}/in-use"] = {"in_use": USED}
    airflow.answers["GET", f"{CHURN}/versions/3/evidence"] = {
        "digest": DIGEST, "version": 3, "verdict": {"ok": True, "reasons": ["higher by 0.1"]},
    }  # fmt: skip
    for act in (
        "versions/3/accept",
        "versions/3/reject",
        "take-back",
        "retrain",
        "score",
        "offer",
        "versions/3/retire",
    ):
        airflow.answers["POST", f"{CHURN}/{act}"] = {"text": f"done: {act}"}
    return airflow


def sent(server: FakeAirflow) -> Any:
    return next(body for body in reversed(server.bodies) if body and "username" not in body)


def test_a_model_without_a_file_here_is_asked_of_airflow(server: FakeAirflow, automl: Automl) -> None:
    said = automl("model", "show", "churn")
    assert said.code == 0, said.err
    assert said.out.startswith("churn: version 2 since 2026-09-21")
    assert "accepted by anna (airflow)" in said.out
    assert json.loads(automl("model", "history", "churn", "--at", "2026-11-01", "--json").out)["in_use"]["version"] == 2


def test_an_answer_is_sent_with_the_evidence_that_was_shown(server: FakeAirflow, automl: Automl) -> None:
    said = automl("model", "accept", "churn", "3", "--yes", "--note", "good")
    assert (said.code, said.out) == (0, "done: versions/3/accept\n"), said.err
    assert "the condition holds" in said.err
    assert "higher by 0.1" in said.err
    assert sent(server) == {"digest": DIGEST, "note": "good"}
    assert automl("model", "reject", "churn", "3", "--yes").out == "done: versions/3/reject\n"
    assert "--by is for the bucket" in automl("model", "accept", "churn", "3", "--yes", "--by", "eve").err


def test_the_other_acts_reach_their_routes(server: FakeAirflow, automl: Automl) -> None:
    assert automl("model", "take-back", "churn", "--yes", "--why", "worse", "--to", "1").out == "done: take-back\n"
    assert sent(server) == {"version": 2, "why": "worse", "to": 1}
    assert automl("model", "retrain", "churn", "--reason", "drift").out == "done: retrain\n"
    assert sent(server) == {"reason": "drift", "experiment": None}
    assert automl("model", "score", "churn", "2026-11-01", "--version", "then", "--why", "late rows").code == 0
    assert sent(server) == {"interval": "2026-11-01", "why": "late rows", "version": "then"}
    assert automl("model", "score", "churn", "x", "--version", "newest").code == 1
    assert automl("model", "offer", "churn", "digits@one").out == "done: offer\n"
    assert sent(server) == {"experiment": "digits", "run": "one"}
    assert automl("model", "retire", "churn", "3", "--yes", "--why", "old").out == "done: versions/3/retire\n"


def test_a_refusal_of_airflow_is_told(server: FakeAirflow, automl: Automl) -> None:
    said = automl("model", "show", "other")
    assert said.code == 1
    assert "other" in said.err
