"""Planted wrong labels, 5 % of them: how well suspects are ordered, beside cleanlab, in one run.

python -m benchmarks.annotation.suspects [--seeds 3] [SET …]
"""

from __future__ import annotations

import argparse

import numpy as np

from automl_core.annotation.quality import suspects
from benchmarks.annotation.pools import out_of_fold, pool

SETS = ("vehicle", "satimage", "magic", "phoneme", "segment", "german", "optdigits", "vowel", "banana", "texture")
SHARE, MOST = 0.05, 1000
FAMILIES = ("trees", "linear")
ORDER = [f"{whose}, {family}" for family in FAMILIES for whose in ("ours", "cleanlab")]


def main() -> None:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores
    from sklearn.metrics import average_precision_score

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    told = parser.parse_args()
    print(f"| set | {' | '.join(ORDER)} | ours flagged, right (trees) | cleanlab flagged, right |")
    print("|---" * (len(ORDER) + 3) + "|")
    every: dict[str, list[float]] = {key: [] for key in ORDER}
    for name in told.sets:
        rows, truth = pool(name, MOST)
        scores: dict[str, list[float]] = {key: [] for key in ORDER}
        flags = []
        for seed in range(told.seeds):
            random = np.random.default_rng(seed)
            bad = np.zeros(len(truth), dtype=bool)
            bad[random.choice(len(truth), round(SHARE * len(truth)), replace=False)] = True
            classes = int(truth.max()) + 1
            labels = np.where(bad, (truth + random.integers(1, classes, len(truth))) % classes, truth)
            for family in FAMILIES:
                found = out_of_fold(rows, labels, family, folds=5, seed=seed)
                got, theirs = suspects(labels, found), 1 - get_label_quality_scores(labels, found)
                scores[f"ours, {family}"].append(average_precision_score(bad, got.wrong))
                scores[f"cleanlab, {family}"].append(average_precision_score(bad, theirs))
                if family == FAMILIES[0]:
                    other = find_label_issues(labels, found)
                    flags.append((got.flagged.sum(), bad[got.flagged].sum(), other.sum(), bad[other].sum()))
        for key, held in scores.items():
            every[key] += held
        ours, ours_right, other, other_right = np.mean(flags, axis=0)
        middle = " | ".join(f"{np.mean(scores[key]):.3f}" for key in ORDER)
        print(f"| {name} | {middle} | {ours:.0f}, {ours_right:.0f} | {other:.0f}, {other_right:.0f} |", flush=True)
    print(f"| mean | {' | '.join(f'{np.mean(every[key]):.4f}' for key in ORDER)} | | |")
    for family in FAMILIES:
        ahead = np.asarray(every[f"ours, {family}"]) >= np.asarray(every[f"cleanlab, {family}"]) - 1e-9
        print(f"{family}: ours at least cleanlab's in {ahead.sum()} of {len(ahead)} runs")


if __name__ == "__main__":
    main()
