"""The models that a server answers for: which versions run, what they are asked, and when another one takes over.

A version answers only once its process has loaded it and its golden rows came out as they were: until then those that
answered before go on, whatever the journal says. So a version that can't be loaded changes nothing but a line in the
log and a figure.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from automl_core.models.life.entities import ModelCopy
from automl_core.models.traffic.split import taken
from automl_core.serving.fetching import fetch
from automl_core.serving.following import Follower, NoSuchModel, Route
from automl_core.serving.process import Limits, Unavailable, VersionProcess
from automl_core.serving.wire import Answer
from automl_core.storage.base import StorageError

log = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two looks at what is new."""

KEPT_WARM = 120.0
"""Seconds for which the versions of the route before are kept running: what was taken back is taken back at once."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a request is answered with.

    Attributes:
        record: the rollout record under which it is.
        versions: (n,) which version said each row.
        predictions: (n,) classes as texts, or numbers.
        probabilities: (n, classes); None where numbers are predicted.
        classes: in the order of probabilities.
        fallen_back: the version in whose place the champion has answered; None where that was not so.
        seconds: that it took.
    """

    record: int
    versions: list[int]
    predictions: list[str | float]
    probabilities: list[list[float]] | None
    classes: list[str]
    fallen_back: int | None
    seconds: float


class BadRows(ValueError):
    """Rows that a version can't read; the message says which column and row."""


@dataclass
class _Active:
    """What answers for a model now."""

    route: Route
    since: float = field(default_factory=time.monotonic)
    before: Route | None = None


