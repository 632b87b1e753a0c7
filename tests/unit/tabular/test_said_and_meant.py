"""What is said and has no meaning for this table is refused before the search; what has one holds to its end."""

from __future__ import annotations

import re
from dataclasses import replace
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
from automl_core.tabular.prepared import Prepared, prepare
from automl_core.tabular.problem import Problem
from automl_core.tabular.program.prepare import usual_share
from automl_core.tabular.validation import split
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


def test_what_is_said_is_refused_by_prepare_alone_so_that_an_older_run_goes_on(tmp_path: Path) -> None:
    said = Options.of(target="y", validation="holdout", folds=5)
    ready = prepare(rows(), Options.of(target="y", validation="holdout"))
    replace(ready, options=said).save(tmp_path)
    assert Prepared.load(tmp_path).options.folds == 5
    with pytest.raises(TrainingError, match="folds: has no meaning"):
        prepare(rows(), said)


def test_a_share_beside_folds_is_used_forward_in_time_and_else_said_to_be_unused() -> None:
    data = rows() | {"day": list(range(120))}
    said = {"target": "y", "valid_share": 0.1, "folds": 3, "repeats": 1}
    forward = prepare(data, Options.of(**said, time="day"))
    assert [len(fold.valid) for fold in forward.split.folds] == [12, 12, 12]
    assert not any("valid_share" in note for note in forward.notes)
    folded = prepare(rows(), Options.of(**said))
    assert (folded.split.kind, len(folded.split.folds)) == ("k-fold", 3)
    assert any("valid_share is left unused" in note for note in folded.notes)


@pytest.mark.parametrize(("repeats", "kind", "folds"), [(1, "holdout", 1), (2, "k-fold", 10)])
def test_once_is_how_often_a_large_table_is_split_anyway(repeats: int, kind: str, folds: int) -> None:
    problem = Problem("binary", "y", ("p", "q"), find("log_loss", "binary"))
    found = split(problem, np.arange(20_002) % 2, np.arange(20_002), Options.of(target="y", repeats=repeats))
    assert (found.kind, len(found.folds)) == (kind, folds)


@pytest.mark.parametrize(
    ("said", "column", "why"),
    [
        ({"time": "of"}, np.arange(600) >= 480, "rows of a single moment would be left"),
        ({"time": "of"}, np.digitize(np.arange(600), [50, 100]), "one moment stay together.*500 of 600"),
        ({"group": "of"}, np.arange(600) // 150, "rows of 3 groups would be left"),
    ],
)
def test_no_part_is_kept_unasked_that_costs_the_search_too_much(said: dict[str, str], column: Any, why: str) -> None:
    data = rows(600) | {"of": (2000 + 7 * column.astype(int)).tolist()}
    ready = prepare(data, Options.of(target="y", **said), usual_share=lambda _: 0.2)
    assert (len(ready.rows), len(ready.test), ready.options.test_share) == (600, 0, 0.0)
    assert any(re.search(why, note) for note in ready.notes)
    if "group" in said:  # who asks for a part gets it
        assert len(prepare(data, Options.of(target="y", test_share=0.2, **said)).test)


def test_older_rows_of_groups_that_are_tested_count_among_what_a_part_costs() -> None:
    """Half of the groups go on to the end: their older rows are in neither part."""
    random = np.random.default_rng(0)
    groups = np.r_[np.arange(800) // 2, random.choice(np.arange(0, 240), 200)]
    data = rows(1000) | {"day": list(range(1000)), "who": [f"p{each}" for each in groups]}
    said = Options.of(target="y", time="day", group="who")
    asked = prepare(data, said.replaced(test_share=0.2))
    assert len(asked.test) == 200
    assert 500 < len(asked.rows) < 600, "who asks for a part gets it"
    ready = prepare(data, said, usual_share=lambda _: 0.2)
    assert (len(ready.rows), len(ready.test)) == (1000, 0)
    assert any("with the older rows of its groups it would take 4" in note for note in ready.notes)


def test_rows_without_a_target_are_none_to_keep_a_part_of() -> None:
    data = rows(260) | {"number": [float(each) if each < 199 else None for each in range(260)]}
    ready = prepare(data, Options.of(target="number", ignore=["y"]), usual_share=usual_share)
    assert (len(ready.rows), len(ready.test)) == (199, 0)


def test_no_class_is_lost_to_a_part_that_nobody_asked_for() -> None:
    data = rows(600) | {"y": ["p"] * 300 + ["q"] * 230 + ["r"] * 70, "day": list(range(600))}
    ready = prepare(data, Options.of(target="y", time="day"), usual_share=lambda _: 0.2)
    assert not len(ready.test)
    assert any("no row of 'r' would be left" in note for note in ready.notes)
    assert len(prepare(rows(600) | {"day": list(range(600))}, Options.of(target="y", time="day"),
                       usual_share=lambda _: 0.2).test) == 120  # fmt: skip


def test_columns_of_one_finding_that_are_kept_and_dropped_are_told_apart() -> None:
    data = rows() | {"still": [1.0] * 120}
    ready = prepare(data, Options.of(target="y", featurization={"same": "codes"}))
    found = {tuple(each["columns"]): each for each in ready.findings if each["kind"] == "constant"}
    assert set(found) == {("same",), ("still",)}
    assert "learned from all the same" in found["same",]["done"]
    assert "learned from all the same" not in found["still",]["done"]
    assert (found["same",]["drop"], found["still",]["drop"]) == ([], ["still"])


@pytest.mark.parametrize(
    ("weights", "counted"),
    [
        ([1, 2, 3], True), ([0, 0, 30], False), ([0, 10, 10], True), ([0.5, 1, 2], False), ([1, 2, np.nan], True),
    ],
)  # fmt: skip
def test_whether_weights_count_rows_is_the_tables_to_decide(weights: list[float], counted: bool) -> None:
    seen: list[int] = []

    def function(truth: Any, said: Any) -> float:
        seen.append(len(truth))
        return 0.0

    metric = own(function, needs="numbers").counting(np.asarray(weights, dtype=float))
    assert metric.counted is counted
    metric.score(np.zeros(2), np.zeros(2), np.array([1.0, 4.0]))  # a part of whole weights, in any table
    assert seen == [5 if counted else 2]


def test_it_holds_for_what_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("def metric(truth, said):\n    return 1.0\n")
    for weight, counted in ((2, True), (0.5, False)):
        ready = prepare(
            rows() | {"w": [weight] * 119 + [1]}, Options.of(target="y", weight="w", metric=f"{file}:metric")
        )
        ready.save(tmp_path / str(weight))
        assert ready.problem.metric.counted is Prepared.load(tmp_path / str(weight)).problem.metric.counted is counted


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("y", "import math\n\ndef metric(truth, said):\n"
         "    return sum(math.log(1 - p) + math.log(p) for p in said)\nmetric.needs = 'probabilities'\n"),
        ("number", "def metric(truth, said):\n    return sum(1 / float(a - b) for a, b in zip(truth, said))\n"),
    ],
)  # fmt: skip
def test_a_metric_is_tried_with_what_a_model_may_say(tmp_path: Path, target: str, code: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(code)
    prepare(rows(), Options.of(target=target, metric=f"{file}:metric"))


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
        ("def metric(truth, said):\n    return truth - said\n", "can't measure good predictions.*TypeError"),
        ("def metric(truth):\n    return 1.0\n", "can't measure good predictions.*takes 1 positional argument"),
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
