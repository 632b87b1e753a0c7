"""Fields of a calendar, of what a grid's clock shows (`Grid.local`): the same numbers in training and scoring."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DAY = 86_400

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FIELDS = (
    "second", "minute", "hour", "time_of_day", "weekday", "day", "days_left", "week", "month", "quarter",
    "day_of_year", "year",
)  # fmt: skip
"""Known to `field`."""


def field(name: str, clock: Ints) -> Floats:
    """A field of readings of a clock.

    Args:
        name: ``second``, ``minute``, ``hour``; ``time_of_day`` in hours; ``weekday`` (Monday 0); ``day`` of the month
            from 1, ``days_left`` in it (0 on its last); ``week`` of ISO 8601; ``month`` and ``quarter`` from 1;
            ``day_of_year`` from 1; ``year``.
        clock: seconds since 1970 as if its zone were UTC.

    Raises:
        ValueError: there is no such field.
    """
    days = clock // DAY
    of_day = clock - days * DAY
    date = days.astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    year = date.astype("datetime64[Y]")
    months = month.astype(np.int64)
    if name == "second":
        found = of_day % 60
    elif name == "minute":
        found = of_day // 60 % 60
    elif name == "hour":
        found = of_day // 3600
    elif name == "time_of_day":
        return np.asarray(of_day / 3600.0, dtype=np.float64)
    elif name == "weekday":
        found = (days + 3) % 7
    elif name == "day":
        found = (date - month.astype("datetime64[D]")).astype(np.int64) + 1
    elif name == "days_left":
        found = ((month + 1).astype("datetime64[D]") - date).astype(np.int64) - 1
    elif name == "week":
        thursday = days - (days + 3) % 7 + 3
        first = thursday.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
        found = (thursday - first) // 7 + 1
    elif name == "month":
        found = months % 12 + 1
    elif name == "quarter":
        found = months % 12 // 3 + 1
    elif name == "day_of_year":
        found = (date - year.astype("datetime64[D]")).astype(np.int64) + 1
    elif name == "year":
        found = year.astype(np.int64) + 1970
    else:
        raise ValueError(f"there is no field {name!r} of a calendar (known: {', '.join(FIELDS)})")
    return np.asarray(found, dtype=np.float64)
