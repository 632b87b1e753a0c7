"""Small panels and tables of series for tests."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from automl_core.forecasting.finding import SeriesFinding
from automl_core.forecasting.frequency import parse
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.panel import Panel, Series

BERLIN = ZoneInfo("Europe/Berlin")


def panel(values: Sequence[Any], frequency: str = "D", starts: Sequence[int] | None = None) -> Panel:
    """Series a, b, c, … on a grid from 1970 on."""
    series = tuple(
        Series(chr(97 + at) if at < 26 else f"s{at}", 0 if starts is None else starts[at], np.asarray(one, dtype=float),
               np.empty((len(one), 0)))
        for at, one in enumerate(values)
    )  # fmt: skip
    return Panel(series, Grid(parse(frequency), None, 0), (), "y")


def days(count: int, first: dt.date = dt.date(2024, 1, 1)) -> list[dt.date]:
    return [first + dt.timedelta(at) for at in range(count)]


def hours(count: int, first: dt.datetime) -> list[dt.datetime]:
    """Moments an hour apart, by the clock of Berlin."""
    begin = first.replace(tzinfo=BERLIN).astimezone(dt.UTC)
    return [(begin + dt.timedelta(hours=at)).astimezone(BERLIN) for at in range(count)]


def table(times: Sequence[Any], values: Sequence[Any], **more: Any) -> pa.Table:
    return pa.table({"t": pa.array(times), "y": pa.array(values), **more})


def kinds(findings: Sequence[SeriesFinding]) -> dict[str, SeriesFinding]:
    """Findings by their kind."""
    return {one.kind: one for one in findings}
