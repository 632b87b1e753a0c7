"""The latest data of a model whose file says ``data: feedback``: its logged answers with the outcomes that have come.

Nothing is remembered between two looks. Only files that may hold something new are read: a row was written after what
it tells of, so a file that was written last before the time that is looked at has nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.data.access import Access, DataError
from automl_core.data.combining import Part
from automl_core.data.fingerprint import digest_of
from automl_core.data.listing import DataFile, Listing, NothingThere, list_place
from automl_core.data.parts import newer, read_parts
from automl_core.models.feedback.counts import Counts
from automl_core.models.feedback.joining import Answers, Joiner, Rule, read_outcomes
from automl_core.models.feedback.scored import ScoredRows, ends_of_intervals
from automl_core.models.traffic.watched import WATCHED
from automl_core.spec.bundles import BUNDLE_DIR
from automl_core.spec.datasets import DataSet
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.placeholders import PLACEHOLDER
from automl_core.spec.places import DataPlace, parse_place

if TYPE_CHECKING:
    import pyarrow as pa

    from automl_core.models.file import ModelFile
    from automl_core.models.life import Life

LATEST = 30 * 86400.0
"""Seconds of answers at least whose time for outcomes is over, and that are looked at: with fewer there may be none."""

SLACK = 86400.0
"""Seconds by which clocks of those who write may differ from the store's, and a row be written before its time."""

INTERVAL, VERSION = "model_interval", "model_version"
"""Columns that batch scoring writes behind its predictions."""

REQUEST, RECORD = "request_id", "model_record"
"""Columns that servers write: of which request an answer is, and under which rollout record it was given."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows that a model can be judged on.

    Attributes:
        table: an answer with its outcome each.
        counts: what became of all answers and outcomes.
        place: where they come from, for people.
        fingerprint: what lay there, as `automl_core.data.fingerprint` has it.
        since: answers given earlier were not used, seconds since 1970.
        notes: what is to be said of it.
    """

    table: pa.Table
    counts: Counts
    place: str
    fingerprint: dict[str, Any]
    since: float
    notes: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Write the rows as a parquet file.

        Raises:
            OSError: it can't be written.
        """
        from pyarrow import parquet

        parquet.write_table(self.table, path)


@dataclass(frozen=True, slots=True)
class Reach:
    """How data are reached.

    Attributes:
        access: opens stores, buckets and tables.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle.
        say: is told of what takes time.
    """

    access: Access
    home: Path
    bundle: str = ""
    say: Callable[[str], None] = lambda _: None


def gather(file: ModelFile, life: Life | None, reach: Reach, now: float, since: float | None = None) -> Gathered:
    """Join a model's logged answers with their outcomes.

    Args:
        file: the model's, with ``feedback``.
        life: its state, which knows when intervals were scored; None where nobody has it.
        reach: how data are reached.
        now: seconds since 1970.
        since: answers given earlier are not used, and files written earlier not read; as long ago as outcomes may
            take, and `LATEST` at least, when left out.

    Raises:
        DataError: a place, a column or a value is not what it should be.
        StorageError: a place can't be asked now.
    """
    feedback = file.feedback
    if feedback is None or file.answers is None:
        raise ValueError(f"{file.name} has no feedback to gather")
    oldest = since or 0.0
    if since is None:
        since = now - feedback.within - max(feedback.within, LATEST)
        oldest = since - feedback.within
    rule = Rule(
        key=feedback.key, outcome=feedback.outcome, time=feedback.time, answered=file.answered,
        version=feedback.version, within=feedback.within, zone=feedback.timezone, since=since,
    )  # fmt: skip
    told, answered = file.data_set(feedback.data), file.data_set(file.answers)
    known = _Files.of(told, reach, None if feedback.time is None else since - SLACK)
    logged = _Files.of(answered, reach, oldest - SLACK)
    joiner = Joiner(read_outcomes((part for _, part in known.parts(reach)), rule), rule, now)
    rows = ScoredRows.of(file, reach) if feedback.answers is None else None
    watched = 0
    for written, logged_part in logged.parts(reach):
        part, left = without_watched(logged_part)
        watched += left
        at = None if file.answered is not None else _when(part, written, life)
        joiner.add(Answers(part, at, features=rows.of_rows if rows is not None else None))
    table, counts = joiner.result()
    notes = [*logged.notes("no answer"), *known.notes("no outcome"), *(rows.notes if rows is not None else ())]
    if watched:
        notes.append(f"{watched:,} answers to requests of the watch itself are left out")
    fingerprint = {
        "place": answered.place, "kind": "feedback", "by": "etag" if logged.in_bucket else "mtime",
        "digest": digest_of([logged.contents, known.contents, str(rule)]), "rows": table.num_rows,
        "files": len(logged.contents) + len(known.contents),
    }  # fmt: skip
    return Gathered(table, counts, f"{answered.place} with {told.place}", fingerprint, since, tuple(notes))


def without_watched(part: Part) -> tuple[Part, int]:
    """A piece of a server's log without the answers that the watch had asked for, and how many these were.

    Only a log that our servers have written has such answers: elsewhere an id may begin as it likes.

    Args:
        part: a piece of a log.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    names = part.table.column_names
    if REQUEST not in names or RECORD not in names:
        return part, 0
    ids = part.table.column(REQUEST)
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type)):
        return part, 0
    own = pc.fill_null(pc.starts_with(ids, WATCHED), False)
    left = int(pc.sum(own).as_py() or 0)
    return (part, 0) if not left else (replace(part, table=part.table.filter(pc.invert(own))), left)


