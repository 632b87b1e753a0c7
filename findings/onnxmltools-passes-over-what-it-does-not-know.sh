#!/usr/bin/env bash
# onnxmltools 1.16.0 (Python 3.11), LightGBM 4.7.0, XGBoost 3.2.0, onnxruntime 1.32.0.
#
# Expected: a model that the converter has no nodes for is refused, as LightGBM's cross_entropy is ("objective should be
# cleaned already") and XGBoost's dart (KeyError); what is converted predicts what the model does, to float32.
# Seen: three kinds are converted without a word and predict something else.
#     LightGBM, linear_tree: the leaves' lines are left out; each leaf says its constant
#     LightGBM, zero_as_missing: zeros go by the threshold, and not with the missing values
#     XGBoost, reg:logistic: neither the probability nor its log-odds: the trees' sum and the base score, which is a
#     probability, as it is, where its log-odds belong; so values above 1 and below 0
#     largest difference (boosted, neither: 0.0000): linear_tree 2.4, zero_as_missing 3.5, reg:logistic 4.8
# Whoever converts compares the graph's predictions with the model's, on rows with zeros and missing values, before use.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-compile onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 \
  onnxruntime==1.32.0 lightgbm==4.7.0 xgboost-cpu==3.2.0 scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
unset PYTHONPATH
"$place/venv/bin/python" -W ignore - <<'PYTHON'
import json
import sys

import lightgbm as lgb
import numpy as np
import onnxmltools
import onnxruntime
import xgboost as xgb
from onnxmltools.convert.common.data_types import FloatTensorType

random = np.random.default_rng(0)
x = random.normal(size=(300, 3)).astype(np.float32)
x[random.random(x.shape) < 0.2] = 0
x[random.random(x.shape) < 0.1] = np.nan
y = np.nan_to_num(x[:, 0], nan=3) + np.where(x[:, 1] == 0, 2, np.nan_to_num(x[:, 1], nan=2)) + 0.1 * random.normal(size=300)


def graph(model):
    convert = onnxmltools.convert_xgboost if isinstance(model, xgb.XGBModel) else onnxmltools.convert_lightgbm
    made = convert(model, initial_types=[("input", FloatTensorType([None, 3]))])
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": x})[0].ravel()


def apart(model, target=y):
    model.fit(x, target)
    return float(np.abs(graph(model) - model.predict(x)).max())


def light(**more):
    return lgb.LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1, **more)


plain = max(apart(light()), apart(xgb.XGBRegressor(n_estimators=20, n_jobs=1)))
lines, zeros = apart(light(linear_tree=True)), apart(light(zero_as_missing=True))
logistic = xgb.XGBRegressor(objective="reg:logistic", n_estimators=20, n_jobs=1)
odds = apart(logistic, (y > 1).astype(float))
print(
    f"largest difference (boosted, neither: {plain:.4f}): linear_tree {lines:.1f}, zero_as_missing {zeros:.1f}, "
    f"reg:logistic {odds:.1f}"
)
learner = json.loads(logistic.get_booster().save_config())["learner"]["learner_model_param"]
base = float(learner["base_score"].strip("[]"))
trees = logistic.predict(x, output_margin=True) - np.log(base / (1 - base))
as_it_is = np.allclose(graph(logistic), trees + base, atol=1e-4)
sys.exit(0 if plain < 1e-4 and min(lines, zeros, odds) > 0.1 and as_it_is else 1)
PYTHON
