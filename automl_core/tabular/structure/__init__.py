"""Finds out by itself how rows belong together, so that validation asks what new data will ask.

A random split is right where new rows are like the old ones: drawn at random from the same things at the same time. It
flatters where rows come in groups (and new rows will be of new groups), and where the future is to be predicted.
`detect` looks at names and values, weighs the evidence, and says in words what it rests on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.guardrails.view import View, column_view, view
from automl_core.tabular.structure import groups as grouping
from automl_core.tabular.structure import names
from automl_core.tabular.structure import times as timing
from automl_core.tabular.structure.groups import Candidate
from automl_core.tabular.structure.numbering import told_by_numbers
from automl_core.tabular.structure.times import Course

Kind = Literal["random", "group", "time"]


@dataclass(frozen=True)
class Structure:
    """How rows belong together.

    Attributes:
        kind: by what to validate: ``random``, ``group`` or ``time``. Only what is certain is anything but random.
        certainty: ``certain`` or ``doubtful``: whether the kind is beyond doubt. A doubtful group or time is named, and
            the kind stays random.
        group: the column that names groups, certain or doubtful.
        time: the column of moments; None where there is none, or where it is made of several (`time_columns`).
        time_columns: all columns that the moments are made of; empty where the file's own order is meant.
        moments: (n,) numbers that grow with time, for every row of the table, where the order in time is known.
        order: the column that gives a group's rows their order in time; None where there is none.
        asked: the column that may name groups of which the rows to predict are known: it is learned from like any.
        drop: columns that name groups, of which new rows bring new values: not to learn from.
        evidence: what it rests on, in words.
        numbers: the figures behind the words.
        why: one sentence for the report.
    """

    kind: Kind = "random"
    certainty: Literal["certain", "doubtful"] = "certain"
    group: str | None = None
    time: str | None = None
    time_columns: tuple[str, ...] = ()
    moments: NDArray[np.float64] | None = None
    order: str | None = None
    asked: str | None = None
    drop: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    numbers: dict[str, float] = field(default_factory=dict)
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the report; without the rows' moments."""
        return {
            "kind": self.kind, "certainty": self.certainty, "group": self.group, "time": self.time,
            "time_columns": list(self.time_columns), "drop": list(self.drop), "evidence": list(self.evidence),
            "numbers": dict(self.numbers), "why": self.why, "order": self.order,
        }  # fmt: skip


def detect(
    frame: Any,
    schema: Any,
    y: NDArray[Any],
    problem: Any,
    *,
    test: Any = None,
    weights: NDArray[np.float64] | None = None,
    said: str = "rows to predict",
) -> Structure:
    """How rows of a table belong together.

    Args:
        frame: the rows to learn from, in the file's order; the target among them is passed over.
        schema: kinds of its columns.
        y: (n,) numbers, or positions of classes.
        problem: what is predicted.
        test: rows that the model will be asked for, without their target, where they are known: if their groups are
            those of the rows to learn from, a random split is right.
        weights: (n,) rows of weight 0 are passed over.
        said: what ``test`` is called in words.
    """
    table = view(frame, schema, y, problem, weights=weights)
    if table.count < 30:
        return Structure(why=f"{table.count} rows are too few to see groups or time; rows are drawn at random")
    found = grouping.candidates(table)
    in_time = timing.courses(table)
    group = found[0] if found and found[0].points >= grouping.DOUBTFUL else None
    course = in_time[0] if in_time and in_time[0].points >= timing.DOUBTFUL else None
    if group is not None and test is not None:
        shared = _shared(table, group, frame, test)
        if shared is not None and shared > 0.8:
            return Structure(
                group=None, asked=group.column, order=group.panel if group.timed else None,
                evidence=(f"{shared:.0%} of the {said} have a known value of {group.column}", *group.evidence),
                numbers={"shared": round(shared, 3)},
                why=f"{said} are of the same values of {group.column} as those to learn from: drawn at random",
            )  # fmt: skip
    return _decided(table, frame, group, course)


