"""Two models on the same rows: intervals and the paired difference."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from automl_core.models.evaluation.comparing import Sample, difference_of, drawn, mcnemar
from automl_core.models.evaluation.subjects import Said
from automl_core.tabular.metrics import find


def labelled(rights: dict[str, list[bool]]) -> Sample:
    """Two classes, the truth always the first; who is right where is given."""
    truth = np.zeros(len(next(iter(rights.values()))), dtype=np.int64)
    said = {}
    for role, right in rights.items():
        labels = np.where(right, 0, 1)
        said[role] = Said(np.eye(2)[labels], labels, ("a", "b"))
    return Sample(truth, said, None, (1,))


def numbers(errors: dict[str, Any], codes: Any = None, seed: int = 1) -> Sample:
    truth = np.zeros(len(next(iter(errors.values()))))
    return Sample(truth, {role: Said(np.asarray(each), None, ()) for role, each in errors.items()}, codes, (seed,))


def difference(sample: Sample, name: str, kind: str) -> dict[str, Any]:
    metric = find(name, kind, classes=("a", "b") if kind != "regression" else ())
    found = difference_of(sample, drawn(sample, [metric], 1000, 0.95)[0])
    assert found is not None
    return found


def test_mcnemar_is_the_exact_binomial_test() -> None:
    rights = {"challenger": [True] * 60 + [False] * 3 + [True] * 11, "champion": [True] * 63 + [False] * 11}
    interval, odds = mcnemar(labelled(rights), 0.95)
    assert odds == pytest.approx(stats.binomtest(11, 14).pvalue, rel=1e-12)
    assert interval["value"] == pytest.approx(8 / 74)


def test_bonett_and_prices_interval_by_hand() -> None:
    # 20 rows, 6 that the challenger alone has right, 1 that the champion alone has: 7/22 and 2/22
    rights = {"challenger": [True] * 6 + [False] + [True] * 13, "champion": [False] * 6 + [True] * 14}
    interval, _ = mcnemar(labelled(rights), 0.95)
    middle = 5 / 22
    reach = 1.959964 * math.sqrt((9 / 22 - middle**2) / 22)
    assert (interval["low"], interval["high"]) == (
        pytest.approx(middle - reach, abs=1e-6), pytest.approx(middle + reach, abs=1e-6)
    )  # fmt: skip


def test_accuracy_goes_by_mcnemar_and_says_so() -> None:
    found = difference(labelled({"challenger": [True] * 9 + [False], "champion": [False] * 3 + [True] * 7}),
                       "accuracy", "binary")  # fmt: skip
    assert found["method"].startswith("McNemar")
    assert found["p_value"] == pytest.approx(stats.binomtest(3, 4).pvalue)


def test_rows_of_one_key_are_no_independent_pairs_so_accuracy_is_drawn_by_keys() -> None:
    sample = labelled({"challenger": [True] * 8 + [False] * 2, "champion": [True, False] * 5})
    clustered = Sample(sample.truth, sample.said, np.arange(10) // 2, (1,))
    assert difference(clustered, "accuracy", "binary")["method"] == "paired bootstrap of keys, expanded percentiles"


def test_models_that_say_the_same_do_not_differ_and_need_no_draws() -> None:
    found = difference(labelled({"challenger": [True, False] * 20, "champion": [True, False] * 20}),
                       "accuracy", "binary")  # fmt: skip
    assert (found["value"], found["low"], found["high"], found["draws"]) == (0.0, 0.0, 0.0, 0)


def test_the_interval_is_scipys_paired_bootstrap() -> None:
    random = np.random.default_rng(5)
    one, other = np.abs(random.normal(size=500)), np.abs(random.normal(0.1, 1.1, 500))
    found = difference(numbers({"challenger": one, "champion": other}), "mae", "regression")
    theirs = stats.bootstrap(
        (one, other), lambda a, b, axis: a.mean(axis=axis) - b.mean(axis=axis), paired=True, n_resamples=4000,
        method="percentile", rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    width = theirs.high - theirs.low
    assert found["low"] == pytest.approx(theirs.low, abs=0.08 * width)
    assert found["high"] == pytest.approx(theirs.high, abs=0.08 * width)


def test_the_gain_is_positive_where_it_is_better_whatever_the_direction() -> None:
    errors = {"challenger": np.full(50, 0.1) + np.arange(50) / 1000, "champion": np.full(50, 0.3)}
    found = difference(numbers(errors), "mae", "regression")
    assert found["value"] < 0 < found["gain"]
    assert found["gain_low"] == -found["high"]
    assert found["gain_low"] <= found["gain"] <= found["gain_high"]
    better = labelled({"challenger": [True] * 40, "champion": [False] * 20 + [True] * 20})
    assert difference(better, "balanced_accuracy", "binary")["gain"] > 0


def test_pairing_makes_the_interval_narrower_than_two_apart() -> None:
    random = np.random.default_rng(6)
    hard = np.abs(random.normal(0, 5, 400))  # rows are hard for both
    sample = numbers({"challenger": hard + 0.1 * random.random(400), "champion": hard + 0.2 * random.random(400)})
    each = drawn(sample, [find("mae", "regression")], 500, 0.95)[0]
    told, own = each.difference, each.of("challenger")
    assert told is not None
    assert own is not None
    assert (told["high"] - told["low"]) * 10 < own["high"] - own["low"]  # type: ignore[operator]


def test_ten_rows_of_a_customer_say_less_than_ten_customers() -> None:
    random = np.random.default_rng(7)
    of_customer = np.repeat(random.normal(0, 1, 40), 10)
    errors = {"challenger": of_customer + 0.05 * random.normal(size=400), "champion": np.zeros(400)}
    alone = difference(numbers(errors), "mae", "regression")
    together = difference(numbers(errors, np.arange(400) // 10), "mae", "regression")
    assert together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])


def test_a_metric_that_a_program_can_not_have_is_left_out() -> None:
    labels = np.asarray([0, 1] * 20)
    silent = Said(np.empty((40, 0)), labels, ("a", "b"))
    sample = Sample(labels, {"challenger": silent, "champion": silent}, None, (1,))
    area, accuracy = drawn(sample, [find("roc_auc", "binary"), find("accuracy", "binary")], 200, 0.95)
    assert area.values == {}
    assert area.of("challenger") is None
    assert difference_of(sample, area) is None
    assert accuracy.values == {"challenger": 1.0, "champion": 1.0}


def test_a_part_of_a_sample_has_units_of_its_own() -> None:
    sample = numbers({"challenger": np.arange(6.0)}, np.asarray([0, 0, 1, 1, 2, 2]))
    part = sample.take(np.asarray([2, 3, 5]), 9)
    assert part.codes is not None
    assert part.codes.tolist() == [0, 0, 1]
    assert part.seed == (1, 9)
