"""How much two models label under a promise of 97 %, and how often the promise is broken.

python -m benchmarks.annotation.agreement [--seeds 40] [--labels N] [SET …]

Each set is a pool of some 5,000 to 6,000 rows with probabilities of two families out of fold; a run is a random sample
that people label (as many as `plan` advises), the search for a threshold, and a look at what was taken.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from automl_core.annotation.agreement import Audit, Labeller, Promise, agree, plan
from automl_core.rates import highest_rate
from benchmarks.annotation.pools import FAMILIES, out_of_fold, pool

SETS = ("optdigits", "texture", "penbased", "satimage", "magic", "twonorm", "ring", "phoneme", "letter", "banana")
MOST = 5500


def runs(name: str, seeds: int, labels: int, promise: Promise) -> list[tuple[float, float]]:
    """Of each run: (share of the pool that was taken, share of wrong ones among it: NaN where nothing was)."""
    rows, truth = pool(name, MOST)
    pair = [Labeller(family, {family: 1.0}, out_of_fold(rows, truth, family)) for family in FAMILIES]
    items = [str(each) for each in range(len(truth))]
    found = []
    for seed in range(seeds):
        sample = np.random.default_rng(seed).choice(len(truth), labels, replace=False)
        got = agree(pair[0], pair[1], items, {items[at]: int(truth[at]) for at in sample}, promise, seed=seed)
        wrong = (got.compared.label != truth)[got.taken]
        found.append((float(got.taken.mean()), float(wrong.mean()) if len(wrong) else float("nan")))
    right = [float((np.asarray(each.outputs).argmax(axis=1) == truth).mean()) for each in pair]
    taken = [each[0] for each in found]
    broken = sum(each[1] > promise.allowed for each in found)
    print(
        f"| {name} | {len(truth):,} | {right[0]:.3f} | {right[1]:.3f} | {np.median(taken):.2f} | "
        f"{np.mean(np.asarray(taken) == 0):.2f} | {broken} of {seeds} |", flush=True,
    )  # fmt: skip
    return found


def audits(promise: Promise, runs_of_each: int = 400, rounds: int = 40, each_round: int = 25) -> None:
    """How often, and after how many judged labels, an audit takes a threshold back, by the true share of wrong ones."""
    print("\n| truly wrong | taken back | judged labels until then (median) |\n|---|---|---|")
    for rate in (0.02, 0.03, 0.045, 0.06, 0.10, 0.20):
        random, after = np.random.default_rng(7), []
        for _ in range(runs_of_each):
            audit = Audit(promise)
            for at in range(rounds):
                audit.judge({f"{at}-{k}": bool(random.random() >= rate) for k in range(each_round)})
                if audit.failed:
                    after.append(len(audit.judged))
                    break
        middle = f"{np.median(after):.0f}" if after else ""
        print(f"| {rate:.1%} | {len(after) / runs_of_each:.1%} | {middle} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--labels", type=int, help="of the random sample; as many as are advised where left out")
    told = parser.parse_args()
    promise, start = Promise(), time.monotonic()
    labels = told.labels or plan(promise).advised
    print(f"{promise}; {labels} labels of people in each run\n")
    print("| set | pool | trees right | network right | taken, median | runs with nothing | promise broken |")
    print("|---|---|---|---|---|---|---|")
    found = [run for name in told.sets for run in runs(name, told.seeds, labels, promise)]
    broken = sum(wrong > promise.allowed for _, wrong in found)
    middle, high = np.median([share for share, _ in found]), highest_rate(broken, len(found), 0.05)
    print(f"\n{len(found)} runs: median taken {middle:.2f} of the pool; broken in {broken}")
    print(f"({broken / len(found):.1%}; with 95 % confidence at most {high:.1%}); {time.monotonic() - start:.0f} s")
    audits(promise)


if __name__ == "__main__":
    main()
