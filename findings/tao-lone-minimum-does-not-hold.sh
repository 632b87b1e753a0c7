#!/usr/bin/env bash
# nvidia-tao-automl 7.2.0 (Python 3.11).
#
# Expected: a parameter whose schema gives a minimum and no maximum (as dino's, rtdetr's and grounding_dino's
# model.enc_layers) is never below the minimum.
# Seen: with one side missing both are made from the default, a tenth to ten times of it, and the minimum that is given
# is not looked at. Of 40 recommendations of bayesian for a float of at least 0.9 with the default 1, some are below 0.9;
# with a maximum of 10 beside it, which is what the missing side becomes anyway, none is.
#     minimum 0.9 alone: 7 below 0.9   minimum 0.9 and maximum 10: 0
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-deps nvidia-tao-automl==7.2.0 \
  certifi==2026.10.19.post1 charset-normalizer==3.5.3 cloudpickle==3.1.3 idna==3.20 joblib==1.6.0 narwhals==2.29.0 \
  numpy==2.4.6 omegaconf==2.4.0 pandas==3.1.1 python-dateutil==4.0.0 PyYAML==6.0.4 requests==2.34.2 \
  scikit-learn==1.9.1 scipy==1.17.1 threadpoolctl==3.8.0 tzdata==2026.6 urllib3==2.8.0
cat > "$place/run.py" <<'PY'
import logging, random, sys, warnings

logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")
import numpy
from tao_automl import AutoML


def below(folder, **bounds):
    random.seed(0), numpy.random.seed(0)
    leaf = {"type": "number", "default": 1.0, "automl_enabled": "TRUE", "value_type": "float", **bounds}
    schema = {"type": "object", "properties": {"train": {"type": "object", "properties": {"scale": leaf}}}}
    search = AutoML(
        workspace=folder, network="small", train_specs={"train": {"scale": 1.0}}, search_schema=schema,
        settings={"algorithm": "bayesian", "metric": "loss", "automl_max_recommendations": 40},
    )
    values = []
    for _ in range(40):
        (recommendation,) = search.next_recommendation()
        values.append(recommendation.specs["train.scale"])
        search.report_result(recommendation.id, values[-1])  # the smaller, the better
    return sum(value < 0.9 for value in values)


alone = below(f"{sys.argv[1]}/alone", minimum=0.9)
both = below(f"{sys.argv[1]}/both", minimum=0.9, maximum=10.0)
print(f"minimum 0.9 alone: {alone} below 0.9   minimum 0.9 and maximum 10: {both}")
assert alone > 0
assert both == 0
PY
OMP_NUM_THREADS=1 "$place/venv/bin/python" "$place/run.py" "$place/workspace"
