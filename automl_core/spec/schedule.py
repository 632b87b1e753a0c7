"""Whether Airflow can keep a schedule: what it would only find out when nobody looks any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from automl_core.spec.errors import Problem, did_you_mean, show

PRESETS = ("@once", "@continuous", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
"""Airflow's presets, in the order in which they are named."""

LONGEST_ASSET = 1_500
"""Characters of an asset's name or URI in Airflow's database."""

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


def schedule_problems(schedule: Any) -> Iterator[Problem]:
    """What is wrong with a cron line, a preset, or the names of assets.

    Args:
        schedule: of a validated experiment.
    """
    for index, asset in enumerate(getattr(schedule, "assets", ())):
        problem = asset_problem(asset)
        if problem is None and asset in schedule.assets[:index]:
            problem = f"{asset!r} stands there twice"
        if problem:
            yield Problem(problem, ("schedule", "assets", index), found=show(asset))
    if not isinstance(schedule, str) or schedule in (*PRESETS, *_ALSO):
        return
    from croniter import CroniterBadDateError, croniter  # type: ignore[import-untyped]

    if not croniter.is_valid(schedule):
        yield Problem(
            f"{schedule!r} is neither a cron line nor a preset",
            ("schedule",),
            found=show(schedule),
            allowed=("a cron line such as '0 6 * * 1'", *PRESETS, "{assets: […]}"),
            suggestion=did_you_mean(schedule, PRESETS),
        )
        return
    try:
        croniter(schedule, _FROM).get_next(datetime)
    except CroniterBadDateError:
        yield Problem(f"{schedule!r} names no date that ever comes", ("schedule",), found=show(schedule))
