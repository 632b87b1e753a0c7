#!/usr/bin/env bash
# CatBoost 1.2.10 (Python 3.11).
#
# Expected: with a categorical column, a fixed learning rate and one seed, a model of more iterations begins with the trees
# of a model of fewer: boosting only adds trees.
# Seen: it begins with other trees. Left out, max_ctr_complexity and leaf_estimation_iterations are chosen by `iterations`
# (1 and 1 for 60, 4 and 10 for 200), which get_all_params() tells. Both stated, the trees are the same.
#     max_ctr_complexity of 60 and of 200 iterations: [1, 4] their first 50 trees are apart by 1.76
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet catboost==1.2.10 numpy==2.4.6
"$place/venv/bin/python" - <<'PY'
import catboost, numpy as np

random = np.random.default_rng(0)
number = random.normal(size=(20000, 3))
first, second = random.integers(0, 20, 20000), random.integers(0, 7, 20000)
truth = (number[:, 0] + (first * second % 5 == 0) + random.normal(size=20000) > 0).astype(int)
rows = [[*map(float, number[i]), f"a{first[i]}", f"b{second[i]}"] for i in range(20000)]
pool = catboost.Pool(rows, truth, cat_features=[3, 4])

def fit(iterations, **more):
    model = catboost.CatBoost({
        "loss_function": "Logloss", "iterations": iterations, "learning_rate": 0.1, "random_seed": 1, "thread_count": 1,
        "verbose": False, "allow_writing_files": False, **more,
    })
    return model.fit(pool)

few, many = fit(60), fit(200)
chosen = [model.get_all_params()["max_ctr_complexity"] for model in (few, many)]
apart = np.abs(few.predict(pool, ntree_end=50) - many.predict(pool, ntree_end=50)).max()
print("max_ctr_complexity of 60 and of 200 iterations:", chosen, "their first 50 trees are apart by", apart)
assert chosen == [1, 4] and apart > 1e-3
few, many = (fit(count, max_ctr_complexity=4, leaf_estimation_iterations=5) for count in (60, 200))
apart = np.abs(few.predict(pool, ntree_end=50) - many.predict(pool, ntree_end=50)).max()
print("stated:", apart)
assert apart == 0
PY
