"""Whether a table is a course in time, so that a model will predict what comes after all that it has seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from automl_core.tabular.guardrails.view import MONTHS_OF_YEAR, ColumnView, View
from automl_core.tabular.structure import names
from automl_core.tabular.structure.evidence import Floats, Ints, correlation

CERTAIN, DOUBTFUL = 3.0, 1.5
MONTHS = ("month", "mon", "mm")
DAYS = ("day", "dom", "mday")


@dataclass
class Course:
    """A way to order the rows in time.

    Attributes:
        columns: those that the order is of; none where it is the file's own.
        moments: (n,) a number that grows with time.
        points: what all evidence comes to.
        evidence: in words.
        numbers: the figures behind the words.
    """

    columns: tuple[str, ...]
    moments: Floats
    points: float = 0.0
    evidence: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)

    def add(self, points: float, words: str, **numbers: float) -> None:
        """Take a piece of evidence into account."""
        self.points += points
        self.evidence.append(words)
        self.numbers.update(numbers)

    @property
    def column(self) -> str | None:
        """The one column, where it is one."""
        return self.columns[0] if len(self.columns) == 1 else None


def courses(table: View) -> list[Course]:
    """Ways to order the rows in time, the likeliest first."""
    found = [_judged(table, course) for course in _calendars(table)]
    if not any(course.points >= CERTAIN for course in found):
        own = _file_order(table)
        if own is not None:
            found.append(own)
    return sorted(found, key=lambda one: -one.points)


def _calendars(table: View) -> list[Course]:
    found = []
    by_word = {"".join(names.words(column.name)): column for column in table.columns}
    year = next((by_word[name] for name in ("year", "yr") if name in by_word), None)
    month = next((by_word[name] for name in MONTHS if name in by_word), None)
    day = next((by_word[name] for name in DAYS if name in by_word), None)
    quarter = by_word.get("quarter")
    used: set[str] = set()
    parts = [part for part in (year, month or quarter, day) if part is not None]
    if len(parts) > 1 and (year is not None or (month is not None and day is not None)):
        columns = tuple(part.name for part in parts)
        made = moments(table, columns)
        if made is not None:
            found.append(Course(columns, made))
            used = set(columns)
    for column in table.columns:
        if column.name in used or not column.numeric or column.distinct < 5 or column.there.mean() < 0.98:
            continue
        if column.kind == "time" or names.of_a_date(column.name):
            found.append(Course((column.name,), column.numbers))
    return found


def moments(table: View, columns: tuple[str, ...]) -> Floats | None:
    """(n,) numbers that grow with time, made of one column or of parts of a date; None where the parts are no numbers.

    Args:
        table: whose rows.
        columns: a column of moments, or some of year, quarter or month, and day.
    """
    if len(columns) == 1:
        return table.column(columns[0]).numbers
    made = np.zeros(table.count)
    for name in columns:
        values = _number(table.column(name))
        if values is None:
            return None
        word = "".join(names.words(name))
        made = made + values * {"year": 372.0, "yr": 372.0, "quarter": 93.0, **dict.fromkeys(MONTHS, 31.0)}.get(
            word, 1.0
        )
    return made if np.isfinite(made).mean() > 0.98 else None


def _number(column: ColumnView) -> Floats | None:
    if column.numeric:
        return column.numbers
    places = [float(MONTHS_OF_YEAR.get(level.lower()[:3], np.nan)) for level in column.levels]
    values = np.array([*places, np.nan])[np.where(column.there, column.numbers, len(places)).astype(np.int64)]
    return values if np.isfinite(values).mean() > 0.98 else None


def _judged(table: View, course: Course) -> Course:
    """Evidence that the order by a calendar matters: one row a moment, a regular step, outcomes that persist."""
    known = np.isfinite(course.moments)
    moments = course.moments[known]
    different, counts = np.unique(moments, return_counts=True)
    per_moment = len(moments) / len(different)
    told = " and ".join(course.columns)
    course.numbers.update(moments=len(different), rows_per_moment=round(per_moment, 2))
    kinds = {table.column(name).kind for name in course.columns}
    if "time" in kinds or len(course.columns) > 1:
        course.add(1.0, f"{told} says when each row was")
    else:
        course.add(0.5, f"{told} has the name of a moment")
    if per_moment < 1.1 and len(different) >= 15:
        steps = np.diff(different)
        regular = float((np.abs(steps - np.median(steps)) <= 0.25 * np.median(steps)).mean())
        course.numbers["regular"] = round(regular, 3)
        course.add(
            1.0 if regular < 0.6 else 2.5,
            "there is one row a moment" + (", at regular steps" if regular >= 0.6 else ""),
        )
    elif len(counts) >= 5 and counts.std() < 0.1 * counts.mean():
        course.add(0.5, f"each moment has about as many rows ({per_moment:.0f})")
    rows = np.flatnonzero(known)
    in_order = np.diff(course.moments[rows])
    if len(different) >= 5 and (in_order >= 0).mean() > 0.98:
        course.add(0.75, "the file is in its order")
        if per_moment > 60 and len(different) < 0.2 * len(moments):
            _within(table, course, rows)
    _persistence(table, course, rows)
    return course


def _within(table: View, course: Course, rows: Ints) -> None:
    """Whether rows of one moment go on in the file's order: the moment is a year, and the rows are its days."""
    same = np.diff(course.moments[rows]) == 0
    best = 0.0
    for k in range(table.outcomes.shape[1]):
        values = table.outcomes[rows, k]
        positions = np.unique(course.moments[rows], return_inverse=True)[1].reshape(-1)
        rest = values - (np.bincount(positions, values) / np.bincount(positions))[positions]
        best = max(best, correlation(rest[:-1][same], rest[1:][same]))
    if best > 0.2 and best * np.sqrt(same.sum()) > 6 and _sorted(table) is None:
        course.add(
            2.0,
            f"within a moment the target goes along with the row before it (correlation {best:.2f})",
            within=round(best, 3),
        )


