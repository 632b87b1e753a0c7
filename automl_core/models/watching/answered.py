"""What a model's servers answered of late: some of the champion's answers, evenly drawn, with bounded memory.

Servers write a file every ten seconds each, so a busy model has thousands a day. Read are the files that were brought
since the last look; where these hold more than `MOST_BYTES`, some of them, chosen by a hash of their names. Of the
answers in them `MOST_ROWS` are kept: those whose ids have the smallest hash, which is an even draw, and the same one
however often a look is tried.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from automl_core.models.life.layout import model_prefix
from automl_core.models.traffic.watched import WATCHED
from automl_core.storage.base import Entry, NotFound, ObjectStore

ANSWERS = "answers/"
"""Folder of a model's logged answers, below its own; in it a folder a day, ``ds=2026-11-29``."""

MOST_ROWS = 20_000
MOST_BYTES = 64 * 2**20

LATE = 60.0
"""Seconds after which an answer is in the bucket, as a rule; those that come later are not looked at."""

LONGEST = 7 * 86400.0
"""Seconds of answers that a look goes back at most, whenever the last one was."""

_SLACK = 300.0  # by which the clocks of servers and store may differ
_DAY = 86400.0


class _Line(msgspec.Struct):
    """What is needed of a line to choose it."""

    request_id: str = ""
    answered_at: datetime | None = None
    model_version: int | None = None


_decode = msgspec.json.Decoder(_Line).decode


@dataclass(slots=True)
class Answered:
    """Answers of some time.

    Attributes:
        since, until: they were given between these, seconds since 1970.
        rows: the champion's, in the files that were read.
        kept: lines of these, JSON each.
        others: version → answers of others in these files.
        watched: answers that the watch itself had asked for.
        unread: lines that are none.
        files, read: that hold answers of the time, and those of them that were read.
        untold: files that went away or were longer than what is read.
    """

    since: float
    until: float
    rows: int = 0
    kept: list[bytes] = field(default_factory=list)
    others: dict[int, int] = field(default_factory=dict)
    watched: int = 0
    unread: int = 0
    files: int = 0
    read: int = 0
    untold: int = 0

    def write(self, path: Path) -> None:
        """Write what is kept, as a file of JSON lines.

        Raises:
            OSError: it can't be written.
        """
        with path.open("wb") as file:
            file.writelines(line + b"\n" for line in self.kept)

    def rows_of(self, most: int) -> list[dict[str, Any]]:
        """Some of the rows that were kept, with the columns that are logged.

        Args:
            most: rows at most, evenly drawn.
        """
        step = max(1, -(-len(self.kept) // most))
        return [dict(msgspec.json.decode(line)) for line in self.kept[::step]]

    def notes(self, version: int) -> list[str]:
        """What people should know of them.

        Args:
            version: whose they are.
        """
        found = [
            f"{self.rows:,} answers of version {version} from {_moment(self.since)} to {_moment(self.until)}"
            + (f", of which {len(self.kept):,} evenly drawn ones are looked at" if len(self.kept) < self.rows else "")
        ]
        if self.read < self.files:
            found.append(f"{self.read:,} of {self.files:,} files with answers were read, chosen by their names")
        found += [
            f"{count:,} answers of version {other} are not looked at: it is not the champion"
            for other, count in sorted(self.others.items())
        ]
        for count, words in (
            (self.watched, "answers to requests of the watch itself are left out"),
            (self.unread, "lines of the log can't be read"),
            (self.untold, "files of the log were larger than what is read, and their rest was left out"),
        ):
            if count:
                found.append(f"{count:,} {words}")
        return found


def recent_answers(
    store: ObjectStore, model: str, version: int, since: float, until: float, *, most: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> Answered:  # fmt: skip
    """Some of a version's answers, as servers have logged them.

    Args:
        store: the model storage path.
        model: its name.
        version: the champion.
        since: they were given at or after this, seconds since 1970.
        until: and before this.
        most: answers that are kept.
        most_bytes: that are read.

    Raises:
        StorageError: the store refuses or is away.
    """
    found, versions = Answered(since, until), Counter[int]()
    files = _files(store, model, since, until)
    found.files = len(files)
    kept: list[tuple[int, int, bytes]] = []
    number = 0
    for entry, size in _within(files, most_bytes):
        try:
            data = store.get(entry.key) if size == entry.size else store.get_range(entry.key, 0, size)
        except NotFound:  # removed between the listing and now
            continue
        found.read += 1
        if size < entry.size:
            found.untold += 1
            data = data[: data.rfind(b"\n") + 1]
        for line in data.splitlines():
            told = _told(line)
            if told is None:
                found.unread += bool(line.strip())
                continue
            if told.answered_at is None or not since <= told.answered_at.timestamp() < until:
                continue
            if told.request_id.startswith(WATCHED):
                found.watched += 1
                continue
            if told.model_version != version:
                versions[told.model_version or 0] += 1
                continue
            found.rows += 1
            number += 1
            place = -_hash(told.request_id)
            if len(kept) < most:
                heapq.heappush(kept, (place, number, line))
            elif place > kept[0][0]:
                heapq.heapreplace(kept, (place, number, line))
    found.kept = [line for _, _, line in sorted(kept, key=lambda each: each[1])]
    found.others = dict(versions)
    return found


def interval_of(last: float | None, now: float, every: float | None) -> tuple[float, float]:
    """Between which times answers are looked at: from the end of the last look's, until those in the bucket by now.

    Args:
        last: end of the last look's; None where there was none.
        now: seconds since 1970.
        every: seconds between looks; None where a cron line says it: a day.
    """
    until = now - LATE
    since = last if last is not None else until - (every or _DAY)
    return min(max(since, until - LONGEST), until), until


def _files(store: ObjectStore, model: str, since: float, until: float) -> list[Entry]:
    """Files that may hold answers of the time: a file is in the folder of the day on which it was begun."""
    day = datetime.fromtimestamp(since - _SLACK, UTC).date()
    last = datetime.fromtimestamp(until, UTC).date()
    found: list[Entry] = []
    while day <= last:
        folder = f"{model_prefix(model)}{ANSWERS}ds={day:%Y-%m-%d}/"
        found += [each for each in store.entries(folder) if each.modified >= since - _SLACK]
        day += timedelta(days=1)
    return found


def _within(files: list[Entry], most: int) -> Iterator[tuple[Entry, int]]:
    """Files, and how many bytes of each are read; all of them, or some by a hash of their names."""
    if sum(each.size for each in files) <= most:
        yield from ((each, each.size) for each in files)
        return
    left = most
    for each in sorted(files, key=lambda entry: _hash(entry.key)):
        if left <= 0:
            return
        yield each, min(each.size, left)
        left -= each.size


def _told(line: bytes) -> _Line | None:
    try:
        line.decode()  # of what is not asked for here nothing is looked at, and whoever reads all of it would stumble
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC"
