"""Tallies: what two versions answered within the same stretch of time on one server, counted and written down.

A server counts in memory (`Tallying`), closes a tally after about a second and brings it to the bucket (`Outbox`), an
object each, created and never changed. `automl_core.models.rollout.guard` folds them.

What an **answer** is here: what one request got from one version. A request of a hundred rows is one answer, or two
where its rows have keys of both: rows of one request are alike, and a test that took them for a hundred independent
ones would see differences that aren't there. An **error** is an answer that lacks any of its rows because the version
crashed, hung, had too much to do, or refused a row that the champion has answered. What the champion refuses as well is
the request's fault: nobody's error. What the champion answered instead of the challenger is the challenger's answer
and its error, and no answer of the champion. What the watch asks (`automl_core.models.traffic.watched`) is not counted.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from automl_core.journal.records import key_of, seq_of
from automl_core.models.rollout.layout import tallies_prefix
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.structs import known
from automl_core.study.layout import safe

FORMAT = 1
"""Version of the object that this code writes; it reads every version up to this one."""

LEAST = 0.5
"""Seconds that a tally covers at least."""

SOON = 1.0
"""Seconds after which one answer of each version is enough."""

ENOUGH = 5
"""Answers of each version that close a tally before `SOON`."""

LONGEST = 60.0
"""Seconds after which a tally is closed whatever is in it, also nothing: so a server says that it is there."""

RATIO = 1.25
"""Between the limits of neighbouring latency classes: a quantile read from them is off by a quarter at most."""

_FIRST = 1e-4  # seconds: what is faster is in class 0
_CLASSES = 64  # the last begins at 127 s


class Counts(msgspec.Struct, omit_defaults=True):
    """What one version answered in one stretch of time.

    Attributes:
        answers: how many, those with errors among them.
        errors: see the module.
        slow: answers that took longer than the limit of the file (``safeguard.p99``); 0 where it has none.
        seconds: that all of them took, in sum.
        latency: class → answers; class c holds what took `class_limit` (c - 1) to `class_limit` (c) seconds.
    """

    answers: int = 0
    errors: int = 0
    slow: int = 0
    seconds: float = 0.0
    latency: dict[int, int] = {}

    def __post_init__(self) -> None:
        """Check the counts.

        Raises:
            ValueError: a number that is below 0, or more errors or slow answers than answers.
        """
        if not (0 <= self.errors <= self.answers and 0 <= self.slow <= self.answers):
            raise ValueError(f"{self.errors} errors and {self.slow} slow ones of {self.answers} answers are no counts")
        if not (0 <= self.seconds < math.inf) or any(each < 0 for each in self.latency.values()):
            raise ValueError("seconds and classes of latency are not below 0")

    def __add__(self, other: Counts) -> Counts:
        latency = dict(self.latency)
        for each, many in other.latency.items():
            latency[each] = latency.get(each, 0) + many
        return Counts(
            self.answers + other.answers, self.errors + other.errors, self.slow + other.slow,
            self.seconds + other.seconds, latency,
        )  # fmt: skip

    def quantile(self, share: float) -> float | None:
        """Seconds that a share of the answers took at most, by classes; None where nothing was answered."""
        total = sum(self.latency.values())
        passed = 0
        for each in sorted(self.latency):
            passed += self.latency[each]
            if passed >= share * total and passed:
                return class_limit(each)
        return None


def class_of(seconds: float) -> int:
    """The latency class of an answer."""
    if not seconds > _FIRST:
        return 0
    return min(_CLASSES, math.ceil(math.log(seconds / _FIRST) / math.log(RATIO) - 1e-9))


def class_limit(number: int) -> float:
    """The longest time of a latency class, in seconds."""
    return float(_FIRST * RATIO**number)


class Tally(msgspec.Struct, omit_defaults=True):
    """What was answered within one stretch of time on one server.

    Attributes:
        rollout: its number.
        step: its index, from 0.
        server: who has counted. One start of one process: a restarted one has another name.
        place: from 1, growing; some may be missing where tallies were put together.
        begun, ended: the stretch, seconds since 1970 by the server's clock.
        versions: version → what it answered.
        shadow: version → what it answered though somebody else's answer was given.
        compared: answers of the shadow that could be compared with those given.
        agreed: those that said the same.
        format: see `FORMAT`.
    """

    rollout: int
    step: int
    server: str
    place: int
    begun: float
    ended: float
    versions: dict[int, Counts] = {}
    shadow: dict[int, Counts] = {}
    compared: int = 0
    agreed: int = 0
    format: int = FORMAT

    def __post_init__(self) -> None:
        """Check the counts.

        Raises:
            ValueError: more agreed than were compared, or a place or step that is none.
        """
        if not (0 <= self.agreed <= self.compared and self.place >= 1 and self.step >= 0):
            raise ValueError(f"place {self.place} of step {self.step}: {self.agreed} of {self.compared} agreed")

    def joined(self, later: Tally) -> Tally:
        """One tally of two that follow each other in the same step; has the place of the later one.

        Raises:
            ValueError: they are of different steps, rollouts or servers.
        """
        if (self.rollout, self.step, self.server) != (later.rollout, later.step, later.server):
            raise ValueError("tallies of different steps are not put together")
        return Tally(
            self.rollout, self.step, self.server, later.place, min(self.begun, later.begun),
            max(self.ended, later.ended), _added(self.versions, later.versions), _added(self.shadow, later.shadow),
            self.compared + later.compared, self.agreed + later.agreed,
        )  # fmt: skip


def _added(one: dict[int, Counts], other: dict[int, Counts]) -> dict[int, Counts]:
    return {each: one.get(each, Counts()) + other.get(each, Counts()) for each in sorted({*one, *other})}


class Tallying:
    """Counts on a server; one for each model with an open rollout. In memory alone, for one thread (its event loop)."""

    def __init__(
        self, model: str, rollout_id: int, step: int, server: str, p99: float | None = None, *, alone: bool = False,
        now: float | None = None,
    ) -> None:  # fmt: skip
        """Begin to count.

        Args:
            model: its name.
            rollout_id: the rollout's number.
            step: the index of its step, from 0.
            server: names this start of this process; places begin at 1 for each name, so none is used twice.
            p99: seconds that an answer may take (``safeguard.p99``); None where the file says nothing.
            alone: whether one version has all: nothing is waited for from another one.
            now: seconds since 1970.
        """
        self.model, self.rollout, self.step, self.server = model, rollout_id, step, server
        self.p99, self.alone, self.place = p99, alone, 1
        self._begin(time.time() if now is None else now)

    def _begin(self, now: float) -> None:
        self.begun = now
        self._versions: dict[int, Counts] = {}
        self._shadow: dict[int, Counts] = {}
        self._compared = self._agreed = 0

    def add(
        self, version: int, seconds: float, *, error: bool = False, shadow: bool = False, agreed: bool | None = None
    ) -> None:
        """Count one answer (see the module for what is one).

        Args:
            version: who was asked. The challenger also where the champion answered instead.
            seconds: from the request to the answer, or until it was given up.
            error: see the module.
            shadow: whether another version's answer was given.
            agreed: of a shadow's answer, whether it says the same as the one that was given; None: not compared.
        """
        counts = (self._shadow if shadow else self._versions).setdefault(version, Counts(latency={}))
        counts.answers += 1
        counts.errors += error
        counts.slow += self.p99 is not None and seconds > self.p99
        counts.seconds += max(0.0, seconds)
        number = class_of(seconds)
        counts.latency[number] = counts.latency.get(number, 0) + 1
        if shadow and agreed is not None:
            self._compared += 1
            self._agreed += agreed

    def due(self, now: float) -> bool:
        """Whether the tally should be taken. By time and numbers of answers alone: what they say must not matter."""
        if now < self.begun:  # the machine's clock was set back
            self.begun = now
        age = now - self.begun
        if age >= LONGEST:
            return True
        found = [each.answers for each in (*self._versions.values(), *self._shadow.values())]
        if age < LEAST or not found or (len(found) < 2 and not self.alone):
            return False
        return min(found) >= (ENOUGH if age < SOON else 1)

    def take(self, now: float) -> Tally:
        """Close the tally, and begin the next one."""
        taken = Tally(
            self.rollout, self.step, self.server, self.place, min(self.begun, now), now, self._versions, self._shadow,
            self._compared, self._agreed,
        )  # fmt: skip
        self.place += 1
        self._begin(now)
        return taken

    def moved(self, step: int, now: float, *, alone: bool = False) -> Tally | None:
        """Go on in another step. Returns what was counted in the one before, None where that is nothing.

        Args:
            step: its index.
            now: seconds since 1970.
            alone: as `__init__`.
        """
        taken = self.take(now) if self._versions or self._shadow else None
        self.step, self.alone, self.begun = step, alone, now
        return taken


class Outbox:
    """Tallies of one server on their way to the bucket, in order. Used from one thread at a time."""

    def __init__(self, store: ObjectStore, model: str, *, most: int = 100) -> None:
        """Open it.

        Args:
            store: the model storage path.
            model: its name.
            most: tallies that wait, where the store is away; then neighbours of a step are put together, nothing lost.
        """
        self.store, self.model, self.most = store, model, most
        self._waiting: deque[Tally] = deque()
        self._tried = False  # the first of them: whether it lies there is then open, so it stays as it is

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, tally: Tally) -> None:
        """Take in a tally; asks no store."""
        self._waiting.append(tally)
        if len(self._waiting) > self.most:
            self._join()

    def flush(self) -> int:
        """Write what waits, in order. Returns how many.

        Raises:
            StorageError: the store is away. What is left waits for the next call.
        """
        done = 0
        while self._waiting:
            self._tried = True
            write_tally(self.store, self.model, self._waiting[0])
            self._waiting.popleft()
            self._tried = False
            done += 1
        return done

    def _join(self) -> None:
        """Put neighbours of the same step together, two and two."""
        found: list[Tally] = []
        kept = [self._waiting.popleft()] if self._tried and self._waiting else []
        open_: Tally | None = None
        for each in self._waiting:
            if open_ is not None and (open_.rollout, open_.step, open_.server) == (
                each.rollout, each.step, each.server
            ):  # fmt: skip
                found.append(open_.joined(each))
                open_ = None
                continue
            if open_ is not None:
                found.append(open_)
            open_ = each
        if open_ is not None:
            found.append(open_)
        self._waiting = deque([*kept, *found])


class Place(NamedTuple):
    """Where a tally lies: who has written it, its place, its key in the store."""

    server: str
    place: int
    key: str


def tally_key(model: str, tally: Tally) -> str:
    """The object of a tally."""
    return f"{tallies_prefix(model, tally.rollout)}{safe(tally.server)}/{key_of(tally.place)}"


def write_tally(store: ObjectStore, model: str, tally: Tally) -> bool:
    """Write a tally down. Told again after a lost answer, it changes nothing. Returns whether it lies there now.

    Args:
        store: the model storage path.
        model: its name.
        tally: taken before every tally of a later place, and written before it.

    Raises:
        StorageError: the store is away. Whether it was written is then open: writing it again is right.
    """
    return store.create(tally_key(model, tally), msgspec.json.encode(tally))


def list_tallies(store: ObjectStore, model: str, rollout: int) -> Iterator[Place]:
    """The tallies that lie there, of each server in order. One request for each thousand.

    Raises:
        StorageError: the store is away.
    """
    folder = tallies_prefix(model, rollout)
    for key in store.list(folder):
        server, _, name = key.removeprefix(folder).partition("/")
        place = seq_of(name)
        if place is not None:
            yield Place(server, place, key)


def read_tally(store: ObjectStore, key: str) -> Tally | None:
    """A tally by its key; None where it is gone: somebody has folded it.

    Raises:
        ValueError: what lies there is none, or one of a later release.
        StorageError: the store is away.
    """
    try:
        data = store.get(key)
    except NotFound:
        return None
    try:
        tally = msgspec.json.decode(data, type=Tally)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"{store.url}/{key} is no tally: {error}") from None
    if tally.format > FORMAT:
        raise ValueError(f"{store.url}/{key} has the format {tally.format}; this release reads up to {FORMAT}")
    return tally


known(Tally)
