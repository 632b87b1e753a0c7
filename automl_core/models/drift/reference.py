"""How the values of each column were distributed, kept small: what later rows are compared with.

Every column is laid out on one line, so that one measure holds for all: numbers in their order, categories by how often
they were there, texts by their length. Missing values stand at the beginning, what was never seen at the end. What is
kept of a column is where its values lie on that line, as a distribution function of some hundred steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from automl_core.modelfile.scoring.values import Field, Frame, Schema

STEPS = 500
"""Places of a distribution function at most: it is exact to a thousandth there, far below what is worth an alarm."""

CATEGORIES = 1000
"""Categories that are told apart; rarer ones of the reference are one."""

FORMAT = 1

Line = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ColumnReference:
    """One column of a reference.

    Attributes:
        name: of the column.
        kind: ``number``, ``category`` or ``text``.
        missing: share of rows without a value.
        points: (k,) increasing places of numbers or lengths; those of categories are 0, 1, 2, …
        below: (k,) share of all rows at or before each point, missing ones among them.
        levels: a category's texts in the order of their places; empty for other kinds.
        other: share of rows with a category beyond `CATEGORIES`.
    """

    name: str
    kind: str
    missing: float
    points: tuple[float, ...]
    below: tuple[float, ...]
    levels: tuple[str, ...] = ()
    other: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        found: dict[str, Any] = {"name": self.name, "kind": self.kind, "missing": self.missing}
        found |= {"below": list(self.below)}
        return found | ({"levels": list(self.levels), "other": self.other} if self.kind == "category" else {
            "points": list(self.points)
        })  # fmt: skip

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ColumnReference:
        """From what `to_json` gave."""
        levels = tuple(str(each) for each in data.get("levels", ()))
        points = tuple(map(float, data["points"])) if "points" in data else tuple(map(float, range(len(levels))))
        return cls(
            str(data["name"]), str(data["kind"]), float(data["missing"]), points, tuple(map(float, data["below"])),
            levels, float(data.get("other", 0.0)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reference:
    """What later rows are compared with.

    Attributes:
        rows: that it was made of.
        columns: in the order of the table.
        left_out: column → why it is not compared.
    """

    rows: int
    columns: tuple[ColumnReference, ...]
    left_out: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """As plain data, without any row; names of categories are in it."""
        columns = [each.to_json() for each in self.columns]
        return {"format": FORMAT, "rows": self.rows, "columns": columns, "left_out": dict(self.left_out)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reference:
        """From what `to_json` gave.

        Raises:
            ValueError: a later release wrote it, or it is none.
        """
        try:
            if int(data["format"]) > FORMAT:
                raise ValueError(f"its format {data['format']} is later than {FORMAT}, the latest this release reads")
            columns = tuple(ColumnReference.from_json(each) for each in data["columns"])
            return cls(int(data["rows"]), columns, dict(data["left_out"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no reference of a table's columns: {type(error).__name__}: {error}") from None


def reference_of(schema: Schema, frame: Frame, outputs: Mapping[str, Sequence[float]] | None = None) -> Reference:
    """The reference that rows make.

    Args:
        schema: of the model: which columns there are, and of what kind.
        frame: the rows, read by it.
        outputs: what the model said of these rows, as further columns of numbers: name → (n,).
    """
    columns, left_out = [], dict[str, str]()
    for field in schema:
        if field.kind == "time":
            left_out[field.name] = "times go on by themselves"
            continue
        if field.optional:
            left_out[field.name] = "it names things, of which new ones come by themselves"
            continue
        columns.append(_of_field(field, frame))
    for name, values in (outputs or {}).items():
        columns.append(_of_numbers(name, "number", np.asarray(values, dtype=np.float64)))
    return Reference(frame.n, tuple(columns), left_out)


def line_of(reference: ColumnReference, schema: Schema, frame: Frame, outputs: Mapping[str, Any]) -> Line:
    """(n,) where rows lie on a column's line: NaN for missing, infinity for what the reference never saw."""
    if reference.name in outputs:
        return np.asarray(outputs[reference.name], dtype=np.float64)
    field = next(each for each in schema if each.name == reference.name)
    if reference.kind != "category":
        return _numbers_of(field, frame)
    codes = frame.coded(field.name).codes_in(reference.levels).astype(np.float64)
    codes[codes == -1] = np.nan
    codes[codes == -2] = np.inf
    return codes


def _of_field(field: Field, frame: Frame) -> ColumnReference:
    if field.kind == "category":
        return _of_category(field.name, frame)
    return _of_numbers(field.name, field.kind, _numbers_of(field, frame))


def _numbers_of(field: Field, frame: Frame) -> Line:
    """The numbers of a column, or the lengths of its texts."""
    if field.kind != "text":
        return np.asarray(frame.numbers(field.name), dtype=np.float64)
    coded = frame.coded(field.name)
    lengths = np.asarray([*(len(level) for level in coded.levels), np.nan], dtype=np.float64)
    return np.asarray(lengths[coded.codes])


def _of_numbers(name: str, kind: str, values: Line) -> ColumnReference:
    count = max(1, len(values))
    known = np.sort(values[~np.isnan(values)])
    missing = len(values) - len(known)
    points, places = np.unique(known, return_index=True)
    ends = np.append(places[1:], len(known))[: len(points)]
    if len(points) > STEPS:
        kept = np.unique(np.searchsorted(ends, np.linspace(1, len(known), STEPS), side="left"))
        points, ends = points[kept], ends[kept]
    below = (missing + ends) / count
    return ColumnReference(name, kind, missing / count, tuple(points.tolist()), tuple(below.tolist()))


def _of_category(name: str, frame: Frame) -> ColumnReference:
    coded = frame.coded(name)
    count, missing = max(1, frame.n), int((coded.codes < 0).sum())
    seen = np.bincount(coded.codes[coded.codes >= 0], minlength=len(coded.levels))
    order = sorted((place for place in range(len(seen)) if seen[place]), key=lambda at: (-seen[at], coded.levels[at]))
    kept = order[:CATEGORIES]
    below = (missing + np.cumsum(seen[kept])) / count
    other = float(seen[order[CATEGORIES:]].sum()) / count
    return ColumnReference(
        name, "category", missing / count, tuple(map(float, range(len(kept)))), tuple(below.tolist()),
        tuple(coded.levels[place] for place in kept), other,
    )  # fmt: skip
