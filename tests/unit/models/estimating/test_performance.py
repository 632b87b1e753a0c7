"""Quality without labels: the estimate against what is measured, and how often its interval holds that."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from automl_core.models.estimating.calibrating import calibrate
from automl_core.models.estimating.kept import Kept, halves_of
from automl_core.models.estimating.performance import Estimator, drawn
from automl_core.tabular.metrics import find

BINARY = ("accuracy", "roc_auc", "log_loss", "f1", "brier_score", "balanced_accuracy")


class World:
    """Rows of two columns; the model sees both, and says too surely what it thinks; `hidden`: it does not see one."""

    def __init__(self, seed: int, hidden: float = 0.0) -> None:
        self.rng, self.hidden = np.random.default_rng(seed), hidden

    def rows(self, count: int, shift: float = 0.0, turned: float = 0.0) -> tuple[Any, Any, Any, Any]:
        """(columns, outputs, labels, truth); `shift` moves a column, `turned` changes what it means."""
        table = self.rng.normal(size=(count, 2))
        table[:, 0] += shift
        score = table[:, 0] * (1 - turned) + 0.5 * table[:, 1] + self.hidden * (table[:, 1] > 0) * table[:, 0]
        truth = (self.rng.random(count) < 1 / (1 + np.exp(-score))).astype(np.int64)
        said = 1 / (1 + np.exp(-1.8 * (table[:, 0] + 0.5 * table[:, 1])))
        outputs = np.column_stack([1 - said, said])
        return table, outputs, outputs.argmax(axis=1), truth

    def kept(self, count: int = 2_000) -> Kept:
        table, outputs, labels, truth = self.rows(count)
        halves = halves_of({"x": table[:, 0], "z": table[:, 1]}, {})
        found = Kept.some(outputs, labels, truth, ("no", "yes"), halves=halves)
        assert found is not None
        return found


def measured(metric: Any, outputs: Any, labels: Any, truth: Any) -> float:
    return float(metric.score(truth, labels if metric.needs == "labels" else outputs))


@pytest.mark.parametrize("name", BINARY)
def test_a_shift_of_the_rows_is_seen_without_labels(name: str) -> None:
    """The mix of rows changes: what is measured then is what was estimated, and not what it was before."""
    world, metric = World(1), find(name, "binary", classes=("no", "yes"))
    kept = world.kept(5_000)
    _, outputs, labels, truth = world.rows(5_000, shift=1.5)
    got = Estimator(kept, metric).estimate(outputs, labels, moved={"x": 0.5})
    came = measured(metric, outputs, labels, truth)
    before = measured(metric, kept.outputs, kept.labels, kept.truth)
    assert got.low <= came <= got.high
    if name != "roc_auc":  # which such a shift leaves as it was
        assert abs(before - came) > 0.03
        assert abs(got.value - came) < 0.5 * abs(before - came)


def test_the_point_is_the_metric_on_expected_rows() -> None:
    """Accuracy is the mean chance of the class that was decided for; expected cells make F1; pairs make the area."""
    kept = World(2).kept()
    _, outputs, labels, _ = World(3).rows(300)
    meant = calibrate(kept.outputs, kept.truth, "beta")(outputs)
    for name, wanted in (
        ("accuracy", float(meant[np.arange(300), labels].mean())),
        ("f1", 2 * meant[labels == 1, 1].sum() / (meant[labels == 1, 1].sum() * 1 + (labels == 1).sum()
                                                   - meant[labels == 1, 1].sum() + meant[:, 1].sum())),
        ("log_loss", -float((meant * np.log(outputs)).sum(axis=1).mean())),
    ):  # fmt: skip
        got = Estimator(kept, find(name, "binary", classes=("no", "yes"))).estimate(outputs, labels, moved={})
        assert got.value == pytest.approx(wanted, rel=1e-9), name
    area = Estimator(kept, find("roc_auc", "binary", classes=("no", "yes"))).estimate(outputs, labels, moved={})
    above = (outputs[:, 1][:, None] > outputs[:, 1][None, :]) + 0.5 * (outputs[:, 1][:, None] == outputs[:, 1][None, :])
    pairs = meant[:, 1][:, None] * meant[:, 0][None, :]
    assert area.value == pytest.approx(float((pairs * above).sum() / pairs.sum()), rel=1e-9)


def test_its_interval_holds_what_comes_as_often_as_it_says() -> None:
    """40 evidences with a later table each, shifted otherwise: about 38 intervals hold; 33 would be beyond chance."""
    metric, held = find("accuracy", "binary", classes=("no", "yes")), 0
    for seed in range(40):
        world = World(100 + seed)
        kept = world.kept(600)
        _, outputs, labels, truth = world.rows(500, shift=(seed % 4) / 2)
        got = Estimator(kept, metric, draws=50).estimate(outputs, labels, moved={"x": 0.2 * (seed % 4)})
        held += got.low <= measured(metric, outputs, labels, truth) <= got.high
    assert held >= 34


def test_probabilities_that_are_wrong_by_a_column_widen_it_as_that_column_moves() -> None:
    """In one half of a column the model is wrong in a way that its probabilities don't show: only a shift of the mix
    brings that out, and the halves of the evidence's rows say how far."""
    world, metric = World(5, hidden=-1.5), find("accuracy", "binary", classes=("no", "yes"))
    maker = Estimator(world.kept(4_000), metric)
    _, outputs, labels, _ = world.rows(2_000)
    still, moved, unknown = (
        maker.estimate(outputs, labels, moved=each) for each in ({"x": 0.0, "z": 0.0}, {"x": 0.0, "z": 0.4}, None)
    )
    assert still.mix == 0
    assert moved.mix > 3 * moved.chance
    assert unknown.mix > 0, "how far the columns have moved is not known: it is taken for far"
    assert (moved.high - moved.low) > 3 * (still.high - still.low)


