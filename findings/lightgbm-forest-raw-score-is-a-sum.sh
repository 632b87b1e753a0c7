#!/usr/bin/env bash
# LightGBM 4.7.0: of a random forest (boosting=rf) the raw score is the sum of the trees, the prediction that of their mean.
#
# Expected: predict(raw_score=True) is the margin of what predict() says, so that the objective's link turns one into the
# other, as it does for boosting=gbdt: probability = 1 / (1 + exp(-raw score)). The documentation of `raw_score` says only
# "whether to predict raw scores".
# Seen: with boosting=rf and 12 trees the link of the raw score is not the probability; that of the raw score divided by the
# number of trees is. Whoever calibrates, stacks or explains on the raw score of a forest (pred_contrib adds up to
# the sum, too) works with margins that grow with the number of trees.
#
# https://lightgbm.readthedocs.io/en/v4.7.0/Parameters.html#boosting
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lightgbm==4.7.0 numpy==2.3.5 scipy==1.16.3
"$folder/venv/bin/python" - <<'PYTHON'
import lightgbm as lgb
import numpy as np

rng = np.random.default_rng(1)
rows = rng.normal(size=(500, 4))
target = (rows[:, 0] + rng.normal(size=500) > 0).astype(int)


def sigmoid(margin):
    return 1 / (1 + np.exp(-margin))


for boosting in ("gbdt", "rf"):
    params = {"objective": "binary", "boosting": boosting, "verbose": -1, "num_threads": 1}
    params |= {"bagging_freq": 1, "bagging_fraction": 0.5}
    booster = lgb.train(params, lgb.Dataset(rows, target), 12)
    said, raw = booster.predict(rows), booster.predict(rows, raw_score=True)
    contributions = booster.predict(rows, pred_contrib=True).sum(axis=1)
    print(
        f"{boosting}: |predict - link(raw score)| <= {np.abs(said - sigmoid(raw)).max():.3g}, "
        f"|predict - link(raw score / 12)| <= {np.abs(said - sigmoid(raw / 12)).max():.3g}, "
        f"|contributions - raw score| <= {np.abs(contributions - raw).max():.3g}"
    )
    if boosting == "gbdt":
        assert np.allclose(said, sigmoid(raw)), "a boosted model's raw score is its margin"
    else:
        assert not np.allclose(said, sigmoid(raw), atol=0.05), "the raw score of a forest is its margin now"
        assert np.allclose(said, sigmoid(raw / 12)), "the raw score of a forest is no sum any more"
PYTHON
echo "as described"
