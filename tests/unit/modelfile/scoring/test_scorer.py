"""Whole models: members, links, calibration, thresholds, contributions of the table's columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring.calibration import calibrated, positions
from automl_core.modelfile.scoring.links import link_of
from automl_core.modelfile.scoring.models import NotExplained
from automl_core.modelfile.scoring.models.estimator import NeedsEstimator
from automl_core.modelfile.scoring.review import Tally, review
from automl_core.modelfile.scoring.scorer import Scorer
from automl_core.modelfile.scoring.stretching import stretched
from tests.support.examples import examples
from tests.unit.modelfile.models import BINARY, NUMBERS, ROWS, SCHEMA, forest, linear, whole

PLACE = {"type": "place", "places": np.asarray([0, 2]), "outputs": 3, "share": 0.01}
PLACED = {**linear(), "link": ["sigmoid", PLACE]}
AFFINE = {"type": "affine", "scale": 3.0, "shift": 2.0}
STRETCHED = "probability (stretched: members have different scales)"
THREE = {"kind": "multiclass", "target": "grade", "classes": ["01", "02", "10"]}


def test_outputs_are_the_weighted_mean_of_members() -> None:
    one, other = linear(weight=1.0), forest("complement", weight=3.0)
    alone = [Scorer(whole([each])).outputs(ROWS) for each in (one, other)]
    np.testing.assert_allclose(Scorer(whole([one, other])).outputs(ROWS), 0.25 * alone[0] + 0.75 * alone[1])


def test_a_mean_of_folds_is_one_member() -> None:
    folds = [linear(seed=seed) for seed in range(3)]
    mean = {"weight": 2.0, "model": {"type": "mean", "members": folds}}
    expected = np.mean([Scorer(whole([each])).outputs(ROWS) for each in folds], axis=0)
    np.testing.assert_allclose(Scorer(whole([mean])).outputs(ROWS), expected)
    shared = {
        "features": folds[0]["features"],
        "model": {"type": "mean", "members": [{"model": each["model"], "link": "sigmoid"} for each in folds]},
    }
    np.testing.assert_allclose(Scorer(whole([shared])).outputs(ROWS), expected)


def test_one_row_scores_as_among_others() -> None:
    scorer = Scorer(whole([linear(), forest("complement"), linear(seed=3, weight=0.1)]))
    together = scorer.outputs(ROWS)
    for number, row in enumerate(ROWS):
        np.testing.assert_array_equal(scorer.outputs([row]), together[number : number + 1])
        np.testing.assert_array_equal(scorer.outputs(row), together[number : number + 1])
    many = [ROWS[each % 4] for each in range(20_003)]
    np.testing.assert_array_equal(scorer.outputs(many)[20_000:], together[[0, 1, 2]])
    assert scorer.outputs([]).shape == (0, 2)


def test_classes_are_texts_in_one_order() -> None:
    scorer = Scorer(whole([linear(3, "softmax")], THREE))
    outputs = scorer.predict_proba(ROWS)
    assert scorer.classes == ("01", "02", "10")
    assert scorer.predict(ROWS).tolist() == [scorer.classes[each] for each in outputs.argmax(axis=1)]
    np.testing.assert_allclose(outputs.sum(axis=1), 1)


def test_a_category_of_whole_numbers_is_the_same_as_decimals_and_as_text() -> None:
    scorer = Scorer(whole([linear()]))
    told = [scorer.outputs([{"age": 30, "city": "Bonn", "plan": plan}]).tolist() for plan in (1, 1.0, "1", "1.0", "01")]
    assert all(each == told[0] for each in told)


def test_links() -> None:
    margin = np.asarray([[-800.0], [0.0], [800.0]])
    np.testing.assert_allclose(link_of("sigmoid")(margin), [[1, 0], [0.5, 0.5], [0, 1]])
    np.testing.assert_allclose(link_of("softmax")(np.asarray([[1000.0, 1000.0, 0.0]])), [[0.5, 0.5, 0]])
    np.testing.assert_allclose(link_of("ovr")(np.asarray([[0.0, 0.0], [-900.0, -900.0]])), [[0.5, 0.5], [0.5, 0.5]])
    chain = [{"type": "affine", "scale": 2.0, "shift": 1.0}, "exp", {"type": "clip", "low": None, "high": 5.0}]
    np.testing.assert_allclose(link_of(chain)(np.asarray([[0.0], [1.0]])), [[np.e], [5.0]])
    curve = {"type": "interpolate", "x": [0, 1], "y": [5, 7]}
    assert link_of(curve)(np.asarray([[0.5]])).tolist() == [[6]]
    with pytest.raises(ValueError, match="no link 'cosine'"):
        link_of("cosine")
    with pytest.raises(ValueError, match="one margin, this model has 3"):
        Scorer(whole([linear(3, "sigmoid")])).outputs(ROWS)


def test_a_member_that_knows_some_classes_is_placed_among_all() -> None:
    place = {"type": "place", "places": np.asarray([0, 2]), "outputs": 3, "share": 0.0}
    member = {**linear(), "link": ["sigmoid", place]}
    outputs = Scorer(whole([member], THREE)).outputs(ROWS)
    np.testing.assert_allclose(outputs[:, [0, 2]], Scorer(whole([linear()])).outputs(ROWS))
    found = Scorer(whole([member], THREE)).explain(ROWS)
    np.testing.assert_allclose(found.total[:, 2] - found.total[:, 0], np.log(outputs[:, 2] / outputs[:, 0]))


def test_calibration() -> None:
    p = np.asarray([[0.8, 0.2], [0.5, 0.5]])
    np.testing.assert_allclose(calibrated({"type": "temperature", "temperature": 2.0}, p)[0, 0], 2 / 3)
    np.testing.assert_allclose(calibrated({"type": "platt", "a": 1.0, "b": 0.0}, p), p)
    np.testing.assert_allclose(
        calibrated({"type": "isotonic", "x": [0, 0.5, 1], "y": [0, 0.1, 1]}, p)[:, 1], [0.04, 0.1]
    )
    three = np.asarray([[0.2, 0.3, 0.5]])
    curves = {"type": "isotonic", "x": [[0, 1]] * 3, "y": [[0, 1], [0, 1], [0, 0.2]]}
    np.testing.assert_allclose(calibrated(curves, three), [[0.2 / 0.6, 0.5, 0.1 / 0.6]])
    assert calibrated(None, p) is p
    with pytest.raises(ValueError, match=r"'spline'.*later release"):
        calibrated({"type": "spline"}, p)
    scorer = Scorer(whole([linear()], calibration={"type": "temperature", "temperature": 3.0}))
    assert np.abs(scorer.outputs(ROWS) - 0.5).max() < np.abs(Scorer(whole([linear()])).outputs(ROWS) - 0.5).max()


def test_thresholds() -> None:
    p = np.asarray([[0.7, 0.3], [0.69, 0.31]])
    assert positions(p, None).tolist() == [0, 0]
    assert positions(p, 0.31).tolist() == [0, 1]
    assert positions(np.asarray([[0.5, 0.3, 0.2]]), [1, 2, 1]).tolist() == [1]
    costs = {"costs": [[0, 1, 1], [1, 0, 1], [5, 5, 0]]}
    assert positions(np.asarray([[0.5, 0.3, 0.2], [0.6, 0.39, 0.01]]), costs).tolist() == [2, 0]
    assert positions(np.full((1, 3), 1 / 3), {"costs": (1 - np.eye(3)).tolist()}).tolist() == [0], "of equals the first"
    scorer = Scorer(whole([linear()], threshold=0.0))
    assert scorer.predict(ROWS).tolist() == ["yes"] * 4


def test_numbers_have_no_probabilities() -> None:
    scorer = Scorer(whole([linear(1, "identity")], NUMBERS))
    assert scorer.predict(ROWS).dtype == np.float64
    with pytest.raises(ValueError, match="price is a number"):
        scorer.predict_proba(ROWS)


@pytest.mark.parametrize(
    ("members", "problem", "scale", "margin"),
    [
        ([linear()], BINARY, "log odds", lambda p: np.log(p[:, 1:] / p[:, :1])),
        ([forest()], BINARY, "log odds", lambda p: np.log(p[:, 1:] / p[:, :1])),
        ([forest("complement")], BINARY, "probability", lambda p: p[:, 1:]),
        ([linear(2, "softmax")], BINARY, "log odds", lambda p: np.log(p[:, 1:] / p[:, :1])),
        ([linear(1, "identity"), forest("identity")], NUMBERS, "number", lambda p: p),
        ([linear(1, "exp")], NUMBERS, "logarithm", np.log),
        ([{**linear(1, "x"), "link": [AFFINE, "identity"]}], NUMBERS, "number", lambda p: p),
        ([forest("complement"), linear()], BINARY, STRETCHED, lambda p: p[:, 1:]),
        ([linear(1, "exp"), forest("identity")], NUMBERS, "number", lambda p: p),
        ([{**linear(1, "x"), "link": [AFFINE, "exp"]}, forest("identity")], NUMBERS, "number", lambda p: p),
        ([linear(3, "softmax"), linear(3, "identity", seed=4)], THREE, STRETCHED, lambda p: p),
        ([linear(3, "softmax"), PLACED, linear(3, "identity")], THREE, STRETCHED, lambda p: p),
        ([linear(3, "softmax"), linear(3, "ovr", seed=4)], THREE, STRETCHED, lambda p: p),
        ([linear(3, "softmax"), PLACED], THREE, "log probability", None),
        ([linear(3, "ovr"), PLACED], THREE, STRETCHED, lambda p: p),
    ],
)  # fmt: skip
def test_contributions_add_up(members: Any, problem: Any, scale: str, margin: Any) -> None:
    scorer = Scorer(whole(members, problem))
    found = scorer.explain(ROWS)
    assert (found.scale, found.columns, found.weight) == (scale, ("age", "city", "plan"), 1.0)
    if margin is not None:  # the mean of margins is no function of the mean of outputs
        np.testing.assert_allclose(found.total, margin(scorer.outputs(ROWS)), atol=1e-9)


@settings(max_examples=examples(40), deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "age": st.one_of(st.none(), st.floats(-1e6, 1e6)),
                "city": st.one_of(st.none(), st.text(max_size=2), st.just("Bonn")),
                "plan": st.one_of(st.none(), st.integers(0, 3)),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_contributions_add_up_for_any_row(rows: Any) -> None:
    members = [linear(3, "softmax"), linear(3, "softmax", weight=2.0, seed=5)]
    found = Scorer(whole(members, THREE)).explain(rows)
    parts = [Scorer(whole([member], THREE)).explain(rows).total for member in members]
    np.testing.assert_allclose(found.total, (parts[0] + 2 * parts[1]) / 3, rtol=1e-9, atol=1e-9)
    # told against the mean of training: a row at it, without a category, is nobody in particular
    nobody = Scorer(whole(members, THREE)).explain([{"age": 40.0, "city": None, "plan": None}])
    np.testing.assert_allclose(nobody.contributions, 0, atol=1e-12)


def test_onehot_columns_are_summed_back() -> None:
    member = linear()
    coef = member["model"]["coef"][:, 0]
    found = Scorer(whole([member])).explain([{"age": 50.0, "city": "Ulm", "plan": 1}])
    np.testing.assert_allclose(found.contributions[0, :, 0], [10 * coef[0], coef[2], coef[3]])


def test_what_can_not_be_taken_apart_is_said() -> None:
    points = {
        "type": "neighbours",
        "points": np.zeros((2, 5)),
        "targets": np.asarray([0, 1]),
        "outputs": 2,
        "k": 1,
        "metric": "euclidean",
        "weights": "uniform",
    }
    near = {"weight": 1.0, "features": linear()["features"], "model": points, "link": "identity"}
    found = Scorer(whole([linear(weight=3.0), near])).explain(ROWS)
    assert (found.weight, found.left_out) == (0.75, ("nearest neighbours have no exact contributions",))
    with pytest.raises(NotExplained, match="no part of this model"):
        Scorer(whole([near])).explain(ROWS)


def test_broken_documents() -> None:
    with pytest.raises(ValueError, match=r"format 9.*up to 2"):
        Scorer({**whole([linear()]), "format": 9})
    with pytest.raises(ValueError, match="numbers from 0, not all 0"):
        Scorer(whole([linear(weight=-1.0), linear()]))
    with pytest.raises(ValueError, match="needs a member"):
        Scorer(whole([]))
    with pytest.raises(NeedsEstimator, match=r"automl_core\.modelfile.load"):
        Scorer(whole([{"features": [], "model": {"type": "estimator", "name": "x"}}]))
    with pytest.raises(ValueError, match="gives 2 outputs, the problem has 3"):
        Scorer(whole([linear()], THREE)).outputs(ROWS)


def test_strange_rows_are_counted() -> None:
    rows = [*ROWS, {"age": 5, "city": "Ulm", "plan": 2}, {"age": 200, "city": "Ulm", "plan": 2}]
    notes = {(note.column, note.kind): note for note in review(SCHEMA, SCHEMA.read(rows))}
    assert {key: note.rows for key, note in notes.items()} == {
        ("age", "below"): 1, ("age", "above"): 1, ("age", "missing"): 1, ("city", "unseen"): 1, ("plan", "unseen"): 1,
    }  # fmt: skip
    assert notes["age", "above"].text == "age: 1 of 6 rows are above the largest of training (90)"
    assert "'Köln'" in notes["city", "unseen"].text
    tally = Tally()
    for row in rows:
        tally.add(SCHEMA, SCHEMA.read([row]))
    assert tally.texts()[0] == "age: 1 of 6 rows have no value; in training none was missing"


def test_stretched_contributions_add_up_for_each_link() -> None:
    rng = np.random.default_rng(2)
    contributions = rng.normal(size=(6, 4, 3)) * np.asarray([1, 8, 60])
    base = np.asarray([0.3, -1.0, 2.0])
    for link in ("softmax", "ovr", "identity"):
        start, found = stretched(link, base, contributions, two=False)
        expected = link_of(link)(base + contributions.sum(axis=1))
        np.testing.assert_allclose(start + found.sum(axis=1), expected, atol=1e-12)
        np.testing.assert_allclose(start, link_of(link)(base[None, :])[0])
    start, found = stretched("normalise", base + 2, np.abs(contributions), two=False)
    np.testing.assert_allclose(
        start + found.sum(axis=1), link_of("normalise")(base + 2 + np.abs(contributions).sum(axis=1))
    )


def test_a_column_that_moves_no_margin_moves_no_output() -> None:
    contributions = np.zeros((1, 3, 3))
    contributions[0, 0] = [1.0, -2.0, 0.5]
    _, found = stretched("softmax", np.zeros(3), contributions, two=False)
    np.testing.assert_allclose(found[0, 1:], 0, atol=1e-15)
    assert abs(found[0, 0].sum()) < 1e-12, "probabilities that are gained are lost elsewhere"
