"""What is said of predicted classes: held against scikit-learn, and right where good guesses are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve

from automl_core.details import BadPredictions
from automl_core.details.make import details_of
from tests.support.examples import examples
from tests.unit.details.files import parquet, written

CLASSES = ["cat", "dog", "01", "1", "<b>&"]


def table(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Figures of each class, by its name."""
    columns = body["per_class"]
    return {name: {key: values[k] for key, values in columns.items()} for k, name in enumerate(columns["class"])}


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-7, abs=1e-9, nan_ok=True)


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(CLASSES), st.sampled_from([*CLASSES, "never true"]), st.integers(1, 9)), min_size=1,
        max_size=60,
    ),
    st.booleans(),
)  # fmt: skip
def test_the_figures_are_those_of_scikit_learn(rows: list[tuple[str, str, int]], weighted: bool) -> None:
    truth, prediction, weights = ([row[k] for row in rows] for k in range(3))
    columns = {"truth": truth, "prediction": prediction, **({"weight": weights} if weighted else {})}
    body, _ = parquet(columns)
    labels = sorted({*truth, *prediction})
    sample = weights if weighted else None
    expected = reference.precision_recall_fscore_support(
        truth, prediction, labels=labels, sample_weight=sample, zero_division=np.nan
    )
    found = table(body)
    assert list(found) == labels
    for k, name in enumerate(labels):
        for key, column in zip(
            ("precision", "recall", "support"), (expected[0], expected[1], expected[3]), strict=True
        ):
            value = found[name][key]
            assert (np.nan if value is None else value) == near(column[k])
    overall = body["overall"]
    assert overall["accuracy"] == near(reference.accuracy_score(truth, prediction, sample_weight=sample))
    for average in ("macro", "weighted"):
        score = reference.f1_score(truth, prediction, average=average, sample_weight=sample, zero_division=0)
        assert overall[f"{average}_f1"] == near(score)
    matrix = reference.confusion_matrix(truth, prediction, labels=labels, sample_weight=sample)
    assert body["confusion"] == {"classes": labels, "rest": 0, "counts": matrix.tolist()}


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.8, 1.0]), st.integers(1, 5)), min_size=4),
    st.booleans(),
)
def test_areas_are_those_of_scikit_learn_ties_included(rows: list[tuple[bool, float, int]], weighted: bool) -> None:
    truth = ["yes" if row[0] else "no" for row in rows] + ["yes", "no"]
    score = [row[1] for row in rows] + [0.2, 0.1]
    weights = [row[2] for row in rows] + [1, 1]
    prediction = ["yes" if each >= 0.2 else "no" for each in score]
    body, _ = parquet(
        {"truth": truth, "prediction": prediction, "score": score, **({"weight": weights} if weighted else {})}
    )
    curve = only(body["scores"]["curves"])
    assert curve["class"] == "yes", "with the score of a class the predictions of that class have the higher ones"
    positive, sample = np.array(truth) == "yes", weights if weighted else None
    assert curve["roc_auc"] == near(reference.roc_auc_score(positive, score, sample_weight=sample))
    assert curve["average_precision"] == near(reference.average_precision_score(positive, score, sample_weight=sample))
    roc = curve["roc"]
    assert (roc["false_positive_rate"][0], roc["true_positive_rate"][0]) == (0, 0)
    assert (roc["false_positive_rate"][-1], roc["true_positive_rate"][-1]) == (1, 1)
    assert curve["precision_recall"]["recall"][-1] == 1


def only(values: list[Any]) -> Any:
    assert len(values) == 1
    return values[0]


def test_a_long_curve_keeps_its_ends_and_its_exact_area() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 20_000)
    score = np.clip(truth * 0.3 + rng.random(20_000) * 0.7, 0, 1)
    body, _ = parquet({"truth": truth, "prediction": (score > 0.5).astype(int), "score": score})
    curve = only(body["scores"]["curves"])
    assert curve["roc_auc"] == near(reference.roc_auc_score(truth, score))
    xs, ys = curve["roc"]["false_positive_rate"], curve["roc"]["true_positive_rate"]
    assert 100 < len(xs) <= 202
    assert (xs[0], ys[0], xs[-1], ys[-1]) == (0, 0, 1, 1)
    assert float(np.trapezoid(ys, xs)) == pytest.approx(curve["roc_auc"], abs=1e-3), "the points show the same curve"


