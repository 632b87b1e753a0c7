#!/usr/bin/env bash
# nvidia-tao-automl 7.2.0 (Python 3.11).
#
# Expected: a search draws by chance, or repeatably from its session_id, of which its log says "Initialized random seed: …
# (seed identity: …)" and by which brain/base.py calls np.random.seed and random.seed.
# Seen: neither. A seed that the caller sets is overwritten when AutoML is made, and the one that takes its place is Python's
# hash() of the id, which is salted in each process: the same session_id begins elsewhere each time, unless
# PYTHONHASHSEED is set.
#     same session, three processes: 0.06732 0.072885 0.028387   with PYTHONHASHSEED=0: 0.032551 0.032551 0.032551
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-deps nvidia-tao-automl==7.2.0 \
  certifi==2026.10.19.post1 charset-normalizer==3.5.3 cloudpickle==3.1.3 idna==3.20 joblib==1.6.0 narwhals==2.29.0 \
  numpy==2.4.6 omegaconf==2.4.0 pandas==3.1.1 python-dateutil==4.0.0 PyYAML==6.0.4 requests==2.34.2 \
  scikit-learn==1.9.1 scipy==1.17.1 threadpoolctl==3.8.0 tzdata==2026.6 urllib3==2.8.0
cat > "$place/run.py" <<'PY'
import logging, random, sys

logging.disable(logging.CRITICAL)
import numpy as np
from tao_automl import AutoML

random.seed(1)
np.random.seed(1)
lr = {"type": "number", "default": 0.001, "minimum": 1e-5, "maximum": 0.1, "automl_enabled": "TRUE", "value_type": "float"}
schema = {"type": "object", "properties": {"train": {"type": "object", "properties": {"lr": lr}}}}
search = AutoML(
    workspace=sys.argv[1], network="small", train_specs={"train": {"lr": 0.001}}, search_schema=schema,
    settings={"algorithm": "bayesian", "metric": "loss", "session_id": "mine"},
)
print(round(search.next_recommendation()[0].specs["train.lr"], 6))
PY
first() { OMP_NUM_THREADS=1 "$place/venv/bin/python" "$place/run.py" "$place/workspace-$1"; }
salted=($(first a) $(first b) $(first c))
fixed=($(PYTHONHASHSEED=0 first d) $(PYTHONHASHSEED=0 first e) $(PYTHONHASHSEED=0 first f))
echo "same session, three processes: ${salted[*]}   with PYTHONHASHSEED=0: ${fixed[*]}"
[ "$(printf '%s\n' "${salted[@]}" | sort -u | wc -l)" -gt 1 ]
[ "$(printf '%s\n' "${fixed[@]}" | sort -u | wc -l)" -eq 1 ]
