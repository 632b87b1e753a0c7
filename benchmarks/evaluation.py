"""Evidence: what it costs, whether its intervals hold what they promise, how often chance passes for better.

python -m benchmarks.evaluation [--runs 300]

Coverage is counted on simulated rows whose true difference is known from four million of them; the two models of the
last table are equally good and wrong on different rows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.models.evaluation import EvaluateOptions, evaluate
from automl_core.models.evaluation.comparing import Sample, difference_of, drawn
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.slices import slices
from automl_core.models.evaluation.subjects import Said
from automl_core.tabular.metrics import Metric, find

CONFIDENCE = 0.95
DRAWS = 400
CASES = (("accuracy", "binary"), ("roc_auc", "binary"), ("log_loss", "binary"), ("rmse", "regression"))


def rows(random: np.random.Generator, count: int, kind: str, better: float, codes: Any = None) -> Sample:
    """Rows, and two models with errors of their own; a higher `better` makes those of the challenger smaller."""
    shared = random.normal(size=count)
    noise = {role: random.normal(size=count) for role in ("challenger", "champion")}
    if codes is not None:  # rows of one key are much alike
        units = int(codes.max()) + 1
        shared = random.normal(size=units)[codes] + 0.3 * shared
        noise = {role: random.normal(size=units)[codes] + 0.3 * each for role, each in noise.items()}
    width = {"challenger": 0.7 - better, "champion": 0.7}
    said: dict[str, Said] = {}
    if kind == "regression":
        truth: Any = shared + 0.5 * random.normal(size=count)
        for role, each in noise.items():
            said[role] = Said(shared + width[role] * each, None, ())
    else:
        truth = (random.random(count) < 1 / (1 + np.exp(-1.5 * shared))).astype(np.int64)
        for role, each in noise.items():
            second = 1 / (1 + np.exp(-1.5 * (shared + width[role] * each)))
            said[role] = Said(np.column_stack([1 - second, second]), (second >= 0.5).astype(np.int64), ("a", "b"))
    return Sample(truth, said, codes, tuple(random.integers(0, 2**31, 2).tolist()))


def metric_of(name: str, kind: str) -> Metric:
    return find(name, kind, classes=("a", "b") if kind == "binary" else ())


def told(sample: Sample, metric: Metric) -> dict[str, Any]:
    found = difference_of(sample, drawn(sample, [metric], DRAWS, CONFIDENCE)[0])
    assert found is not None
    return found


def truth_of(name: str, kind: str, better: float) -> float:
    sample = rows(np.random.default_rng(99), 4_000_000, kind, better)
    metric = metric_of(name, kind)
    values = []
    for role in ("challenger", "champion"):
        given = sample.said[role].labels if metric.needs == "labels" else sample.said[role].outputs
        values.append(metric.score(sample.truth, given))  # type: ignore[arg-type]
    return values[0] - values[1]


def coverage(runs: int) -> None:
    print(f"\n| metric | rows | method | {CONFIDENCE:.0%} interval holds the true difference | found better |")
    print("|---|---|---|---|---|")
    for name, kind in CASES:
        metric, true = metric_of(name, kind), truth_of(name, kind, 0.15)
        for count in (100, 1000):
            random = np.random.default_rng([count, len(name)])
            found = [told(rows(random, count, kind, 0.15), metric) for _ in range(runs)]
            held = np.mean([each["low"] <= true <= each["high"] for each in found])
            better = np.mean([each["gain_low"] > 0 for each in found])
            method = found[0]["method"].split(",")[0].replace("paired ", "")
            print(f"| {name} | {count:,} | {method} | {held:.1%} | {better:.0%} |", flush=True)


def clustered(runs: int) -> None:
    print("\n| 500 rows of 100 keys, RMSE, by | holds the true difference |")
    print("|---|---|")
    codes = np.repeat(np.arange(100), 5)
    metric = metric_of("rmse", "regression")
    sample = rows(np.random.default_rng(98), 2_000_000, "regression", 0.15, np.repeat(np.arange(400_000), 5))
    values = {role: metric.score(sample.truth, each.outputs) for role, each in sample.said.items()}
    true = values["challenger"] - values["champion"]
    for by in ("keys", "rows, which is wrong"):
        random = np.random.default_rng(5)
        held = 0
        for _ in range(runs):
            each = rows(random, 500, "regression", 0.15, codes)
            each = each if by == "keys" else Sample(each.truth, each.said, None, each.seed)
            found = told(each, metric)
            held += found["low"] <= true <= found["high"]
        print(f"| {by} | {held / runs:.1%} |", flush=True)


def chance(runs: int) -> None:
    print("\n| two equally good models, metric | rows | called better | called worse |")
    print("|---|---|---|---|")
    for name, kind in CASES:
        metric = metric_of(name, kind)
        for count in (100, 1000):
            random = np.random.default_rng([count, len(name), 7])
            found = [told(rows(random, count, kind, 0.0), metric) for _ in range(runs)]
            better = np.mean([each["gain_low"] > 0 for each in found])
            worse = np.mean([each["gain_high"] < 0 for each in found])
            print(f"| {name} | {count:,} | {better:.1%} | {worse:.1%} |", flush=True)
    alarms = plain = 0
    options = EvaluateOptions(slices=("g",))
    table = Rows.of({"g": [f"g{k % 20}" for k in range(2000)]})
    random, few = np.random.default_rng(11), max(20, runs // 4)
    for _ in range(few):
        parts = slices(table, rows(random, 2000, "regression", 0.0), metric_of("rmse", "regression"), options)
        alarms += any(each["state"] in ("worse", "better") for each in parts)
        plain += any((each["p_value"] or 1.0) < 0.05 for each in parts)
    print(
        f"\n20 slices that do not differ: an alarm in {alarms / few:.0%} of {few} runs; uncorrected, {plain / few:.0%}"
    )


def speed() -> None:
    print("\n| 100,000 rows, 1,000 draws (400 of the metrics beside the first), two models | seconds | CPU s |")
    print("|---|---|---|")
    random = np.random.default_rng(3)
    sample = rows(random, 100_000, "binary", 0.1)
    usual = (
        "roc_auc",
        "log_loss",
        "accuracy",
        "balanced_accuracy",
        "f1",
        "average_precision_score_weighted",
        "brier_score",
    )
    for what, names in (("ROC AUC", usual[:1]), ("log loss", usual[1:2]), ("the seven usual metrics", usual)):
        began, cpu = time.perf_counter(), time.process_time()
        drawn(sample, [metric_of(name, "binary") for name in names], 1000, CONFIDENCE)
        print(f"| {what} | {time.perf_counter() - began:.1f} | {time.process_time() - cpu:.1f} |", flush=True)
    from tests.unit.models.evaluation.small import model
    from tests.unit.models.evaluation.small import rows as table

    with tempfile.TemporaryDirectory() as home:
        folders = model(Path(home) / "a", b=0.5), model(Path(home) / "b")
        data = table(100_000)
        began, cpu = time.perf_counter(), time.process_time()
        evaluate(*folders, data, EvaluateOptions(key="id", slices=("city", "a"), metric="roc_auc"))
        spent = f"{time.perf_counter() - began:.1f} | {time.process_time() - cpu:.1f}"
        print(f"| all of the evidence, eight slices, of a small model | {spent} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    runs = parser.parse_args().runs
    speed()
    coverage(runs)
    clustered(runs)
    chance(runs)


if __name__ == "__main__":
    main()