def test_calibration_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    score = np.append(rng.random(5000), [0.0, 0.1, 0.3, 1.0])
    truth = rng.random(5004) < score
    body, _ = parquet({"truth": truth, "prediction": score > 0.5, "score": score})
    found = body["scores"]["calibration"]
    assert found["of"] == "true"
    share, mean = calibration_curve(truth, score, n_bins=10, strategy="uniform")
    assert [bin["true"] for bin in found["bins"]] == [near(each) for each in share]
    assert [bin["score"] for bin in found["bins"]] == [near(each) for each in mean]
    assert found["brier"] == near(reference.brier_score_loss(truth, score))


def test_a_confidence_is_told_from_the_score_of_a_class() -> None:
    truth, prediction = ["a", "b", "b", "a"], ["a", "b", "a", "b"]
    body, rows = parquet({"truth": truth, "prediction": prediction, "score": [0.9, 0.8, 0.7, 0.6]})
    assert body["scores"]["meaning"] == "the confidence in what was predicted"
    assert body["scores"]["calibration"]["of"] is None
    assert only(body["scores"]["curves"])["roc_auc"] == reference.roc_auc_score([0, 1, 1, 0], [0.1, 0.8, 0.3, 0.6])
    body, rows = parquet({"truth": truth, "prediction": prediction, "score": [0.1, 0.8, 0.3, 0.6]})
    assert body["scores"]["meaning"] == "the score of class b"
    assert [(group["class"], group["rows"][0]["confidence"]) for group in rows["groups"]] == [("a", 0.6), ("b", 0.7)]


def test_where_one_class_alone_was_predicted_low_scores_are_the_other_ones() -> None:
    body, _ = parquet({"truth": ["a", "a", "b"], "prediction": ["a", "a", "a"], "score": [0.1, 0.2, 0.4]})
    assert body["scores"]["meaning"] == "the score of class b"
    assert only(body["scores"]["curves"])["roc_auc"] == 1.0


def test_margins_are_ranked_and_are_no_probabilities() -> None:
    body, _ = parquet({"truth": [0, 1, 1, 0], "prediction": [0, 1, 0, 0], "score": [-2.5, 3.0, -0.1, -7.0]})
    assert only(body["scores"]["curves"])["roc_auc"] == 1.0
    assert body["scores"]["calibration"] is None


def test_scores_of_each_class_give_a_curve_of_each() -> None:
    rng = np.random.default_rng(3)
    truth = rng.choice(["x", "y", "z"], 300)
    scores = rng.dirichlet([1, 1, 1], 300)
    prediction = np.array(["x", "y", "z"])[scores.argmax(axis=1)]
    columns = {f"score_{name}": scores[:, k] for k, name in enumerate("xyz")}
    body, rows = parquet({"truth": truth, "prediction": prediction, **columns, "score": rng.random(300)})
    for k, curve in enumerate(body["scores"]["curves"]):
        assert curve["roc_auc"] == near(reference.roc_auc_score(truth == "xyz"[k], scores[:, k]))
    first = rows["groups"][0]["rows"][0]
    assert first["confidence"] == near(float(scores[first["row"]].max())), "not that of the column `score`"


def test_rows_without_a_score_count_and_are_told() -> None:
    body, _ = parquet(
        {"truth": ["a", "b", "a", "b"], "prediction": ["a", "b", "b", "b"], "score": [0.9, None, float("nan"), 0.7]}
    )
    assert body["scores"]["missing"] == 2
    assert body["counted"] == 4
    assert body["overall"]["errors"] == 1


def test_rows_without_a_truth_or_a_prediction_are_left_out_and_told() -> None:
    body, rows = parquet({"truth": ["a", None, "b", "a"], "prediction": ["a", "a", None, "b"], "id": [1, 2, 3, 4]})
    assert (body["rows"], body["counted"]) == (4, 2)
    assert body["left_out"] == {"without a truth": 1, "without a prediction": 1}
    assert only(rows["groups"])["rows"][0]["id"] == "4"


