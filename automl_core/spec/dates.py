"""The dates of a run, by Airflow's own names: ``${data_interval_start}``, ``${ds}`` and their like.

They are the run's, the same for each trial and each attempt: the run's first record has them. A run has a logical date
where a cron schedule or a backfill began it, or where one was given when it was begun by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from automl_core.spec.errors import Problem

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment

RECORDED = ("logical_date", "data_interval_start", "data_interval_end")
"""What is recorded of a run; the other dates follow from the logical date."""

RUN_DATES = (*RECORDED, "ds", "ds_nodash", "ts", "ts_nodash")
"""Names of a run's dates in ``${…}``. A parameter of the space that has one of these names comes first."""

VARIABLES = {name: f"AUTOML_{name.upper()}" for name in RECORDED}
"""Name → environment variable of a training."""


def recorded_dates(moments: Mapping[str, datetime | None]) -> dict[str, str]:
    """A run's dates as they are recorded: ISO 8601 in UTC; without those that it doesn't have.

    Args:
        moments: by names of `RECORDED`, with time zones.
    """
    return {name: moment.astimezone(UTC).isoformat() for name in RECORDED if (moment := moments.get(name)) is not None}


def run_dates(recorded: Mapping[str, Any]) -> dict[str, str]:
    """What ``${…}`` stands for, from what is recorded of a run.

    ``ds``, ``ts`` and their like are made as Airflow's templates make them: of the logical date in UTC
    (sdk/execution_time/task_runner.py:368, Airflow 3.3.2).
    """
    dates = {name: str(recorded[name]) for name in RECORDED if recorded.get(name)}
    if "logical_date" in dates:
        moment = datetime.fromisoformat(dates["logical_date"]).astimezone(UTC)
        dates |= {
            "ds": moment.strftime("%Y-%m-%d"),
            "ds_nodash": moment.strftime("%Y%m%d"),
            "ts": moment.isoformat(),
            "ts_nodash": moment.strftime("%Y%m%dT%H%M%S"),
        }
    return dates


def named_dates(experiment: Experiment) -> Iterator[tuple[str, Problem]]:
    """The dates that places of data and training tasks name, each with its field, as a problem without a line."""
    from automl_core.spec.datasets import dates_in_places
    from automl_core.spec.parameters import flatten
    from automl_core.spec.placeholders import placeholders, texts_of
    from automl_core.spec.spec_files import texts_of_base
    from automl_core.spec.stages import task_places

    for name, place in dates_in_places(experiment):
        yield name, Problem(missing(name), place, found=f"${{{name}}}")
    own = flatten(experiment.space)
    for where, task in task_places(experiment):
        for place, text in texts_of(task.model_dump(mode="json"), where):
            for name, closed in placeholders(text):
                if closed and name in RUN_DATES and name not in own:
                    yield name, Problem(missing(name), place, found=f"${{{name}}}")
    for place, text in texts_of_base(experiment):
        for name, closed in placeholders(text):
            if closed and name in RUN_DATES and name not in own:
                yield name, Problem(missing(name), place, found=f"${{{name}}}")


def missing_dates(experiment: Experiment, dates: Iterable[str]) -> list[Problem]:
    """A problem for each field that names a date which a run doesn't have, without file and line.

    An empty text in its place would have the training read no partition, or all of them, and succeed.

    Args:
        experiment: a valid one.
        dates: names that the run has.
    """
    known = set(dates)
    found = [problem for name, problem in named_dates(experiment) if name not in known]
    return list(dict.fromkeys(found))


def missing(name: str) -> str:
    """What to say of a date that a run doesn't have."""
    return (
        f"${{{name}}}: this run has no logical date, and so no dates at all. Runs of a cron schedule and of a backfill "
        "have one; one that is started by hand has it where it is given (`automl run --logical-date 2026-11-01`)"
    )


def dates_of_now(experiment: Experiment) -> dict[str, str]:
    """What would be recorded of a run of now, for a look ahead (see `dates_at`)."""
    from automl_core.spec.models import Schedule

    zone = experiment.schedule.timezone if isinstance(experiment.schedule, Schedule) else None
    return dates_at(datetime.now(UTC), experiment.cron, zone)


def moment_of(text: str) -> datetime:
    """A date or moment that a person writes; UTC where it says no offset.

    Raises:
        ValueError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date; wanted is 2026-11-01 or 2026-11-01T06:00:00+01:00") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def dates_at(moment: datetime, schedule: str | None = None, zone: str | None = None) -> dict[str, str]:
    """What is recorded of a run whose logical date is the latest that a schedule had at a moment.

    As Airflow 3 does by default, the data interval begins and ends with the logical date.

    Args:
        moment: with a time zone.
        schedule: a cron line; without one (or with a preset that is none) it is the moment itself.
        zone: the schedule's time zone, UTC when left out.
    """
    from zoneinfo import ZoneInfo

    if schedule is not None and schedule not in ("@once", "@continuous"):
        from croniter import croniter  # type: ignore[import-untyped]

        local = moment.astimezone(ZoneInfo(zone) if zone else UTC)
        line = _CRON.get(schedule, schedule)
        moment = local if croniter.match(line, local) else croniter(line, local).get_prev(datetime)
    return recorded_dates(dict.fromkeys(RECORDED, moment.replace(microsecond=0)))


_CRON = {"@quarterly": "0 0 1 */3 *"}  # Airflow's own; croniter knows the other presets
