# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "tensorboard==2.21.0", "numpy==2.4.6"]
# ///
"""Event files that PyTorch's SummaryWriter writes."""

from __future__ import annotations

from pathlib import Path

from recorder import Case, History, main
from torch.utils.tensorboard import SummaryWriter

CURVE = [0.9, 0.6, 0.4, 0.45, 0.5, 0.55]


def scalars(folder: Path) -> History:
    with SummaryWriter(str(folder)) as writer:
        for step, value in enumerate(CURVE):
            writer.add_scalar("val_loss", value, step)
            writer.add_scalar("loss/train", value / 2, step)
    return {"val_loss": list(enumerate(CURVE)), "loss/train": [(step, v / 2) for step, v in enumerate(CURVE)]}


def new_style(folder: Path) -> History:
    with SummaryWriter(str(folder)) as writer:
        for step, value in enumerate(CURVE):
            writer.add_scalar("val_loss", value, step, new_style=True)
    return {"val_loss": list(enumerate(CURVE))}


def purge_step(folder: Path) -> History:
    """A first process reached step 7, its checkpoint was of step 5: the second one writes steps 5 to 7 again."""
    first = [0.9, 0.7, 0.5, 0.4, 0.35, 0.30, 0.55, 0.81]
    with SummaryWriter(str(folder), filename_suffix=".1") as writer:
        for step, value in enumerate(first):
            writer.add_scalar("val_loss", value, step)
    with SummaryWriter(str(folder), filename_suffix=".2", purge_step=5) as writer:
        for step, value in ((5, 0.31), (6, 0.17)):
            writer.add_scalar("val_loss", value, step)
    return {"val_loss": [*list(enumerate(first))[:5], (5, 0.31), (6, 0.17)]}


def no_steps(folder: Path) -> History:
    """``global_step`` left out."""
    with SummaryWriter(str(folder)) as writer:
        for value in CURVE:
            writer.add_scalar("val_loss", value)
    return {"val_loss": list(enumerate(CURVE))}


def add_scalars(folder: Path) -> History:
    with SummaryWriter(str(folder)) as writer:
        for step, value in enumerate(CURVE):
            writer.add_scalars("loss", {"train": value / 2, "valid": value}, step)
    return {
        "loss_valid/loss": list(enumerate(CURVE)),
        "loss_train/loss": [(step, v / 2) for step, v in enumerate(CURVE)],
    }


def hparams(folder: Path) -> History:
    with SummaryWriter(str(folder)) as writer:
        for step, value in enumerate(CURVE):
            writer.add_scalar("val_loss", value, step)
        writer.add_hparams({"lr": 0.1}, {"hparam/val_loss": CURVE[-1]}, run_name="hparams")
    return {"val_loss": list(enumerate(CURVE)), "hparams/hparam/val_loss": [(0, CURVE[-1])]}


def not_a_number(folder: Path) -> History:
    with SummaryWriter(str(folder)) as writer:
        for step, value in enumerate([0.9, float("nan"), 0.5]):
            writer.add_scalar("val_loss", value, step)
    return {"val_loss": [(0, 0.9), (1, float("nan")), (2, 0.5)]}


FILES = {"metrics": {"source": "tensorboard", "path": ""}, "kept": "*tfevents*", "tolerance": 1e-6}
LOSS = {"val_loss": "minimize"}
CASES = {
    "scalars": Case(
        scalars,
        {"val_loss": "minimize", "loss/train": "minimize"},
        "simple_value, no metadata; a tag may hold a /",
        **FILES,
    ),
    "new_style": Case(new_style, LOSS, "a tensor with the plugin scalars in each event", **FILES),
    "purge_step": Case(
        purge_step,
        LOSS,
        "a second file that begins with a session's start at step 5; step 7 of the first is void",
        **FILES,
    ),
    "no_steps": Case(no_steps, LOSS, "steps are counted", seen="", **FILES),
    "add_scalars": Case(
        add_scalars,
        {"loss_valid/loss": "minimize", "loss_train/loss": "minimize"},
        "one file in the folder, tags loss/train and loss/valid",
        **FILES,
    ),
    "hparams": Case(
        hparams,
        {"val_loss": "minimize", "hparams/hparam/val_loss": "minimize"},
        "a further file in a folder of its own, the metric at step 0",
        **FILES,
    ),
    "nan": Case(not_a_number, LOSS, "nan is kept", fails="val_loss", **FILES),
}

if __name__ == "__main__":
    main("torch", ["torch", "tensorboard", "numpy"], CASES)
