#!/usr/bin/env bash
# nvidia-tao-automl 7.2.0 (Python 3.11).
#
# Expected: query_status(workspace), "the current status without a live runner", tells of a search for 20 recommendations of
# which 3 have ended that 3 of 20 are done and which algorithm it is: its docstring has progress.total and
# progress.algorithm, and prints "completed/total".
# Seen: total is 3, so it looks finished at any moment, and algorithm is None. Both are read from brain/ID.json, where no
# algorithm of the package writes them; get_progress() of the live object says 20 and bayesian.
#     live: 3 of 20, bayesian   query_status: 3 of 3, None
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-deps nvidia-tao-automl==7.2.0 \
  certifi==2026.10.19.post1 charset-normalizer==3.5.3 cloudpickle==3.1.3 idna==3.20 joblib==1.6.0 narwhals==2.29.0 \
  numpy==2.4.6 omegaconf==2.4.0 pandas==3.1.1 python-dateutil==4.0.0 PyYAML==6.0.4 requests==2.34.2 \
  scikit-learn==1.9.1 scipy==1.17.1 threadpoolctl==3.8.0 tzdata==2026.6 urllib3==2.8.0
cat > "$place/run.py" <<'PY'
import logging, sys, warnings

logging.disable(logging.CRITICAL)
warnings.filterwarnings("ignore")
from tao_automl import AutoML, query_status

lr = {"type": "number", "default": 0.001, "minimum": 1e-5, "maximum": 0.1, "automl_enabled": "TRUE", "value_type": "float"}
schema = {"type": "object", "properties": {"train": {"type": "object", "properties": {"lr": lr}}}}
workspace = sys.argv[1]
search = AutoML(
    workspace=workspace, network="small", train_specs={"train": {"lr": 0.001}}, search_schema=schema,
    settings={"algorithm": "bayesian", "metric": "loss", "automl_max_recommendations": 20},
)
for value in (0.3, 0.2, 0.1):
    (recommendation,) = search.next_recommendation()
    search.report_result(recommendation.id, value)
live, told = search.get_progress(), query_status(workspace)["progress"]
print(f"live: {live['completed']} of {live['total']}, {live['algorithm']}   "
      f"query_status: {told['completed']} of {told['total']}, {told['algorithm']}")
assert (live["completed"], live["total"], live["algorithm"]) == (3, 20, "bayesian")
assert (told["completed"], told["total"], told["algorithm"]) == (3, 3, None)
PY
OMP_NUM_THREADS=1 "$place/venv/bin/python" "$place/run.py" "$place/workspace"
