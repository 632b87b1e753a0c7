"""Whether Airflow can keep a schedule: what it would only find out when nobody looks any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from automl_core.spec.errors import Path, Problem, did_you_mean, show

PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
"""Airflow's presets, in the order in which they are named."""

LONGEST_ASSET = 1_500
"""Characters of an asset's name or URI in Airflow's database."""

LONGEST_CRON = 1_000
"""Characters of a cron line: every number of each of its fields takes 480, and a longer one seconds to read."""

TIMELESS = ("@once", "@continuous")
"""Presets that stand for no times, so that a time zone has no meaning for them."""

_ALSO = ("@annually", "@midnight")
_FROM = datetime(2024, 1, 1)  # any date will do: only whether there is a next one matters


def asset_problem(asset: str) -> str | None:
    """What Airflow would not take of an asset's name or URI, or None.

    Airflow 3.3 refuses some when the DAG is made, and letters that are not ASCII only in its database: the DAG then
    does not appear, and there is no import error either.
    """
    if not asset.strip():
        return "an asset's name must not be empty"
    if len(asset) > LONGEST_ASSET:
        return f"an asset's name has at most {LONGEST_ASSET:,} characters, found {len(asset):,}"
    if not asset.isascii():
        return f"{asset!r} has other characters than ASCII, which Airflow's database does not take in an asset"
    if not asset.isprintable():
        return f"{asset!r} has characters that can't be printed"
    if asset.lower().startswith("airflow:"):
        return f"{asset!r}: the scheme airflow is reserved by Airflow"
    return None


def schedule_problems(schedule: Any, where: Path = ("schedule",)) -> Iterator[Problem]:
    """What is wrong with a cron line, a preset, a time zone, or the names of assets.

    Args:
        schedule: of a validated file.
        where: its place in the file.
    """
    assets = getattr(schedule, "assets", None) or ()
    for index, asset in enumerate(assets):
        problem = asset_problem(asset)
        if problem is None and asset in assets[:index]:
            problem = f"{asset!r} stands there twice"
        if problem:
            yield Problem(problem, (*where, "assets", index), found=show(asset))
    if isinstance(schedule, str):
        yield from _cron_problems(schedule, where, PRESETS, ("{assets: […]}",))
    elif schedule is not None and schedule.cron is not None:
        presets = PRESETS if schedule.timezone is None else tuple(p for p in PRESETS if p not in TIMELESS)
        yield from _cron_problems(schedule.cron, (*where, "cron"), presets)
        yield from zone_problems(schedule.timezone, (*where, "timezone"))


def cron_problem(line: str) -> str | None:
    """What is wrong with a cron line or preset that stands for times, None where nothing is."""
    presets = tuple(preset for preset in PRESETS if preset not in TIMELESS)
    return next((problem.message for problem in _cron_problems(line, (), presets)), None)


def zone_problems(zone: str | None, where: Path) -> Iterator[Problem]:
    """What is wrong with the name of a time zone.

    Args:
        zone: it; None is UTC.
        where: its place in the file.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of the database, such as Europe
        yield Problem(
            f"{zone!r} is no time zone of the IANA database", where, found=show(zone),
            allowed=("a name such as Europe/Berlin, Asia/Shanghai or UTC",),
            suggestion=did_you_mean(str(zone), sorted(available_timezones())),
        )  # fmt: skip


def _cron_problems(
    schedule: str, path: Path, presets: tuple[str, ...], groups: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """What is wrong with a cron line; `presets` are those that may stand in its place, and `groups` too."""
    if schedule in (*presets, *_ALSO):
        return
    if len(schedule) > LONGEST_CRON:
        problem = f"a cron line has at most {LONGEST_CRON:,} characters, found {len(schedule):,}"
        yield Problem(problem, path, found=show(schedule))
        return
    from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]

    if not croniter.is_valid(schedule):
        yield Problem(
            f"{schedule!r} is neither a cron line nor a preset",
            path,
            found=show(schedule),
            allowed=("a cron line such as '0 6 * * 1'", *presets, *groups),
            suggestion=did_you_mean(schedule, presets),
        )
        return
    try:
        croniter(schedule, _FROM).get_next(datetime)
    except CroniterBadDateError:
        yield Problem(f"{schedule!r} names no date that ever comes", path, found=show(schedule))