class Served:
    """All models of a server. Everything is for one event loop."""

    def __init__(
        self, follower: Follower, cache: Path, *, limits: Limits | None = None, most: int = 32,
        trusted: Sequence[str] = (), every: float = EVERY,
    ) -> None:  # fmt: skip
        """Serve what a follower finds.

        Args:
            follower: of the storage.
            cache: folder of this machine for models' files.
            limits: of each version's process.
            most: processes at most; those that were not asked for the longest are ended first.
            trusted: types of estimators that models may have.
            every: seconds between two looks.
        """
        self.follower, self.cache, self.limits, self.most = follower, cache, limits or Limits(), most
        self.trusted, self.every = tuple(trusted), every
        self.active: dict[str, _Active] = {}
        self.failures: dict[tuple[str, int], str] = {}
        """Versions that can't be served, and why."""
        self.seen = 0.0
        """When the store was last heard, on the monotonic clock."""
        self._processes: dict[tuple[str, int], VersionProcess] = {}
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._blocking = asyncio.Lock()  # the follower is for one thread at a time
        self._following: asyncio.Task[None] | None = None

    async def start(self, names: Sequence[str] = ()) -> None:
        """Follow from now on, and load some models at once.

        Args:
            names: of models that are to be ready before the first request.

        Raises:
            NoSuchModel: one of them is not there.
            StorageError: the store is away.
        """
        await self._look()
        for name in names:
            await self.route(name)
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End all processes."""
        tasks = [each for each in (self._following, *self._preparing.values()) if each is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(each.stop() for each in self._processes.values()))

    async def route(self, name: str) -> Route:
        """What answers for a model now; it is read and loaded where it was not.

        Raises:
            NoSuchModel: there is none.
            Unavailable: nothing is in use, or what is can't be loaded.
            StorageError: it was not read yet, and the store is away.
        """
        if name not in self.active:
            async with self._blocking:
                route = await asyncio.to_thread(self.follower.read, name)
            await self._prepared(route)
        found = self.active.get(name)
        if found is None:
            why = "; ".join(f"version {number}: {self.failures[name, number]}" for number in self.follower.routes[
                name].shares if (name, number) in self.failures)  # fmt: skip
            raise Unavailable(f"{name}: {why}" if why else f"no version of {name} is in use")
        return found.route

    async def predict(self, name: str, rows: list[dict[str, Any]], keys: Sequence[str]) -> Given:
        """What the versions in use say of rows.

        Args:
            name: of the model.
            rows: as the model reads them.
            keys: (n,) by which each row's version is chosen.

        Raises:
            NoSuchModel, Unavailable, StorageError: see `route`.
            BadRows: a version can't read them.
        """
        began = time.perf_counter()
        route = await self.route(name)
        champion = route.champion
        if champion is None:
            raise Unavailable(f"no version of {name} is in use")
        versions = [version_of(route, key) for key in keys]
        fallen: int | None = None
        answers: dict[int, Answer] = {}
        for version in dict.fromkeys(versions):
            part = [row for row, chosen in zip(rows, versions, strict=True) if chosen == version]
            try:
                answers[version] = await self._ask(route, version, part)
            except Unavailable:
                if version == champion:
                    raise
                fallen = version
        if fallen is not None:
            versions = [champion if each not in answers else each for each in versions]
            part = [row for row, chosen in zip(rows, versions, strict=True) if chosen == champion]
            answers[champion] = await self._ask(route, champion, part)
        wrong = next((each.error for each in answers.values() if each.error), "")
        if wrong:
            raise BadRows(wrong)
        predictions, probabilities = _in_order(answers, versions)
        ready = self._processes[name, versions[0] if versions else champion].ready
        classes = list(ready.classes) if ready is not None else []
        return Given(route.record, versions, predictions, probabilities, classes, fallen, time.perf_counter() - began)

    async def process(self, route: Route, version: int) -> VersionProcess:
        """A version's process, started.

        Raises:
            Unavailable: it can't be fetched, or can't be loaded.
        """
        key = (route.model, version)
        found = self._processes.get(key)
        if found is None:
            try:
                folder = await asyncio.to_thread(fetch, self.follower.store, route.copies[version], self.cache)
            except (StorageError, ValueError) as error:
                raise Unavailable(f"its files can't be fetched: {error}") from None
            found = self._processes.setdefault(key, VersionProcess(folder, self.limits, trusted=self.trusted))
            await self._make_room(key)
        await found.start()
        return found

    # --- following -----------------------------------------------------------------------------

    async def _look(self) -> list[str]:
        async with self._blocking:
            changed = await asyncio.to_thread(self.follower.look)
        self.seen = time.monotonic()
        return changed

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self.every)
            try:
                changed = await self._look()
            except StorageError as error:
                log.warning("the store is away, and answers go on as before: %s", error)
                continue
            except Exception:
                log.exception("what is new could not be read; answers go on as before")
                continue
            for name in changed:
                self._prepare(self.follower.routes[name])
            await self._end_what_is_over()

    def _prepare(self, route: Route) -> asyncio.Task[None]:
        """Load a route's versions, and have them answer then; what was being loaded for the model before is void."""
        before = self._preparing.get(route.model)
        if before is not None and not before.done():
            before.cancel()
        task = asyncio.create_task(self._switch(route))
        self._preparing[route.model] = task
        return task

    async def _prepared(self, route: Route) -> None:
        task = self._preparing.get(route.model)
        if task is None or task.done():
            task = self._prepare(route)
        await asyncio.shield(task)

    async def _switch(self, route: Route) -> None:
        name = route.model
        for version in route.shares:
            try:
                await self.process(route, version)
                self.failures.pop((name, version), None)
            except Unavailable as error:
                self.failures[name, version] = str(error)
                log.error("%s: version %d can't be served: %s", name, version, error)
        able = {version for version in route.shares if (name, version) not in self.failures}
        if route.champion is not None and route.champion not in able:
            return  # what answered before goes on
        before = self.active.get(name)
        self.active[name] = _Active(route, before=before.route if before is not None else None)
        log.info("%s: %s since record %d", name, _words(route), route.record)

    async def _end_what_is_over(self) -> None:
        """End the processes of versions that no route has any more, once nobody waits for them."""
        now = time.monotonic()
        for key, process in list(self._processes.items()):
            active = self.active.get(key[0])
            if active is None or key[1] in active.route.shares or process.pending:
                continue
            preparing = self._preparing.get(key[0])
            if preparing is not None and not preparing.done():
                continue
            warm = active.before is not None and key[1] in active.before.shares
            if warm and now - active.since < KEPT_WARM:
                continue
            del self._processes[key]
            await process.stop()

    async def _make_room(self, keep: tuple[str, int]) -> None:
        """End the processes that were not asked for the longest, where there are too many."""
        idle = [(each.used, key) for key, each in self._processes.items() if key != keep and not each.pending]
        for _, key in sorted(idle)[: max(0, len(self._processes) - self.most)]:
            process = self._processes.pop(key)
            log.info("%s: version %d is put away, as others are asked for", *key)
            await process.stop()

    async def _ask(self, route: Route, version: int, rows: list[dict[str, Any]]) -> Answer:
        return await (await self.process(route, version)).predict(rows)


def version_of(route: Route, key: str) -> int:
    """The version that answers a key: the challenger has the keys below its share, the champion all others.

    Raises:
        ValueError: the route has no champion.
    """
    if route.champion is None:
        raise ValueError(f"no version of {route.model} is in use")
    for version, share in route.shares.items():
        if version != route.champion and taken(key, route.model, str(version), share):
            return version
    return route.champion


def _in_order(answers: dict[int, Answer], versions: list[int]) -> tuple[list[str | float], list[list[float]] | None]:
    """Predictions and probabilities of rows in their order."""
    if len(answers) == 1:
        only = next(iter(answers.values()))
        return list(only.predictions), only.probabilities
    places = dict.fromkeys(answers, 0)
    predictions: list[str | float] = []
    probabilities: list[list[float]] | None = []
    for version in versions:
        answer, place = answers[version], places[version]
        places[version] += 1
        predictions.append(answer.predictions[place])
        if answer.probabilities is None:
            probabilities = None
        elif probabilities is not None:
            probabilities.append(answer.probabilities[place])
    return predictions, probabilities


def _words(route: Route) -> str:
    if not route.shares:
        return "nothing is in use"
    return ", ".join(f"version {version} has {share:.0%}" for version, share in route.shares.items())


__all__ = ["BadRows", "Given", "ModelCopy", "NoSuchModel", "Served", "Unavailable", "version_of"]
