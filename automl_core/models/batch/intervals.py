"""Intervals: the units of batch scoring. A data interval of a schedule, a partition that was found, or a state of data.

An interval is known by its key, which is the same whoever works it out: the scheduler's run, a run that makes up for
what is missing, a backfill, a listing of partitions. So it names the moments between which its data lie; of data at a
place without dates, which are scored when they change, it is the digest of what lay there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from automl_core.models.life.intervals import interval_key, moments_of
from automl_core.spec.dates import RUN_DATES, run_dates
from automl_core.spec.placeholders import placeholders

CONTENT = "data-"
"""How keys begin that name a state of the data, no date."""

MOST_POINTS = 10_000
"""Points of a schedule that are worked out at once: a year of a schedule by the hour, and no endless loop."""

AHEAD = 86_400.0
"""Seconds by which what a person names may lie ahead: somewhere it is tomorrow already. Airflow begins none later."""

_PRESETS = {
    "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *",
    "@quarterly": "0 0 1 */3 *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@midnight": "0 0 * * *",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Interval:
    """What is scored once.

    Attributes:
        key: its name in the journal.
        start, end: of the data, seconds since 1970; None where it is a state of data, which has no dates.
        at: the logical date, seconds since 1970; None likewise.
    """

    key: str
    start: float | None = None
    end: float | None = None
    at: float | None = None

    @property
    def dates(self) -> dict[str, str]:
        """What ``${ds}`` and its like stand for; empty where it has no dates."""
        return run_dates(self.recorded)

    @property
    def recorded(self) -> dict[str, str]:
        """Logical date and data interval as a run's first record has them; empty without a logical date."""
        if self.at is None:
            return {}
        named = {"logical_date": self.at, "data_interval_start": self.start, "data_interval_end": self.end}
        return {name: text_of(moment) for name, moment in named.items() if moment is not None}


def interval_at(at: datetime, start: datetime | None = None, end: datetime | None = None) -> Interval:
    """The interval of a logical date.

    Args:
        at: with a time zone.
        start, end: of the data interval; the logical date itself where they are None, as with Airflow 3's default.
    """
    first, last = ((each if each is not None else at).timestamp() for each in (start, end))
    return Interval(interval_key(first, last), first, last, at.timestamp())


def interval_of_data(digest: str) -> Interval:
    """The interval of data without a date: the state in which they are.

    Args:
        digest: of their fingerprint.
    """
    return Interval(f"{CONTENT}{digest[:16]}")


def interval_of_key(key: str) -> Interval:
    """The interval that a key names.

    Raises:
        ValueError: it is none.
    """
    moments = moments_of(key)
    if moments is not None:
        first, last = (each / 1000 for each in moments)
        return Interval(key, first, last, first)
    if key.startswith(CONTENT):
        return Interval(key)
    raise ValueError(f"{key!r} is no interval")


def moment_named(text: str) -> datetime | None:
    """A date or a moment as a person writes it, in UTC where it says no offset; None where a text is neither."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def check_has_come(text: str, now: float) -> None:
    """Refuse a date that lies ahead: a mistyped year would wait for data that nobody writes, and be owed.

    Args:
        text: what a person writes: a date, a moment or a key.
        now: seconds since 1970.

    Raises:
        ValueError: it begins more than `AHEAD` from now; the message says until when is allowed.
    """
    moment, spanned = moment_named(text), moments_of(text)
    start = moment.timestamp() if moment is not None else spanned[0] / 1000 if spanned is not None else None
    if start is not None and start > now + AHEAD:
        raise ValueError(
            f"{text!r} lies {(start - now) / 86_400:,.0f} days ahead; allowed: dates and moments until "
            f"{text_of(now + AHEAD)[:10]}"
        )


def _is_day(text: str) -> bool:
    """Whether a text is a date without a time."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def text_of(moment: float) -> str:
    """A moment as ISO 8601 in UTC, as Airflow's own dates are written in the journals of runs."""
    return datetime.fromtimestamp(moment, UTC).isoformat()


def has_dates(text: str) -> bool:
    """Whether a place names a date of the run."""
    return any(name in RUN_DATES for name, _ in placeholders(text))


def names_days(text: str) -> bool:
    """Whether the dates that a place names are days, and no moments."""
    named = [name for name, _ in placeholders(text) if name in RUN_DATES]
    return bool(named) and all(name in ("ds", "ds_nodash") for name in named)


