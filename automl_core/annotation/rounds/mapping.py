"""What a model says, in the classes of the file: models are made by others and know what they have seen."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class NotUsable(ValueError):
    """A model that can't speak of this project's items. The message names it, and says why."""


def check_classes(name: str, known: Sequence[str], classes: Sequence[str]) -> list[str]:
    """See that a model speaks of the file's classes.

    Args:
        name: of the model, for messages.
        known: classes that it knows.
        classes: of the file.

    Returns:
        Classes of the file that it does not know: nobody had labelled any when it was trained.

    Raises:
        NotUsable: it knows a class that the file has not, or fewer than two.
    """
    strange = [each for each in known if each not in classes]
    if strange:
        near = get_close_matches(strange[0], list(classes), 1)
        meant = f"; did it mean {near[0]!r}?" if near else ""
        raise NotUsable(
            f"{name} knows the class {strange[0]!r}, which labels.classes has not (it has {', '.join(classes)}){meant}"
        )
    if len(known) < 2:
        raise NotUsable(f"{name} knows {len(known)} of the classes: it says the same of every item")
    return [each for each in classes if each not in known]


def onto(known: Sequence[str], classes: Sequence[str], outputs: Floats) -> Floats:
    """(n, classes of the file) probabilities; 0 for classes that the model does not know, lines of NaN stay.

    Args:
        known: classes of the model, in the order of its outputs; all of them are among `classes`.
        classes: of the file.
        outputs: (n, known).
    """
    table = np.zeros((len(outputs), len(classes)))
    table[:, [list(classes).index(each) for each in known]] = outputs
    table[np.isnan(outputs).any(axis=1)] = np.nan
    whole = table.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(table, whole, out=np.full_like(table, np.nan), where=whole > 0))


def check_columns(name: str, needed: Sequence[str], columns: Sequence[str]) -> None:
    """See that an item has what a model reads.

    Raises:
        NotUsable: it needs a column that is no part of an item.
    """
    missing = [each for each in needed if each not in columns]
    if missing:
        near = get_close_matches(missing[0], list(columns), 1)
        meant = f"; the nearest is {near[0]!r}" if near else ""
        hint = (
            f": its experiment must not learn from it (columns.ignore: [{', '.join(missing)}])"
            if set(missing) <= OF_SETS
            else ""
        )
        there = ", ".join(columns)
        raise NotUsable(
            f"{name} reads the column {missing[0]!r}, which items have not (they have {there}){meant}{hint}"
        )


OF_SETS = frozenset({"item", "source", "weight", "label"})
"""Columns of a data set version beside those of the items: nothing is learned from them but the label."""