def test_what_estimates_were_off_by_widens_the_next_one() -> None:
    world, metric = World(6), find("accuracy", "binary", classes=("no", "yes"))
    maker = Estimator(world.kept(), metric)
    _, outputs, labels, _ = world.rows(1_000)
    plain, wider = (maker.estimate(outputs, labels, moved={}, record=each) for each in (0.0, 0.03))
    assert wider.high - wider.low == pytest.approx(2 * 1.96 * math.hypot(plain.chance, 0.03), rel=1e-3)


def test_another_meaning_of_the_same_rows_is_not_seen() -> None:
    """No concept drift is what it stands on: here there is some, and the estimate is wrong, as the docs say."""
    world, metric = World(7), find("accuracy", "binary", classes=("no", "yes"))
    maker = Estimator(world.kept(4_000), metric)
    _, outputs, labels, truth = world.rows(4_000, turned=2.0)
    got = maker.estimate(outputs, labels, moved={"x": 0.0, "z": 0.0})
    assert measured(metric, outputs, labels, truth) < got.low


def test_several_classes() -> None:
    rng, metric = np.random.default_rng(8), find("log_loss", "multiclass", classes=("a", "b", "c"))

    def rows(count: int, shift: float) -> tuple[Any, Any]:
        scores = rng.normal(size=(count, 3)) + np.array([shift, 0, 0])
        true = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        said = np.exp(1.5 * scores) / np.exp(1.5 * scores).sum(axis=1, keepdims=True)
        return said, drawn(rng, true)

    outputs, truth = rows(4_000, 0.0)
    kept = Kept.some(outputs, outputs.argmax(axis=1), truth, ("a", "b", "c"))
    assert kept is not None
    later, came = rows(3_000, 2.0)
    got = Estimator(kept, metric).estimate(later, later.argmax(axis=1), moved={})
    assert got.low <= metric.score(came, later) <= got.high


def test_the_same_rows_are_estimated_alike_and_many_are_drawn_from() -> None:
    kept, metric = World(9).kept(), find("roc_auc", "binary", classes=("no", "yes"))
    _, outputs, labels, _ = World(10).rows(30_000)
    one, two = (Estimator(kept, metric, draws=5).estimate(outputs, labels, moved={}) for _ in range(2))
    assert one == two
    assert one.rows == 20_000


def test_too_little_to_stand_on_is_refused() -> None:
    few = World(11).kept(299)
    with pytest.raises(ValueError, match="299 rows of the evidence had labels, and fewer than 300"):
        Estimator(few, find("accuracy", "binary", classes=("no", "yes")))
    with pytest.raises(ValueError, match="say nothing of how sure they are"):
        Estimator(World(11).kept(400), find("rmse", "regression"))


def test_an_interval_does_not_go_beyond_the_best_there_is() -> None:
    kept, metric = World(12).kept(400), find("accuracy", "binary", classes=("no", "yes"))
    outputs = np.tile([0.001, 0.999], (50, 1))
    got = Estimator(kept, metric).estimate(outputs, np.ones(50, dtype=np.int64), moved={})
    assert got.high <= 1.0
