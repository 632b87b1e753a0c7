"""Labels that several annotators gave to the same items, as arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Votes:
    """Who gave which label to what. Items, annotators and classes are in the order of their names.

    Attributes:
        items, annotators, classes: names.
        item, annotator, label: (v,) of each vote, the places of its item, its annotator and its class.
    """

    items: tuple[str, ...]
    annotators: tuple[str, ...]
    classes: tuple[str, ...]
    item: Ints
    annotator: Ints
    label: Ints

    @classmethod
    def of(cls, votes: Iterable[tuple[str, str, str]], classes: Sequence[str] | None = None) -> Votes:
        """Votes from (item, annotator, label). Their order makes no difference to anything that is worked out of them.

        Args:
            votes: each annotator once on each item.
            classes: in the order wanted; those that occur, in the order of their names, where it is None.

        Raises:
            ValueError: an annotator twice on one item (which of both labels counts is the caller's to say: the later
                one, as a rule), a label that is no class.
            TypeError: something that is no text, such as a missing label.
        """
        held = list(votes)
        for vote in held:
            if not all(isinstance(each, str) for each in vote):
                raise TypeError(
                    f"a vote is (item, annotator, label), all of them texts, not {vote!r}; leave out what is missing"
                )
        pairs = {(item, annotator) for item, annotator, _ in held}
        if len(pairs) != len(held):
            numbers = Counter((item, annotator) for item, annotator, _ in held)
            double = next(pair for pair, number in numbers.items() if number > 1)
            raise ValueError(
                f"{len(held) - len(pairs)} votes are second ones by the same annotator on the same item, "
                f"the first by {double[1]!r} on {double[0]!r}: keep the one that counts"
            )
        names = tuple(classes) if classes is not None else tuple(sorted({vote[2] for vote in held}))
        if len(set(names)) != len(names):
            raise ValueError(f"a class is named twice among {list(names)}")
        place = {name: at for at, name in enumerate(names)}
        wrong = next((vote for vote in held if vote[2] not in place), None)
        if wrong is not None:
            raise ValueError(
                f"{wrong[1]!r} labelled {wrong[0]!r} as {wrong[2]!r}, which is no class (known: {', '.join(names)})"
            )
        items, annotators = (tuple(sorted({vote[at] for vote in held})) for at in (0, 1))
        item_at, annotator_at = ({name: at for at, name in enumerate(each)} for each in (items, annotators))
        found = np.asarray(
            sorted((item_at[i], annotator_at[a], place[c]) for i, a, c in held), dtype=np.int64
        ).reshape(-1, 3)  # fmt: skip
        return cls(items, annotators, names, found[:, 0], found[:, 1], found[:, 2])

    def __len__(self) -> int:
        return len(self.item)

    @property
    def counts(self) -> Ints:
        """(items, classes) how many annotators gave each class."""
        found = np.zeros((len(self.items), len(self.classes)), dtype=np.int64)
        np.add.at(found, (self.item, self.label), 1)
        return found

    @property
    def single(self) -> NDArray[np.bool_]:
        """(items,) whether one annotator alone has labelled it: nobody else says whether the label is right."""
        return np.asarray(np.bincount(self.item, minlength=len(self.items)) == 1)

    def table(self) -> NDArray[np.float64]:
        """(annotators, items) places of the labels, NaN where an annotator gave none."""
        found = np.full((len(self.annotators), len(self.items)), np.nan)
        found[self.annotator, self.item] = self.label
        return found
