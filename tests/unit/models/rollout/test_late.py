"""Late labels: joined, measured by the hour, in a process of its own that may end badly."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from automl_core.data.access import DataError
from automl_core.models.file import ModelFile
from automl_core.models.file.values import Loss
from automl_core.models.life import Person
from automl_core.models.life.rollouts import Rollout, Step
from automl_core.models.rollout.__main__ import main
from automl_core.models.rollout.keys import FromGivenKeys, variables_of
from automl_core.models.rollout.late import PROBLEM, REQUEST, Late, Request
from automl_core.models.rollout.measures import Measured
from automl_core.models.rollout.measuring import measure
from automl_core.models.rollout.rules import Metric, Rules
from automl_core.storage import Credentials

BEGUN = datetime(2026, 11, 29, 10, 0, tzinfo=UTC).timestamp()
RULES = Rules(metric=Metric("accuracy", Loss(0.01, relative=True), 300.0))


def rollout() -> Rollout:
    return Rollout(1, 2, 1, "steps", [Step(0.5), Step(1.0)], BEGUN, Person("churn.rollout", "dag"), moved=BEGUN)


def when(seconds: float) -> str:
    return datetime.fromtimestamp(BEGUN + seconds, UTC).isoformat()


def model_file(tmp_path: Path, **feedback: Any) -> ModelFile:
    return ModelFile.model_validate({
        "kind": "model", "name": "churn", "output": {"storage": f"file://{tmp_path}/store"},
        "candidates": {"experiments": ["churn"]}, "evaluate": {"data": "feedback"},
        "deploy": {"to": "servers", "safeguard": {"metric": {"name": "accuracy", "worse_by": "1%"}}},
        "feedback": {"data": f"{tmp_path}/outcomes.csv", "outcome": "left", **feedback},
    })  # fmt: skip


def write(tmp_path: Path, many: int = 40) -> None:
    """Answers of both versions over two hours, and outcomes of most; version 1 is right, version 2 every other time."""
    folder = tmp_path / "store/_models/churn/answers/ds=2026-11-29"
    folder.mkdir(parents=True)
    lines, outcomes = [], ["request_id,left"]
    for place in range(many):
        version = 1 + place % 2
        right = version == 1 or place % 4 == 1
        lines.append({
            "request_id": f"r{place}", "answered_at": when(place * 7200 / many), "model_version": version,
            "prediction": "yes" if right else "no", "probability_yes": 0.8 if right else 0.4,
            "probability_no": 0.2 if right else 0.6,
        })  # fmt: skip
        if place < many - 4:
            outcomes.append(f"r{place},yes")
    lines.append({**lines[0], "request_id": "before", "answered_at": when(-7200.0)})
    outcomes.append("before,yes")
    (folder / "srv-1.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines))
    (tmp_path / "outcomes.csv").write_text("\n".join(outcomes) + "\n")


def ended(late: Late, now: float = BEGUN + 9_000) -> list[Measured]:
    """What a measurement comes to, however long it takes."""
    assert late.poll(rollout(), now) == []
    while True:
        assert late._job is not None
        assert late._job._watcher is not None
        late._job._watcher.join(0.2)
        found = late.poll(rollout(), now)
        if found:
            return found


def test_outcomes_are_joined_and_measured_by_the_hour_in_a_process_of_its_own(tmp_path: Path) -> None:
    write(tmp_path)
    late = Late(model_file(tmp_path), RULES, home=tmp_path)
    (found,) = ended(late)
    assert found.problem == ""
    assert [(each.start - BEGUN, each.version, each.count, each.mean) for each in found.hours] == [
        (0.0, 1, 10, 1.0), (3600.0, 1, 8, 1.0), (0.0, 2, 10, 0.5), (3600.0, 2, 8, 0.5)
    ]  # fmt: skip
    assert found.hours[2].variance == pytest.approx(0.25 * 10 / 9)
    assert any("36" in each for each in found.words), "what became of answers and outcomes"
    assert late.poll(rollout(), BEGUN + 9_100) == []
    assert late._job is None, "it is not due"
    late.poll(rollout(), BEGUN + 9_301)
    assert late._job is not None
    late.close()
    assert late._folder is None
    assert late.poll(rollout(), BEGUN + 90_000) == []
    assert late._job is None, "closed, it begins nothing any more"


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("killed", "its process ended without a result: .*SIGKILL"), ("hangs", "it took longer than 0.5 s"),
        ("memory", "its process ended without a result: .*MemoryError"), ("nothing", "its last line: no result"),
    ],
)  # fmt: skip
def test_a_measurement_that_ends_badly_says_how_and_takes_nobody_along(tmp_path: Path, how: str, words: str) -> None:
    late = Late(
        model_file(tmp_path), RULES, home=tmp_path, environment=lambda: {"BADLY": how},
        timeout=0.5 if how == "hangs" else 600.0, program="tests.unit.models.rollout.badly",
    )  # fmt: skip
    (found,) = ended(late)
    assert found.hours == []
    assert re.search(words, found.problem), found.problem


def test_keys_that_can_not_be_had_are_a_problem_and_no_crash(tmp_path: Path) -> None:
    def gone() -> dict[str, str]:
        raise LookupError("there is no connection 'lake'")

    late = Late(model_file(tmp_path), RULES, home=tmp_path, environment=gone)
    (found,) = late.poll(rollout(), BEGUN)
    assert found.problem == "the measurement does not start: there is no connection 'lake'"
    assert late._folder is None


def test_keys_go_by_the_environment_and_open_their_connection_alone() -> None:
    keys = Credentials(access_key="key", secret_key="hidden", endpoint_url="http://localhost:1", region="here")
    access = FromGivenKeys(variables_of({"lake": keys}))
    assert access.store("s3://bucket", "lake").url == "s3://bucket"
    with pytest.raises(DataError, match="Airflow connection 'other'"):
        access.store("s3://bucket", "other")
    assert variables_of({}) == {}


def test_what_can_not_be_read_is_said(tmp_path: Path) -> None:
    write(tmp_path)
    request = Request(model_file(tmp_path, outcome="gone").plain(), ["accuracy"], BEGUN, BEGUN + 10, str(tmp_path))
    (tmp_path / REQUEST).write_bytes(msgspec.json.encode(request))
    assert main([str(tmp_path)]) == 3
    assert "outcomes.csv has no column 'gone'" in json.loads((tmp_path / PROBLEM).read_text())["problem"]
    assert main([]) == 2


def test_a_problem_keeps_what_was_measured_before() -> None:
    before = Measured("accuracy", 1.0, [], ["36 answers"])
    after = Measured("accuracy", 2.0, problem="away").after(before)
    assert (after.time, after.words, after.problem) == (2.0, ["36 answers"], "away")
    assert Measured("accuracy", 3.0).after(before).words == []


def table(**columns: list[Any]) -> pa.Table:
    size = len(next(iter(columns.values())))
    return pa.table({"answered_at": [when(0.0)] * size, "model_version": [1] * size, **columns})


def mean_of(name: str, rows: pa.Table) -> tuple[int, float, str]:
    (found,) = measure(rows, [name], outcome="y", version="model_version", answered="answered_at", time=0.0)
    count, mean = found.mean(1)
    return count, mean, found.problem


@pytest.mark.parametrize(
    ("said", "true"),
    [
        (["yes", "no"], ["yes", "no"]), ([1, 0], ["1", "0"]), ([1.0, 0.0], [1, 0]), ([True, False], ["True", "false"]),
        ([0.25, 1e20], ["0.25", "1e+20"]), (["inf", "nan"], ["inf", "nan"]),
    ],
)  # fmt: skip
def test_labels_are_the_same_however_they_are_written(said: list[Any], true: list[Any]) -> None:
    assert mean_of("accuracy", table(prediction=said, y=true)) == (2, 1.0, "")
    assert mean_of("accuracy", table(prediction=said, y=true[::-1])) == (2, 0.0, "")


def test_rows_without_a_label_or_answered_by_another_version_do_not_count() -> None:
    rows = table(prediction=["a", None, "b", "b"], y=["a", "a", None, "a"], fallen_back=[None, None, None, "crashed"])
    assert mean_of("accuracy", rows) == (1, 1.0, "")


def test_errors_of_numbers() -> None:
    rows = table(prediction=[1.0, 2.0, None], y=["3", "2", "1"])
    assert mean_of("mae", rows) == (2, 1.0, "")
    assert mean_of("mse", rows) == (2, 2.0, "")
    assert mean_of("mae", table(prediction=["a"], y=["b"]))[2] == "'prediction' holds no numbers, and mae is of numbers"
    assert mean_of("mae", table(prediction=[1.0], y=["b"]))[2] == "'y' holds no numbers, and mae is of numbers"
    assert mean_of("accuracy", table(y=["b"]))[2] == "the log has no column 'prediction'"


def test_losses_of_probabilities() -> None:
    two = table(probability_no=[0.2, 0.5], probability_yes=[0.8, 0.5], y=["yes", "maybe"])
    assert mean_of("log_loss", two) == (1, pytest.approx(0.2231436), "")
    assert mean_of("brier_score", two) == (1, pytest.approx(0.04), "")
    three = table(probability_a=[0.5], probability_b=[0.3], probability_c=[0.2], y=["b"])
    assert mean_of("brier_score", three) == (1, pytest.approx(0.25 + 0.49 + 0.04), "")
    assert mean_of("log_loss", table(y=["b"]))[2] == "the log has no probabilities, and log_loss is of probabilities"


def test_no_answer_with_an_outcome_is_no_problem() -> None:
    rows = pa.table({"y": pa.array([], pa.string())})
    assert mean_of("accuracy", rows)[0] == 0
