"""A small network that is really trained with torch; PyTorch's SummaryWriter writes its loss into event files.

``python train_torch.py RATE EVENTS TRUTH``: TRUTH gets the losses as the training itself knows them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

EPOCHS = 6


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    """A plane."""
    generator = torch.Generator().manual_seed(7)
    features = torch.randn(128, 4, generator=generator)
    return features, features @ torch.tensor([[1.0], [-2.0], [0.5], [0.0]]) + 0.1


def main(rate: str, events: str, truth: str) -> None:
    """Train, write events, keep the model, and leave the losses where the test finds them."""
    torch.manual_seed(7)
    features, target = rows()
    model, curve = nn.Linear(4, 1), []
    optimizer = torch.optim.SGD(model.parameters(), lr=float(rate))
    with SummaryWriter(events) as writer:
        for epoch in range(EPOCHS):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(features), target).backward()
            optimizer.step()
            with torch.no_grad():
                curve.append(float(nn.functional.mse_loss(model(features), target)))
            writer.add_scalar("loss/valid", curve[-1], epoch)
    torch.save(model.state_dict(), Path(os.environ["AUTOML_MODEL_DIR"]) / "model.pt")
    Path(truth).write_text(json.dumps(curve))


if __name__ == "__main__":
    main(*sys.argv[1:])