@dataclass(frozen=True, slots=True)
class Timetable:
    """When intervals are due.

    Attributes:
        cron: a cron line or a preset; None where assets wake the DAG, or people.
        timezone: of the line.
        spans: whether an interval reaches from one point to the next (Airflow's ``create_cron_data_intervals``); else
            it begins and ends with its point.
    """

    cron: str | None = None
    timezone: str = "UTC"
    spans: bool = False

    def due(self, after: float, until: float) -> list[Interval]:
        """The intervals that became due after a moment and until another, in their order; at most `MOST_POINTS`.

        An interval with a span is due when it ends.

        Args:
            after, until: seconds since 1970.
        """
        if self.cron is None:
            return []
        found: list[Interval] = []
        before: datetime | None = None
        for moment in self._points(after):
            if moment.timestamp() > until or len(found) >= MOST_POINTS:
                break
            if not self.spans:
                found.append(interval_at(moment))
            else:
                start = before if before is not None else self._previous(moment)
                found.append(interval_at(start, start, moment))
            before = moment
        return found

    def interval_of(self, text: str) -> Interval:
        """The interval that a person writes: a date or moment (UTC where it says no offset), or a key.

        A date alone is the schedule's point of that day (in UTC, as ``${ds}`` is) where it has one: what the schedule
        scored at six would be scored once more under another key, as if it never had been.

        Raises:
            ValueError: it is none; the message says what is allowed.
        """
        try:
            return interval_of_key(text)
        except ValueError:
            pass
        at = moment_named(text)
        if at is None:
            raise ValueError(
                f"{text!r} is no interval; allowed: a date or moment (2026-11-01, 2026-11-01T06:00:00+01:00), or a key "
                "as the journal has it"
            )
        if self.cron is not None and _is_day(text):
            points = list(islice(self._points(at.timestamp() - 1), 2))
            if points[0] < at + timedelta(days=1) <= points[1]:
                at = points[0]
        if not self.spans or self.cron is None:
            return interval_at(at)
        return interval_at(at, at, next(self._points(at.timestamp())))

    def own(self, at: datetime, start: datetime | None, end: datetime | None) -> Interval:
        """The interval of a run: a run that was begun by hand between two points has that of the point before it.

        Else what was scored by the schedule would be scored again, under another key.

        Args:
            at: the run's logical date.
            start, end: of its data interval.
        """
        if self.cron is None:
            return interval_at(at, start, end)
        if self.spans:
            first = start if start is not None else self._previous(at + timedelta(microseconds=1))
            return interval_at(first, first, end)
        return interval_at(self._previous(at + timedelta(microseconds=1)))

    def _points(self, after: float) -> Iterator[datetime]:
        """Points of the schedule after a moment, in UTC, on those days too on which clocks are changed."""
        moment = datetime.fromtimestamp(after, UTC)
        while True:
            moment = self._step(moment, 1)
            yield moment

    def _previous(self, moment: datetime) -> datetime:
        """The last point before a moment."""
        return self._step(moment, -1)

    def _step(self, moment: datetime, direction: int) -> datetime:
        """The next point, or the one before, as Airflow finds it (timetables/_cron.py, 3.3.2).

        A line that names hours is read on the clock on the wall. One that runs in every hour goes on by the time that
        passes: else the hour that is there twice would have its points once.
        """
        from zoneinfo import ZoneInfo

        from croniter import croniter  # type: ignore[import-untyped]

        assert self.cron is not None
        zone = ZoneInfo(self.timezone)
        wall = moment.astimezone(zone).replace(tzinfo=None, fold=0)
        lines = croniter(_PRESETS.get(self.cron, self.cron), wall)
        found: datetime = lines.get_next(datetime) if direction > 0 else lines.get_prev(datetime)
        if lines.expanded[1] == ["*"]:
            return moment + (found - wall)
        # of an hour that is there twice the later one counts; one that is left out is as much later as clocks went on
        return max(found.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


def newest_only(intervals: Mapping[str, Interval], place: str) -> tuple[dict[str, Interval], dict[str, Interval]]:
    """Which of several intervals can be scored, and which are passed over: what lay at a place without dates is gone.

    Args:
        intervals: owed ones, by key.
        place: of the data, as the file has it.

    Returns:
        Those that can be; those that can't.
    """
    if has_dates(place) or len(intervals) < 2:
        return dict(intervals), {}
    last = max(intervals.values(), key=lambda each: (each.at or 0.0, each.key))
    return {last.key: last}, {key: each for key, each in intervals.items() if key != last.key}
