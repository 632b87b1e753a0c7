"""The rows that batches have scored of late, so that a watch sees what the model is asked, without labels.

What was scored stands in the model's journal; the rows lie where ``deploy.data`` has them for an interval's dates. Of a
place without dates what was scored is gone once the next data lie there, so nothing of it is looked at.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from automl_core.data.combining import Part, combined
from automl_core.data.listing import NothingThere, list_place
from automl_core.data.parts import read_parts
from automl_core.models.batch.intervals import interval_of_key
from automl_core.models.life.intervals import Interval
from automl_core.spec.datasets import DataSet, place_of
from automl_core.spec.places import BadPlace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import pyarrow as pa

    from automl_core.models.feedback.gathering import Reach

MOST_ROWS = 20_000
"""Rows that are kept, as of logged answers."""

MOST_INTERVALS = 24
"""Intervals that are read, the newest: a day of an hourly schedule."""

_PRUNED = 4
"""Times `MOST_ROWS` that are held before those are let go that won't be kept."""


@dataclass(slots=True)
class ScoredRows:
    """Rows of some time.

    Attributes:
        table: those that are kept, None where there are none.
        rows: how many were read.
        intervals: keys of those that they are of, the newest first.
        passed: intervals that were scored as well and not read.
        gone: what could not be found, in words.
    """

    table: pa.Table | None = None
    rows: int = 0
    intervals: list[str] = field(default_factory=list)
    passed: int = 0
    gone: list[str] = field(default_factory=list)

    def notes(self, version: int) -> list[str]:
        """What people should know of them.

        Args:
            version: that has scored them.
        """
        found = []
        if self.table is not None:
            kept = self.table.num_rows
            fewer = f", of which {kept:,} evenly drawn ones are looked at" if kept < self.rows else ""
            many = "1 interval" if len(self.intervals) == 1 else f"{len(self.intervals)} intervals"
            found.append(
                f"{self.rows:,} rows of {many} that version {version} has scored, {_span(self.intervals)}{fewer}"
            )
        if self.passed:
            found.append(f"{self.passed:,} intervals that were scored as well are not looked at, since they are older")
        return found + self.gone


def scored_since(recent: Sequence[Interval], version: int, since: float, until: float) -> list[Interval]:
    """The intervals that a version has scored in some time, the newest data first; each once.

    Args:
        recent: as the journal has them (`Scoring.recent`).
        version: the champion.
        since, until: they ended at or after the first and before the second, seconds since 1970.
    """
    found = {
        each.key: each for each in recent
        if each.version == version and each.ended is not None and since <= each.ended < until
    }  # fmt: skip
    return sorted(found.values(), key=lambda each: (each.end, each.key), reverse=True)


def scored_rows(data: DataSet, intervals: Sequence[Interval], reach: Reach, *, most: int = MOST_ROWS) -> ScoredRows:
    """Some of the rows of intervals, evenly drawn: the same ones whenever the same files are read.

    Memory follows `most` and the largest file (Parquet: a piece of it), never the interval.

    Args:
        data: where they lie, with ``${…}`` for dates, and their connection.
        intervals: the newest first.
        reach: how places are reached.
        most: rows that are kept.

    Raises:
        DataError: a file can't be read, or files have different columns.
        StorageError: a place can't be asked now.
    """
    import numpy as np

    found = ScoredRows(passed=max(0, len(intervals) - MOST_INTERVALS))
    parts: list[Part] = []
    drawn: list[np.ndarray] = []
    for each in intervals[:MOST_INTERVALS]:
        rng = np.random.default_rng(int.from_bytes(hashlib.blake2b(each.key.encode(), digest_size=8).digest(), "big"))
        before = found.rows
        try:
            for part in _parts(data, each, reach):
                count = part.table.num_rows
                found.rows += count
                parts.append(part)
                drawn.append(rng.random(count))
                if sum(len(one) for one in drawn) > _PRUNED * most:
                    parts, drawn = _least(parts, drawn, most)
        except (NothingThere, BadPlace, ValueError) as error:
            found.gone.append(f"what was scored for {each.key} is not there any more: {error}")
        if found.rows > before:
            found.intervals.append(each.key)
    parts, drawn = _least(parts, drawn, most)
    parts = [each for each in parts if each.table.num_rows]
    if parts:
        found.table = combined(parts, None, {})
    return found


def _parts(data: DataSet, interval: Interval, reach: Reach) -> Iterable[Part]:
    place = place_of(data, interval_of_key(interval.key).dates, reach.bundle)
    if place.is_table:
        from automl_core.data.odps_tables import read_odps

        yield Part(place.text, "table", read_odps(place, reach.access, None, data.connection))
        return
    listing = list_place(place, reach.home, reach.access, data.connection)
    for _, part in read_parts(place, listing, reach.home, format=data.format, say=reach.say):
        yield part


def _least(parts: list[Part], drawn: list[np.ndarray], most: int) -> tuple[list[Part], list[np.ndarray]]:
    """The rows with the smallest numbers, `most` of them, in their parts."""
    import numpy as np
    import pyarrow as pa

    total = sum(len(each) for each in drawn)
    if total <= most:
        return parts, drawn
    limit = np.partition(np.concatenate(drawn), most)[most]
    masks = [each < limit for each in drawn]
    kept = [replace(part, table=part.table.filter(pa.array(mask))) for part, mask in zip(parts, masks, strict=True)]
    return kept, [each[mask] for each, mask in zip(drawn, masks, strict=True)]


def _span(keys: Sequence[str]) -> str:
    """From when to when the data of intervals are, in words."""
    found = [interval_of_key(key) for key in keys]
    starts = [each.start for each in found if each.start is not None]
    ends = [each.end for each in found if each.end is not None]
    if not starts or not ends:
        return ", ".join(keys[:3])
    first, last = (f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M}" for at in (min(starts), max(ends)))
    return f"of {first} UTC" if first == last else f"from {first} to {last} UTC"
