"""The life of a model, folded from its journal. Nothing here reads a store or a clock.

``apply`` takes one record and either changes the state or says why the record can't be true (a version accepted twice,
say); such a record is skipped by every reader alike.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from automl_core.journal import LaterFormat, Record, take_in
from automl_core.models.life.changes import CHANGES
from automl_core.models.life.entities import Retraining, Shares, Version, VersionState
from automl_core.models.life.intervals import Done, Interval, Packed, Scoring, Totals, pack, unpack
from automl_core.models.life.refusals import NoSuchVersion, Refused
from automl_core.models.life.rollouts import Rollout
from automl_core.models.life.rules import RULES
from automl_core.structs import known

LIFE_VERSION = 2
"""Version of the snapshot that this code writes; it reads every version up to this one. A state that gets anything new
gets a new version: an older release would read it without, and write it so. 2 has rollouts."""


class Life:
    """Everything that the records so far say. See `ModelLife` for what is asked of it.

    Attributes:
        seq: the place of the last record.
        updated: the time of the last record that was not skipped.
        document: the model's file as it was recorded last, plain JSON.
        configured: when that was, and by whom: (time, name).
        versions: by number, from 1.
        shares: who answered since when, in order; the last is now.
        rollouts: by id, from 1; at most one is open, the last.
        retrainings: by number, from 1.
        scoring: the intervals that were scored, and those that are being.
        skipped: places that hold no usable record → why.
    """

    kinds: ClassVar[frozenset[str]] = frozenset(CHANGES)
    """What a record of a model can tell."""

    def __init__(self) -> None:
        self.seq = 0
        self.updated = 0.0
        self.document: dict[str, Any] = {}
        self.configured: tuple[float, str] | None = None
        self.versions: dict[int, Version] = {}
        self.shares: list[Shares] = []
        self.rollouts: dict[int, Rollout] = {}
        self.retrainings: dict[int, Retraining] = {}
        self.scoring = Scoring()
        self.skipped: dict[int, str] = {}
        self._by_source: dict[tuple[str, str, str], int] = {}

    # --- what it says --------------------------------------------------------------------------

    @property
    def champion(self) -> int | None:
        """The version that answers all who are not in a rollout of another; None while none is in use."""
        return self.shares[-1].champion if self.shares else None

    @property
    def rollout(self) -> Rollout | None:
        """The rollout that is open; None while none is."""
        last = self.rollouts.get(len(self.rollouts))
        return last if last is not None and last.open else None

    def champion_at(self, time: float) -> int | None:
        """The champion at a time, seconds since 1970."""
        found = self.record_at(time)
        return found.champion if found is not None else None

    def shares_now(self) -> dict[int, float]:
        """Version → share of what is in use now; empty where nothing is."""
        return self.shares[-1].shares if self.shares else {}

    def shares_at(self, time: float) -> dict[int, float]:
        """Version → share of what was in use at a time, seconds since 1970."""
        found = self.record_at(time)
        return found.shares if found is not None else {}

    def record_at(self, time: float) -> Shares | None:
        """The rollout record that held at a time, None before the first."""
        return next((each for each in reversed(self.shares) if each.time <= time), None)

    def version(self, number: int) -> Version:
        """A version by its number.

        Raises:
            NoSuchVersion: there is none.
        """
        if number in self.versions:
            return self.versions[number]
        there = f"1 to {len(self.versions)} are there" if self.versions else "none was offered yet"
        raise NoSuchVersion(f"there is no version {number}; {there}")

    def by_source(self, key: tuple[str, str, str]) -> Version | None:
        """The version that came of a result (`Source.key`), None where it was not offered."""
        number = self._by_source.get(key)
        return self.versions[number] if number is not None else None

    def undecided(self) -> list[Version]:
        """Versions that a rollout has still to evaluate, or that wait for an answer; the oldest first."""
        return [each for each in self.versions.values() if each.state.undecided]

    def previous_champion(self, version: int) -> int | None:
        """The champion before a version that can answer again, None where there is none."""
        for each in reversed(self.shares):
            if each.champion in (None, version):
                continue
            found = self.versions[each.champion]
            if found.state is VersionState.REPLACED and found.removed is None:
                return found.number
        return None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Life) and self.encode() == other.encode()

    __hash__ = None  # type: ignore[assignment]

    # --- the fold ------------------------------------------------------------------------------

    def skip(self, seq: int, reason: str) -> None:
        """Remember a place in the order that holds no usable record."""
        self.skipped.setdefault(seq, reason)

    def apply(self, record: Record) -> str | None:
        """Take in the next record.

        Returns:
            None, or why the record is skipped.
        """
        return take_in(self, record, self._change)

    def _change(self, record: Record) -> str | None:
        try:
            if record.kind in RULES:
                RULES[record.kind](self, record.data)
            CHANGES[record.kind](self, record)
        except (Refused, NoSuchVersion) as refused:
            return str(refused)
        return None

    def add_version(self, version: Version) -> None:
        """Take in a version; used by `changes` alone."""
        self.versions[version.number] = version
        self._by_source[version.source.key] = version.number

    def encode(self) -> bytes:
        """The state as JSON, for a snapshot."""
        done, others = pack(self.scoring.done)
        scoring = self.scoring
        return msgspec.json.encode(
            _Stored(
                LIFE_VERSION,
                self.seq,
                self.updated,
                self.document,
                self.configured,
                list(self.versions.values()),
                self.shares,
                list(self.retrainings.values()),
                dict(sorted(scoring.open.items())),
                scoring.recent,
                done,
                dict(sorted(others.items())),
                scoring.totals,
                scoring.given_up,
                self.skipped,
                list(self.rollouts.values()),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> Life:
        """Read a snapshot, of this release or an earlier one.

        Raises:
            LaterFormat: it is of a later release.
            ValueError: it is torn or no snapshot.
        """
        version = msgspec.json.decode(data, type=_Versioned).version
        if version > LIFE_VERSION:
            raise LaterFormat(f"snapshot version {version} is later than {LIFE_VERSION}, the latest this release reads")
        stored = msgspec.json.decode(data, type=_Stored)
        life = cls()
        life.seq, life.updated = stored.seq, stored.updated
        life.document, life.configured = stored.document, stored.configured
        for each in stored.versions:
            life.add_version(each)
        life.shares = stored.shares
        life.rollouts = {each.id: each for each in stored.rollouts}
        life.retrainings = {each.id: each for each in stored.retrainings}
        life.scoring = Scoring(
            stored.open, stored.recent, unpack(stored.done, stored.others), stored.totals, stored.given_up
        )
        life.skipped = stored.skipped
        return life


class _Versioned(msgspec.Struct):
    version: int


class _Stored(msgspec.Struct, omit_defaults=True):
    version: int
    seq: int
    updated: float
    document: dict[str, Any] = {}
    configured: tuple[float, str] | None = None
    versions: list[Version] = []
    shares: list[Shares] = []
    retrainings: list[Retraining] = []
    open: dict[str, Interval] = {}
    recent: list[Interval] = []
    done: list[Packed] = []
    others: dict[str, Done] = {}
    totals: dict[int, Totals] = {}
    given_up: int = 0
    skipped: dict[int, str] = {}
    rollouts: list[Rollout] = []


known(_Versioned, _Stored)
