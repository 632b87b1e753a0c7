"""The guard's checkpoints: an object each, created and never changed, the newest holds everything.

The state of a rollout is a chain: look N + 1 is made from look N and the tallies that were not in it, and is created
only if it is absent. Of two guards at once one wins each number, the other reads what that one wrote. So a tally is
counted exactly once, wherever a guard is killed.

Old looks are removed, the newest `KEPT` stay. So a guard that slept for long might create a number that was there and
is gone. Therefore no tally is removed in the look that takes it in, but in a later one, after a listing has shown that
nothing lies behind that look. What a sleeper does to the journal is judged by the journal.
"""

from __future__ import annotations

from typing import Any

import msgspec

from automl_core.models.rollout.evidence import Evidence
from automl_core.models.rollout.layout import FORMAT, look_key
from automl_core.models.rollout.measures import Measured
from automl_core.models.rollout.view import Point, Server
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.structs import known

KEPT = 5


class Heard(msgspec.Struct, array_like=True):
    """What was taken in of a server.

    Attributes:
        place: of its last tally.
        time: when that was folded.
        answers: that it has told of.
        ahead: seconds by which its clock is ahead, as far as that shows.
    """

    place: int
    time: float
    answers: int = 0
    ahead: float = 0.0


class Checkpoint(msgspec.Struct):
    """The state of a guard.

    Attributes:
        number: of the look, from 1; 0 before the first.
        guard: who has written it: no two guards bring the same bytes.
        time: when, seconds since 1970.
        evidence: what was counted.
        heard: server → what was taken in of it.
        forgotten: servers that were dropped from `heard`: how many, and when one of them was heard last.
        folded, late, unreadable: tallies that were taken in; of these, of a step that was over; that were none.
        old: tallies of servers that were dropped: not taken in.
        measured: metric → its newest measurement.
        visit: how often the rollout has moved, and how much the challenger had answered in its step before.
        history: the course.
        view: what people are shown.
        format: see `FORMAT`.
    """

    number: int = 0
    guard: str = ""
    time: float = 0.0
    evidence: Evidence = msgspec.field(default_factory=Evidence)
    heard: dict[str, Heard] = msgspec.field(default_factory=dict)
    forgotten: tuple[int, float] = (0, 0.0)
    folded: int = 0
    late: int = 0
    unreadable: int = 0
    old: int = 0
    measured: dict[str, Measured] = msgspec.field(default_factory=dict)
    visit: tuple[int, int] = (0, 0)
    history: list[Point] = msgspec.field(default_factory=list)
    view: dict[str, Any] = msgspec.field(default_factory=dict)
    format: int = FORMAT

    def copy(self) -> Checkpoint:
        """Another one with the same content, that shares nothing with this one."""
        return msgspec.json.decode(msgspec.json.encode(self), type=Checkpoint)

    def servers(self, most: int = 50) -> list[Server]:
        """The servers that were heard last."""
        found = sorted(self.heard.items(), key=lambda each: -each[1].time)[:most]
        return [Server(name, each.time, each.answers) for name, each in found]


def read_checkpoint(store: ObjectStore, model: str, rollout: int, number: int) -> Checkpoint | None:
    """A look; None where it is gone.

    Raises:
        ValueError: what lies there is none, or one of a later release.
        StorageError: the store is away.
    """
    key = look_key(model, rollout, number)
    try:
        data = store.get(key)
    except NotFound:
        return None
    try:
        version = msgspec.json.decode(data).get("format")
        if isinstance(version, int) and version > FORMAT:
            raise ValueError(f"{store.url}/{key} has the format {version}; this release reads up to {FORMAT}")
        return msgspec.json.decode(data, type=Checkpoint)
    except (msgspec.MsgspecError, AttributeError) as error:
        raise ValueError(f"{store.url}/{key} is no look at a rollout: {error}") from None


def write_checkpoint(store: ObjectStore, model: str, rollout: int, checkpoint: Checkpoint) -> bool:
    """Write a look. Returns whether it is this guard's; another one was faster otherwise.

    Raises:
        StorageError: the store is away. Whether it was written is then open.
    """
    return store.create(look_key(model, rollout, checkpoint.number), msgspec.json.encode(checkpoint))


known(Checkpoint)