def test_weights_that_are_none_are_left_out() -> None:
    body, _ = parquet({"truth": ["a"] * 4, "prediction": ["a", "b", "a", "b"], "weight": [1.5, 0.5, None, -1.0]})
    assert body["left_out"] == {"without a positive weight": 2}
    assert body["overall"]["accuracy"] == 0.75
    assert body["confusion"]["counts"] == [[1.5, 0.5], [0, 0]]


@pytest.mark.parametrize(
    ("truth", "prediction", "classes"),
    [
        (["01", "1", "10"], ["1", "01", "10"], ["01", "1", "10"]),
        (["10", "9", "-1"], ["10", "9", "9"], ["-1", "9", "10"]),
        ([10, 9, 2], [10.0, 9.0, 9.0], ["2", "9", "10"]),
        ([True, False, True], [1, 0, 0], ["false", "true"]),
        ([1, 0, 1], [True, False, False], ["0", "1"]),
        ([True, False, True], ["True", "False", "False"], ["false", "true"]),
        (["Yes", "No"], [True, False], ["No", "Yes", "false", "true"]),
        ([2**60 + 1, 2**60, 5], [2**60 + 1, 2**60 + 1, 5], ["5", str(2**60), str(2**60 + 1)]),
    ],
)
def test_classes_letter_for_letter_and_in_order(truth: list[Any], prediction: list[Any], classes: list[str]) -> None:
    body, _ = parquet({"truth": truth, "prediction": prediction})
    assert body["kind"] == "classification"
    assert body["per_class"]["class"] == classes


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_csv_says_the_same(tmp_path: Path, kind: str) -> None:
    columns = {
        "id": [2**62 + 1, 7, 8], "truth": ["01", "1", "a,\n\"b\""], "prediction": ["01", "01", "01"],
        "score": [0.5, 0.25, 0.125], "name": ["NA", "", None],
    }  # fmt: skip
    body, rows = details_of(written(columns, tmp_path, kind))
    assert body["per_class"]["class"] == ["01", "1", 'a,\n"b"']
    assert body["overall"]["accuracy"] == near(1 / 3)
    first = rows["groups"][0]["rows"][0]
    assert (first["id"], first["confidence"]) == ("7", 0.25)
    assert rows["groups"][1]["rows"][0]["values"] == {"name": None}


def test_numbers_of_a_csv_are_numbers_and_padded_ones_are_not(tmp_path: Path) -> None:
    body, _ = details_of(written({"truth": ["1.0", "0.0"], "prediction": ["1", "0"]}, tmp_path, "csv"))
    assert body["per_class"]["class"] == ["0", "1"]
    assert body["overall"]["accuracy"] == 1.0
    body, _ = details_of(written({"truth": ["01", "1"], "prediction": ["1", "1"]}, tmp_path, "csv"))
    assert body["per_class"]["class"] == ["01", "1"]
    assert body["overall"]["accuracy"] == 0.5


def test_categories_of_pandas_and_other_encodings(tmp_path: Path) -> None:
    import pandas
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "predictions.parquet"
    frame = pandas.DataFrame(
        {
            "truth": pandas.Categorical(["low", "high", None], categories=["never", "low", "high"]),
            "prediction": pandas.Categorical(["low", "low", "low"], categories=["low"]), "score": [0.5, 0.6, 0.7],
        }, index=pandas.Index([10**17 + 1, 11, 12], name=None),
    )  # fmt: skip
    frame.loc[[10**17 + 1, 11, 12]].to_parquet(path)
    body, rows = details_of(path)
    assert body["per_class"]["class"] == ["high", "low"], "a category that no row has is no class"
    assert rows["groups"][0]["rows"][0]["id"] == "11", "the frame's index"
    encoded = pa.array(["a", "b", "a"], pa.large_string()).dictionary_encode()
    pq.write_table(pa.table({"truth": encoded, "prediction": pa.array(["a", "b", "b"], pa.string_view())}), path)
    body, _ = details_of(path)
    assert body["confusion"]["counts"] == [[1, 1], [0, 1]]


