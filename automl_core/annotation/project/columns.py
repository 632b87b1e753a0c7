"""Many labels in few bytes: column by column, each value once where it occurs often. In records and in snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automl_core.annotation.project.labels import Source, Vote

Columns = dict[str, Any]

_FIELDS = ("label", "author", "source", "seconds", "price", "kind", "skipped", "where", "round", "batch")
"""Of a label, beside its item and its time."""


def pack_votes(votes: Sequence[Vote]) -> Columns:
    """Labels as plain JSON. Times are kept to the millisecond."""
    times = [round(vote.time * 1000) for vote in votes]
    found: Columns = {
        "item": [vote.item for vote in votes],
        "time": [after - before for before, after in zip([0, *times], times, strict=False)],
    }
    for name in _FIELDS:
        values = [getattr(vote, name) for vote in votes]
        column = pack_column([str(value) if isinstance(value, Source) else value for value in values])
        if column != _DEFAULTS[name]:
            found[name] = column
    return found


def unpack_votes(columns: Columns) -> list[Vote]:
    """What `pack_votes` was given.

    Raises:
        ValueError: columns are of different lengths, or hold something else.
        KeyError, TypeError, IndexError: they are malformed.
    """
    items = columns["item"]
    many = len(items)
    values = {name: unpack_column(columns.get(name, _DEFAULTS[name]), many) for name in _FIELDS}
    steps = columns["time"]
    if len(steps) != many:
        raise ValueError(f"{len(steps)} times for {many} labels")
    votes, time = [], 0
    for place, number in enumerate(items):
        time += steps[place]
        row = {name: values[name][place] for name in _FIELDS}
        votes.append(_vote(number, time / 1000, row))
    return votes


def pack_column(values: Sequence[Any]) -> Any:
    """Values of one column: ``{"is": VALUE}`` where all are the same, values and places where that is shorter."""
    keyed = [(type(value), value) for value in values]  # 1 is no True here, and 1.0 no 1
    distinct = dict.fromkeys(keyed)
    if len(distinct) == 1:
        return {"is": values[0]}
    if 3 * len(distinct) <= len(values):
        at = {key: place for place, key in enumerate(distinct)}
        return {"of": [value for _, value in distinct], "at": [at[key] for key in keyed]}
    return list(values)


def unpack_column(column: Any, many: int) -> list[Any]:
    """What `pack_column` was given.

    Raises:
        ValueError: it has another length.
    """
    if isinstance(column, list):
        values = column
    elif "is" in column:
        values = [column["is"]] * many
    else:
        of = column["of"]
        if any(place < 0 for place in column["at"]):
            raise ValueError("a place below 0")
        values = [of[place] for place in column["at"]]
    if len(values) != many:
        raise ValueError(f"{len(values)} values for {many} lines")
    return values


_DEFAULTS: dict[str, Any] = {
    "label": {"is": ""}, "author": {"is": ""}, "source": {"is": "person"}, "seconds": {"is": None},
    "price": {"is": 0.0}, "kind": {"is": ""}, "skipped": {"is": False}, "where": {"is": ""}, "round": {"is": 0},
    "batch": {"is": 0},
}  # fmt: skip


def _vote(number: Any, time: float, row: dict[str, Any]) -> Vote:
    whole = (number, row["round"], row["batch"])
    if any(not isinstance(each, int) or isinstance(each, bool) or each < 0 for each in whole):
        raise ValueError(f"{whole!r:.60}: item, round and batch are numbers from 0")
    texts = (row["label"], row["author"], row["kind"], row["where"])
    if not all(isinstance(each, str) for each in texts):
        raise ValueError(f"{texts!r:.60}: label, author, kind and where are texts")
    if not isinstance(row["skipped"], bool):
        raise ValueError(f"skipped is {row['skipped']!r:.20}")
    seconds, price = row["seconds"], row["price"]
    if not all(isinstance(each, int | float) for each in (time, price, 0 if seconds is None else seconds)):
        raise ValueError(f"{(seconds, price)!r:.60}: seconds and price are numbers")
    return Vote(
        number, row["label"], row["author"], Source(row["source"]), time, seconds, price, row["kind"], row["skipped"],
        row["where"], row["round"], row["batch"],
    )  # fmt: skip
