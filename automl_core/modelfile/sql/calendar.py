"""Times as seconds since 1970 (UTC), and parts of the calendar, by arithmetic alone.

Every dialect has its own functions of dates, with its own zones and its own firsts of a week; DOUBLE and FLOOR are the
same in all. Days and dates follow Hinnant's algorithms (chrono-Compatible Low-Level Date Algorithms, 2013).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from sqlglot import exp

from automl_core.modelfile.scoring.features.dates import DAY, YEAR
from automl_core.modelfile.sql.nodes import (
    Node,
    add,
    among,
    both,
    call,
    case,
    cast,
    coalesce,
    compare,
    div,
    floor,
    is_null,
    mul,
    number,
    sub,
    text,
)
from automl_core.modelfile.sql.program import Program
from automl_core.modelfile.sql.script import NotInSql

FIRST_MONDAY = 4 * DAY  # 1970-01-05


def seconds(program: Program, column: Node, type_: str, name: str) -> Node:
    """A column of the table as seconds since 1970.

    Args:
        program: gets what stands between.
        column: as it is.
        type_: see `dialects.column_type`.
        name: of the column, for people.

    Raises:
        NotInSql: its type holds no times.
    """
    if type_ in ("integer", "float", "number", "decimal"):
        return cast(column, "double")
    if type_ == "string":
        return of_text(program, column)
    if type_ not in ("date", "timestamp", "timestamp_ns"):
        raise NotInSql(f"column {name!r} is a {type_} in the table, and the model reads times")
    return _OF_TIME[program.target.name](column, type_)


def _duckdb(column: Node, type_: str) -> Node:
    if type_ == "timestamp_ns":
        return div(cast(call("EPOCH_NS", column), "double"), number(1e9))
    return div(cast(call("EPOCH_US", column), "double"), number(1e6))


def _maxcompute(column: Node, type_: str) -> Node:
    """DATEDIFF, which has milliseconds as its smallest unit; the zone is UTC by the script's settings."""
    if type_ == "date":
        days = call("DATEDIFF", column, cast(text("1970-01-01"), "date"), text("dd"))
        return mul(cast(days, "double"), number(DAY))
    first = cast(text("1970-01-01 00:00:00"), "datetime")
    passed = call("DATEDIFF", cast(column, "datetime"), first, text("ff3"))
    return div(cast(passed, "double"), number(1e3))


def _ansi(column: Node, type_: str) -> Node:
    def part(name: str) -> Node:
        return cast(exp.Extract(this=exp.Var(this=name), expression=column.copy()), "double")

    days = days_of(part("YEAR"), part("MONTH"), part("DAY"))
    if type_ == "date":
        return mul(days, number(DAY))
    return _clock(days, part("HOUR"), part("MINUTE"), part("SECOND"))


_OF_TIME: Mapping[str, Callable[[Node, str], Node]] = {"duckdb": _duckdb, "maxcompute": _maxcompute, "ansi": _ansi}


def _clock(days: Node, hours: Node, minutes: Node, rest: Node) -> Node:
    whole = add(add(mul(days, number(DAY)), mul(hours, number(3600))), mul(minutes, number(60)))
    return add(whole, rest)


def days_of(year: Node, month: Node, day: Node) -> Node:
    """Days from 1970-01-01 to a date of the Gregorian calendar."""
    early = compare(month, "<=", number(2))
    years = sub(year, case([(early, number(1))], number(0)))
    months = add(month, case([(early.copy(), number(9))], number(-3)))
    era = floor(div(years, number(400)))
    of_era = sub(years, mul(era, number(400)))
    of_year = sub(add(floor(div(add(mul(months, number(153)), number(2)), number(5))), day), number(1))
    leaps = sub(floor(div(of_era, number(4))), floor(div(of_era, number(100))))
    of_eras = add(add(mul(of_era, number(365)), leaps), of_year)
    return sub(add(mul(era, number(146097)), of_eras), number(719468))


