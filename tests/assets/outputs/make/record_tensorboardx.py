# /// script
# requires-python = ">=3.11"
# dependencies = ["tensorboardX==2.6.5", "numpy==2.4.6", "protobuf==7.36.2"]
# ///
"""Event files that tensorboardX writes."""

from __future__ import annotations

from pathlib import Path

from recorder import Case, History, main
from tensorboardX import SummaryWriter

CURVE = [0.9, 0.6, 0.4, 0.45, 0.5, 0.55]


def scalars(folder: Path) -> History:
    with SummaryWriter(str(folder)) as writer:
        for step, value in enumerate(CURVE):
            writer.add_scalar("val_loss", value, step)
            writer.add_scalar("train/loss", value / 2, step)
    return {"val_loss": list(enumerate(CURVE)), "train/loss": [(step, v / 2) for step, v in enumerate(CURVE)]}


def purge_step(folder: Path) -> History:
    """As in record_torch.py."""
    first = [0.9, 0.7, 0.5, 0.4, 0.35, 0.30, 0.55, 0.81]
    with SummaryWriter(str(folder), filename_suffix=".1") as writer:
        for step, value in enumerate(first):
            writer.add_scalar("val_loss", value, step)
    with SummaryWriter(str(folder), filename_suffix=".2", purge_step=5) as writer:
        for step, value in ((5, 0.31), (6, 0.17)):
            writer.add_scalar("val_loss", value, step)
    return {"val_loss": [*list(enumerate(first))[:5], (5, 0.31), (6, 0.17)]}


def display_name(folder: Path) -> History:
    """The tag is one thing, what TensorBoard shows another."""
    with SummaryWriter(str(folder)) as writer:
        for step, value in enumerate(CURVE):
            writer.add_scalar("val_loss", value, step, display_name="Validation loss", summary_description="of fold 1")
    return {"val_loss": list(enumerate(CURVE))}


FILES = {"metrics": {"source": "tensorboard", "path": ""}, "kept": "*tfevents*", "tolerance": 1e-6}
CASES = {
    "scalars": Case(
        scalars,
        {"val_loss": "minimize", "train/loss": "minimize"},
        "as torch's: simple_value without metadata",
        **FILES,
    ),
    "purge_step": Case(purge_step, {"val_loss": "minimize"}, "as torch's: a session's start at step 5", **FILES),
    "display_name": Case(
        display_name, {"val_loss": "minimize"}, "metadata with the display name, the plugin scalars", **FILES
    ),
}

if __name__ == "__main__":
    main("tensorboardx", ["tensorboardX", "numpy", "protobuf"], CASES)
