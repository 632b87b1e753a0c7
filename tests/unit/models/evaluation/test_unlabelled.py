"""Rows without labels: an estimate by what an earlier evidence kept, logged answers, and what says nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automl_core.models.evaluation import EvaluateOptions, Request, evaluate, run_apart
from automl_core.models.evaluation.unlabelled import answered
from tests.unit.models.evaluation.small import model, rows

PLAIN = EvaluateOptions(latency=False, draws=100, target="y", key="id", metric="accuracy", fingerprint={"digest": "aa"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("unlabelled") / "m", a=2.0, b=1.0)


@pytest.fixture(scope="module")
def kept(folder: Path) -> dict[str, Any]:
    """What the evidence of the acceptance kept, after its trip through a bucket."""
    found: dict[str, Any] = json.loads(json.dumps(evaluate(folder, None, rows(2_000, 1), PLAIN)[1]))
    return found


def options(kept: dict[str, Any], **more: Any) -> EvaluateOptions:
    made = replace(PLAIN, reference=kept["columns"], answers=kept["answers"], fingerprint={"digest": "bb"}, **more)
    return EvaluateOptions.from_json(json.loads(json.dumps(made.to_json())))


def half_labelled(count: int = 2_000) -> dict[str, Any]:
    table = rows(count, 2)
    return table | {"y": [each if place % 2 else None for place, each in enumerate(table["y"])]}


def test_rows_without_a_label_are_estimated_and_those_with_one_check_it(folder: Path, kept: dict[str, Any]) -> None:
    found = evaluate(folder, None, half_labelled(), options(kept))[0]["estimate"]
    assert (found["state"], found["metric"], found["rows"]) == ("estimated", "accuracy", 1_000)
    hidden = rows(2_000, 2)
    alone = {name: [each for place, each in enumerate(values) if not place % 2] for name, values in hidden.items()}
    came = evaluate(folder, None, alone, PLAIN)[0]["values"]["challenger"]
    assert found["low"] <= came <= found["high"]
    checked = found["checked"]
    assert (checked["rows"], checked["within"]) == (1_000, True)
    assert checked["measured"] == pytest.approx(
        evaluate(folder, None, half_labelled(), PLAIN)[0]["values"]["challenger"]
    )


def test_labels_that_mean_something_else_now_are_found_out(folder: Path, kept: dict[str, Any]) -> None:
    table = half_labelled()
    table["y"] = [
        None if each is None else 1 - each if place % 3 == 0 else each for place, each in enumerate(table["y"])
    ]
    checked = evaluate(folder, None, table, options(kept))[0]["estimate"]["checked"]
    assert checked["within"] is False
    assert checked["measured"] < checked["low"]


def test_where_every_row_has_a_label_there_is_a_check_alone(folder: Path, kept: dict[str, Any]) -> None:
    found = evaluate(folder, None, rows(1_000, 3), options(kept))[0]["estimate"]
    assert (found["state"], found["why"]) == ("none", "every row has a label: there is nothing to estimate")
    assert found["checked"]["within"] is True
    same = replace(options(kept), fingerprint={"digest": "aa"})
    assert evaluate(folder, None, rows(2_000, 1), same)[0]["estimate"]["checked"] is None, "it was made of these rows"


def test_where_none_has_one_the_estimate_is_all_there_is(folder: Path, kept: dict[str, Any]) -> None:
    evidence, _ = evaluate(folder, None, rows(1_000, 3) | {"y": [None] * 1_000}, options(kept))
    assert evidence["metrics"] == {}
    assert evidence["estimate"]["state"] == "estimated"


def test_what_can_not_be_estimated_says_why(folder: Path, kept: dict[str, Any], tmp_path: Path) -> None:
    few = evaluate(folder, None, rows(50, 3) | {"y": [None] * 50}, options(kept))[0]["estimate"]
    assert (few["state"], few["why"]) == ("cant_tell", "50 rows without a label, and 100 are asked for")
    small = evaluate(folder, None, rows(200, 1), PLAIN)[1]["answers"]
    broken = evaluate(folder, None, half_labelled(), replace(options(kept), answers=small))[0]["estimate"]
    assert broken["why"].startswith("200 rows of the evidence had labels, and fewer than 300")
    later = evaluate(folder, None, half_labelled(), replace(options(kept), answers={"format": 9}))[0]["estimate"]
    assert "later than 1" in later["why"]
    numbers = model(tmp_path / "numbers", a=1.0, b=0.5, kind="regression")
    table, plain = rows(600, 4, kind="regression"), replace(PLAIN, metric=None)
    _, shown = evaluate(numbers, None, table, plain)
    assert "answers" not in shown, "numbers say nothing of how sure they are"
    asked = replace(plain, answers=kept["answers"])
    told = evaluate(numbers, None, table, asked)[0]["estimate"]
    assert (told["state"], told["why"]) == (
        "none",
        "a model of numbers says nothing of how sure it is of each, so its loss can't be estimated before the outcomes "
        "come",
    )


def logged(count: int = 1_000, moved: float = 0.0, columns: Any = ("a", "b", "city")) -> list[dict[str, Any]]:
    """Lines of a server's log; what is said is that of the model with a = 2, b = 1."""
    import numpy as np

    table, found = rows(count, 5), []
    for a, b, city in zip(table["a"], table["b"], table["city"], strict=True):
        row = {"a": a, "b": b + moved, "city": city}
        chance = float(1 / (1 + np.exp(-(2 * row["a"] + row["b"]))))
        found.append(
            {name: row[name] for name in columns}
            | {"request_id": f"r{len(found)}", "model_version": 1, "prediction": str(int(chance > 0.5)),
               "probability_0": 1 - chance, "probability_1": chance}
        )  # fmt: skip
    return found


