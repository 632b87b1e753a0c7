#!/usr/bin/env bash
# scikit-learn 1.9.1: a histogram boosting that stops early predicts with the trees that made it stop.
#
# Expected: a model that stops early because its loss on validation rows has not fallen for n_iter_no_change iterations
# predicts with the iterations up to the best one, as XGBoost's estimators, CatBoost and LightGBM do after early stopping.
# The documentation of n_iter_no_change says when fitting stops, and nothing of which iterations predict.
# Seen: predict() uses all of them, n_iter_no_change beyond the best or more; with n_iter_no_change=200 (patience, where steps
# are small) the loss on the validation rows is that of the last iteration, far above the best that validation_score_ has. The
# best model is there, in staged_predict, and has to be cut out by hand.
#
# https://scikit-learn.org/1.9/modules/generated/sklearn.ensemble.HistGradientBoostingRegressor.html
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 numpy==2.3.5 scipy==1.16.3
OMP_NUM_THREADS=1 "$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

rng = np.random.default_rng(0)
rows = rng.normal(size=(600, 5))
target = rows[:, 0] + 2 * rng.normal(size=600)
model = HistGradientBoostingRegressor(max_iter=1000, early_stopping=True, n_iter_no_change=200, tol=0, random_state=0)
model.fit(rows[:400], target[:400], X_val=rows[400:], y_val=target[400:])


def loss(predicted):
    return float(np.mean((target[400:] - predicted) ** 2))


stages = [loss(predicted) for predicted in model.staged_predict(rows[400:])]
best, used = int(np.argmin(stages)) + 1, model.n_iter_
said = loss(model.predict(rows[400:]))
print(f"best iteration {best} (loss {min(stages):.3f}); stopped at {used}; predict() has the loss {said:.3f}")
assert used < 1000, "it did not stop early"
assert used >= best + 200, "the iterations after the best are not kept any more"
assert np.isclose(said, stages[-1]), "predict() does not use the last iteration any more"
assert said > 1.2 * min(stages), "the trees that made it stop do no harm any more"
PYTHON
echo "as described"