def _when(part: Part, written: DataFile | None, life: Life | None) -> Any:
    """When the rows of a batch were scored, as far as data were known: the end of their interval."""
    if INTERVAL not in part.table.column_names:
        raise DataError(
            f"{part.path}: nothing says when its answers were given: name the column in feedback.answered (answers of "
            f"batch scoring have {INTERVAL})"
        )
    ended = {each.key: each.ended for each in life.scoring.recent if each.ended is not None} if life is not None else {}
    return ends_of_intervals(
        part.table.column(INTERVAL), ended, written.modified / 1e9 if written is not None else None
    )


@dataclass(slots=True)
class _Files:
    """What lies at a place that may hold something new: files, or a table."""

    data_set: DataSet
    place: DataPlace
    listing: Listing | None
    passed: int = 0

    @classmethod
    def of(cls, data_set: DataSet, reach: Reach, than: float | None) -> _Files:
        place = parse_place(_every_date(data_set.place, reach.bundle))
        if place.is_table:
            return cls(data_set, place, None)
        try:
            listing = list_place(place, reach.home, reach.access, data_set.connection)
        except NothingThere:
            listing = Listing("folder", "", ())
        wanted = listing if than is None else newer(listing, than)
        return cls(data_set, place, wanted, len(listing.files) - len(wanted.files))

    @property
    def in_bucket(self) -> bool:
        return self.listing is not None and self.listing.in_bucket

    @property
    def contents(self) -> list[list[Any]]:
        """What tells these files from others."""
        if self.listing is None:
            return [[self.place.text]]
        return [[each.name, each.size, each.etag or each.modified] for each in self.listing.files]

    def parts(self, reach: Reach) -> Any:
        """(File, piece of its rows); a table is one piece, of no file."""
        if self.listing is not None:
            return read_parts(self.place, self.listing, reach.home, format=self.data_set.format, say=reach.say)
        from automl_core.data.odps_tables import read_odps

        table = read_odps(self.place, reach.access, None, self.data_set.connection)
        return [(None, Part(self.place.text, "table", table))]

    def notes(self, nothing: str) -> list[str]:
        """What is to be said of these files."""
        if self.listing is None or self.listing.files:
            return []
        older = f"; {self.passed:,} older files are there" if self.passed else ""
        return [f"{self.place.text} has {nothing} of the time that is looked at{older}"]


def _every_date(text: str, bundle: str) -> str:
    """A place for every date: a pattern where it names dates of the run."""
    found = PLACEHOLDER.sub(
        lambda match: "*" if match[1] in RUN_DATES else (bundle or ".") if match[1] == BUNDLE_DIR else match[0], text
    )
    dated = any(match[1] in RUN_DATES for match in PLACEHOLDER.finditer(text))
    if not dated:
        return found
    place = parse_place(found)
    if place.is_table:
        return f"odps://{place.root}/{place.path}"
    last = found.rpartition("/")[2]
    return found if "." in last else f"{found.rstrip('/')}/**"
