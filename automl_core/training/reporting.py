"""Metrics as a trial prints them: ``epoch=3 valid_accuracy=0.9412 valid_loss=0.221``."""

from __future__ import annotations

from collections.abc import Mapping


def report(step: int, metrics: Mapping[str, float], *, name: str = "epoch") -> None:
    """Print one step's metrics at once, in nine significant digits.

    Args:
        step: how far the training is, in all: epochs, or trees.
        metrics: metric → value.
        name: what a step is called: ``epoch`` or ``iteration``.
    """
    print(f"{name}={step}", *(f"{metric}={value:.9g}" for metric, value in metrics.items()), flush=True)


def prefixed(prefix: str, metrics: Mapping[str, float]) -> dict[str, float]:
    """The same metrics as those of a part of the data: ``valid_accuracy``."""
    return {f"{prefix}_{name}": value for name, value in metrics.items()}
