"""The evidence's digest and its plain JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from automl_core.models.evaluation import EvaluateOptions, digest_of, evaluate, markdown_of
from automl_core.models.evaluation.document import evidence_of, summary_of
from tests.unit.models.evaluation.small import model, rows


def test_the_digest_is_of_what_is_said_and_not_of_its_order() -> None:
    assert digest_of({"a": 1, "b": [0.1, "ü"]}) == digest_of({"b": [0.1, "ü"], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 1.5})
    read = json.loads(json.dumps({"a": 0.1 + 0.2, "b": None}))
    assert digest_of(read) == digest_of({"a": 0.1 + 0.2, "b": None})
    with pytest.raises(ValueError, match="JSON"):
        digest_of({"a": math.nan})


def test_evidence_is_plain_json_whatever_its_figures_are_made_of() -> None:
    found = evidence_of(
        version=np.int64(3), champion=None, problem={"classes": ("a", "b")}, data={"scored": np.int64(5)},
        metric={}, values={"challenger": np.float64("nan"), "champion": np.float32(0.5)}, difference=None,
        metrics={"x": {"value": math.inf, "all": np.asarray([1.0, 2.0])}},
    )  # fmt: skip
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["values"] == {"challenger": None, "champion": 0.5}
    assert found["metrics"]["x"] == {"value": None, "all": [1.0, 2.0]}


def test_rows_without_any_label_are_no_error_and_can_not_be_told(tmp_path: Path) -> None:
    data = rows(30) | {"y": [None] * 30}
    folder = model(tmp_path / "m", metric="f1")
    evidence, shown = evaluate(folder, None, data, EvaluateOptions(version=1))
    assert evidence["verdict"]["ok"] is None
    assert (evidence["data"]["rows"], evidence["data"]["scored"]) == (30, 0)
    assert evidence["metric"] == {"name": "f1", "direction": "maximize"}
    assert any("30 without a label" in note for note in evidence["notes"])
    assert shown["cases"] == []
    assert digest_of(evidence)
    assert markdown_of(evidence).startswith("## It can't be told")


def test_a_summary_is_small_enough_for_a_record(tmp_path: Path) -> None:
    evidence, _ = evaluate(model(tmp_path / "n", b=0.5), model(tmp_path / "o"), rows(200),
                           EvaluateOptions(draws=100, latency=False))  # fmt: skip
    told = summary_of(evidence)
    assert told["ok"] == evidence["verdict"]["ok"]
    assert told["difference"]["low"] == evidence["difference"]["low"]
    assert len(json.dumps(told)) < 700


def test_the_same_data_give_the_same_figures_and_others_are_drawn_otherwise(tmp_path: Path) -> None:
    folders = model(tmp_path / "n", b=0.5), model(tmp_path / "o")

    def difference(digest: str) -> dict[str, float]:
        options = EvaluateOptions(draws=200, latency=False, metric="roc_auc", fingerprint={"digest": digest})
        found: dict[str, float] = evaluate(*folders, rows(200), options)[0]["difference"]
        return found

    assert difference("x") == difference("x")
    assert difference("x")["low"] != difference("y")["low"]
    assert difference("x")["value"] == difference("y")["value"]
