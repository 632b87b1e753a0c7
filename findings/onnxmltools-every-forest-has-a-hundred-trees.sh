#!/usr/bin/env bash
# onnxmltools 1.16.0 (Python 3.11), LightGBM 4.7.0, onnxruntime 1.32.0.
#
# Expected: the ONNX graph of a LightGBM random forest (boosting_type="rf") predicts what the forest does, the mean of its
# trees, to float32; as the graph of a boosted model does.
# Seen: it predicts the sum of the trees divided by 100, whatever their number is. That is right for n_estimators=100, the
# default of LGBMRegressor and LGBMClassifier, and for nothing else: of 20 trees it is a fifth of the prediction, of 300
# three times as much. The 100 is a constant of the converter (operator_converters/LightGbm.py, twice). The same forest as a
# Booster, LGBMRegressor's booster_, isn't divided at all: 20 trees predict twenty times too much. Nothing is said.
#     100 trees: graph / forest = 1.00; of its Booster 100.00
#      20 trees: graph / forest = 0.20; of its Booster 20.00
#     300 trees: graph / forest = 3.00; of its Booster 300.00
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-compile onnxmltools==1.16.0 skl2onnx==1.20.0 onnx==1.23.2 \
  onnxruntime==1.32.0 lightgbm==4.7.0 scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
unset PYTHONPATH
"$place/venv/bin/python" -W ignore - <<'PYTHON'
import sys

import lightgbm as lgb
import numpy as np
import onnxmltools
import onnxruntime
from onnxmltools.convert.common.data_types import FloatTensorType

random = np.random.default_rng(0)
x = random.normal(size=(300, 3)).astype(np.float32)
y = 5 + x[:, 0] + x[:, 1] * x[:, 2]


def graph(model):
    made = onnxmltools.convert_lightgbm(model, initial_types=[("input", FloatTensorType([None, 3]))])
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"input": x})[0].ravel()


same = True
for trees in (100, 20, 300):
    forest = lgb.LGBMRegressor(
        boosting_type="rf", n_estimators=trees, bagging_freq=1, bagging_fraction=0.7, num_leaves=7, n_jobs=1, verbose=-1
    ).fit(x, y)
    given = forest.predict(x)
    of_class, of_booster = graph(forest) / given, graph(forest.booster_) / given
    print(f"{trees:>3} trees: graph / forest = {np.median(of_class):.2f}; of its Booster {np.median(of_booster):.2f}")
    same &= np.allclose(of_class, trees / 100, rtol=1e-3) and np.allclose(of_booster, trees, rtol=1e-3)
boosted = lgb.LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1).fit(x, y)
same &= np.allclose(graph(boosted), boosted.predict(x), rtol=1e-4)
sys.exit(0 if same else 1)
PYTHON
