#!/usr/bin/env bash
# mmengine 0.10.7 (torch 2.13.0, Python 3.11).
#
# Expected: "step" in vis_data/scalars.json, mmengine's machine-readable log, counts one thing.
# Seen: in training's lines it is the iteration, in validation's lines the epoch. With 4 iterations an epoch the
# validation after iteration 8 has step 2, and lies among the first epoch's training points when plotted or joined by
# step. The validation's lines have no other field to tell (training's have "epoch" and "iter").
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet mmengine==0.10.7 torch==2.13.0 numpy==2.4.6 'setuptools==80.10.2'
cat > "$place/run.py" <<'PY'
import glob, json, sys
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import DataLoader, TensorDataset

class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
    def forward(self, rows, mode):
        loss = self.layer(rows).square()
        return {"loss": loss.mean()} if mode == "loss" else loss.flatten().tolist()

class Mean(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)
    def compute_metrics(self, results):
        return {"mean": sum(results) / len(results)}

rows = DataLoader(TensorDataset(torch.randn(32, 4)), batch_size=8)
Runner(
    model=Model(), work_dir=sys.argv[1], train_dataloader=rows, val_dataloader=rows, val_cfg={}, val_evaluator=[Mean()],
    train_cfg={"by_epoch": True, "max_epochs": 2, "val_interval": 1},
    optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.01}},
    default_hooks={"logger": {"type": "LoggerHook", "interval": 4}, "checkpoint": None},
).train()
(path,) = glob.glob(sys.argv[1] + "/*/vis_data/scalars.json")
lines = [json.loads(line) for line in open(path)]
train = [line["step"] for line in lines if "loss" in line]
valid = [line["step"] for line in lines if "mean" in line]
print("steps of training:", train, "of validation:", valid)
assert (train, valid) == ([4, 8], [1, 2])
assert all("epoch" not in line and "iter" not in line for line in lines if "mean" in line)
PY
"$place/venv/bin/python" "$place/run.py" "$place/work" 2>&1 | tail -n 1
test "${PIPESTATUS[0]}" -eq 0