def test_logged_answers_are_what_was_said_whatever_is_logged_of_the_rows(folder: Path, kept: dict[str, Any]) -> None:
    whole = answered(folder, logged(), options(kept))
    assert whole["drift"]["drifted"] is False
    assert whole["estimate"]["state"] == "estimated"
    alone = answered(folder, logged(columns=("b",)), options(kept))
    assert {each["name"] for each in alone["drift"]["columns"]} == {"b", "probability of 1"}
    assert alone["drift"]["not_there"] == ["a", "city"]
    assert alone["estimate"]["value"] == pytest.approx(whole["estimate"]["value"]), "of what was said, and no column"
    none = answered(folder, logged(columns=()), options(kept))
    assert [each["name"] for each in none["drift"]["columns"]] == ["probability of 1"]


def test_drift_of_logged_answers_is_attributed_where_all_columns_are_there(folder: Path, kept: dict[str, Any]) -> None:
    whole = answered(folder, logged(moved=1.5), options(kept))["drift"]
    assert whole["drifted"] is True
    assert whole["attribution"]["columns"][0]["name"] == "b"
    part = answered(folder, logged(moved=1.5, columns=("b",)), options(kept))["drift"]
    assert part["drifted"] is True
    assert part["attribution"]["why"] == "columns that the model reads are not in these rows"


def test_another_answer_than_the_version_gives_is_seen_as_it_was_given(folder: Path, kept: dict[str, Any]) -> None:
    """Servers that read a column otherwise: the columns are as before, and what was said is not."""
    lines = [
        line | {"probability_1": line["probability_0"], "probability_0": line["probability_1"]} for line in logged()
    ]
    lines = [line | {"probability_1": min(1.0, line["probability_1"] + 0.3)} for line in lines]
    found = answered(folder, lines, options(kept))["drift"]
    assert [each["name"] for each in found["columns"] if each["drifted"]] == ["probability of 1"]


def test_in_a_process_of_its_own(folder: Path, kept: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in logged(400)))
    found, shown = run_apart(Request(folder, None, path, options(kept), (), "jsonl", unlabelled="answered"))
    assert (found["estimate"]["state"], found["estimate"]["rows"], shown) == ("estimated", 400, {})
    assert found["drift"]["drifted"] is False
