"""Labels that are probably wrong, from probabilities by models that did not train on them (confident learning).

C. Northcutt, L. Jiang and I. Chuang 2021, "Confident learning: estimating uncertainty in dataset labels", Journal of
Artificial Intelligence Research 70, p. 1373. A class's threshold is the mean probability of the class among items
labelled so (their equation 2); an item counts as confidently of the class, among those whose threshold it reaches, that
is likeliest for it. Given labels against those classes are counted (equation 1) and scaled to the given labels' numbers
(equation 3): the joint of given and right labels, and from it how often a right label of one class is given as another.

Items are ordered by the probability q of the given label, the least likely first, as cleanlab does. Other orders were
tried on tables with planted errors (margins, ratios, thresholds of classes, Bayes' rule with the joint): none was
clearly better, and those that use the joint were far worse, since it takes what the model confuses for what people
confuse. What it is worth to know is the probability that a label is wrong: with a share r of wrong labels, spread alike
over K - 1 other classes, Bayes' rule makes it (1 - q) r' / (q (1 - r) + (1 - q) r'), r' = r / (K - 1); the order is the
same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Suspects:
    """Labels, the most suspected first.

    Attributes:
        order: (u,) places of the items that were looked at, in order of `wrong`; of equal ones the earlier first.
        wrong: (n,) the probability that each label is wrong; NaN for items that were left out.
        suggested: (n,) the place of the class that is likeliest to be right; the given one for items left out.
        flagged: (n,) whether each is among so many of the most suspected as the joint says are wrong.
        joint: (K, K) share of items by given label (line) and right one (column).
        left_out: items without probabilities, which nothing was said of.
        blind: places of classes that the model never holds to be likeliest: their labels are not flagged, since a model
            that does not know a class can't say what is no item of it.
    """

    order: Ints
    wrong: Floats
    suggested: Ints
    flagged: NDArray[np.bool_]
    joint: Floats
    left_out: int
    blind: tuple[int, ...]

    @property
    def share(self) -> float:
        """The estimated share of wrong labels."""
        return float(1 - np.trace(self.joint))


def suspects(labels: ArrayLike, probabilities: ArrayLike) -> Suspects:
    """Order labels by how probably they are wrong.

    Args:
        labels: (n,) places of the given labels' classes.
        probabilities: (n, K) by models that were trained on other items (out of fold). A model that has seen a label
            repeats it, and finds nothing. Lines of NaN (folds that walk forward have none for the first items) are left
            out, and counted.

    Raises:
        ValueError: shapes that don't fit, labels that are no places, probabilities that are none, no item with
            probabilities.
    """
    given, found = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if found.ndim != 2 or found.shape[1] < 2:
        raise ValueError(f"probabilities are (items, classes) with two classes or more, not {found.shape}")
    count, many = found.shape
    if given.shape != (count,):
        raise ValueError(f"{count} items have {count} labels, not an array of {given.shape}")
    if given.dtype.kind not in "iu" or (count and (given.min() < 0 or given.max() >= many)):
        raise ValueError(f"labels are places of classes, whole numbers from 0 to {many - 1}")
    there = ~np.isnan(found).any(axis=1)
    used = found[there]
    if not len(used):
        raise ValueError("no item has probabilities: there is nothing to suspect a label by")
    if not ((used >= 0).all() and (np.abs(used.sum(axis=1) - 1) <= 1e-3).all()):
        raise ValueError("probabilities are from 0 and sum to 1 for each item")
    own = given[there].astype(np.int64)
    joint = _joint(own, used)
    blind = tuple(sorted(set(own.tolist()) - set(used.argmax(axis=1).tolist())))
    chance = _chances(own, used, float(1 - np.trace(joint)), blind)
    best = _likeliest(own, used)
    wrong = np.full(count, np.nan)
    wrong[there] = chance
    suggested = given.astype(np.int64).copy()
    suggested[there] = best
    places = np.flatnonzero(there)
    order = places[np.argsort(-chance, kind="stable")]
    flagged = np.zeros(count, dtype=np.bool_)
    expected = round(float(1 - np.trace(joint)) * len(used))
    open_to = order[~np.isin(given[order], blind) & (suggested[order] != given[order])]
    flagged[open_to[:expected]] = True
    return Suspects(order, wrong, suggested, flagged, joint, int((~there).sum()), blind)


def _joint(given: Ints, found: Floats) -> Floats:
    """(K, K) the share of items by given and right label: the paper's equations 1 to 3."""
    many = found.shape[1]
    numbers = np.bincount(given, minlength=many).astype(np.float64)
    sums = np.bincount(given, weights=found[np.arange(len(given)), given], minlength=many)
    # A class without items has no threshold; nothing is confidently of it.
    thresholds = np.divide(sums, numbers, out=np.full(many, np.inf), where=numbers > 0)
    reached = np.where(found >= thresholds - 1e-12, found, -1.0)
    confident = reached.max(axis=1) >= 0
    counts = np.zeros((many, many))
    np.add.at(counts, (given[confident], reached[confident].argmax(axis=1)), 1.0)
    whole = counts.sum(axis=1, keepdims=True)
    # Nobody confident in a class's labels: they are taken as they are.
    shares = np.where(whole > 0, counts / np.where(whole > 0, whole, 1), np.eye(many))
    joint = shares * numbers[:, None]
    return np.asarray(joint / joint.sum())


def _chances(given: Ints, found: Floats, share: float, blind: tuple[int, ...]) -> Floats:
    """(n,) how probably each label is wrong; see the module."""
    own = found[np.arange(len(given)), given]
    # Neither nothing nor everything is wrong: the order would be lost.
    wrong = min(max(share, 1 / (len(given) + 1)), 0.5)
    each = wrong / (found.shape[1] - 1)
    chance = (1 - own) * each / (own * (1 - wrong) + (1 - own) * each)
    if blind:
        # Nothing is known of a class that is never predicted but how often labels are wrong elsewhere.
        other = ~np.isin(given, blind)
        chance[~other] = float(chance[other].mean()) if other.any() else 0.0
    return np.asarray(chance)


def _likeliest(given: Ints, found: Floats) -> Ints:
    """(n,) the class that is likeliest; of equal ones the given."""
    best, rows = found.argmax(axis=1), np.arange(len(given))
    return np.where(found[rows, best] > found[rows, given], best, given)
