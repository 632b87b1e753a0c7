"""Which rows are held back to judge by: decided before anything is learned, and the same for every trial."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from automl_core.training.problems import TrainingError

Rows = NDArray[np.int64]


def split(
    count: int,
    fraction: float,
    seed: int,
    *,
    classes: NDArray[np.generic] | None = None,
    groups: NDArray[np.generic] | None = None,
    times: NDArray[np.float64] | None = None,
) -> tuple[Rows, Rows]:
    """Divide rows into those to learn from and those to judge by, each in the table's order.

    Args:
        count: rows in all.
        fraction: the share to judge by, between 0 and 1.
        seed: decides which rows, where neither groups nor times do.
        classes: (count,) each class keeps its share, and one row at least to learn from.
        groups: (count,) a group's rows stay together. The groups' names and the seed decide which are held back, not
            their order in the table.
        times: (count,) the latest rows are judged by; rows of one moment stay together. Goes before groups.

    Raises:
        TrainingError: one side would be empty.
    """
    if not 0 < fraction < 1:
        raise TrainingError(f"valid_fraction must be between 0 and 1; it is {fraction}")
    if times is not None:
        held = _latest(times, fraction)
    elif groups is not None:
        held = _whole_groups(groups, fraction, seed)
    else:
        held = _drawn(np.zeros(count) if classes is None else classes, fraction, seed)
    if not held.any() or held.all():
        raise TrainingError(
            f"{count} rows can't be divided into rows to learn from and a share of {fraction} to judge by"
            + (": there are too few groups" if groups is not None and times is None else "")
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def _latest(times: NDArray[np.float64], fraction: float) -> NDArray[np.bool_]:
    if np.isnan(times).any():
        raise TrainingError("columns.time: rows without a time can't be put in order")
    first = np.sort(times)[round(len(times) * (1 - fraction))] if len(times) > 1 else np.inf
    return np.asarray(times >= first)


def _whole_groups(groups: NDArray[np.generic], fraction: float, seed: int) -> NDArray[np.bool_]:
    names, where, counts = np.unique(groups, return_inverse=True, return_counts=True)
    digests = [hashlib.sha256(f"{seed}:{name}".encode()).digest() for name in names]
    order = sorted(range(len(names)), key=digests.__getitem__)
    chosen, rows = np.zeros(len(names), dtype=bool), 0
    for group in order[:-1]:  # one is left to learn from
        if rows and rows + counts[group] / 2 > fraction * len(groups):
            break
        chosen[group], rows = True, rows + counts[group]
    return np.asarray(chosen[where])


def _drawn(classes: NDArray[np.generic], fraction: float, seed: int) -> NDArray[np.bool_]:
    drawn = np.random.default_rng(seed)
    held = np.zeros(len(classes), dtype=bool)
    for each in np.unique(classes):
        rows = drawn.permutation(np.flatnonzero(classes == each))
        # shares are rounded at random: else a class of two rows would never, or always, be judged by
        exact = len(rows) * fraction
        held[rows[: min(int(exact) + int(drawn.random() < exact % 1), len(rows) - 1)]] = True
    return held
