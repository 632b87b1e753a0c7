"""A small convolutional network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def build(params: Mapping[str, Any], channels: int, classes: int) -> nn.Module:
    """Blocks of two convolutions, each with twice the channels and half the size of the one before; then a mean.

    Batches may be of any size, and pictures of any: group normalization knows no batch, and the mean no size.

    Args:
        params: ``width`` (channels of the first block), ``blocks`` and ``dropout``.
        channels: of the pictures.
        classes: outputs.
    """
    layers: list[nn.Module] = []
    before = channels
    for block in range(params["blocks"]):
        width = params["width"] * 2**block
        for source in (before, width):
            layers += [
                nn.Conv2d(source, width, 3, padding=1, bias=False),
                nn.GroupNorm(min(8, width), width),
                nn.ReLU(),
            ]
        if block < params["blocks"] - 1:
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        before = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(params["dropout"]), nn.Linear(before, classes)]
    return nn.Sequential(*layers)


def scaled(pixels: torch.Tensor) -> torch.Tensor:
    """From 0 to 255 to -1 to 1."""
    return pixels / 127.5 - 1


def outputs(network: nn.Module, pixels: Any, device: str, batch: int = 256) -> Any:
    """(n, classes) probabilities, in double precision."""
    network.eval()
    found = []
    with torch.no_grad():
        for start in range(0, len(pixels), batch):
            part = torch.as_tensor(pixels[start : start + batch], device=device)
            found.append(torch.softmax(network(scaled(part)).double(), dim=1).cpu())
    return torch.cat(found).numpy()
