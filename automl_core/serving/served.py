"""The models that a server answers for: which versions run, what they are asked, and when another one takes over.

A version answers only once its process has loaded it and its golden rows came out as they were: until then those that
answered before go on, whatever the journal says. So a version that can't be loaded changes nothing but a line in the
log and a figure, and is tried again now and then. What was taken back is the exception: it answers nobody from the
moment on at which that was read, and who asks waits for the version that is to answer instead.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from automl_core.serving.asking import Asking, Counted
from automl_core.serving.fetching import LARGEST, ModelCache
from automl_core.serving.following import Follower, NoSuchModel, Route
from automl_core.serving.given import BadRows, Given, in_order, version_of
from automl_core.serving.process import AGAIN, Limits, NotHere, Unavailable, VersionProcess
from automl_core.serving.tallying import Tallies
from automl_core.serving.versions import Versions
from automl_core.serving.wire import Answer
from automl_core.storage.base import StorageError

log = logging.getLogger(__name__)

_T = TypeVar("_T")

EVERY = 0.5
"""Seconds between two looks at what is new."""

KEPT_WARM = 120.0
"""Seconds for which the versions of the route before are kept running: what was taken back is taken back at once."""


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
        trusted: Sequence[str] = (), every: float = EVERY, kept: int = LARGEST, tallies: Tallies | None = None,
    ) -> None:  # fmt: skip
        """Serve what a follower finds.

        Args:
            follower: of the storage.
            cache: folder of this machine for models' files.
            limits: of each version's process.
            most: processes at most; those that were not asked for the longest are ended first.
            trusted: types of estimators that models may have.
            every: seconds between two looks.
            kept: bytes of models' files that stay in `cache`; what runs stays beyond that.
            tallies: where the answers of versions in rollouts are counted; None: nowhere.
        """
        self.follower, self.limits, self.every, self.tallies = follower, limits or Limits(), every, tallies
        self.versions = Versions(follower.store, ModelCache(cache, kept), self.limits, most, trusted)
        self.active: dict[str, _Active] = {}
        self.failures: dict[tuple[str, int], str] = {}
        """Versions that can't be served, and why."""
        self.asking = Asking(self.versions, self.failures, tallies)
        self.seen = 0.0
        """When the store was last heard, on the monotonic clock."""
        self._preparing: dict[str, asyncio.Task[None]] = {}
        self._settled: dict[str, Route] = {}
        self._again: dict[str, tuple[float, int]] = {}  # model: when its versions are tried again, after how many tries
        self._blocking = asyncio.Lock()  # the follower is for one thread at a time
        self._thread = ThreadPoolExecutor(1, "follower")  # its own: long downloads must not keep news waiting
        self._following: asyncio.Task[None] | None = None
        self._ended = False

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
            try:
                await self.route(name)
            except Unavailable as error:  # the others of this server must not go without answers for it
                log.error("%s, and it is tried again", error)
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End all processes."""
        self._ended = True
        tasks = [each for each in (self._following, *self._preparing.values()) if each is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.versions.stop()
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def route(self, name: str) -> Route:
        """What answers for a model now; it is read and loaded where it was not.

        Raises:
            NoSuchModel: there is none.
            Unavailable: nothing is in use, or what is can't be loaded.
            StorageError: it was not read yet, and the store is away.
        """
        found = self.active.get(name)
        if found is None:
            route = self.follower.routes.get(name)
            if route is None:
                route = await self._blocked(lambda: self.follower.read(name))
            if time.monotonic() >= self._again.get(name, (0.0, 0))[0]:
                await self._prepared(route)
            found = self.active.get(name)
        if found is None:
            why = "; ".join(f"version {number}: {self.failures[name, number]}" for number in self.follower.routes[
                name].versions if (name, number) in self.failures)  # fmt: skip
            raise Unavailable(f"{name}: {why}" if why else f"no version of {name} is in use")
        return found.route

    async def predict(
        self, name: str, rows: list[dict[str, Any]], keys: Sequence[str], *, counts: bool = True,
        check: Callable[[Given], None] | None = None,
    ) -> Given:  # fmt: skip
        """What the versions in use say of rows.

        A rollout is judged by requests that get their answer, or get none by a version's fault. What is wrong with the
        request itself counts for no version, whatever each of them made of its part.

        Args:
            name: of the model.
            rows: as the model reads them.
            keys: (n,) by which each row's version is chosen.
            counts: whether an open rollout is judged by it: not by what the watch asks.
            check: raises where the answer must not be given, for a reason that lies in the request.

        Raises:
            NoSuchModel, Unavailable, StorageError: see `route`.
            BadRows: a version can't read them.
        """
        began = time.perf_counter()
        route = await self.route(name)
        champion = route.champion
        if champion is None:
            raise Unavailable(f"no version of {name} is in use")
        if len(route.versions) == 1:
            chosen, parts = [champion] * len(rows), {champion: rows}
        else:
            chosen = [version_of(route, key) for key in keys]
            self.versions.used(name, route.versions)  # the champion stays loaded where a challenger has all, too
            parts = {version: [row for row, each in zip(rows, chosen, strict=True) if each == version]
                     for version in dict.fromkeys(chosen)}  # fmt: skip
        counted: list[Counted] = []
        try:
            said = await self.asking.said(route, parts, self.limits.seconds, counted)
        except Unavailable:
            if self._is_void(route, parts):
                return await self.predict(name, rows, keys, counts=counts, check=check)
            self.asking.count(route, counted, counts)
            raise
        versions = [said[each].version for each in chosen]
        if self._is_void(route, versions):
            return await self.predict(name, rows, keys, counts=counts, check=check)
        wrong = next((each.answer.error for each in said.values() if each.answer.error), "")
        if wrong:
            raise BadRows(wrong)
        predictions, probabilities, every = in_order(
            {each: part.answer for each, part in said.items()}, {each: part.classes for each, part in said.items()},
            chosen,
        )  # fmt: skip
        fallen = next((each for each, part in said.items() if part.version != each), None)
        seconds = time.perf_counter() - began
        given = Given(route.record, versions, predictions, probabilities, every, fallen, seconds, route.rollout)
        if check is not None:
            check(given)
        self.asking.count(route, counted, counts)
        return given

    def can_answer(self, names: Sequence[str]) -> bool:
        """Whether one of some models answers here, or may soon: false where all that have a version in use have failed.

        Once a version answers, it goes on whatever comes after it, so this turns false at the start of a server alone,
        or with the first version of a model. A model with nothing in use keeps nobody waiting.

        Args:
            names: of models that this server was to load at once.
        """
        routes = [each for each in map(self.follower.routes.get, names) if each is not None]
        wanted = [each for each in routes if each.champion is not None]
        return not wanted or not all(map(self._has_failed, wanted))

    def _has_failed(self, route: Route) -> bool:
        """Whether no version of a model answers here, since the one in use can't be loaded."""
        now = self.active.get(route.model)
        answers = now is not None and now.route.champion is not None
        return not answers and (route.model, route.champion) in self.failures

    async def process(self, route: Route, version: int) -> VersionProcess:
        """A version's process, started; see `Asking.process`."""
        return await self.asking.process(route, version)

    async def ask(self, route: Route, version: int, rows: list[dict[str, Any]]) -> tuple[Answer, list[str]]:
        """What one version says of rows, and its classes; for the shadow, whose answers nobody waits for.

        Raises:
            Unavailable: it can't answer.
        """
        return await self.asking.asked(route, version, rows, self.limits.seconds)

    # --- following -----------------------------------------------------------------------------

    async def _blocked(self, call: Callable[[], _T]) -> _T:
        async with self._blocking:
            return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def _look(self) -> None:
        await self._blocked(self.follower.look)
        self.seen = time.monotonic()

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self.every)
            try:
                await self._look()
            except StorageError as error:
                log.warning("the store is away, and answers go on as before: %s", error)
            except Exception:
                log.exception("what is new could not be read; answers go on as before")
            try:
                self._prepare_what_is_new()
                await self._end_what_is_over()
            except Exception:
                log.exception("versions could not be started or ended; answers go on as before")

    def _prepare_what_is_new(self) -> None:
        """Load what changed since it was looked at last, and again what could not be loaded then."""
        now = time.monotonic()
        for name, route in list(self.follower.routes.items()):
            again = self._again.get(name)
            if self._settled.get(name) is not route or (again is not None and again[0] <= now):
                self._prepare(route)

    def _prepare(self, route: Route) -> asyncio.Task[None]:
        """Load a route's versions, and have them answer then; what was being loaded for the model before is void."""
        before = self._preparing.get(route.model)
        if before is not None and not before.done():
            if self._settled.get(route.model) is route:
                return before
            before.cancel()
        if self._settled.get(route.model) is not route:
            self._again.pop(route.model, None)
        self._settled[route.model] = route
        task = self._preparing[route.model] = asyncio.create_task(self._switch(route))
        return task

    async def _prepared(self, route: Route) -> None:
        """Wait until a model's versions are loaded, as far as they can be: of this route, or of one that came since."""
        while not self._ended:
            task = self._preparing.get(route.model)
            if task is None or task.done():
                task = self._prepare(route)
            await asyncio.wait([task])
            if not task.cancelled():
                return
            route = self.follower.routes.get(route.model, route)

    async def _switch(self, route: Route) -> None:
        name = route.model
        active = self.active.get(name)
        if active is not None and route.taken_back & set(active.route.versions):
            self._activate(route)
        fetchable = in_time = True
        for version in route.versions:
            key = (name, version)
            # where nobody answers yet, the champion waits for no challenger longer than an answer may take
            longest = self.limits.seconds if version != route.champion and name not in self.active else None
            try:
                async with asyncio.timeout(longest):
                    await self.process(route, version)
            except Exception as error:
                if not isinstance(error, Unavailable | TimeoutError):
                    log.exception("%s: version %d", name, version)
                late = f"it was not loaded within {longest} s" if isinstance(error, TimeoutError) else ""
                self.failures[key] = late or str(error) or type(error).__name__
                in_time = in_time and not late and not isinstance(error, NotHere)
                log.error("%s: version %d can't be served: %s", name, version, self.failures[key])
                process = self.versions.processes.get(key)
                fetchable = fetchable and process is not None and bool(process.failed)
        for key in [each for each in self.failures if each[0] == name and each[1] not in route.versions]:
            del self.failures[key]
        if fetchable:
            self._again.pop(name, None)
        else:
            tries = self._again.get(name, (0.0, 0))[1] + 1
            self._again[name] = (time.monotonic() + AGAIN[min(tries, len(AGAIN)) - 1], tries)
        if route.champion is None or (name, route.champion) not in self.failures:
            # else what answered before goes on; that this server has just started is no error of a challenger
            self._activate(route if in_time else route.champion_alone())

    def _activate(self, route: Route) -> None:
        now = self.active.get(route.model)
        if now is not None and now.route is route:
            return
        same = now is not None and set(now.route.versions) == set(route.versions)
        before = None if now is None else now.before if same else now.route
        self.active[route.model] = _Active(route, before=before)
        if self.tallies is not None:
            self.tallies.moved(route)
        log.info("%s: %s since record %d", route.model, route.words(), route.record)

    def _is_void(self, route: Route, versions: Iterable[int]) -> bool:
        """Whether a version has been taken back while it was asked: its answer isn't given then."""
        now = self.active[route.model].route
        return now is not route and not now.taken_back.isdisjoint(versions)

    async def _end_what_is_over(self) -> None:
        """End the processes of versions that no route has any more, once nobody waits for them."""
        now = time.monotonic()
        for key, process in list(self.versions.processes.items()):
            active = self.active.get(key[0])
            if active is None or process.busy or key[1] in active.route.versions + self._settled[key[0]].versions:
                continue
            preparing = self._preparing.get(key[0])
            if preparing is not None and not preparing.done():
                continue
            warm = active.before is not None and key[1] in active.before.versions
            if warm and now - active.since < KEPT_WARM:
                continue
            if self.versions.processes.get(key) is process:
                await self.versions.end(key)


__all__ = ["BadRows", "Given", "NoSuchModel", "Served", "Unavailable", "version_of"]