def test_of_many_classes_the_largest_are_shown_and_the_rest_together() -> None:
    rng = np.random.default_rng(4)
    truth = np.concatenate([np.repeat(np.arange(300), 2), np.repeat(np.arange(20), 50)])
    prediction = np.where(rng.random(len(truth)) < 0.7, truth, rng.integers(0, 300, len(truth)))
    body, rows = parquet({"truth": truth, "prediction": prediction, "score": rng.random(len(truth))})
    matrix = body["confusion"]
    assert (body["classes"], len(matrix["classes"]), matrix["rest"]) == (300, 31, 270)
    assert set(map(str, range(20))) < set(matrix["classes"])
    assert sum(map(sum, matrix["counts"])) == len(truth)
    assert sum(matrix["counts"][k][k] for k in range(30)) <= int((truth == prediction).sum())
    assert len(body["per_class"]["class"]) == 200
    assert body["overall"]["macro_f1"] == near(reference.f1_score(truth, prediction, average="macro", zero_division=0))
    assert max(len(group["rows"]) for group in rows["groups"]) == 20
    assert sum(len(group["rows"]) for group in rows["groups"]) <= 1000


def test_the_worst_errors_are_the_most_confident_ones_and_of_equal_ones_the_first() -> None:
    truth = ["a"] * 30 + ["b"] * 30
    prediction = ["b"] * 30 + ["b"] * 29 + ["a"]
    score = [0.5 + 0.01 * (k % 3) for k in range(30)] + [0.9] * 30
    _, rows = parquet({"truth": truth, "prediction": prediction, "score": score, "size": list(range(60))})
    a, b = rows["groups"]
    assert (a["class"], a["wrong"], b["class"], b["wrong"]) == ("a", 30, "b", 1)
    assert [row["row"] for row in a["rows"]] == [*range(2, 30, 3), *range(1, 30, 3)]
    assert a["rows"][0]["values"] == {"size": 2}
    assert a["rows"][0]["id"] is None


def test_without_scores_the_first_errors_are_listed() -> None:
    body, rows = parquet({"truth": ["a", "b"], "prediction": ["b", "a"]})
    assert body["scores"] is None
    assert rows["by_confidence"] is False
    assert [row["confidence"] for group in rows["groups"] for row in group["rows"]] == [None, None]


def test_no_error_gives_no_rows() -> None:
    body, rows = parquet({"truth": ["a", "b"], "prediction": ["a", "b"]})
    assert body["overall"]["errors"] == 0
    assert rows["groups"] == []


def test_long_names_stay_apart() -> None:
    body, _ = parquet({"truth": ["x" * 500 + "1", "x" * 500 + "2"], "prediction": ["x" * 500 + "1"] * 2})
    one, other = body["per_class"]["class"]
    assert one != other
    assert len(one) <= 200


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"truth": ["a"]}, "has no column prediction; it has truth. Wanted are truth and prediction"),
        ({"label": [1], "guess": [1]}, "no column truth and no column prediction; it has label, guess"),
        ({"truth": [], "prediction": []}, "has no rows"),
        ({"truth": [None, None], "prediction": ["a", "b"]}, "2 rows, of which none counts: 2 are without a truth"),
        ({"truth": ["a", "b"], "prediction": [0.3, 0.7]}, "prediction holds numbers that are not whole"),
        ({"truth": [["a"], ["b"]], "prediction": ["a", "b"]}, "truth is list"),
        ({"truth": ["a"], "prediction": ["a"], "score": ["high"]}, "score must hold numbers"),
        ({"truth": [f"id{k}" for k in range(10_001)], "prediction": ["a"] * 10_001}, "more than 10,000 different"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(columns: dict[str, list[Any]], words: str) -> None:
    with pytest.raises(BadPredictions) as caught:
        parquet(columns)
    assert words in str(caught.value)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    path.write_bytes(b"PAR1 no, it is not")
    with pytest.raises(BadPredictions, match=r"predictions\.parquet can't be read"):
        details_of(path)
    path = tmp_path / "predictions.csv"
    path.write_text("")
    with pytest.raises(BadPredictions, match=r"predictions\.csv can't be read"):
        details_of(path)
    path.write_text("truth,prediction\na,b\na\n")
    with pytest.raises(BadPredictions, match="can't be read"):
        details_of(path)
