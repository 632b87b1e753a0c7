"""Evidence of a model that nothing could be measured of yet: no row has a label."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.models.evaluation import (
    EvaluateOptions,
    NotEvaluated,
    conditions,
    digest_of,
    evaluate,
    markdown_of,
)
from automl_core.models.evaluation.unmeasured import unmeasured
from tests.unit.models.evaluation.small import model, rows

OPTIONS = EvaluateOptions(version=1, place="out/ with outcomes/", least_rows=100, when="better")


@pytest.mark.parametrize(("kind", "metric"), [("binary", "log_loss"), ("regression", None), ("multiclass", None)])
def test_it_says_that_nothing_can_be_told(tmp_path: Path, kind: str, metric: str | None) -> None:
    classes = ("0", "1") if kind == "binary" else ("a", "b", "c")
    made = model(tmp_path / "model", kind=kind, classes=classes)
    evidence = unmeasured(made, OPTIONS, 0, ["out/ has no answer of the time that is looked at"])
    assert evidence["verdict"]["ok"] is None
    assert "0 rows were scored, and 100 are asked for" in evidence["verdict"]["reasons"][-1]
    assert conditions(evidence)["ok"] is None
    assert len(digest_of(evidence)) == 64
    assert metric in (None, evidence["metric"]["name"])
    page = markdown_of(evidence, "https://airflow/automl")
    assert "no row has a label yet" in page
    assert "has no answer of the time that is looked at" in page


def test_conditions_never_accept_it(tmp_path: Path) -> None:
    """Not even `passes`, which asks nothing of the difference."""
    made = model(tmp_path / "model")
    for when in ("better", "not_worse", "passes"):
        options = EvaluateOptions(version=1, when=when)  # type: ignore[arg-type]
        assert unmeasured(made, options, 0)["verdict"]["ok"] is None


def test_a_model_that_can_not_be_opened_is_none(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(NotEvaluated):
        unmeasured(tmp_path / "model", OPTIONS, 0)


def test_labels_that_no_model_knows_are_named_and_the_champion_is_not_forgotten(tmp_path: Path) -> None:
    one, two = model(tmp_path / "one"), model(tmp_path / "two")
    options = EvaluateOptions(version=3, champion=2, latency=False)
    table = {**rows(150), "y": ["yes"] * 150}
    evidence, _ = evaluate(one, two, table, options)
    page = markdown_of(evidence)
    assert "compared with version 2, the champion" in page
    assert "no champion" not in page
    assert "no row has a label" not in page
    assert "150 with a label that is no class of a model" in page
    assert "no model knows the label 'yes'; their classes: '0', '1'" in page
