#!/usr/bin/env bash
# nvidia-tao-core 7.3.0 (StatusLogger, loggers/logging.py), Python 3.10 and later.
#
# Expected: a line of TAO's status.json that states an epoch has that epoch's metrics under "kpi", or none.
# Seen: "kpi" belongs to the logger and not to the line. What was set last is repeated in every line until something
# else is set, also in lines of epochs in which nothing was evaluated, and in messages that have nothing to do with it. So
# with an evaluation every second epoch the line of the epoch between states the value of the one before:
#     epoch 1: kpi {'val_mAP50': 0.4}
#     epoch 2: kpi {'val_mAP50': 0.4}, though nothing was evaluated in it
#     Train finished successfully.: kpi {'val_mAP50': 0.7}
# Whoever reads the file line by line (NVIDIA's own AutoML takes the last line with a kpi) gets curves with values that were
# never measured, and can't tell a value that stayed the same from one that was not measured.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
unset PYTHONPATH
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-deps nvidia-tao-core==7.3.0
"$place/venv/bin/python" - "$place/status.json" <<'PYTHON' 2> "$place/log"
import importlib.util
import json
import sys
from importlib.metadata import distribution

# the module alone: the package as a whole wants a server's libraries
file = distribution("nvidia-tao-core").locate_file("nvidia_tao_core/loggers/logging.py")
spec = importlib.util.spec_from_file_location("tao_logging", file)
tao = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tao)

logger = tao.StatusLogger(filename=sys.argv[1], is_master=True, verbosity=tao.Verbosity.INFO)
measured = {1: 0.4, 3: 0.7}  # validation_interval: 2
for epoch in range(4):
    if epoch in measured:
        logger.kpi = {"val_mAP50": measured[epoch]}
        logger.write(message="Eval metrics generated.")
    logger.write(data={"epoch": epoch, "max_epoch": 3}, message="Training loop in progress")
logger.write(message="Train finished successfully.")

lines = [json.loads(line) for line in open(sys.argv[1])]
by_epoch = {line["epoch"]: line.get("kpi") for line in lines if "epoch" in line}
for epoch, kpi in by_epoch.items():
    print(f"epoch {epoch}: kpi {kpi}" + ("" if epoch in measured or not kpi else ", though nothing was evaluated in it"))
print(f"{lines[-1]['message']}: kpi {lines[-1].get('kpi')}")
evaluated = [line for line in lines if line["message"] == "Eval metrics generated."]
as_found = (
    by_epoch == {0: None, 1: {"val_mAP50": 0.4}, 2: {"val_mAP50": 0.4}, 3: {"val_mAP50": 0.7}}
    and lines[-1]["kpi"] == {"val_mAP50": 0.7}
    and not any("epoch" in line for line in evaluated)
)
sys.exit(0 if as_found else 1)
PYTHON
