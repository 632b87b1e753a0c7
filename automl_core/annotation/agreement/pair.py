"""Two models and a random sample that people have labelled → which labels are taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from automl_core.annotation.agreement import threshold as thresholds
from automl_core.annotation.agreement.bounds import Promise, alpha_of_look
from automl_core.annotation.agreement.comparing import (
    Compared,
    apply,
    class_places,
    compare,
    fit_temperature,
    probabilities,
)
from automl_core.annotation.agreement.draws import drawn
from automl_core.annotation.agreement.families import check_different
from automl_core.annotation.agreement.plan import CALIBRATING

PURPOSE = "calibrating"
"""Of the draw that parts the sample: an item stays on its side when labels of others come in."""


@dataclass(frozen=True, slots=True)
class Labeller:
    """One of the two models.

    Attributes:
        name: for people.
        families: `families.families` of it.
        outputs: (n, K) probabilities of the pool's items, by a model that was trained on none of them.
    """

    name: str
    families: Mapping[str, float]
    outputs: ArrayLike


@dataclass(frozen=True, slots=True)
class Agreement:
    """What two models may label.

    Attributes:
        found: the threshold, and why it or none.
        calibrations: of the two models, as models' folders have them.
        compared: what they say of the pool, calibrated.
        taken: (n,) whether an item's label is taken: above the threshold, and not labelled by people.
        calibrating, testing: labels of the sample that were used for each.
    """

    found: thresholds.Found
    calibrations: tuple[dict[str, Any], dict[str, Any]]
    compared: Compared
    taken: NDArray[np.bool_]
    calibrating: int
    testing: int

    def would_take(self, first: ArrayLike, second: ArrayLike) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Items that came later: (n,) whether the threshold takes each, and (n,) the place of its label.

        Args:
            first, second: (n, K) probabilities as the models give them, not calibrated.

        Raises:
            ValueError: probabilities that are none.
        """
        one, other = (apply(each, found) for each, found in zip(self.calibrations, (first, second), strict=True))
        compared = compare(one, other)
        limit = self.found.threshold
        return (
            compared.sure >= limit if limit is not None else np.zeros(len(compared), dtype=np.bool_)
        ), compared.label


def agree(
    first: Labeller, second: Labeller, items: Sequence[str], labels: Mapping[str, int],
    promise: Promise | None = None, *, seed: int = 0, look: int | None = None, calibrating: float = CALIBRATING,
) -> Agreement:  # fmt: skip
    """Find out what two models may label.

    Part of the sample calibrates both models, the rest tests thresholds: a threshold on probabilities that the tested
    labels themselves had moved would be shown more often than it holds.

    Args:
        first, second: the models.
        items: (n,) ids of the pool's items: those that people have labelled as the random sample, and those without a
            label.
        labels: id → place of the label's class, of the random sample alone. Labels of items that were chosen for what
            the models say of them would make the promise worthless; who has such items leaves them out of the pool.
        promise: what is to hold.
        seed: of the draw that parts the sample.
        look: the so-manieth search of the project, from 1 (`bounds.alpha_of_look`); None where it is the only one.
        calibrating: share of the sample that calibrates.

    Raises:
        SameFamily: both models are of one family.
        ValueError: an id twice, labels of other items or of no class, probabilities that are none.
    """
    promise = promise or Promise()
    check_different(first.families, second.families, names=(first.name, second.name))
    outputs = [probabilities(each.outputs, each.name) for each in (first, second)]
    places = {item: place for place, item in enumerate(items)}
    if len(places) != len(items):
        raise ValueError(f"{len(items) - len(places)} ids occur twice in the pool: an item would count twice")
    for each, found in zip((first, second), outputs, strict=True):
        if len(found) != len(items):
            raise ValueError(f"{each.name} has probabilities of {len(found)} items, the pool has {len(items)}")
    unknown = [item for item in labels if item not in places]
    if unknown:
        raise ValueError(f"{len(unknown)} labels are of items that the pool has not, the first of {unknown[0]!r}")
    sampled = sorted(labels, key=lambda item: places[item])
    at = np.asarray([places[item] for item in sampled], dtype=np.int64)
    given = class_places([labels[item] for item in sampled], len(sampled), outputs[0].shape[1]) if sampled else at
    own = drawn(sampled, calibrating, seed=seed, purpose=PURPOSE)
    one, other = (
        fit_temperature(found[at[own]], given[own], name=each.name)
        for each, found in zip((first, second), outputs, strict=True)
    )
    compared = compare(apply(one, outputs[0]), apply(other, outputs[1]), names=(first.name, second.name))
    # Those that calibrated are out of the pool: people have labelled them, and they test nothing.
    rest = np.ones(len(items), dtype=np.bool_)
    rest[at[own]] = False
    new_place = np.cumsum(rest) - 1
    tested = at[~own]
    result = thresholds.find(
        compared.sure[rest], new_place[tested], compared.label[tested] == given[~own], promise,
        alpha=alpha_of_look(promise, look) if look is not None else None,
    )  # fmt: skip
    taken = np.zeros(len(items), dtype=np.bool_)
    if result.threshold is not None:
        taken = compared.sure >= result.threshold
        taken[at] = False
    return Agreement(result, (one, other), compared, taken, int(own.sum()), len(tested))
