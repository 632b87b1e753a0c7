"""What answers for each model, as its journal has it: read when a model is first asked for, and followed from then on.

While nothing happens a look costs one listing for all models (`automl_core.models.life.news`), and a listing of one key
for each of a few journals in turn, which finds what nobody told: a writer may die between its record and its news.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from automl_core.models.life import news
from automl_core.models.life.entities import ModelCopy, VersionState
from automl_core.models.life.life import Life
from automl_core.models.life.model_life import ModelLife
from automl_core.storage.base import ObjectStore, StorageError
from automl_core.study.layout import safe

log = logging.getLogger(__name__)

IN_TURN = 2
"""Journals that are looked at in turn in each look, whether there is news of them or not."""


@dataclass(frozen=True, slots=True)
class Route:
    """What answers for a model.

    Attributes:
        model: its name.
        record: the rollout record's place in the model's journal; answers name it.
        champion: the version that answers all who are not in a rollout of another; None while none is in use.
        shares: version → share of the requests.
        copies: version → where its files lie, of all in `shares`.
        document: the model's file as it was recorded last.
        taken_back: versions that must answer nobody any more.
        rollout: number of the open rollout, by which keys are drawn; None while there is none.
        step: of the rollout, from 0.
        shadow: version → share of the requests that it is asked after they were answered; nobody gets what it says.
        p99: seconds that an answer may take by the rollout's safeguard; None without one.
    """

    model: str
    record: int
    champion: int | None
    shares: dict[int, float]
    copies: dict[int, ModelCopy]
    document: dict[str, Any]
    taken_back: frozenset[int] = frozenset()
    rollout: int | None = None
    step: int = 0
    shadow: dict[int, float] = field(default_factory=dict)
    p99: float | None = None

    @classmethod
    def of(cls, model: str, life: Life) -> Route:
        """The route that a life gives."""
        last = life.shares[-1] if life.shares else None
        if last is None:
            return cls(model, 0, None, {}, {}, life.document)
        shares, shadow = dict(last.shares), dict(last.shadow)
        copies = {number: life.versions[number].model for number in (*shares, *shadow)}
        away = {number for number, each in life.versions.items() if each.state is VersionState.TAKEN_BACK}
        opened = life.rollout
        return cls(
            model, last.seq, last.champion, shares, copies, life.document, frozenset(away - set(copies)),
            last.rollout, opened.step if opened is not None else 0, shadow, _p99(life.document),
        )  # fmt: skip

    @property
    def versions(self) -> tuple[int, ...]:
        """All that have to be loaded: the champion first, also where all requests are the challenger's."""
        first = (self.champion,) if self.champion is not None else ()
        return tuple(dict.fromkeys((*first, *self.shares, *self.shadow)))

    def champion_alone(self) -> Route:
        """The champion answers all, and nothing is counted for the rollout: while its challenger is not loaded yet."""
        shares = {self.champion: 1.0} if self.champion is not None else {}
        copies = {version: self.copies[version] for version in shares if version in self.copies}
        return replace(self, shares=shares, copies=copies, rollout=None, step=0, shadow={})

    def words(self) -> str:
        """Who answers, for people."""
        told = [f"version {version} has {share:.0%}" for version, share in self.shares.items()]
        told += [f"version {version} is asked {share:.0%} in the shadow" for version, share in self.shadow.items()]
        return ", ".join(told) or "nothing is in use"


def _p99(document: dict[str, Any]) -> float | None:
    """The safeguard's limit of a model's file, in seconds."""
    from automl_core.spec.units import parse_duration

    safeguard = (document.get("deploy") or {}).get("safeguard") or {}
    limit = safeguard.get("p99")
    return None if limit is None else parse_duration(limit)


class NoSuchModel(LookupError):
    """There is no model of that name in the storage, or none that this server answers for."""


class Follower:
    """The routes of all models that were asked for. Everything here blocks, and is for one thread at a time."""

    def __init__(
        self, store: ObjectStore, names: frozenset[str] | None = None, *,
        open_life: Callable[[ObjectStore, str], ModelLife] | None = None,
    ) -> None:  # fmt: skip
        """Follow models of a storage.

        Args:
            store: the model storage path.
            names: the models that may be asked for; all of the storage where it is None.
            open_life: opens a model; for tests.
        """
        self.store, self.names = store, names
        self._open = open_life or (lambda store, name: ModelLife.open(store, name))
        self._lives: OrderedDict[str, ModelLife] = OrderedDict()
        self._by_folder: dict[str, str] = {}
        self.routes: dict[str, Route] = {}

    def read(self, name: str) -> Route:
        """The route of a model, read from its journal where it was not yet.

        Raises:
            NoSuchModel: there is none of that name.
            StorageError: the store is away.
        """
        if name in self.routes:
            return self.routes[name]
        if self.names is not None and name not in self.names:
            raise NoSuchModel(f"this server does not answer for {name!r}")
        life = self._open(self.store, name)
        life.journal.paced = False  # it never writes
        if life.refresh().seq == 0:
            raise NoSuchModel(f"there is no model {name!r} in {self.store.url}")
        self._lives[name] = life
        self._by_folder[safe(name)] = name
        self.routes[name] = Route.of(name, life.state)
        return self.routes[name]

    def look(self) -> list[str]:
        """Read what is new. Returns the models whose route is another one than before.

        Raises:
            StorageError: the store is away; the routes are as they were.
        """
        told = news.told(self.store)
        behind = [
            self._by_folder[folder]
            for folder, seq in told.items()
            if folder in self._by_folder and seq > self._lives[self._by_folder[folder]].state.seq
        ]
        for name in list(self._lives)[:IN_TURN]:
            self._lives.move_to_end(name)
            if name not in behind and self._moved(name):
                behind.append(name)
        return [name for name in behind if self._read_on(name)]

    def _moved(self, name: str) -> bool:
        try:
            return self._lives[name].journal.moved()
        except StorageError as error:
            log.warning("%s: its journal can't be looked at now: %s", name, error)
            return False

    def _read_on(self, name: str) -> bool:
        """Read one journal on. Returns whether its route has changed. One that can't be read keeps no other waiting."""
        life = self._lives[name]
        try:
            life.refresh()
            before, now = self.routes[name], Route.of(name, life.state)
        except StorageError as error:
            log.warning("%s: its journal can't be read now, and answers go on as before: %s", name, error)
            return False
        except Exception:
            log.exception("%s: its journal can't be read, and answers go on as before", name)
            return False
        if now == before:
            return False
        self.routes[name] = now
        return True
