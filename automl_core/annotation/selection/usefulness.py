"""How much a label would tell, by what models say of the item: 0 is nothing, 1 is most.

All work on (n, k) probabilities and return (n,) numbers. A row with a NaN gives NaN: nothing is known of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from automl_core.annotation.selection.pool import PIECE, Floats, Pool


def margin(probabilities: Floats) -> Floats:
    """One less the distance of the two likeliest classes.

    Scheffer, Decomain and Wrobel 2001, "Active hidden Markov models for information extraction", IDA, pp. 309-318;
    Settles 2010, "Active learning literature survey", p. 13.
    """
    if probabilities.shape[1] < 2:
        return np.asarray(np.where(np.isnan(probabilities[:, 0]), np.nan, 0.0))
    top = np.partition(probabilities, -2, axis=1)[:, -2:]
    found = 1 - (top[:, 1] - top[:, 0])
    return np.asarray(np.where(np.isnan(probabilities).any(axis=1), np.nan, np.clip(found, 0, 1)))


def entropy(probabilities: Floats) -> Floats:
    """Shannon's entropy, as a share of the greatest possible for so many classes (Settles 2010, p. 13)."""
    return np.asarray(np.clip(_entropy(probabilities) / np.log(max(2, probabilities.shape[1])), 0, 1))


def vote(first: Floats, second: Floats) -> Floats:
    """`margin` of the mean of two models' probabilities: the soft vote of a committee (Settles 2010, pp. 15-17)."""
    return margin((first + second) / 2)


def disagreement(first: Floats, second: Floats) -> Floats:
    """The Jensen-Shannon divergence of two models, as a share of its bound log 2.

    Entropy of the mean less the mean entropy (Lin 1991, "Divergence measures based on the Shannon entropy", IEEE
    Transactions on Information Theory 37, p. 147). With equal weights it is the mean Kullback-Leibler divergence to
    the mean, by which McCallum and Nigam 1998 ask a committee ("Employing EM and pool-based active learning for text
    classification", ICML, pp. 350-358).
    """
    found = _entropy((first + second) / 2) - (_entropy(first) + _entropy(second)) / 2
    return np.asarray(np.clip(found / np.log(2), 0, 1))


def _entropy(probabilities: Floats) -> Floats:
    logs = np.log(np.where(probabilities > 0, probabilities, 1))
    return np.asarray(np.where(np.isnan(probabilities).any(axis=1), np.nan, -(probabilities * logs).sum(axis=1)))


ALONE: dict[str, Callable[[Floats], Floats]] = {"margin": margin, "entropy": entropy}
"""What one model is enough for."""

COMMITTEE: dict[str, Callable[[Floats, Floats], Floats]] = {"vote": vote, "disagreement": disagreement}
"""What needs two models."""


def usefulness(pool: Pool, by: str) -> Floats:
    """All of a pool's items, a piece at a time.

    Args:
        pool: with probabilities; with those of a second model where a committee is asked for.
        by: `ALONE` or `COMMITTEE`.

    Raises:
        ValueError: a model that is needed is not there.
    """
    if pool.probabilities is None or (by in COMMITTEE and pool.second is None):
        raise ValueError(f"{by} needs the probabilities of {'two models' if by in COMMITTEE else 'a model'}")
    found = np.empty(len(pool.ids))
    for start in range(0, len(found), PIECE):
        rows = slice(start, start + PIECE)
        first = pool.probabilities[rows].astype(np.float64)
        if by in COMMITTEE and pool.second is not None:
            found[rows] = COMMITTEE[by](first, pool.second[rows].astype(np.float64))
        else:
            found[rows] = ALONE[by](first)
    return found


def in_words(pool: Pool, row: int, by: str, value: float) -> str:
    """Why a label of this item would tell something."""
    assert pool.probabilities is not None
    first = _guess(pool, pool.probabilities[row])
    if by == "margin":
        return f"the model hesitates between {_two(pool, pool.probabilities[row])}"
    if by == "entropy":
        return f"the model is unsure over all classes ({value:.0%} of the most possible); likeliest is {first}"
    assert pool.second is not None
    if by == "vote":
        both = (pool.probabilities[row].astype(np.float64) + pool.second[row]) / 2
        return f"the two models together hesitate between {_two(pool, both)}"
    return f"the two models differ ({value:.0%} of the most possible): {first} or {_guess(pool, pool.second[row])}"


def _guess(pool: Pool, row: Floats) -> str:
    best = int(np.argmax(row))
    return f"{pool.name(best)} ({row[best]:.2f})"


def _two(pool: Pool, row: Floats) -> str:
    best, other = np.argsort(-row, kind="stable")[:2]
    return f"{pool.name(int(best))} ({row[best]:.2f}) and {pool.name(int(other))} ({row[other]:.2f})"
