"""controller.json: what it says of an experiment and of each trial."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.results.entries import controller, experiment_state, has_ended, iso
from automl_core.states import ExperimentState, TrialState
from tests.unit.results.lab import Lab, experiment

BUDGET = {"max": 9, "concurrency": 2, "budget": {"name": "epochs", "min": 1, "max": 9, "factor": 3}}


def of(lab: Lab) -> dict[str, Any]:
    return controller(lab.spec, lab.state)


def test_the_experiment_says_what_it_was_and_why_it_ended() -> None:
    lab = Lab()
    lab.trial(0.5)
    lab.trial(0.9)
    lab.stop(reason="2 of at most 2 trials have ended")

    entry = of(lab)["experiment"]

    assert entry["name"] == "digits"
    assert entry["run"] == "run-1"
    assert entry["state"] == "FINISHED"
    assert entry["stop_reason"] == "2 of at most 2 trials have ended"
    assert entry["stop_kind"] == "max_trials"
    assert entry["goal"] == {"direction": "maximize", "final": "best", "weights": {"accuracy": 1.0}}
    assert entry["metric"] == "accuracy"
    assert (entry["best_trial"], entry["best_value"]) == (1, 0.9)
    assert (entry["started"], entry["ended"]) == ("2026-09-21T14:13:20.000Z", "2026-09-21T14:13:40.000Z")
    assert entry["algorithm"] == "random"
    assert entry["plan"]["note"] == "as asked for"
    assert entry["counts"] == {
        "WAITING": 0, "RUNNING": 0, "SUCCEEDED": 2, "FAILED": 0, "EARLY_STOPPED": 0, "USER_CANCELED": 0,
        "SYS_CANCELED": 0,
    }  # fmt: skip
    assert (entry["seconds"], entry["cost"]) == (20.0, 0.2)
    assert "skipped_records" not in entry


def test_a_trial_tells_every_attempt_at_every_training_task() -> None:
    tasks = [{"name": "train", "command": ["train"]}, {"name": "score", "command": ["score"]}]
    lab = Lab(experiment(tasks=tasks))
    slot = lab.bind(note="initial design")
    lab.clock.now += 5
    lab.end(slot, 0.4)  # the value of the first task; the second has not said anything yet
    lab.attempt(slot, task=1)
    lab.journal.append("external", {"slot": slot, "task": 1, "attempt": 1, "id": "host-2:4711"})
    lab.clock.now += 2
    lab.end(slot, task=1, state=TrialState.FAILED, retry=True, reason="exit code 137")
    lab.attempt(slot, task=1)
    lab.clock.now += 3

    (running,) = of(lab)["trials"]
    assert (running["state"], running["value"], running["rank"], running["ended"]) == ("RUNNING", None, None, None)

    lab.end(slot, 0.8, task=1)

    (trial,) = of(lab)["trials"]
    assert (trial["number"], trial["state"], trial["value"], trial["rank"]) == (0, "SUCCEEDED", 0.8, 1)
    assert (trial["metrics"], trial["step"]) == ({"accuracy": 0.8}, 9)
    assert trial["params"] == {"lr": 0.001, "solver": "adam"}
    assert (trial["note"], trial["seen"], trial["reason"]) == ("initial design", 1, None)
    assert (trial["started"], trial["ended"]) == ("2026-09-21T14:13:20.000Z", "2026-09-21T14:13:30.000Z")
    assert trial["seconds"] == 10.0
    assert [(a["task"], a["number"], a["state"], a["reason"]) for a in trial["attempts"]] == [
        ("train", 1, "SUCCEEDED", None),
        ("score", 1, "FAILED", "exit code 137"),
        ("score", 2, "SUCCEEDED", None),
    ]
    assert [a["worker"] for a in trial["attempts"]] == ["host-1", "host-2", "host-2"]
    assert [a["external"] for a in trial["attempts"]] == [None, "host-2:4711", None]
    assert trial["attempts"][2]["started"] == "2026-09-21T14:13:27.000Z"
    assert "works" not in trial


def test_a_promoted_trial_has_the_value_of_its_highest_finished_budget() -> None:
    lab = Lab(experiment(trials=BUDGET), plan={"slots": 4, "trials": 3, "units": 14, "note": ""})
    lab.trial(0.5, budget=1, rung=0, bracket=2)
    lab.trial(0.9, budget=1, rung=0, bracket=2)
    promoted = lab.bind(trial=0, budget=3, resume_budget=1, rung=1, bracket=2)

    first = of(lab)["trials"][0]
    assert (first["state"], first["value"], first["budget"], first["rung"]) == ("RUNNING", 0.5, 1, 0)
    assert of(lab)["experiment"]["best_trial"] == 1

    lab.clock.now += 20
    lab.end(promoted, 0.6, last=False)  # the value of a training task that is not the last one
    assert [w["value"] for w in of(lab)["trials"][0]["works"]] == [0.5, None]

    lab.attempt(promoted)
    lab.end(promoted, 0.6)
    body = of(lab)
    first = body["trials"][0]
    assert (first["state"], first["value"], first["budget"], first["rung"], first["bracket"]) == (
        "SUCCEEDED", 0.6, 3, 1, 2,
    )  # fmt: skip
    assert [(w["budget"], w["resumed_from"], w["value"]) for w in first["works"]] == [(1, None, 0.5), (3, 1, 0.6)]
    assert [a["slot"] for a in first["attempts"]] == [0, 2, 2]
    assert body["experiment"]["best_trial"] == 0, "more training counts for more than a better value with less"
    assert body["experiment"]["budget"] == {"name": "epochs", "min": 1, "max": 9, "factor": 3}


@pytest.mark.parametrize(("direction", "best"), [("maximize", 1), ("minimize", 0)])
def test_ties_go_to_the_lower_number(direction: str, best: int) -> None:
    lab = Lab(experiment(goal={"direction": direction}))
    for value in (0.1, 0.7, 0.7, 0.1):
        lab.trial(value)
    body = of(lab)
    assert body["experiment"]["best_trial"] == best
    ranks = {"maximize": [3, 1, 2, 4], "minimize": [1, 3, 4, 2]}[direction]
    assert [trial["rank"] for trial in body["trials"]] == ranks


def test_values_of_early_stopped_trials_count_and_failed_ones_have_none() -> None:
    lab = Lab()
    lab.trial(0.2)
    lab.trial(0.6, state=TrialState.EARLY_STOPPED)
    lab.trial()
    body = of(lab)
    assert body["experiment"]["best_trial"] == 1
    assert [(t["state"], t["value"], t["reason"]) for t in body["trials"]] == [
        ("SUCCEEDED", 0.2, None),
        ("EARLY_STOPPED", 0.6, None),
        ("FAILED", None, "exit code 1"),
    ]


def test_an_experiment_that_drains_still_runs() -> None:
    lab = Lab()
    assert experiment_state(lab.state) is ExperimentState.CREATED
    first, second = lab.bind(), lab.bind()
    assert experiment_state(lab.state) is ExperimentState.RUNNING
    lab.clock.now += 10
    lab.end(first, 0.99)
    lab.stop(ExperimentState.EARLY_STOPPED, "accuracy 0.99 reached the target 0.9", "target")
    assert experiment_state(lab.state) is ExperimentState.RUNNING
    assert of(lab)["experiment"]["ended"] is None
    assert of(lab)["experiment"]["stop_reason"] == "accuracy 0.99 reached the target 0.9"

    lab.clock.now += 60
    lab.end(second, state=TrialState.FAILED, retry=True)  # waits for a new attempt
    assert not has_ended(lab.state)
    lab.attempt(second)
    lab.end(second, 0.5)

    assert experiment_state(lab.state) is ExperimentState.EARLY_STOPPED
    assert of(lab)["experiment"]["ended"] == "2026-09-21T14:14:30.000Z"


def test_records_that_were_skipped_are_reported() -> None:
    lab = Lab()
    lab.journal.append("ended", {"slot": 7})
    skipped = of(lab)["experiment"]["skipped_records"]
    assert list(skipped) == ["2"]
    assert "malformed" in skipped["2"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_790_000_000.1234, "2026-09-21T14:13:20.123Z"),
        (1e300, None),
        (-1e18, None),
    ],
)
def test_times_are_iso_8601_in_utc(seconds: float | None, text: str | None) -> None:
    assert iso(seconds) == text


def test_it_is_plain_json() -> None:
    lab = Lab()
    lab.trial(0.5)
    lab.bind()
    body = of(lab)
    assert json.loads(json.dumps(body, allow_nan=False)) == body
