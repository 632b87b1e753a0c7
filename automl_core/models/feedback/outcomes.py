"""Outcomes in the order of their keys and times, so that those of an answer are a stretch that two searches find.

An answer's outcomes are those of its key from its own time on, within a time; the last of them counts. In an order by
(key, time, place) they lie side by side, and which of them repeat or correct each other is a matter of neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_core.data.access import DataError
from automl_core.models.feedback.counts import OutcomeCounts

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from automl_core.models.feedback.moments import Moments


@dataclass(frozen=True, slots=True)
class Stretches:
    """Which outcomes belong to answers: places ``first`` up to ``last`` in their order, none where these are equal."""

    first: np.ndarray
    last: np.ndarray


class Outcomes:
    """All outcomes of a join, in order; told of every answer, it knows what became of each.

    Attributes:
        names: the keys, each once.
        values: what came true, by place in the order.
        times: when it was known, microseconds since 1970; all 0 where outcomes have no time.
    """

    def __init__(
        self, keys: pa.ChunkedArray, times: Moments | None, values: pa.ChunkedArray, since: int | None = None
    ) -> None:
        """Sort them.

        Args:
            keys: text; missing where there is none.
            times: when they were known; None where outcomes have no times, and come in the order of their rows.
            values: what came true.
            since: microseconds since 1970 before which nobody looks.

        Raises:
            DataError: the values are lists or objects.
        """
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        self._read = len(keys)
        has_key, has_value = keys.is_valid().to_numpy(), _given(values)
        at = times.at if times is not None else np.zeros(self._read, np.int64)
        known = times.known if times is not None else np.ones(self._read, bool)
        old = np.zeros(self._read, bool) if since is None or times is None else at < since
        self._without_key = int((~has_key).sum())
        self._without_time = int((has_key & ~known).sum())
        self._empty = int((has_key & known & ~has_value).sum())
        self._older = int((has_key & known & has_value & old).sum())
        self.timed = times is not None
        rows = np.flatnonzero(has_key & known & has_value & ~old)
        encoded = keys.take(pa.array(rows)).combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        self.names: pa.Array = encoded.dictionary
        code = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        at = at[rows]
        order = np.lexsort((rows, at, code))
        self.times = at[order]
        self._code = code[order]
        self._moments = np.unique(at)
        self._width = len(self._moments) + 1
        self._place = self._code * self._width + np.searchsorted(self._moments, self.times)
        self.values = values.take(pa.array(rows[order]))
        try:
            told = self.values.combine_chunks().dictionary_encode()
        except pa.ArrowNotImplementedError:
            raise DataError(
                f"outcomes are {values.type}: a column of numbers, text or true and false is wanted"
            ) from None
        told = told.combine_chunks() if isinstance(told, pa.ChunkedArray) else told
        value = pc.fill_null(told.indices, -1).to_numpy(zero_copy_only=False)
        same = np.zeros(len(rows), bool)
        same[1:] = value[1:] == value[:-1]
        self._same = same
        self._changes = np.concatenate([[0], np.cumsum(~same)])
        self._covered = np.zeros(len(rows) + 1, np.int64)
        self._together = np.zeros(len(rows) + 1, np.int64)
        self._answered = np.full(len(self.names), np.iinfo(np.int64).max, np.int64)

    def codes(self, keys: pa.ChunkedArray) -> np.ndarray:
        """The number of each key among those that have outcomes, -1 where it has none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if len(self.names) == 0:
            keys = pa.chunked_array([pa.nulls(len(keys), self.names.type)])
        found = pc.index_in(keys, value_set=self.names, skip_nulls=True)
        codes: np.ndarray = pc.fill_null(found, -1).to_numpy().astype("int64")
        return codes

    def belonging(self, code: np.ndarray, at: np.ndarray, within: int, before: int = 0) -> Stretches:
        """The outcomes of answers, which count as answered from now on.

        Args:
            code: of their keys; none below 0.
            at: when they were given, microseconds since 1970.
            within: microseconds after it in which an outcome counts, the last included.
            before: microseconds before it, in which one counts as well.
        """
        import numpy as np

        np.minimum.at(self._answered, code, at)
        if self.timed:
            begin = np.searchsorted(self._moments, at - before, side="left")
            end = np.searchsorted(self._moments, at + within, side="right")
        else:
            begin, end = np.zeros(len(at), np.int64), np.full(len(at), self._width - 1, np.int64)
        first = np.searchsorted(self._place, code * self._width + begin, side="left")
        last = np.searchsorted(self._place, code * self._width + end, side="left")
        some, several = last > first, last > first + 1
        for steps, chosen, start in ((self._covered, some, first), (self._together, several, first + 1)):
            np.add.at(steps, start[chosen], 1)
            np.add.at(steps, last[chosen], -1)
        return Stretches(first, last)

    def changed(self, stretches: Stretches) -> np.ndarray:
        """Whether the outcomes of answers, one at least each, say more than one thing."""
        changed: np.ndarray = self._changes[stretches.last] - self._changes[stretches.first + 1] > 0
        return changed

    def counts(self) -> OutcomeCounts:
        """What became of them, as far as answers were told."""
        import numpy as np

        never = np.iinfo(np.int64).max
        answered = self._answered[self._code]
        in_time = np.cumsum(self._covered[:-1]) > 0
        known = np.cumsum(self._together[:-1]) > 0  # of an answer that the one before it belongs to as well
        unmatched = answered == never
        early = ~unmatched & ~in_time & (self.times < answered)
        return OutcomeCounts(
            read=self._read, without_key=self._without_key, without_time=self._without_time, empty=self._empty,
            older=self._older, unmatched=int(unmatched.sum()), early=int(early.sum()),
            late=int((~unmatched & ~in_time & ~early).sum()), in_time=int(in_time.sum()),
            repeated=int((known & self._same).sum()), corrections=int((known & ~self._same).sum()),
        )  # fmt: skip


def _given(values: pa.ChunkedArray) -> np.ndarray:
    """Rows in which an outcome stands: no null, no NaN, no empty text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = values.is_valid()
    if pa.types.is_floating(values.type):
        given = pc.and_(given, pc.invert(pc.fill_null(pc.is_nan(values), True)))
    elif pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        given = pc.fill_null(pc.not_equal(values, ""), False)
    found: np.ndarray = given.to_numpy()
    return found