def of_text(program: Program, column: Node) -> Node:
    """Texts of ISO 8601 as seconds: ``2026-11-29``, ``20261129``, ``2026-11-29T10:15[:30[.5]]``, Z or ±hh[[:]mm].

    What is none of these ends the statement at its CAST, as it ends the numpy scorer; words for missing are missing.
    """
    from automl_core.modelfile.sql.columns import missing_word

    plain = program.let(exp.Trim(this=column.copy()))
    given = program.let(case([(missing_word(plain), exp.null())], plain.copy()))

    def piece(of: Node, start: int, length: int | None = None) -> Node:
        more = {} if length is None else {"length": exp.Literal.number(length)}
        return exp.Substring(this=of.copy(), start=exp.Literal.number(start), **more)

    def digits(of: Node, start: int, length: int | None = None) -> Node:
        return cast(piece(of, start, length), "double")

    def size(of: Node) -> Node:
        return exp.Length(this=of.copy())

    dashed = compare(piece(given, 5, 1), "=", text("-"))
    month = case([(dashed, digits(given, 6, 2))], digits(given, 5, 2))
    day = case([(dashed.copy(), digits(given, 9, 2))], digits(given, 7, 2))
    year, month, day = program.let(digits(given, 1, 4)), program.let(month), program.let(day)
    rest = program.let(case([(dashed.copy(), piece(given, 12))], piece(given, 10)))  # behind T, or a blank

    def behind(length: int) -> tuple[Node, Node]:
        """Whether an offset of so many characters is at the end, and that end: DuckDB and Postgres write +08 alone."""
        end = exp.Substring(this=rest.copy(), start=sub(size(rest), exp.Literal.number(length - 1)))
        there = among(piece(end, 1, 1), [text("+"), text("-")])
        return both(compare(size(rest), ">", exp.Literal.number(length)), there), end

    utc = compare(exp.Substring(this=rest.copy(), start=size(rest)), "=", text("Z"))
    last = program.let(case([(utc, text("Z")), *map(behind, (6, 5, 3))], text("")))
    short = compare(size(last), "<=", exp.Literal.number(3))
    minutes_off = cast(exp.Substring(this=last.copy(), start=sub(size(last), exp.Literal.number(1))), "double")
    whole_off = add(mul(digits(last, 2, 2), number(3600)), case([(short, number(0))], mul(minutes_off, number(60))))
    shift = program.let(case([(compare(size(last), ">", exp.Literal.number(1)), whole_off)], number(0)))
    offset = program.let(case([(compare(piece(last, 1, 1), "=", text("-")), mul(shift, number(-1)))], shift))
    zone = size(last)
    clock = program.let(exp.Substring(this=rest.copy(), start=exp.Literal.number(1), length=sub(size(rest), zone)))
    hours = case([(compare(size(clock), ">", exp.Literal.number(0)), digits(clock, 1, 2))], number(0))
    minutes = case([(compare(size(clock), ">", exp.Literal.number(2)), digits(clock, 4, 2))], number(0))
    parts = case([(compare(size(clock), ">", exp.Literal.number(5)), digits(clock, 7))], number(0))
    found = sub(_clock(days_of(year, month, day), coalesce(hours, number(0)), coalesce(minutes, number(0)),
                       coalesce(parts, number(0))), offset)  # fmt: skip
    return case([(is_null(given), exp.null())], found)


class Calendar:
    """Parts of one column of times. Each is made once, when it is asked for."""

    def __init__(self, program: Program, column: exp.Column) -> None:
        far = both(compare(column, ">=", number(-9e15)), compare(column, "<=", number(9e15)))
        self._program = program
        self._exact = program.let(case([(far, column.copy())]))
        self._seconds = program.let(floor(self._exact))

    def _let(self, node: Node) -> Node:
        return self._program.let(node)

    def _within(self, period: float, start: float = 0.0) -> Node:
        """Whole seconds since the last beginning of a period."""
        moved = self._seconds if not start else self._let(sub(self._seconds, number(start)))
        return self._let(sub(moved, mul(floor(div(moved, number(period))), number(period))))

    def _civil(self) -> tuple[Node, Node, Node]:
        """Year, month, day."""
        days = self._let(add(floor(div(self._seconds, number(DAY))), number(719468)))
        era = self._let(floor(div(days, number(146097))))
        of_era = self._let(sub(days, mul(era, number(146097))))
        leaps = add(
            sub(floor(div(of_era, number(36524))), floor(div(of_era, number(1460)))),
            mul(floor(div(of_era, number(146096))), number(-1)),
        )
        year = self._let(floor(div(add(of_era, leaps), number(365))))
        passed = sub(add(mul(year, number(365)), floor(div(year, number(4)))), floor(div(year, number(100))))
        of_year = self._let(sub(of_era, passed))
        months = self._let(floor(div(add(mul(of_year, number(5)), number(2)), number(153))))
        day = add(sub(of_year, floor(div(add(mul(months, number(153)), number(2)), number(5)))), number(1))
        month = self._let(add(months, case([(compare(months, "<", number(10)), number(3))], number(-9))))
        late = case([(compare(month, "<=", number(2)), number(1))], number(0))
        return self._let(add(add(year, mul(era, number(400))), late)), month, day

    def _wave(self, function: str, period: float, start: float = 0.0) -> Node:
        passed = add(self._within(period, start), sub(self._exact, self._seconds))
        return call(function, div(mul(passed, number(2 * math.pi)), number(period)))

    def _of_year(self, function: str) -> Node:
        """Seconds since the first of January, on a circle."""
        first = mul(days_of(self._civil()[0], number(1), number(1)), number(DAY))
        passed = self._let(sub(self._seconds, first))
        return call(function, div(mul(passed, number(2 * math.pi)), number(YEAR)))

    def part(self, name: str) -> Node:
        """One part, named as `scoring.features.dates.PARTS` names it.

        Raises:
            NotInSql: it is not known.
        """
        made: Mapping[str, Callable[[], Node]] = {
            "days": lambda: div(self._exact, number(DAY)),
            "year": lambda: self._civil()[0],
            "month": lambda: self._civil()[1],
            "day": lambda: self._civil()[2],
            "weekday": lambda: floor(div(self._within(7 * DAY, FIRST_MONDAY), number(DAY))),
            "hour": lambda: floor(div(self._within(DAY), number(3600))),
            "minute": lambda: floor(div(self._within(3600), number(60))),
            "year sin": lambda: self._of_year("SIN"),
            "year cos": lambda: self._of_year("COS"),
            "week sin": lambda: self._wave("SIN", 7 * DAY, FIRST_MONDAY),
            "week cos": lambda: self._wave("COS", 7 * DAY, FIRST_MONDAY),
            "day sin": lambda: self._wave("SIN", DAY),
            "day cos": lambda: self._wave("COS", DAY),
        }
        if name not in made:
            raise NotInSql(f"the part {name!r} of a time has no SQL (known: {', '.join(made)})")
        return self._let(made[name]())
