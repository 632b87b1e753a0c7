#!/usr/bin/env bash
# CatBoost 1.2.10 (Python 3.11).
#
# Expected: with two evaluation sets, "best", bestTest, bestIteration and the shrinking of the model go by "test", the
# first, as the names say.
# Seen: they go by the LAST set, which the lines call test1; no line says so. Swapping the order of eval_set changes which
# iteration the returned model is cut at, though the lines' "bestTest" stays the name.
#     4:  learn: 0.3895078  test: 0.5325681  test1: 0.5127182  best: 0.5127182 (4)
#     bestTest = 0.5127181612
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet catboost==1.2.10 numpy==2.4.6
"$place/venv/bin/python" - <<'PY'
import catboost, numpy as np

random = np.random.default_rng(1)
def rows(count, noise):
    x = random.normal(size=(count, 8))
    return x, (x[:, 0] + noise * random.normal(size=count) > 0).astype(int)
train, easy, hard = rows(200, 1.0), rows(100, 0.2), rows(100, 3.0)

def fit(sets):
    model = catboost.CatBoostClassifier(
        iterations=60, learning_rate=0.5, depth=4, random_seed=1, thread_count=1, verbose=0, allow_writing_files=False
    )
    model.fit(*train, eval_set=sets)
    found = model.get_evals_result()
    best = [int(np.argmin(found[f"validation_{place}"]["Logloss"])) for place in (0, 1)]
    return model.get_best_iteration(), best, model.tree_count_
for sets in ([easy, hard], [hard, easy]):
    chosen, best, trees = fit(sets)
    print("best iteration of each set:", best, "chosen:", chosen, "trees kept:", trees)
    assert best[0] != best[1] and chosen == best[1] and trees == best[1] + 1
PY
