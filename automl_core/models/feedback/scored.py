"""The rows that a batch has scored: their features by key, and when they were scored.

Batch scoring writes predictions, the columns that it is asked to keep, and the interval's key. The features of a row
are in the partition that the interval was scored from, so they are found there, as they were scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from automl_core.data.combining import Part, combined
from automl_core.models.feedback.joining import Features
from automl_core.models.feedback.keys import key_text
from automl_core.models.feedback.moments import MICROSECONDS, Moments

if TYPE_CHECKING:
    import pyarrow as pa

    from automl_core.models.feedback.gathering import Reach
    from automl_core.models.file import ModelFile
    from automl_core.spec.datasets import DataSet

MOST_TOLD = 3


def ends_of_intervals(column: pa.ChunkedArray, ended: Mapping[str, float], written: float | None) -> Moments:
    """When rows were scored: at the end of their interval, which is when their data were known.

    Args:
        column: keys of intervals.
        ended: key → when it was scored, seconds since 1970: for keys that name no moments.
        written: when the file was written, for keys that nobody knows.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from automl_core.models.life.intervals import moments_of

    encoded = column.cast(pa.large_string()).combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    at, known = [], []
    for key in encoded.dictionary.to_pylist():
        moments = moments_of(key)
        when = moments[1] / 1000 if moments is not None else ended.get(key, written)
        at.append(0 if when is None else round(when * MICROSECONDS))
        known.append(when is not None)
    places = pc.fill_null(encoded.indices, len(at)).to_numpy(zero_copy_only=False)
    return Moments(np.asarray([*at, 0], np.int64)[places], np.asarray([*known, False], bool)[places])


class ScoredRows:
    """Finds what rows of a batch were scored from.

    Attributes:
        notes: what could not be found, for people.
    """

    def __init__(self, data: DataSet, key: str, interval: str, reach: Reach) -> None:
        self._data, self._key, self._interval, self._reach = data, key, interval, reach
        self.notes: list[str] = []

    @classmethod
    def of(cls, file: ModelFile, reach: Reach) -> ScoredRows | None:
        """For the batches of a model's file; None where what was scored is gone: a place without dates."""
        from automl_core.models.batch.intervals import has_dates
        from automl_core.models.feedback.gathering import INTERVAL

        if file.batch is None or file.feedback is None:
            return None
        data = file.data_set(file.batch.data)
        return cls(data, file.feedback.key, INTERVAL, reach) if has_dates(data.place) else None

    def of_rows(self, table: pa.Table) -> Features:
        """The features of rows that were scored.

        A key that stands twice in a partition, with different rows, names none of them.

        Args:
            table: rows of the log.

        Raises:
            DataError: a partition can't be read.
            StorageError: it can't be asked now.
        """
        import numpy as np
        import pyarrow as pa

        keys = key_text(table.column(self._key), self._key, "the log")
        intervals = table.column(self._interval).cast(pa.large_string()).to_pylist()
        found = np.zeros(table.num_rows, bool)
        parts: list[Part] = []
        places: list[np.ndarray] = []
        for interval in dict.fromkeys(intervals):
            rows = np.asarray([place for place, each in enumerate(intervals) if each == interval])
            part, at = self._of_interval(interval, keys.take(pa.array(rows)))
            if part is not None and len(at):
                parts.append(part)
                places.append(rows[at])
                found[rows[at]] = True
        if not parts:
            return Features(Part(self._data.place, "none", table.select([])), found)
        if len(parts) == 1:
            order = np.argsort(places[0], kind="stable")
            return Features(
                Part(parts[0].path, parts[0].kind, parts[0].table.take(pa.array(order)), parts[0].text), found
            )
        order = np.argsort(np.concatenate(places), kind="stable")
        return Features(Part(self._data.place, "several", combined(parts, None, {}).take(pa.array(order))), found)

    def _of_interval(self, interval: str, keys: pa.ChunkedArray) -> tuple[Part | None, Any]:
        """Rows of a partition with some keys, each once, and which of the keys they belong to."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        found = [part for part in self._parts(interval) if part.table.num_rows]
        wanted = keys.unique()
        kept, names = [], []
        for part in found:
            theirs = key_text(part.table.column(self._key), self._key, part.path)
            mask = pc.is_in(theirs, value_set=wanted)
            kept.append(Part(part.path, part.kind, part.table.filter(mask), part.text, True, part.folders))
            names += theirs.filter(mask).chunks
        if not kept:
            return None, np.zeros(0, np.int64)
        same_form = all(part.text for part in kept)
        table = pa.concat_tables([part.table for part in kept], promote_options="default") if same_form else (
            combined(kept, None, {})
        )  # fmt: skip
        theirs = pa.chunked_array(names, pa.large_string())
        first, single = _singles(theirs, table)
        places = pc.index_in(keys, value_set=first)
        has = places.is_valid().to_numpy()
        chosen = single[pc.fill_null(places, 0).to_numpy()[has]] if len(single) else np.zeros(0, np.int64)
        part = Part(kept[0].path, kept[0].kind if same_form else "several", table.take(pa.array(chosen)), same_form)
        return part, np.flatnonzero(has)

    def _parts(self, interval: str) -> list[Part]:
        from automl_core.data.listing import NothingThere, list_place
        from automl_core.data.parts import read_parts
        from automl_core.models.batch.intervals import interval_of_key
        from automl_core.spec.datasets import place_of
        from automl_core.spec.places import BadPlace

        reach = self._reach
        try:
            place = place_of(self._data, interval_of_key(interval).dates, reach.bundle)
            if place.is_table:
                from automl_core.data.odps_tables import read_odps

                return [Part(place.text, "table", read_odps(place, reach.access, None, self._data.connection))]
            listing = list_place(place, reach.home, reach.access, self._data.connection)
        except (NothingThere, BadPlace, ValueError) as error:
            if len(self.notes) < MOST_TOLD:
                self.notes.append(f"what was scored for {interval} is not found: {error}")
            return []
        return [part for _, part in read_parts(place, listing, reach.home, format=self._data.format, say=reach.say)]


def _singles(keys: pa.ChunkedArray, table: pa.Table) -> tuple[pa.Array, Any]:
    """Keys that name one row alone, or rows that are the same, and the place of the first such row."""
    import numpy as np
    import pyarrow as pa

    encoded = keys.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    code = encoded.indices.to_numpy(zero_copy_only=False)
    _, first, count = np.unique(code, return_index=True, return_counts=True)
    good = count == 1
    for each in np.flatnonzero(~good):
        rows = table.take(pa.array(np.flatnonzero(code == code[first[each]]))).to_pylist()
        good[each] = all(row == rows[0] for row in rows)
    names = encoded.dictionary.take(pa.array(code[first[good]]))
    return names, first[good]
