"""Which intervals a run of ``NAME.score`` is about, from Airflow's words into ours, and back as XCom takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.models.batch import Batch, Interval


def own_interval(context: Any, batch: Batch) -> Interval | None:
    """The interval of the run itself; None where it has no logical date, or data without dates say themselves."""
    run = context["dag_run"]
    if getattr(run, "logical_date", None) is None:
        return None
    return batch.own(
        run.logical_date, getattr(run, "data_interval_start", None), getattr(run, "data_interval_end", None)
    )


def run_type(context: Any) -> str:
    """How the run came to be: ``scheduled``, ``manual``, ``backfill``, ``asset_triggered``."""
    found = getattr(context["dag_run"], "run_type", "")
    return str(getattr(found, "value", found))


def label_of(interval: Interval) -> str:
    """What an instance is called in the UI: the day, or the moment where it is none's beginning."""
    dates = interval.dates
    if "ts" not in dates:
        return interval.key
    return dates["ds"] if dates["ts"].endswith("T00:00:00+00:00") else dates["ts"]


def plain(interval: Interval) -> dict[str, Any]:
    """An interval as XCom takes it."""
    return {"key": interval.key, "start": interval.start, "end": interval.end, "at": interval.at}


def interval_from(body: Mapping[str, Any]) -> Interval:
    """Read back what `plain` made."""
    from automl_core.models.batch import Interval

    return Interval(**body)


def of_events(context: Any) -> list[Interval]:
    """The partitions that the run's asset events name in their extra."""
    from automl_core.models.batch import interval_at
    from automl_core.models.batch.partitions import moment_of_extra

    found = []
    events = context.get("triggering_asset_events") or {}
    for asset in events:
        for event in events[asset]:
            moment = moment_of_extra(dict(getattr(event, "extra", None) or {}))
            if moment is not None:
                found.append(interval_at(moment))
    return found


def default_zone() -> str:
    """The time zone of Airflow's configuration."""
    from airflow.configuration import conf

    zone = conf.get("core", "default_timezone", fallback="utc")
    return "UTC" if zone in ("utc", "system") else zone
