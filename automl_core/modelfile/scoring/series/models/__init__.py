"""Models of series as plain data: one file a type, its document described there; `model_of` makes one of its document.

Two kinds. *Local* models forecast each series from a state of its own: many series of one form lie side by side in
arrays with a row a series (`base.Local`)::

    {"type": "ets", …, "series": (k,) int64 places among the model's series, "alpha": (k,), "level": (k,), …}

*Global* models (`trees`) forecast any series from its kept values. A learner writes a *record* for each series, the
same document with numbers in place of columns; `stacked` lays records of one form side by side.

A local model is run on by `Local.step`, value by value, parameters as fitted: updating in one go is the same as row by
row. A missing value is the model's own forecast of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .base import Local
from .ces import Ces
from .croston import Croston, Tsb
from .ets import Ets
from .naive import Drift, Mean, SeasonalNaive
from .state_space import StateSpace
from .theta import Theta

__all__ = ["LOCAL", "Local", "local_of", "stacked"]


def _decomposed(document: Mapping[str, Any]) -> Local:
    from .decomposed import Decomposed

    return Decomposed(document)


LOCAL: Mapping[str, Callable[[Mapping[str, Any]], Local]] = {
    "ces": Ces,
    "croston": Croston,
    "decomposed": _decomposed,
    "drift": Drift,
    "ets": Ets,
    "mean": Mean,
    "seasonal_naive": SeasonalNaive,
    "state_space": StateSpace,
    "theta": Theta,
    "tsb": Tsb,
}
"""Type in a document → what makes a model with a state a series of it. ``trees`` is global (`trees.SeriesTrees`)."""


def local_of(document: Mapping[str, Any]) -> Local:
    """A local model, ready to forecast.

    Raises:
        ValueError: its type is not known.
    """
    kind = document.get("type")
    if kind not in LOCAL:
        raise ValueError(
            f"there is no model of series of the type {kind!r} (known: {', '.join(LOCAL)}, trees); "
            "a later release wrote it"
        )
    return LOCAL[str(kind)](document)


def stacked(records: Sequence[Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """Records of single series, laid side by side: a document for each form among them.

    Args:
        records: (S,) one a series, as its type's document but for numbers and arrays of one series (``"alpha": 0.3``,
            ``"seasonal": (m,)``); None where there is none.

    Returns:
        Documents, each with ``series``: the places of its series among the records.
    """
    groups: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        if record is not None:
            groups.setdefault(repr(_form(record)), []).append(place)
    return [_side_by_side([records[each] for each in places], places) for places in groups.values()]


def _form(record: Mapping[str, Any]) -> list[Any]:
    """What records must share to lie side by side: texts, whole numbers, and the shapes of arrays."""
    found: list[Any] = []
    for name in sorted(record):
        value = record[name]
        if isinstance(value, Mapping):
            found.append((name, _form(value)))
        elif isinstance(value, (str, bool)) or value is None or type(value) is int:
            found.append((name, value))
        else:
            found.append((name, np.shape(value)))
    return found


def _side_by_side(records: Sequence[Any], places: Sequence[int] | None = None) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name, value in records[0].items():
        if isinstance(value, Mapping):
            document[name] = _side_by_side([each[name] for each in records])
        elif isinstance(value, (str, bool)) or value is None or type(value) is int:
            document[name] = value
        else:
            document[name] = np.asarray([np.asarray(each[name], dtype=np.float64) for each in records])
    if places is not None:
        document["series"] = np.asarray(places, dtype=np.int64)
    return document
