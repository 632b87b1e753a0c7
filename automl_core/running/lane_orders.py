"""How a trial comes into a pod that is there already: orders in the storage, one object each, written once.

A pod that serves trial after trial has a folder of its own below the run's scraps. Whoever has a trial for it writes
the next order, only if nobody has; the pod, when it has waited for long enough, writes in the same place that it ends.
So two workers never share a pod, and a pod never ends with an order that it has not seen: the store decides. The pod
writes how each trial ended, whoever watches one may write that it is to stop.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from automl_core.backends.base import Exit
from automl_core.backends.kubernetes.lanes import exit_from, exit_text
from automl_core.storage.base import NotFound, ObjectStore
from automl_core.study.layout import SCRATCH

LANES = f"{SCRATCH}lanes/"
"""Below the folder of a run."""

_ORDER, _END, _STOP = "order", "ended", "stop"
_KEY = re.compile(r"(\d{7})\.(order|ended|stop)")
_KEPT = 2
"""Orders of the past that a pod leaves: who takes up a trial again finds how it ended."""


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt that a pod is to run.

    Attributes:
        attempt: its name, which no other in the run has.
        token: tells its lines in the log from others.
        arguments: the command.
        environment: what it has beyond the pod's own.
        cwd: where it runs; None: where the pod's container began.
        timeout: time limit in seconds, None without one.
        grace: seconds that it has to end by itself.
        preload: module that the process has imported from which it is forked, None for one of its own.
        spec: path and text of its spec file, None without one.
        program: where it finds a copy of the code of its own, None without code.
        carried: what is carried between the storage and its folders (`automl_core.running.sync`), None for nothing.
        places: where whoever wrote this takes the pod's places to be, by name.
    """

    attempt: str
    token: str
    arguments: list[str]
    environment: dict[str, str]
    cwd: str | None
    timeout: float | None
    grace: float
    preload: str | None = None
    spec: list[str] | None = None
    program: str | None = None
    carried: dict[str, Any] | None = None
    places: dict[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """As an object of the store."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Order | None:
        """Read it back; None where a pod has written that it ends.

        Raises:
            ValueError: it is neither.
        """
        told = json.loads(data)
        if isinstance(told, dict) and "closed" in told:
            return None
        try:
            return cls(**told)
        except TypeError as error:
            raise ValueError(f"this is no order to a pod: {error}") from error


@dataclass(frozen=True, slots=True)
class Standing:
    """What the keys of one pod say.

    Attributes:
        last: number of the last order, -1 before the first.
        ended: whether how that one ended is known.
    """

    last: int
    ended: bool

    @property
    def free(self) -> bool:
        """Whether it may take another trial; one that has closed is no more."""
        return self.ended or self.last < 0


class Lane:
    """The orders of one pod."""

    def __init__(self, store: ObjectStore, folder: str) -> None:
        """Look at nothing yet.

        Args:
            store: the model storage path.
            folder: of the pod in it, ending with '/' (`folder_of`).
        """
        self._store, self.folder = store, folder

    def open(self) -> None:
        """Make it ready for a pod that runs as another user."""
        here = self._store.local_path(self.folder.rstrip("/"))
        if here is not None:
            here.mkdir(parents=True, exist_ok=True)
            here.chmod(0o777)

    def put(self, number: int, order: Order) -> bool:
        """Write an order, unless there is one of that number (or the pod has closed). Returns whether it is written."""
        return self._store.create(self._key(number, _ORDER), order.to_bytes())

    def order(self, number: int) -> Order | None:
        """An order; None where the pod has closed.

        Raises:
            NotFound: there is none yet.
            ValueError: what lies there is none.
        """
        return Order.from_bytes(self._store.get(self._key(number, _ORDER)))

    def is_there(self) -> bool:
        """Whether anything is left of it: with the run's scraps all of it goes."""
        return bool(self._store.list(self.folder, limit=1))

    def close(self, number: int) -> bool:
        """The pod takes no order of this number any more. Returns whether that holds: False where there is one."""
        told = {"closed": secrets.token_hex(8)}  # no two writers ever bring the same bytes
        return self._store.create(self._key(number, _ORDER), json.dumps(told).encode())

    def followed(self, number: int) -> bool:
        """Whether another trial was ordered after an order."""
        return self._after(number) > number and not self._is_closed(number + 1)

    def close_after(self, number: int) -> bool:
        """See that nothing is ordered after an order. Returns whether that holds: False where something is already."""
        last = self._after(number)
        if last < 0:  # the run has ended, and what is written now nobody removes
            return True
        return (last <= number and self.close(number + 1)) or self._is_closed(number + 1)

    def _after(self, number: int) -> int:
        """The number of the last order; at least this one's while anything is left of the pod, and -1 then."""
        keys = (_KEY.fullmatch(each.removeprefix(self.folder)) for each in self._store.list(self.folder))
        found = [(int(key[1]), key[2]) for key in keys if key is not None]
        return max([number, *(at for at, kind in found if kind == _ORDER)]) if found else -1

    def _is_closed(self, number: int) -> bool:
        try:
            return self.order(number) is None
        except (NotFound, ValueError):  # others have come and gone; or it is being written
            return False

    def stop(self, number: int) -> None:
        """Ask for a trial's end."""
        self._store.put(self._key(number, _STOP), b"{}")

    def stopped(self, number: int) -> bool:
        """Whether somebody has."""
        return bool(self._store.list(self._key(number, _STOP), limit=1))

    def end(self, number: int, ended: Exit) -> None:
        """Tell how a trial ended, and forget what is long past."""
        self._store.put(self._key(number, _END), exit_text(ended).encode())
        if number >= _KEPT:
            for kind in (_ORDER, _STOP, _END):
                self._store.delete(self._key(number - _KEPT, kind))

    def ended(self, number: int) -> Exit | None:
        """How a trial ended; None while nobody knows."""
        try:
            return exit_from(self._store.get(self._key(number, _END)).decode())
        except NotFound:
            return None

    def _key(self, number: int, kind: str) -> str:
        return f"{self.folder}{number:07d}.{kind}"


def folder_of(prefix: str, pod: str) -> str:
    """The folder of a pod's orders.

    Args:
        prefix: of the run, ending with '/'.
        pod: its name.
    """
    return f"{prefix}{LANES}{pod}/"


def standings(store: ObjectStore, prefix: str) -> dict[str, Standing]:
    """How all pods of a run stand, by their names: at one listing."""
    start = f"{prefix}{LANES}"
    orders: dict[str, list[int]] = {}
    ends: dict[str, set[int]] = {}
    for key in store.list(start):
        pod, _, name = key.removeprefix(start).partition("/")
        found = _KEY.fullmatch(name)
        if found is None:
            continue
        orders.setdefault(pod, [])
        if found[2] == _ORDER:
            orders[pod].append(int(found[1]))
        elif found[2] == _END:
            ends.setdefault(pod, set()).add(int(found[1]))
    return {
        pod: Standing(last, last in ends.get(pod, ()))
        for pod, numbers in orders.items()
        for last in (max(numbers, default=-1),)
    }


def given_to(store: ObjectStore, prefix: str, attempt: str) -> Iterator[tuple[str, int]]:
    """The pods and the numbers under which an attempt was ordered; none where it was not, or long ago.

    There may be two: of a pod that could not be made, or was taken away, an order is left.
    """
    for pod, standing in standings(store, prefix).items():
        lane = Lane(store, folder_of(prefix, pod))
        for number in range(standing.last, max(-1, standing.last - _KEPT - 1), -1):
            try:
                order = lane.order(number)
            except (NotFound, ValueError):
                continue
            if order is not None and order.attempt == attempt:
                yield pod, number


def token_of(place: str, attempt: str, pod: str) -> str:
    """By what the lines of an attempt are known in the log of its pod; the same whoever writes the order."""
    return hashlib.sha256(f"{place}\0{attempt}\0{pod}".encode()).hexdigest()[:16]


def as_seen(text: str, wrote: Mapping[str, str], sees: Mapping[str, str]) -> str:
    """A text of an order with the pod's places as the pod itself sees them: a pod may be shown them elsewhere.

    Args:
        text: a path, an argument, a value.
        wrote: the places by name, as whoever wrote the order takes them to be.
        sees: the same as the pod sees them.
    """
    for name, place in wrote.items():
        here = sees.get(name, place)
        if here != place:
            there = here.replace("\\", "\\\\")
            text = re.sub(rf"(?:(?<![\w./-])|(?<=://)){re.escape(place)}(?![\w.-])", there, text)
    return text
