# /// script
# requires-python = ">=3.11"
# dependencies = ["transformers==5.24.0", "accelerate==1.15.0", "torch==2.13.0", "numpy==2.4.6"]
# ///
"""What Hugging Face's Trainer prints; the model is a single layer, so nothing is downloaded."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from recorder import Case, History, main
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments, set_seed


class Rows(Dataset):
    """Rows with labels, noisy so that the evaluation turns."""

    def __init__(self, seed: int, count: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.rows = torch.randn(count, 8, generator=generator)
        self.labels = (self.rows[:, 0] + 1.5 * torch.randn(count, generator=generator) > 0).long()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        return {"x": self.rows[place], "labels": self.labels[place]}


class Model(torch.nn.Module):
    """Two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2))

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.layers(x)
        return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}


def _train(folder: Path, **options: object) -> History:
    set_seed(1)
    arguments = TrainingArguments(
        output_dir=str(folder), num_train_epochs=2, per_device_train_batch_size=8, learning_rate=0.3,
        report_to=[], save_strategy="no", use_cpu=True, **options,
    )  # fmt: skip
    trainer = Trainer(Model(), arguments, train_dataset=Rows(1, 64), eval_dataset=Rows(2, 64))
    trainer.train()
    history: History = {}
    for entry in trainer.state.log_history:
        for name in ("loss", "eval_loss"):
            if name in entry:
                history.setdefault(name, []).append((entry["epoch"], entry[name]))
    return history


def each_epoch(folder: Path) -> History:
    return _train(folder, eval_strategy="epoch", logging_strategy="epoch")


def within_epochs(folder: Path) -> History:
    """Four evaluations an epoch, as the case of the epochs 0.25, 0.5, …"""
    return _train(folder, eval_strategy="steps", eval_steps=2, logging_strategy="steps", logging_steps=2)


def without_bar(folder: Path) -> History:
    return _train(
        folder, eval_strategy="steps", eval_steps=2, logging_strategy="steps", logging_steps=2, disable_tqdm=True
    )


BOTH = {"eval_loss": "minimize", "loss": "minimize"}
CASES = {
    "each_epoch": Case(
        each_epoch,
        BOTH,
        "{'loss': '0.69', 'grad_norm': '1.2', 'learning_rate': '0.1', 'epoch': '1'} (texts since version 5) between "
        "the redraws of a bar on standard error; at the end train_loss and train_runtime",
        tolerance=5.1e-4,
    ),
    "within_epochs": Case(within_epochs, BOTH, "the same with the epochs '0.25', '0.5', …", tolerance=5.1e-4),
    "without_bar": Case(without_bar, BOTH, "the dictionaries alone, each on a line", tolerance=5.1e-4),
}

if __name__ == "__main__":
    main("transformers", ["transformers", "accelerate", "torch", "numpy"], CASES)