def _decided(table: View, frame: Any, group: Candidate | None, course: Course | None) -> Structure:
    sure_group = group is not None and _certain(group)
    sure_time = course is not None and course.points >= timing.CERTAIN
    if sure_group and sure_time and group is not None and course is not None:
        # A panel: things that are followed in time. People are new ones; one row a moment is a single course.
        single = course.numbers.get("rows_per_moment", 9) < 1.5 or group.numbers["groups"] < 10
        if single and not names.of_a_person(group.column):
            sure_group = False
    if sure_group and group is not None and course is not None and group.timed:
        few = group.numbers["groups"] < 10 and course.numbers["moments"] >= 20 * group.numbers["groups"]
        if few and not names.of_a_person(group.column):
            # a handful of series, each long: what comes next is asked, not another station
            sure_group, sure_time = False, True
    moments = None if course is None else _moments(table, frame, course)
    if group is not None and (sure_group or not sure_time):
        by_outcome = told_by_numbers(table, group.column) if sure_group else 0.0
        return Structure(
            "group" if sure_group else "random", "certain" if sure_group else "doubtful", group.column,
            course.column if course else None, course.columns if course else (), moments,
            group.panel if group.timed else None, None, (group.column,) if sure_group else (), tuple(group.evidence),
            {**group.numbers, "points": group.points, **({"order_tells": round(by_outcome, 4)} if by_outcome else {})},
            f"rows of one {group.column} stay together: {group.evidence[0]}" if sure_group
            else f"{group.column} may name groups; rows are drawn at random",
        )  # fmt: skip
    if course is not None:
        told = " and ".join(course.columns) or "the file's order"
        return Structure(
            "time" if sure_time else "random", "certain" if sure_time else "doubtful", None, course.column,
            course.columns, moments, drop=(), evidence=tuple(course.evidence),
            numbers={**course.numbers, "points": course.points},
            why=f"later rows judge what earlier ones teach, by {told}" if sure_time
            else f"{told} may be an order in time; rows are drawn at random",
        )  # fmt: skip
    return Structure(why="no column names groups or an order in time: rows are drawn at random")


def _certain(group: Candidate) -> bool:
    alike = group.numbers.get("likeness", 0.0)
    if group.name == names.STRONG and (group.is_structure or names.surely_of_a_person(group.column)):
        return group.points >= grouping.CERTAIN - 1
    if group.name == names.STRONG:
        return group.points >= grouping.CERTAIN - 1 and group.depends and (group.numbers["groups"] >= 10 or alike > 0.5)
    if group.name == names.MEDIUM:
        return group.points >= grouping.CERTAIN and group.panel is not None
    if not group.depends or group.points < 2.0:
        return False
    if group.panel is not None:
        sure = bool(group.constant) and (group.timed or not group.numeric)
        return sure or (group.timed and alike > 0.2)
    return (
        bool(group.constant)
        and not group.numeric
        and group.numbers["groups"] >= 30
        and group.numbers["rows_per_group"] <= 50
        and alike > 0.15
    )


def _shared(table: View, group: Candidate, frame: Any, test: Any) -> float | None:
    """The share of the rows to predict whose group is known; None where they lack the column."""
    if group.column not in test.columns:
        return None
    here, there = frame.columns[group.column], test.columns[group.column]
    if hasattr(here, "codes"):
        known = {here.levels[code] for code in np.unique(np.asarray(here.codes)[np.asarray(here.codes) >= 0])}
        texts = np.array([level in known for level in there.levels] or [False])
        codes = np.asarray(there.codes)
        return float(np.mean(texts[codes[codes >= 0]])) if (codes >= 0).any() else None
    values = np.asarray(there, dtype=np.float64)
    values = values[~np.isnan(values)]
    return float(np.isin(values, np.asarray(here)).mean()) if len(values) else None


def _moments(table: View, frame: Any, course: Course) -> NDArray[np.float64] | None:
    """The moments of all rows, also of those that the sample left out."""
    if len(table.taken) == frame.n:
        return course.moments
    if not course.columns:
        return np.arange(frame.n, dtype=np.float64)
    everything = np.arange(frame.n)
    kinds = {one.name: one.kind for one in table.columns}
    whole = View(
        frame.n, [column_view(name, kinds[name], frame.columns[name], everything) for name in course.columns],
        np.zeros(frame.n), 0, table.target_name, everything,
    )  # fmt: skip
    return timing.moments(whole, course.columns)


__all__ = ["Kind", "Structure", "detect"]
