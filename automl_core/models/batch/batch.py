"""The acts of batch scoring: what is owed, the claim on an interval, its end. Airflow, the command line and tests call
these; whichever process dies between two of them, the next one goes on.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from automl_core.data.access import Access, DataError
from automl_core.models.batch import lineage
from automl_core.models.batch.intervals import (
    Interval,
    Timetable,
    has_dates,
    names_days,
    interval_of_data,
    interval_of_key,
    newest_only,
    text_of,
)
from automl_core.models.batch.order import Order, Place, Report
from automl_core.models.batch.owed import OwedList
from automl_core.models.batch.partitions import found_partitions
from automl_core.models.batch.places import place_in, text_in
from automl_core.models.batch.scoring import fingerprint_of, look
from automl_core.models.batch.writing import CantWrite, file_name
from automl_core.models.life import Claim, Life, ModelLife, NoSuchVersion, Refused
from automl_core.models.life.layout import batch_prefix
from automl_core.spec.bundles import BUNDLE_DIR
from automl_core.spec.places import BadPlace

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.spec.datasets import DataSet

LATEST = 30 * 86400.0
"""Seconds after its end for which the data of an interval are waited for. After that it is given up, in words; who asks
for it by name gets it all the same."""

MOST = 50
"""Intervals that one run takes, the newest first; what is left is the next run's."""

LOST = 12 * 3600.0
"""Seconds after which a claim of another run counts as one whose run is gone."""

What = Literal["scored", "already", "busy", "missing", "no_champion", "failed", "again"]


@dataclass(frozen=True, slots=True)
class Wish:
    """That an interval be scored again, or by a version that is named.

    Attributes:
        version: ``then`` (that of the interval's end), ``now``, or a number.
        by: who asks, for people.
        why: in their words.
    """

    version: Literal["then", "now"] | int
    by: str
    why: str = ""

    @property
    def words(self) -> str:
        """What the journal has of it; never empty."""
        of = f"version {self.version}" if isinstance(self.version, int) else f"the version of {self.version}"
        return f"asked for by {self.by}, with {of}{f': {self.why}' if self.why else ''}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an interval.

    Attributes:
        what: ``scored``; ``already``: it was; ``busy``: another run has it; ``missing``: its data aren't there;
            ``no_champion``; ``failed``: these data can't be scored by this version; ``again``: worth another try.
        words: the same for people.
        rows: that were written.
        version: that has scored it.
        out: where the predictions are.
    """

    what: What
    words: str
    rows: int = 0
    version: int | None = None
    out: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to score.

    Attributes:
        intervals: the newest first.
        words: what is to be said about it.
    """

    intervals: tuple[Interval, ...]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """A claim with all that its scoring needs; plain data, so that it outlives the process that made it."""

    claim: Claim
    order: Order

    def to_json(self) -> str:
        """As text, without any secret."""
        claim = {name: getattr(self.claim, name) for name in Claim.__slots__}
        return json.dumps({"claim": claim, "order": self.order.to_json()})

    @classmethod
    def from_json(cls, text: str) -> Begun:
        """Read back what `to_json` wrote."""
        body = json.loads(text)
        return cls(Claim(**body["claim"]), Order.from_json(body["order"]))


