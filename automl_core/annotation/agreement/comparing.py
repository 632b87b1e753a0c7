"""Two models' probabilities: calibrated by people's labels, then compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automl_core.modelfile.scoring.calibration import LOWEST, calibrated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPREAD = 1.0
"""Standard deviation of the logarithm of a temperature before a label has been seen: few labels move it little."""


def probabilities(values: ArrayLike, name: str) -> Floats:
    """Probabilities as an array, looked at.

    Args:
        values: (n, K), each row sums to 1.
        name: of the model, for messages.

    Raises:
        ValueError: not two dimensions of two classes or more, a value that is no probability, a row that is none.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] < 2:
        raise ValueError(f"{name}: probabilities are (items, classes) with two classes or more, not {found.shape}")
    bad = ~(np.isfinite(found) & (found >= 0)).all(axis=1) | (np.abs(found.sum(axis=1) - 1) > 1e-3)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"{name}: {int(bad.sum())} rows are no probabilities that sum to 1, the first is row {row}: "
            f"{np.round(found[row], 6).tolist()}"
        )
    return found


def fit_temperature(outputs: ArrayLike, labels: ArrayLike, *, name: str = "the model") -> dict[str, Any]:
    """The calibration that fits people's labels best: one number for all classes.

    No item's likeliest class changes (C. Guo, G. Pleiss, Y. Sun and K. Weinberger 2017, "On calibration of modern
    neural networks", ICML, section 4.2).

    The logarithm of the temperature has a normal prior around 0 (`SPREAD`): with few labels, or such that a model gets
    all right, the likelihood alone would run away to a temperature of 0.

    Args:
        outputs: (n, K) probabilities of items that people have labelled, drawn at random.
        labels: (n,) the place of each label among the classes.
        name: of the model, for messages.

    Returns:
        A calibration as models' folders have it (`modelfile.scoring.calibration`).

    Raises:
        ValueError: probabilities or labels that are none.
    """
    from scipy.optimize import minimize_scalar

    found = probabilities(outputs, name)
    places = class_places(labels, len(found), found.shape[1])
    logs = np.log(np.clip(found, LOWEST, 1.0))

    def loss(log_temperature: float) -> float:
        scaled = logs / np.exp(log_temperature)
        top = scaled.max(axis=1, keepdims=True)
        whole = top[:, 0] + np.log(np.exp(scaled - top).sum(axis=1))
        own = float((whole - scaled[np.arange(len(places)), places]).sum())
        return own + 0.5 * (log_temperature / SPREAD) ** 2

    best = minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-6})
    return {"type": "temperature", "temperature": float(np.exp(best.x)), "lowest": LOWEST}


def class_places(labels: ArrayLike, items: int, classes: int) -> Ints:
    """Labels as places among the classes, looked at.

    Raises:
        ValueError: another number of them, or one that is no class's place.
    """
    found = np.asarray(labels)
    if found.shape != (items,):
        raise ValueError(f"{items} items have {items} labels, not an array of {found.shape}")
    if items and (found.dtype.kind not in "iu" or found.min() < 0 or found.max() >= classes):
        raise ValueError(
            f"labels are whole numbers from 0 to {classes - 1}, the places of their classes; "
            f"found {found.dtype} {np.unique(found)[:5].tolist()}"
        )
    return found.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Compared:
    """What two models say of the same items.

    Attributes:
        label: (n,) place of the class that the first model holds to be likeliest.
        agreed: (n,) whether the second one says the same.
        sure: (n,) the smaller of their two probabilities of that class; 0 where they don't agree.
    """

    label: Ints
    agreed: NDArray[np.bool_]
    sure: Floats

    def __len__(self) -> int:
        return len(self.label)

    @property
    def agreement(self) -> float:
        """The share of items of which both say the same; NaN without items."""
        return float(self.agreed.mean()) if len(self.agreed) else float("nan")


def compare(
    first: ArrayLike, second: ArrayLike, *, names: tuple[str, str] = ("the first model", "the second model")
) -> Compared:
    """Compare two models item by item.

    The smaller probability counts, so a threshold reads as a sentence: both say the same, and each is at least so sure.

    Args:
        first, second: (n, K) probabilities, calibrated, with classes in the same order.
        names: of the models, for messages.

    Raises:
        ValueError: probabilities that are none, or not of the same items and classes.
    """
    one, other = probabilities(first, names[0]), probabilities(second, names[1])
    if one.shape != other.shape:
        raise ValueError(
            f"{names[0]} has {one.shape} probabilities, {names[1]} {other.shape}: both judge the same items"
        )
    label = one.argmax(axis=1).astype(np.int64)
    agreed = label == other.argmax(axis=1)
    rows = np.arange(len(label))
    sure = np.where(agreed, np.minimum(one[rows, label], other[rows, label]), 0.0)
    return Compared(label, agreed, sure)


def apply(calibration: dict[str, Any] | None, outputs: ArrayLike) -> Floats:
    """Probabilities, calibrated; without a calibration as they are."""
    return calibrated(calibration, np.asarray(outputs, dtype=np.float64))
