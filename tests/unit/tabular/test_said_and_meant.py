"""What is said and has no meaning for this table is refused before the search; what has one holds to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from automl_core.tabular import fit, threshold
from automl_core.tabular.evaluation import evaluate
from automl_core.tabular.learners.base import CannotFit
from automl_core.tabular.learners.custom import FittedCustom
from automl_core.tabular.metrics import find
from automl_core.tabular.metrics.base import own
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import prepare
from automl_core.tabular.problem import Problem
from automl_core.tabular.program.prepare import usual_share
from automl_core.training.problems import TrainingError


def rows(count: int = 120) -> dict[str, Any]:
    random = np.random.default_rng(5)
    return {
        "a": random.normal(size=count), "b": random.choice(["u", "v", "w"], count), "same": ["x"] * count,
        "number": random.normal(size=count), "y": random.choice(["p", "q"], count),
        "three": random.choice(["k", "l", "m"], count), "flag": random.choice([True, False], count),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"target": "y", "costs": [["p", "r", 2]]}, "no class 'r'"),
        ({"target": "number", "costs": [["p", "q", 2]]}, "costs is for classes, and number is a number"),
        ({"target": "number", "balance": "balanced"}, "balance: balanced is for classes"),
        ({"target": "number", "threshold": "metric"}, "threshold: metric is for classes"),
        ({"target": "number", "calibrate": True}, "calibrate: true is for classes"),
        ({"target": "three", "threshold": "metric", "metric": "accuracy"}, "has 3 classes"),
        ({"target": "y", "threshold": "metric"}, "judged by log_loss"),
        ({"target": "y", "costs": [["p", "q", 2]], "threshold": "none"}, "not used with threshold: none"),
        ({"target": "y", "validation": "k-fold", "valid_share": 0.2}, "valid_share: has no meaning with .*k-fold"),
        ({"target": "y", "validation": "holdout", "folds": 4}, "folds: .* goes with k-fold, monte-carlo, time"),
        ({"target": "y", "validation": "monte-carlo", "repeats": 2}, "repeats: .* goes with k-fold"),
        ({"target": "y", "valid_share": 0.2, "folds": 4}, "say one of them"),
        ({"target": "y", "featurization": {"bb": "drop"}}, "no column 'bb'; did you mean 'b'"),
        ({"target": "y", "featurization": {"y": "drop"}}, "'y' is not learned from"),
        ({"target": "y", "featurization": {"a": ["target"]}}, "of a number it may be: .*columns.categorical"),
        ({"target": "y", "featurization": {"b": []}}, "empty list"),
    ],
)
def test_it_is_refused_by_its_name(said: dict[str, Any], why: str) -> None:
    with pytest.raises(TrainingError, match=why):
        prepare(rows(), Options.of(**said))


@pytest.mark.parametrize("said", [{"validation": "k-fold"}, {"folds": 3}, {"valid_share": 0.2}])
def test_sets_of_ones_own_and_what_is_said_of_drawn_ones(said: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match="validation set of your own"):
        prepare(rows(), Options.of(target="y", **said), valid=rows())
    with pytest.raises(TrainingError, match="test set of your own"):
        prepare(rows(), Options.of(target="y", test_share=0.1), test=rows())


def test_a_column_that_the_guardrails_drop_may_be_spoken_of() -> None:
    ready = prepare(rows(), Options.of(target="y", featurization={"same": "drop", "b": ["target", "hash"]}))
    assert "same" not in ready.schema
    assert ready.options.featurization == {"b": ["target", "hash"]}
    assert prepare(rows(), Options.of(target="y", featurization={"same": "drop"})).options.featurization == "auto"


def test_a_column_whose_features_are_named_is_kept_in_spite_of_the_guardrails() -> None:
    data = rows() | {"again": rows()["y"]}
    assert "again" not in prepare(data, Options.of(target="y")).schema
    ready = prepare(data, Options.of(target="y", featurization={"again": "codes"}))
    assert "again" in ready.schema
    (finding,) = [each for each in ready.findings if "again" in each["columns"]]
    assert "learned from all the same" in finding["done"]
    assert any("'again' is learned from in spite" in note for note in ready.notes)


def test_classes_in_costs_are_read_as_those_of_the_table() -> None:
    ready = prepare(rows(), Options.of(target="flag", costs=[[True, False, 3], [False, True, 1]]))
    assert ready.problem.classes == ("false", "true")


def test_a_share_of_validation_alone_asks_for_one_part_and_bag_is_bag() -> None:
    from automl_core.tabular.refitting import needs_refit

    ready = prepare(rows(), Options.of(target="y", valid_share=0.25))
    assert (ready.split.kind, len(ready.split.folds), len(ready.split.folds[0].valid)) == ("holdout", 1, 30)
    for final, refit in (("auto", True), ("refit", True), ("bag", False)):
        assert needs_refit(prepare(rows(), Options.of(target="y", validation="monte-carlo", final=final))) is refit


@pytest.mark.parametrize(("count", "kept"), [(199, 0), (200, 40), (4_999, 1_000), (5_000, 500), (2_000_000, 50_000)])
def test_a_file_keeps_a_part_for_the_end(count: int, kept: int) -> None:
    assert round(usual_share(count) * count) == kept


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import numpy\nx = nowhere\n", "can't be run: NameError: name 'nowhere'"),
        ("def metric(truth, said):\n    return truth - said\n", "can't measure right predictions.*TypeError"),
        ("def metric(truth):\n    return 1.0\n", "can't measure right predictions.*takes 1 positional argument"),
    ],
)
def test_a_metric_that_can_measure_nothing_is_found_before_any_trial(tmp_path: Path, code: str, why: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(code)
    with pytest.raises(TrainingError, match=why):
        prepare(rows(), Options.of(target="y", metric=f"{file}:metric"))


def test_a_metric_that_the_target_has_not_is_found_before_any_trial() -> None:
    with pytest.raises(TrainingError, match="rmsle is not defined for number, whose least value is -"):
        prepare(rows(), Options.of(target="number", metric="rmsle"))
    with pytest.raises(TrainingError, match="validation: the rows have no column 'a'"):
        prepare(rows(), Options.of(target="y"), valid={"y": ["p", "q"]})
    with pytest.raises(TrainingError, match="test: target: the rows have no column 'y'"):
        prepare(rows(), Options.of(target="y"), test={name: values for name, values in rows().items() if name != "y"})


def test_infinite_numbers_are_missing_to_the_guardrails(recwarn: pytest.WarningsRecorder) -> None:
    data = rows()
    data["a"] = np.where(np.arange(120) % 40 == 0, np.inf, data["a"])
    ready = prepare(data, Options.of(target="number"))
    assert [str(each.message) for each in recwarn if each.category is RuntimeWarning] == []
    assert "a" in ready.schema


def test_a_metric_that_raises_on_a_draw_costs_no_model() -> None:
    def strict(truth: Any, said: Any) -> float:
        if len(set(truth)) < 2:
            raise ValueError("needs both classes")
        return float((truth == said).mean())

    metric, problem = own(strict, classes=("p", "q")), Problem("binary", "y", ("p", "q"), find("accuracy", "binary"))
    truth = np.array([0] * 9 + [1])
    outputs = np.column_stack([1 - 0.1 * truth, 0.1 * truth])
    found = evaluate(Problem("binary", "y", ("p", "q"), metric), truth, outputs, np.ones(10))
    assert found["strict"]["value"] == pytest.approx(0.9)
    assert metric.tried(truth[:9], outputs[:9]) != metric.tried(truth[:9], outputs[:9]), "not a number"
    assert threshold.for_metric(metric, truth, outputs[:, 1], np.ones(10), seed=0) < 0.5
    assert evaluate(problem, truth, outputs, np.ones(10))["accuracy"]["value"] == pytest.approx(0.9)


def test_intervals_of_a_metric_that_takes_no_weights_are_those_of_one_that_does() -> None:
    random = np.random.default_rng(2)
    truth = random.integers(0, 2, 80)
    outputs = np.column_stack([1 - (p := random.random(80)), p])

    def right(true: Any, said: Any) -> float:
        return float((true == said).mean())

    def weighed(true: Any, said: Any, sample_weight: Any) -> float:
        return float(np.average(true == said, weights=sample_weight))

    found = [
        next(iter(evaluate(Problem("binary", "y", ("p", "q"), own(each, classes=("p", "q"))), truth, outputs,
                           np.ones(80)).values()))
        for each in (right, weighed)
    ]  # fmt: skip
    assert found[0] == pytest.approx(found[1], rel=1e-12)


def test_a_mistake_that_is_not_named_costs_one_of_two_classes_too() -> None:
    assert threshold.for_costs({("yes", "no"): 4.0}, ("no", "yes")) == pytest.approx(0.2)
    assert threshold.for_costs({("no", "yes"): 9.0}, ("no", "yes")) == pytest.approx(0.9)


def test_the_report_calls_classes_by_costs_as_the_model_does() -> None:
    data = rows(300)
    model = fit(
        data, "three", iterations=1, workers=1, allowed=("linear",), folds=3, test_share=0.3,
        costs=[["k", "l", 40], ["m", "l", 40], ["k", "m", 40], ["l", "m", 40]],
    )  # fmt: skip
    counts = np.asarray(model.report["confusion"]["counts"])
    assert counts[:, 0].sum() == counts.sum(), "all but a k costs far more to be wrong with"
    assert set(model.predict({name: values for name, values in data.items() if name != "three"})) == {"k"}


def test_probabilities_that_are_none_are_the_learners_failure() -> None:
    class Odd:
        def predict_proba(self, x: Any) -> Any:
            return np.full((len(x), 2), 0.7)

    class Rows:
        values = np.zeros((3, 1))

        def __len__(self) -> int:
            return 3

    fitted = FittedCustom(Odd(), Problem("binary", "y", ("p", "q"), find("log_loss", "binary")))
    with pytest.raises(CannotFit, match=r"gave no probabilities.*sum to 1\.4"):
        fitted.predict(Rows())  # type: ignore[arg-type]
