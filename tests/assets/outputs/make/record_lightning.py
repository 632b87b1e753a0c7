# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "lightning==2.6.6", "torch==2.13.0", "tqdm==4.70.1", "rich==15.0.0", "tensorboard==2.21.0", "numpy==2.4.6",
# ]
# ///
"""What PyTorch Lightning prints (tqdm bar, rich bar) and writes (TensorBoard logger)."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, RichProgressBar, TQDMProgressBar
from lightning.pytorch.loggers import TensorBoardLogger
from recorder import Case, History, main
from torch.utils.data import DataLoader, TensorDataset

warnings.simplefilter("ignore")
for name in ("lightning.pytorch", "lightning.fabric"):
    logging.getLogger(name).setLevel(logging.ERROR)


class Model(lightning.LightningModule):
    """A straight line, whose training diverges on request."""

    def __init__(self, rate: float, diverges_at: int) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        self.rate, self.diverges_at = rate, diverges_at

    def _loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
        loss = torch.nn.functional.mse_loss(self.layer(batch[0]).squeeze(1), batch[1])
        return loss * (float("nan") if self.current_epoch >= self.diverges_at else 1.0)

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        loss = self._loss(batch)
        self.log("train_loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: list[torch.Tensor], index: int) -> None:
        self.log("val_loss", self._loss(batch), prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), self.rate)


class Keeper(Callback):
    """The truth: what Lightning's own ``callback_metrics`` hold at each epoch's end."""

    def __init__(self) -> None:
        self.history: History = {"train_loss": [], "val_loss": []}

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        for name, pairs in self.history.items():
            pairs.append((trainer.current_epoch, float(trainer.callback_metrics[name])))


def _fit(folder: Path, *callbacks: Callback, rate: float = 0.15, diverges_at: int = 99, **options: object) -> History:
    lightning.seed_everything(1, verbose=False)
    rows = torch.randn(48, 4)
    labels = rows @ torch.tensor([1.0, -2.0, 0.5, 0.0]) + 0.3 * torch.randn(48)
    train = DataLoader(TensorDataset(rows[:32], labels[:32]), batch_size=8)
    valid = DataLoader(TensorDataset(rows[32:], labels[32:]), batch_size=8)
    keeper = Keeper()
    trainer = lightning.Trainer(
        max_epochs=4, accelerator="cpu", default_root_dir=folder,
        enable_checkpointing=False, enable_model_summary=False,
        callbacks=[*callbacks, keeper], **{"logger": False, "log_every_n_steps": 1, **options},
    )  # fmt: skip
    trainer.fit(Model(rate, diverges_at), train, valid)
    return keeper.history


def default_bar(folder: Path) -> History:
    return {name: pairs[-1:] for name, pairs in _fit(folder).items()}  # no more than the last epoch is printed


def tqdm_bar(folder: Path) -> History:
    return _fit(folder, TQDMProgressBar(leave=True))


def not_a_number(folder: Path) -> History:
    return _fit(folder, TQDMProgressBar(leave=True), diverges_at=2)


def inside_epochs(folder: Path) -> History:
    """Validated twice an epoch, as val_check_interval allows: of an epoch, the bar's last state counts."""
    return _fit(folder, TQDMProgressBar(leave=True), val_check_interval=0.5)


def rich_bar(folder: Path) -> History:
    return _fit(folder, RichProgressBar(leave=True))


def tensorboard_logger(folder: Path) -> History:
    """Lightning logs each epoch at the global step that it ends with: 4 batches an epoch."""
    history = _fit(folder, logger=TensorBoardLogger(folder, name="", version=""), enable_progress_bar=False)
    return {name: [(4 * epoch + 3, value) for epoch, value in pairs] for name, pairs in history.items()}


BOTH = {"val_loss": "minimize", "train_loss": "minimize"}
CASES = {
    "default_bar": Case(
        default_bar,
        {"val_loss": "minimize"},
        "tqdm's bar, a line an epoch",
        tolerance=5.1e-3,
        seen="rich's bar, as rich is installed (new in 2.6), and on a pipe it prints the last epoch's state only, at "
        "the end, wrapped at 80 columns: epochs 0 to 2 never appear",
    ),
    "tqdm_bar": Case(
        tqdm_bar,
        BOTH,
        "'Epoch 0: 100%|███| 4/4 [00:00<00:00, 99it/s, val_loss=2.100, train_loss=3.200]', three digits",
        tolerance=5.1e-3,
    ),
    "tqdm_bar_nan": Case(not_a_number, {"val_loss": "minimize"}, "val_loss=nan.0", fails="val_loss"),
    "tqdm_inside_epochs": Case(
        inside_epochs, BOTH, "one line an epoch, redrawn after each validation", tolerance=5.1e-3
    ),
    "rich_bar": Case(
        rich_bar,
        BOTH,
        "a line an epoch, wrapped at 80 columns",
        tolerance=5.1e-3,
        seen="as expected; the rest of an epoch's metrics stands on a line without its number; all come at the end",
    ),
    "rich_bar_wide": Case(
        rich_bar, BOTH, "with COLUMNS=200 a line an epoch, not wrapped", tolerance=5.1e-3, env={"COLUMNS": "200"}
    ),
    "tensorboard_logger": Case(
        tensorboard_logger,
        BOTH,
        "one file, tags epoch, train_loss, val_loss; steps are batches: 3, 7, 11, 15",
        metrics={"source": "tensorboard", "path": ""},
        kept="*tfevents*",
        tolerance=1e-6,
    ),
}

if __name__ == "__main__":
    main("lightning", ["lightning", "torch", "tqdm", "rich", "tensorboard", "numpy"], CASES)
