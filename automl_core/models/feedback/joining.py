"""Logged answers and their outcomes, joined by key within a time: the rows on which a model can be judged today.

Outcomes are held whole, answers come piece by piece, and of these only the ones with an outcome are kept: memory
follows the outcomes, not the log. Rows never multiply: an answer has one outcome, the last that came in time, and an
outcome stands for one answer of each version, the last that was given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from automl_core.data.combining import Part, combined
from automl_core.models.feedback.counts import AnswerCounts, Counts
from automl_core.models.feedback.keys import key_text
from automl_core.models.feedback.moments import MICROSECONDS, Moments, moments
from automl_core.models.feedback.outcomes import Outcomes

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Each: TypeAlias = Literal["last", "first", "all"]
"""Which answers of one key and one version an outcome stands for, where several wait for it."""


class Joined(NamedTuple):
    """What a join gives.

    Attributes:
        table: a row for each answer with an outcome, in the order of the log: its columns as they were logged, and the
            outcome under its own name.
        counts: what became of everything.
    """

    table: pa.Table
    counts: Counts


@dataclass(frozen=True, slots=True)
class Rule:
    """How answers and outcomes are joined.

    Attributes:
        key: column by which they find each other, in both.
        outcome: column of the outcomes with what came true; the table's column of that name, whatever the log has.
        time: column of the outcomes with when it was known; None: none is late, and the last row counts.
        answered: column of the answers with when they were given; None where the piece says it for all its rows.
        version: column of the answers with the version that answered, in the pieces that have it; None where the piece
            says it, or nobody does.
        within: seconds after an answer in which an outcome counts.
        before: seconds before an answer in which one counts as well: clocks that differ.
        zone: of times without an offset; None where they are refused.
        since: answers given earlier are not used, seconds since 1970; None: all are.
        each: which answer is used where the same version has answered a key several times before its outcome came.
        closed: whether only answers are used whose time is over, so that early outcomes are not over-represented.
    """

    key: str
    outcome: str
    time: str | None = None
    answered: str | None = "time"
    version: str | None = "version"
    within: float = 30 * 86400.0
    before: float = 0.0
    zone: str | None = None
    since: float | None = None
    each: Each = "last"
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """A piece of the log.

    Attributes:
        part: its rows.
        at: when they were given, where no column says it: seconds since 1970 of all, or the moment of each.
        version: that answered, where no column says it.
        features: brings more columns of some of its rows, given as a table; what it has nothing for is left out.
    """

    part: Part
    at: float | Moments | None = None
    version: int | None = None
    features: Callable[[pa.Table], Features] | None = None


class Features(NamedTuple):
    """More columns of rows of the log.

    Attributes:
        part: a row for each row that has some, in their order.
        found: which rows these are.
    """

    part: Part
    found: np.ndarray


@dataclass(slots=True)
class _Kept:
    """Answers with outcomes: what is needed to choose among them."""

    parts: list[Part] = field(default_factory=list)
    features: list[Part] = field(default_factory=list)
    chosen: list[np.ndarray] = field(default_factory=list)
    at: list[np.ndarray] = field(default_factory=list)
    version: list[np.ndarray] = field(default_factory=list)
    corrected: list[np.ndarray] = field(default_factory=list)


def join(answers: pa.Table | Iterable[Answers], outcomes: pa.Table | Iterable[Part], rule: Rule, now: float) -> Joined:
    """Join answers and outcomes.

    Args:
        answers: the log, as one table or piece by piece.
        outcomes: as one table or file by file.
        rule: how.
        now: seconds since 1970; tells what still waits from what is overdue.

    Raises:
        DataError: a column is missing or can't be what it is to be; the message names it.
    """
    given = answers if isinstance(answers, Iterable) and not hasattr(answers, "schema") else None
    joiner = Joiner(read_outcomes(_as_parts(outcomes, "the outcomes"), rule), rule, now)
    for piece in given if given is not None else (Answers(part) for part in _as_parts(answers, "the answers")):
        joiner.add(piece)
    return joiner.result()


def _as_parts(given: Any, what: str) -> Iterable[Part]:
    return [Part(what, "table", given)] if hasattr(given, "schema") else given


def read_outcomes(parts: Iterable[Part], rule: Rule) -> Outcomes:
    """All outcomes, in order.

    Args:
        parts: file by file.
        rule: how they are joined.

    Raises:
        DataError: a column is missing or can't be what it is to be.
    """
    import numpy as np
    import pyarrow as pa

    keys: list[pa.Array] = []
    told: list[Moments] = []
    values: list[Part] = []
    for part in parts:
        keys += key_text(_column(part, rule.key), rule.key, part.path).chunks
        if rule.time is not None:
            told.append(moments(_times(part, rule.time), rule.time, part.path, rule.zone))
        _column(part, rule.outcome)
        values.append(replace(part, table=part.table.select([rule.outcome]), folders=()))
    times = None
    if rule.time is not None:
        at = [each.at for each in told] or [np.zeros(0, np.int64)]
        known = [each.known for each in told] or [np.zeros(0, bool)]
        times = Moments(np.concatenate(at), np.concatenate(known))
    nothing = pa.chunked_array([], pa.large_string())
    value = combined(values, [rule.outcome], {}).column(0) if values else nothing
    # an outcome before the first answer that is used belongs to none of them
    since = None if rule.since is None else round((rule.since - rule.before) * MICROSECONDS)
    return Outcomes(pa.chunked_array(keys, pa.large_string()), times, value, since)


def _column(part: Part, name: str) -> pa.ChunkedArray:
    from automl_core.data.access import DataError
    from automl_core.spec.errors import did_you_mean

    names = part.table.column_names
    if name not in names:
        told = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
        raise DataError(
            f"{part.path} has no column {name!r}; its columns: {told}. {did_you_mean(name, names)}".rstrip()
        )
    return part.table.column(name)


def _times(part: Part, name: str) -> pa.ChunkedArray:
    """A column of times; DATETIMEs of MaxCompute are moments in UTC, whatever zone others are written in."""
    from automl_core.data.written import in_utc, is_instant

    column = _column(part, name)
    found: pa.ChunkedArray = in_utc(column) if is_instant(part.table.schema.field(name)) else column
    return found


class Joiner:
    """Takes the log piece by piece. Told once of each piece; a piece may be of any size."""

    def __init__(self, outcomes: Outcomes, rule: Rule, now: float) -> None:
        """See `join`."""
        self.outcomes, self.rule = outcomes, rule
        self._now = round(now * MICROSECONDS)
        self._kept = _Kept()
        self._versions: dict[str, int] = {}
        self._counts = AnswerCounts()

    def add(self, answers: Answers) -> None:
        """Take in a piece of the log.

        Raises:
            DataError: a column is missing or can't be what it is to be; nothing of the piece is taken in.
        """
        import numpy as np
        import pyarrow as pa

        rule, part = self.rule, answers.part
        keys = key_text(_column(part, rule.key), rule.key, part.path)
        at, known = self._times(answers)
        version = self._version(answers)
        has_key = keys.is_valid().to_numpy()
        within = round(rule.within * MICROSECONDS)
        since = np.iinfo(np.int64).min if rule.since is None else round(rule.since * MICROSECONDS)
        usable = has_key & known
        recent = usable & (at >= since)
        code = np.where(usable, self.outcomes.codes(keys), -1)
        rows = np.flatnonzero(code >= 0)
        found = self.outcomes.belonging(code[rows], at[rows], within, round(rule.before * MICROSECONDS))
        mine = (found.last > found.first) & recent[rows]
        if rule.closed:
            mine &= at[rows] + within < self._now
        labelled = np.zeros(len(at), bool)
        labelled[rows[mine]] = True
        open_ = at + within >= self._now
        before = self._counts
        self._counts = replace(
            before,
            read=before.read + len(at),
            without_key=before.without_key + int((~has_key).sum()),
            without_time=before.without_time + int((has_key & ~known).sum()),
            older=before.older + int((usable & ~recent).sum()),
            waiting=before.waiting + int((recent & ~labelled & open_).sum()),
            overdue=before.overdue + int((recent & ~labelled & ~open_).sum()),
        )
        keep = rows[mine]
        if len(keep):
            stretches = type(found)(found.first[mine], found.last[mine])
            table = part.table.take(pa.array(keep))
            if answers.features is not None:
                more, has = answers.features(table)
                keep, table = keep[has], table.filter(pa.array(has))
                stretches = type(found)(stretches.first[has], stretches.last[has])
                lacking = int((~has).sum())
                self._counts = replace(self._counts, without_features=self._counts.without_features + lacking)
                if not has.any():
                    return
                self._kept.features.append(replace(more, open=True))
            if rule.version is None and answers.version is not None:
                table = table.append_column("version", pa.array([answers.version] * len(keep), pa.int64()))
            self._kept.parts.append(replace(part, table=table, open=True))
            self._kept.chosen.append(stretches.last - 1)
            self._kept.at.append(at[keep])
            self._kept.version.append(version[keep])
            self._kept.corrected.append(self.outcomes.changed(stretches))

    def _times(self, answers: Answers) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        rows, rule = answers.part.table.num_rows, self.rule
        if isinstance(answers.at, Moments):
            return answers.at.at, answers.at.known
        if answers.at is not None:
            return np.full(rows, round(answers.at * MICROSECONDS), np.int64), np.ones(rows, bool)
        if rule.answered is None:
            return np.zeros(rows, np.int64), np.ones(rows, bool)
        found = moments(_times(answers.part, rule.answered), rule.answered, answers.part.path, rule.zone)
        return found.at, found.known

    def _version(self, answers: Answers) -> np.ndarray:
        """A number for each row's version; the same for the same version in all pieces."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        rows = answers.part.table.num_rows
        known = self.rule.version is not None and self.rule.version in answers.part.table.column_names
        if answers.version is not None or self.rule.version is None or not known:
            name = "" if answers.version is None else str(answers.version)
            return np.full(rows, self._versions.setdefault(name, len(self._versions)), np.int64)
        texts = pc.fill_null(_column(answers.part, self.rule.version).cast(pa.large_string()), "")
        encoded = texts.combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        numbers = [self._versions.setdefault(name, len(self._versions)) for name in encoded.dictionary.to_pylist()]
        return (
            np.asarray(numbers, np.int64)[encoded.indices.to_numpy(zero_copy_only=False)] if rows else np.zeros(0, int)
        )

    def result(self) -> Joined:
        """The joined rows, and what became of everything."""
        import numpy as np
        import pyarrow as pa

        if not any(len(each) for each in self._kept.chosen):
            table = pa.table(
                {self.rule.key: pa.nulls(0, pa.large_string()), self.rule.outcome: self.outcomes.values[:0]}
            )
            return Joined(table, Counts(self._counts, self.outcomes.counts()))
        kept = self._kept
        chosen, at, version = (np.concatenate(each) for each in (kept.chosen, kept.at, kept.version))
        corrected = np.concatenate(kept.corrected)
        rows = self._one_each(chosen, at, version)
        table = combined(kept.parts, None, {})
        if kept.features:
            more = combined(kept.features, None, {})
            for name in more.column_names:
                if name not in table.column_names:
                    table = table.append_column(name, more.column(name))
        table = table.take(pa.array(rows))
        truth = self.outcomes.values.take(pa.array(chosen[rows]))
        if self.rule.outcome in table.column_names:
            table = table.drop_columns([self.rule.outcome])
        names = [name for name, number in self._versions.items()]
        within = round(self.rule.within * MICROSECONDS)
        by_version = np.bincount(version[rows], minlength=len(names))
        counts = replace(
            self._counts, used=len(rows), again=len(chosen) - len(rows), corrected=int(corrected[rows].sum()),
            open=int((at[rows] + within >= self._now).sum()),
            versions={name: int(number) for name, number in zip(names, by_version, strict=True) if number},
        )  # fmt: skip
        return Joined(table.append_column(self.rule.outcome, truth), Counts(counts, self.outcomes.counts()))

    def _one_each(self, chosen: np.ndarray, at: np.ndarray, version: np.ndarray) -> np.ndarray:
        """Places of the answers that are used, in the order of the log."""
        import numpy as np

        places = np.arange(len(chosen))
        if self.rule.each == "all":
            return places
        order = np.lexsort((places, at, version, chosen))
        first = np.ones(len(order), bool)
        first[1:] = (chosen[order][1:] != chosen[order][:-1]) | (version[order][1:] != version[order][:-1])
        wanted = first if self.rule.each == "first" else np.append(first[1:], True)
        return np.sort(order[wanted])
