"""Labels needed with ours, as a ratio to random selection: ``python -m benchmarks.annotation.selection``.

Labels are given by the truth of sets that packages ship. Needed are as many as it takes to be, in two rounds one after
the other, at the accuracy of the same learner on the whole pool less one point. All labels count: those of the random
stratum too, which random selection has not. A file of results is of one
growth. Two ways to use the stratum: ``trains`` learns from it (people evaluate by
folds then), ``held-out`` never does. A run that never gets there counts as the whole pool.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.annotation.selection import Pool, Rules, select
from benchmarks.annotation.sets import HELD_OUT, NAMES, WORKED_ON, Parts, load

FIRST = 20
LESS = 0.01
LEARNERS = ("logistic", "boosting", "forest", "few trees")
AGAIN = "random, another order"
"""What luck alone does to the ratio: random selection against random selection."""

Model = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def schedule(pool: int, growth: float = 12) -> Iterator[int]:
    """Labels after each round: batches grow with what there is, by a twelfth, and have ten items at least."""
    labels = min(FIRST, pool)
    while labels < pool:
        yield labels
        labels = min(pool, labels + max(10, int(labels / growth)))
    yield pool


def learn(learner: str, parts: Parts, rows: NDArray[np.int64], seed: int) -> Model:
    """A model of these rows: probabilities of all classes, those that it never saw with 0."""
    seen, truth = np.unique(parts.truth[rows], return_inverse=True)
    if len(seen) == 1:
        return lambda table: np.eye(parts.classes)[np.full(len(table), seen[0])]
    if learner == "logistic":
        from sklearn.linear_model import LogisticRegression

        made: Any = LogisticRegression(C=1.0, max_iter=300)
    elif learner == "boosting":
        from lightgbm import LGBMClassifier

        made = LGBMClassifier(n_estimators=50, min_child_samples=5, num_threads=1, verbose=-1, random_state=seed)
    else:
        from sklearn.ensemble import ExtraTreesClassifier

        made = ExtraTreesClassifier(30 if learner == "few trees" else 100, random_state=seed)
    made.fit(parts.features[rows], truth)

    def predict(table: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.zeros((len(table), parts.classes))
        found[:, seen] = made.predict_proba(table)
        return found

    return predict


def accuracy(model: Model, parts: Parts) -> float:
    return float((model(parts.test_features).argmax(axis=1) == parts.test_truth).mean())


def needed(curve: Sequence[tuple[int, float]], goal: float, pool: int) -> int | None:
    """Labels at the first of two rounds, one after the other, that reach the goal; None where there are none yet.

    The whole pool needs no round after it.
    """
    for place, (labels, value) in enumerate(curve):
        confirmed = curve[place + 1][1] >= goal if place + 1 < len(curve) else labels == pool
        if value >= goal and confirmed:
            return labels
    return None


def run(name: str, seed: int, learner: str, way: str, rules: Rules, stratum: str, growth: float) -> dict[str, Any]:
    """One set with one seed, until the goal is reached."""
    parts = load(name, seed)
    pool = len(parts.truth)
    started = time.perf_counter()
    everything = accuracy(learn(learner, parts, np.arange(pool), seed), parts)
    ids = [f"{name}-{row}" for row in range(pool)]
    row_of = {item: row for row, item in enumerate(ids)}
    order = np.random.default_rng([seed, 2 if way == AGAIN else 1]).permutation(pool)
    labelled: list[int] = []
    audited: set[int] = set()
    curve: list[tuple[int, float]] = []
    model: Model | None = None
    second: Model | None = None
    for labels in schedule(pool, growth):
        if way in ("random", AGAIN):
            labelled = order[:labels].tolist()
        else:
            batch = select(
                Pool(
                    ids,
                    None if model is None else model(parts.features),
                    second=None if second is None else second(parts.features),
                    features=parts.features,
                    closed={ids[row] for row in labelled},
                ),
                rules,
                many=max(2, labels - len(labelled)),
                seed=seed,
            )
            audited |= {row_of[each.item] for each in batch.choices if each.evaluates}
            labelled += [row_of[item] for item in batch.ids]
        rows = np.array([row for row in labelled if stratum == "trains" or row not in audited])
        model = learn(learner, parts, rows, seed)
        if way not in ("random", AGAIN) and rules.by in ("vote", "disagreement"):
            second = learn("logistic" if learner != "logistic" else "few trees", parts, rows, seed)
        curve.append((len(labelled), accuracy(model, parts)))
        if needed(curve, everything - LESS, pool) is not None:
            break
    found = needed(curve, everything - LESS, pool)
    return {
        "set": name, "seed": seed, "learner": learner, "way": way, "stratum": stratum, "pool": pool,
        "classes": parts.classes, "all": round(everything, 4), "needed": pool if found is None else found,
        "reached": found is not None, "growth": growth, "audits": len(audited),
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip


def table(runs: Sequence[dict[str, Any]], sets: Sequence[str]) -> str:
    """Markdown: ways against random; only runs whose random one was run, too, count.

    Three times: each run against what random needs on that set in the mean of its seeds, each run against random with
    the same seed, and each set's mean labels against random's. Where the goal is near what a first batch reaches, luck
    decides when a run gets there, and pairs of runs differ by two such draws: random in another order is the measure
    of that.
    """
    base = {(one["set"], one["seed"], one["learner"]): one["needed"] for one in runs if one["way"] == "random"}
    lines = [
        "| learner | way | stratum | sets | runs | against its mean: median | 90th percentile | above 1.1 "
        "| pairs: median | 90th percentile | above 1.1 "
        "| by set: median | 90th percentile | largest | never got there |",
        "|---" * 15 + "|",
    ]
    for learner, way, stratum in sorted({(one["learner"], one["way"], one["stratum"]) for one in runs}):
        own = [
            one
            for one in runs
            if (one["learner"], one["way"], one["stratum"]) == (learner, way, stratum)
            and one["set"] in sets
            and (one["set"], one["seed"], learner) in base
        ]
        if not own or way == "random":
            continue
        pairs = [(one["set"], one["needed"], base[one["set"], one["seed"], learner]) for one in own]
        ratios = np.array([ours / random for _, ours, random in pairs])
        named = sorted({name for name, _, _ in pairs})
        usual = {name: np.mean([random for each, _, random in pairs if each == name]) for name in named}
        typical = np.array([ours / usual[name] for name, ours, _ in pairs])
        of_sets = [
            sum(ours for each, ours, _ in pairs if each == name)
            / sum(random for each, _, random in pairs if each == name)
            for name in named
        ]
        lines.append(
            f"| {learner} | {way} | {stratum} | {len(named)} | {len(own)} | {np.median(typical):.2f} |"
            f" {np.quantile(typical, 0.9):.2f} | {(typical > 1.1).mean():.0%} | {np.median(ratios):.2f} |"
            f" {np.quantile(ratios, 0.9):.2f} | {(ratios > 1.1).mean():.0%} | {np.median(of_sets):.2f} |"
            f" {np.quantile(of_sets, 0.9):.2f} | {max(of_sets):.2f} | {sum(not one['reached'] for one in own)} |"
        )
    return "\n".join(lines) + "\n"


def by_set(runs: Sequence[dict[str, Any]], sets: Sequence[str]) -> str:
    """Markdown: mean labels of each set, random and every way."""
    ways = sorted({(one["learner"], one["way"], one["stratum"]) for one in runs})
    lines = ["| set | " + " | ".join(", ".join(way) for way in ways) + " |", "|---" * (1 + len(ways)) + "|"]
    for name in sets:
        cells = []
        for way in ways:
            found = [
                one["needed"]
                for one in runs
                if one["set"] == name and (one["learner"], one["way"], one["stratum"]) == way
            ]
            cells.append(f"{np.mean(found):.0f}" if found else "")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", nargs="+", default=list(NAMES), choices=[*NAMES, "worked-on", "held-out"])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--learner", nargs="+", default=["logistic"], choices=["logistic", "boosting", "forest", "few trees"]
    )
    parser.add_argument("--by", nargs="+", default=["margin"])
    parser.add_argument("--diversity", nargs="+", default=[Rules().diversity])
    parser.add_argument("--multiple", nargs="+", type=int, default=[Rules().multiple])
    parser.add_argument("--stratum", nargs="+", default=["trains", "held-out"], choices=["trains", "held-out"])
    parser.add_argument("--cold", nargs="+", default=[Rules().cold])
    parser.add_argument("--again", action="store_true", help="random selection in another order, too: what luck does")
    parser.add_argument("--random-share", type=float, default=Rules().random_share, help="of the stratum in a batch")
    parser.add_argument("--stratum-share", type=float, default=Rules().stratum_share, help="of the pool")
    parser.add_argument("--growth", type=float, default=12, help="a batch has the labels so far, divided by this")
    parser.add_argument("--results", type=Path, default=Path(__file__).parent / "results" / "selection.jsonl")
    parser.add_argument("--table", action="store_true", help="only the table of what was run")
    parser.add_argument("--by-set", action="store_true", help="mean labels of each set, too")
    given = parser.parse_args()
    parts = {"worked-on": WORKED_ON, "held-out": HELD_OUT}
    given.sets = [name for each in given.sets for name in parts.get(each, (each,))]
    given.results.parent.mkdir(parents=True, exist_ok=True)
    runs = []
    if given.results.exists():
        runs = [json.loads(line) for line in given.results.read_text(encoding="utf-8").splitlines()]
    done = {(one["set"], one["seed"], one["learner"], one["way"], one["stratum"]) for one in runs}
    ways = [("random", Rules(), "trains")] + [(AGAIN, Rules(), "trains")] * given.again
    for by in given.by:
        for diversity in given.diversity:
            for multiple in given.multiple if diversity != "none" else [1]:
                way = f"{by}, {diversity}" + (f" of {multiple} ×" if diversity != "none" else "")
                for cold in given.cold:
                    rules = Rules(
                        by=by, diversity=diversity, multiple=multiple, cold=cold, random_share=given.random_share,
                        stratum_share=given.stratum_share,
                    )  # fmt: skip
                    share = "" if given.random_share == Rules().random_share else f"; {given.random_share:.0%} random"
                    ways += [(f"{way}; {cold}{share}", rules, each) for each in given.stratum]
    wanted = [
        (seed, learner, name, *way)
        for seed in range(given.seeds)
        for learner in given.learner
        for name in given.sets
        for way in ways
    ]
    for seed, learner, name, way, rules, stratum in wanted if not given.table else []:
        if (name, seed, learner, way, stratum) in done:
            continue
        one = run(name, seed, learner, way, rules, stratum, given.growth)
        runs.append(one)
        with given.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(one) + "\n")
        print(json.dumps(one), file=sys.stderr, flush=True)
    print(table(runs, given.sets), end="")
    if given.by_set:
        print("\n" + by_set(runs, given.sets), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