def _persistence(table: View, course: Course, rows: Ints) -> None:
    """Whether outcomes of neighbouring moments are alike, beyond all moments' trend and beyond chance."""
    positions = np.unique(course.moments[rows], return_inverse=True)[1].reshape(-1)
    sizes = np.bincount(positions)
    if len(sizes) < 8:
        return
    best = 0.0
    for k in range(table.outcomes.shape[1]):
        means = np.bincount(positions, table.outcomes[rows, k]) / sizes
        best = max(best, correlation(means[:-1], means[1:]))
    sure = best * np.sqrt(len(sizes) - 1)
    # how much of all rows' variance lies between moments: a mean of a thousand rows persists easily and matters little
    shares = []
    for k in range(table.outcomes.shape[1]):
        values = table.outcomes[rows, k]
        means = np.bincount(positions, values) / sizes
        spread = float(((values - values.mean()) ** 2).sum())
        shares.append(float((sizes * (means - values.mean()) ** 2).sum()) / spread if spread > 0 else 0.0)
    share = max(max(shares) - (len(sizes) - 1) / max(len(rows) - 1, 1), 0.0) if len(sizes) < 0.9 * len(rows) else 1.0
    course.numbers.update(persistence=round(best, 3), between_moments=round(share, 3))
    if sure > 3.0 and best > 0.2 and share > 0.05:
        course.add(1.0 if best < 0.6 else 1.5, f"outcomes of neighbouring moments are alike (correlation {best:.2f})")


def _file_order(table: View) -> Course | None:
    """Whether the file's own order is one in time: most columns wander from row to row, and none of them is sorted."""
    if table.count < 40:
        return None
    target = max(
        (correlation(table.outcomes[:-1, k], table.outcomes[1:, k]) for k in range(table.outcomes.shape[1])),
        default=0.0,
    )
    wandering, repeated, looked = [], [], 0
    for column in table.columns:
        if not column.numeric or column.distinct < min(20, 0.3 * table.count) or not column.there.all():
            continue
        steps = np.diff(column.numbers)
        if (steps > 0).all() or (steps < 0).all():  # rows are numbered, or sorted by it: it goes on whatever they are
            continue
        looked += 1
        wandering.append(correlation(column.numbers[:-1], column.numbers[1:]))
        repeated.append(float((steps == 0).mean()))
    if not looked or target * np.sqrt(table.count) < 4:
        return None
    course = Course((), table.taken.astype(np.float64))
    course.add(
        0.5, f"the target goes along with the row before it (correlation {target:.2f})", persistence=round(target, 3)
    )
    still = float(np.median(repeated))
    sorted_by = _sorted(table)
    course.numbers.update(wandering=round(float(np.median(wandering)), 3), repeated=round(still, 3))
    if sorted_by is not None and not (sorted_by == table.target_name and np.median(wandering) > 0.97 and still < 0.1):
        course.add(-1.0, f"but the file is sorted by {sorted_by}")
    elif (
        target > 0.2
        and still < 0.1
        and (np.median(wandering) > 0.8 or (np.median(wandering) > 0.5 and target > 0.5 and still < 0.05))
    ):
        course.add(2.75, f"most columns change little from row to row (median correlation {np.median(wandering):.2f})")
    elif target > 0.2 and np.median(wandering) > 0.5 and still < 0.2:
        course.add(1.0, f"so do other columns (median correlation {np.median(wandering):.2f})")
    return course


def _sorted(table: View) -> str | None:
    """A column by which the file is sorted, and which is no time: then the order says nothing more."""
    steps = np.diff(table.target)
    if max((steps >= 0).mean(), (steps <= 0).mean()) > 0.9:
        return table.target_name
    codes = table.target.astype(np.int64) if table.classes else None
    if codes is not None and int((np.diff(codes) != 0).sum()) < 0.05 * len(codes) + table.classes:
        return table.target_name
    for column in table.columns:
        if column.distinct < 2 or not column.there.all():
            continue
        steps = np.diff(column.numbers)
        if not column.numeric and int((steps != 0).sum()) <= 1.05 * column.distinct:
            return column.name
        if (
            column.numeric
            and 5 <= column.distinct < 0.5 * table.count
            and ((steps >= 0).all() or (steps <= 0).all())
            and not names.of_a_time(column.name)
        ):
            return column.name
    return None
