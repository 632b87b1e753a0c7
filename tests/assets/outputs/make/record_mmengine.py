# /// script
# requires-python = ">=3.11"
# dependencies = ["mmengine==0.10.7", "torch==2.13.0", "numpy==2.4.6", "setuptools==80.10.2"]
# ///
"""What mmengine's Runner prints, and the JSON lines it writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from recorder import Case, History, main
from torch.utils.data import DataLoader, TensorDataset

TRUTH: History = {"mse": []}


class Model(BaseModel):
    """A straight line."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, rows: torch.Tensor, labels: torch.Tensor, mode: str) -> object:
        guess = self.layer(rows).squeeze(1)
        if mode == "loss":
            return {"loss": torch.nn.functional.mse_loss(guess, labels)}
        return [((a - b) ** 2).item() for a, b in zip(guess, labels, strict=True)]


class MeanSquaredError(BaseMetric):
    """The truth is kept where the metric is computed."""

    def process(self, data_batch: object, data_samples: list[float]) -> None:
        self.results.extend(data_samples)

    def compute_metrics(self, results: list[float]) -> dict[str, float]:
        value = sum(results) / len(results)
        TRUTH["mse"].append((len(TRUTH["mse"]) + 1, value))
        return {"mse": value}


def _run(folder: Path) -> History:
    torch.manual_seed(1)
    rows = torch.randn(48, 4)
    labels = rows @ torch.tensor([1.0, -2.0, 0.5, 0.0]) + 0.3 * torch.randn(48)
    Runner(
        model=Model(), work_dir=str(folder / "work"), experiment_name="run",
        train_dataloader=DataLoader(TensorDataset(rows[:32], labels[:32]), batch_size=8),
        val_dataloader=DataLoader(TensorDataset(rows[32:], labels[32:]), batch_size=8),
        train_cfg={"by_epoch": True, "max_epochs": 4, "val_interval": 1}, val_cfg={},
        val_evaluator=[MeanSquaredError()],
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.15}},
        default_hooks={"logger": {"type": "LoggerHook", "interval": 2}, "checkpoint": None},
        randomness={"seed": 1}, log_level="INFO",
    ).train()  # fmt: skip
    return TRUTH


def printed(folder: Path) -> History:
    return _run(folder)


def scalars(folder: Path) -> History:
    """``vis_data/scalars.json``: what LoggerHook gives to the visualizer, JSON lines."""
    history = _run(folder)
    (found,) = folder.glob("work/*/vis_data/scalars.json")
    shutil.copy(found, folder / "scalars.json")
    shutil.rmtree(folder / "work")
    return history


CASES = {
    "printed": Case(
        printed,
        {"mse": "minimize"},
        "'2026/11/29 - mmengine - INFO - Epoch(train)  [1][2/4]  lr: … loss: 3.2' and 'Epoch(val) [1][2/2]  mse: 2.1'",
    ),
    "scalars": Case(
        scalars,
        {"mse": "minimize"},
        "JSON lines with lr, loss, epoch, iter, step; validation's with mse and step, the same count",
        seen="step counts iterations in training's lines (2, 4, …), epochs in validation's (1, 2, …)",
        metrics={"source": "json", "path": "scalars.json"},
        kept="scalars.json",
        tolerance=1e-9,
    ),
}

if __name__ == "__main__":
    main("mmengine", ["mmengine", "torch", "numpy", "setuptools"], CASES)