@dataclass
class Batch:
    """Batch scoring of one model, as its file says. Not shared between threads.

    Attributes:
        life: the model.
        file: its file, with ``deploy``.
        access: opens stores, buckets and tables.
        home: AUTOML_HOME.
        timetable: when intervals are due.
        bundle: folder of the DAG bundle.
        clock: seconds since 1970.
        sleep: how to wait between two tries.
        say: takes lines for people.
    """

    life: ModelLife
    file: ModelFile
    access: Access
    home: Path
    timetable: Timetable = field(default_factory=Timetable)
    bundle: str = ""
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    say: Callable[[str], None] = lambda _: None

    def __post_init__(self) -> None:
        if self.file.deploy is None:
            raise ValueError(f"{self.file.name} has no `deploy`: there is nothing to score")
        self.deploy: Any = self.file.deploy
        self.owed = OwedList(self.life.store, self.life.prefix, clock=self.clock, sleep=self.sleep)
        self.data: DataSet = self._in_full(self.deploy.data)
        self.out: DataSet = self._in_full(self.deploy.out)

    def _in_full(self, given: Any) -> DataSet:
        found = self.file.data_set(given)
        changed: dict[str, Any] = {"place": found.place.replace("${" + BUNDLE_DIR + "}", self.bundle or ".")}
        if found.connection is None and found.place.startswith("odps://") and self.deploy.backend == "maxcompute":
            changed["connection"] = self.deploy.connection
        return found.model_copy(update=changed)

    # --- what is owed ---------------------------------------------------------------------------

    def own(self, at: datetime, start: datetime | None = None, end: datetime | None = None) -> Interval | None:
        """The interval of a run with a logical date (`Timetable.own`).

        Returns:
            None where nothing is due at a time, and the place of the data names none: its state is the interval then.
        """
        if self.timetable.cron is None:
            if not has_dates(self.data.place):
                return None
            if names_days(self.data.place):
                at = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
                start = end = at
        return self.timetable.own(at, start, end)

    def plan(
        self, own: Interval | None = None, found: Sequence[Interval] = (), *, asked: bool = False, most: int = MOST
    ) -> Plan:
        """Note what is due, and choose what a run scores.

        Args:
            own: the interval of the run itself, where it has one.
            found: intervals that somebody knows to be there (an asset's event names them).
            asked: whether a person has begun the run: its own interval is owed whenever that was.
            most: intervals in one run.

        Raises:
            StorageError: a store is away.
        """
        life = self.life.refresh()
        first = next((each.time for each in life.shares if each.champion is not None), None)
        if first is None:
            return Plan((), ("no version was ever in use: nothing is owed before there is a champion",))
        self._note_due(life, first if not asked else 0.0, first, own, found)
        state = self.owed.refresh()
        self.owed.settle([key for key in state.owed if key in life.scoring.done])
        words: list[str] = []
        self._give_up(words)
        held = {key: each.interval for key, each in self.owed.journal.state.owed.items()}
        wanted, gone = newest_only(held, self.data.place)
        if gone:
            self.owed.give_up(gone, f"{self.data.place} names no date: what lay there then can't be read any more")
            words.append(f"{len(gone)} intervals are passed over: {self.data.place} names no date, and has newer data")
        for each in self._stuck(wanted):
            words.append(f"{each.key} can't be scored, and is not tried again before its data or the champion change: "
                         f"{each.words}")  # fmt: skip
            if own is None or each.key != own.key:
                wanted.pop(each.key)
        ordered = sorted(wanted.values(), key=lambda each: (each.at or each.end or 0.0, each.key), reverse=True)
        if own is not None and own.key in wanted:
            ordered = [own, *(each for each in ordered if each.key != own.key)]
        if len(ordered) > most:
            words.append(f"{len(ordered)} intervals are owed: {most} of them now, the rest in the next runs")
        return Plan(tuple(ordered[:most]), tuple(words))

    def _note_due(
        self, life: Life, earliest: float, first: float, own: Interval | None, found: Sequence[Interval]
    ) -> None:
        state, now = self.owed.refresh(), self.clock()
        after = state.until if state.until is not None else first
        due = self.timetable.due(after, now)
        until = None
        if self.timetable.cron is not None:
            until = max((each.end or 0.0 for each in due), default=after)
        if own is not None and (own.end or 0.0) >= earliest:
            due.append(own)
        due += found
        if self.timetable.cron is None:
            due += self._there(first)
        known = state.owed.keys() | {each.key for each in state.closed} | life.scoring.done.keys()
        fresh = {each.key: each for each in due if each.key not in known}
        if fresh or until is not None:
            self.owed.owe(fresh.values(), until)

    def _there(self, first: float) -> list[Interval]:
        """What lies at the place of the data and came after the first champion."""
        if not has_dates(self.data.place):
            try:
                taken = fingerprint_of(Place(self.data.place, self.data.connection, self.data.format), (), self.home,
                                       self.access)  # fmt: skip
            except DataError as error:
                self.say(f"there is nothing to score yet: {error}")
                return []
            return [replace(interval_of_data(taken.digest), start=self.clock(), end=self.clock())]
        partitions = found_partitions(self.data.place, self.home, self.access, self.data.connection)
        # a date's own day is over a day later
        return [each for each in partitions if (each.at or 0.0) + 86400.0 > first]

    def _give_up(self, words: list[str]) -> None:
        old = [
            each.key for each in self.owed.journal.state.owed.values()
            if each.what == "missing" and (each.end or each.since) < self.clock() - LATEST
        ]  # fmt: skip
        if old:
            self.owed.give_up(old, f"its data did not come within {LATEST / 86400:.0f} days")
            words.append(f"given up, since their data did not come within {LATEST / 86400:.0f} days: {', '.join(old)}")

    def _stuck(self, wanted: dict[str, Interval]) -> list[Any]:
        """Owed intervals whose data could not be scored, and are what they were, by the version that is still champion."""
        found = []
        for key, interval in wanted.items():
            held = self.owed.journal.state.owed.get(key)
            if held is None or held.what != "failed" or not held.fingerprint:
                continue
            try:
                version = self.life.state.champion
                digest = self._fingerprint(interval, version)[0].digest if version is not None else ""
            except (DataError, BadPlace):
                continue
            if held.tried_in_vain(digest, version or 0):
                found.append(held)
        return found

    # --- one interval ---------------------------------------------------------------------------

    def begin(
        self, interval: Interval, run: str, *, wish: Wish | None = None, adopt: bool = False
    ) -> Begun | Outcome:
        """Claim an interval, and say how it is to be scored; or why not.

        Args:
            interval: which.
            run: who claims it: a run's id; a run that people have cleared goes by another.
            wish: that it be scored although it was.
            adopt: whether what this run has started of it may still go on, and is taken over: the claim stays what it
                is then, with its version. Else a claim of the same run counts no more.

        Raises:
            StorageError: a store is away. Nothing is lost: beginning again tells what stands.
        """
        life = self.life.refresh()
        held = life.scoring.open.get(interval.key)
        adopted = held if adopt and held is not None and held.run == run else None
        token = adopted.token if adopted is not None else uuid.uuid4().hex[:16]
        if wish is None and interval.key in life.scoring.done:
            return self._already(life, interval)
        try:
            version = adopted.version if adopted is not None else self._version(life, interval, wish)
        except (NoSuchVersion, LookupError) as error:
            return Outcome("failed", str(error))
        if version is None:
            words = "no version is in use: it is made up for when there is one"
            self.owed.refresh()
            self.owed.note(interval.key, "no_champion", words)
            return Outcome("no_champion", words)
        try:
            fingerprint, earlier = self._fingerprint(interval, version)
            out = file_name(text_in(self.out.place, interval, self.bundle)) if not self._is_table else text_in(
                self.out.place, interval, self.bundle)  # fmt: skip
        except DataError as error:
            return self._missing(interval, str(error))
        except (BadPlace, CantWrite) as error:
            return Outcome("failed", str(error))
        again = wish.words if wish is not None and interval.key in life.scoring.done else ""
        try:
            claim = self.life.begin_interval(
                interval.key, interval.start or 0.0, interval.end or 0.0, version, run=run, token=token,
                then=wish is not None and wish.version != "now", why=again, instead_of=self._lost(life, interval, run),
            )  # fmt: skip
        except (Refused, NoSuchVersion) as error:
            held = self.life.state.scoring.open.get(interval.key)
            busy = held is not None and held.run != run
            return Outcome("busy" if busy else "failed", str(error))
        if claim.scored:
            return self._already(self.life.state, interval)
        return Begun(claim, self._order(claim, interval, fingerprint.digest, earlier, out, run, token))

    def end(self, begun: Begun, report: Report) -> Outcome:
        """Record what came of a claim. Told again, it changes nothing.

        Raises:
            StorageError: the store is away; to be told again.
        """
        claim, words = begun.claim, report.words
        self.owed.refresh()
        if report.problem == "cant":
            self.life.give_up_interval(claim, words)
            self.owed.note(claim.key, "failed", words, fingerprint=begun.order.digest, version=claim.version)
            return Outcome("failed", words)
        if report.problem is not None:
            if report.problem != "replaced":
                self.life.give_up_interval(claim, words)
                self.owed.note(claim.key, "failed", words)
            return Outcome("again", words)
        self._keep(begun, report)
        try:
            self.life.end_interval(claim, rows=report.rows, out=report.out, digest=report.digest)
        except Refused as error:
            return Outcome("again", str(error))
        self.owed.settle([claim.key])
        scored = lineage.Scored(
            self.file.name, claim.version, claim.key, claim.generation, begun.order.data.text, report.fingerprint,
            report.out, report.rows, report.digest, report.more,
        )  # fmt: skip
        lineage.tell(scored, self.say)
        return Outcome("scored", f"{report.rows:,} rows by version {claim.version}, into {report.out}", report.rows,
                       claim.version, report.out)  # fmt: skip

    def failed(self, begun: Begun, words: str) -> Outcome:
        """Give a claim back whose process came to nothing: killed, out of time, never started. Worth another try.

        Raises:
            StorageError: the store is away.
        """
        return self.end(begun, Report(problem="later", words=words))

    def score(
        self, interval: Interval, run: str, runner: Callable[[Order], Report], *, wish: Wish | None = None
    ) -> Outcome:
        """Claim, score and record an interval.

        Args:
            interval: which.
            run: who does.
            runner: scores (`automl_core.models.batch.processes.scored`).
            wish: that it be scored although it was.

        Raises:
            StorageError: a store is away.
        """
        begun = self.begin(interval, run, wish=wish)
        return begun if isinstance(begun, Outcome) else self.end(begun, runner(begun.order))

    def fingerprint_now(self, order: Order) -> dict[str, Any]:
        """What lies at the place of the data, for who has scored it elsewhere; empty where that can't be asked.

        Args:
            order: what was scored.
        """
        try:
            return fingerprint_of(order.data, order.earlier, self.home, self.access).to_json()
        except DataError:
            return {}

    def digest_of_out(self, order: Order) -> str:
        """Digest of a table (or partition) of predictions: of its last change, its size and its columns.

        Args:
            order: by which it was written.
        """
        return look(order.out, self.home, self.access).digest

    # --- parts ------------------------------------------------------------------------------------

    @property
    def _is_table(self) -> bool:
        return self.out.place.startswith("odps://")

    def _version(self, life: Life, interval: Interval, wish: Wish | None) -> int | None:
        if wish is None or wish.version == "now":
            return life.champion
        if wish.version == "then":
            if interval.end is None:
                raise LookupError(f"{interval.key} has no date, so there is no version of then")
            found = life.champion_at(interval.end)
            if found is None:
                raise LookupError(
                    f"no version was in use at {text_of(interval.end)}, the end of {interval.key}; allowed: "
                    '"version": "now", or a number'
                )
            return found
        return life.version(int(wish.version)).number

    def _fingerprint(self, interval: Interval, version: int | None) -> tuple[Any, tuple[Place, ...]]:
        """What is to be read: its fingerprint, and earlier places that a model of series runs on by."""
        data = self.data_of(interval)
        earlier: tuple[Place, ...] = ()
        if version is not None and self.life.state.version(version).model.problem == "forecasting":
            earlier = self._earlier(interval)
        return fingerprint_of(data, earlier, self.home, self.access), earlier

    def data_of(self, interval: Interval) -> Place:
        place = place_in(self.data.place, interval, self.bundle)
        return Place(place.text, self.data.connection, self.data.format)

    def _earlier(self, interval: Interval) -> tuple[Place, ...]:
        """Places of the same data before an interval: newer rows of series may lie in any of them."""
        if not has_dates(self.data.place) or interval.at is None:
            return ()
        known = found_partitions(self.data.place, self.home, self.access, self.data.connection)
        return tuple(self.data_of(each) for each in known if (each.at or 0.0) < interval.at)

    def _missing(self, interval: Interval, words: str) -> Outcome:
        self.owed.refresh()
        self.owed.note(interval.key, "missing", words)
        return Outcome("missing", words)

    def _already(self, life: Life, interval: Interval) -> Outcome:
        done = life.scoring.done[interval.key]
        self.owed.refresh()
        self.owed.settle([interval.key])
        more = f", at generation {done.generation}" if done.generation > 1 else ""
        return Outcome("already", f"{interval.key} was scored by version {done.version}{more}", version=done.version)

    def _lost(self, life: Life, interval: Interval, run: str) -> str:
        """The run whose claim on an interval is so old that the run must be gone; empty for none."""
        held = life.scoring.open.get(interval.key)
        if held is None or held.run == run or self.clock() - held.begun < LOST:
            return ""
        self.say(f"the claim of the run {held.run} is {LOST / 3600:.0f} hours old: it counts no more")
        return held.run

    def _order(
        self, claim: Claim, interval: Interval, digest: str, earlier: tuple[Place, ...], out: str, run: str, token: str
    ) -> Order:
        version = self.life.state.version(claim.version)
        output = self.file.output
        return Order(
            name=self.file.name, storage=Place(output.storage, output.connection), version=claim.version,
            model=version.model.prefix, model_digest=version.model.digest, key=claim.key, generation=claim.generation,
            attempt=claim.attempt, data=self.data_of(interval), digest=digest, earlier=earlier,
            out=Place(out, self.out.connection), run=run, token=token,
            report=f"{batch_prefix(self.file.name)}{folder_name(claim.key)}/{claim.generation}-{token}.json",
            keep=tuple(self.deploy.keep), proba=self.deploy.proba,
            lineage=lineage.columns(claim.version, claim.key, claim.generation), home=str(self.home),
        )  # fmt: skip

    def _keep(self, begun: Begun, report: Report) -> None:
        """Leave the details of a score beside the journal, for people: fingerprint, columns, notes."""
        body = report.to_json().encode()
        self.life.store.put(f"{batch_prefix(self.file.name)}{folder_name(begun.claim.key)}/"
                            f"{begun.claim.generation}.json", body)  # fmt: skip


def folder_name(key: str) -> str:
    """The folder of an interval's records below ``batch/``: its key with what no file name may have left out."""
    return key.replace(":", "").replace("/", "_")


def interval_named(text: str, timetable: Timetable) -> Interval:
    """The interval that a person names (`Timetable.interval_of`).

    Raises:
        ValueError: it is none.
    """
    return timetable.interval_of(text)


__all__ = ["Batch", "Begun", "Outcome", "Plan", "Wish", "folder_name", "interval_named", "interval_of_key"]
