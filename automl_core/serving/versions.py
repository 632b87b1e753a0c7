"""The versions' processes of a server: fetched, started, as many as may be, and put away when others are asked for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from automl_core.models.life.entities import ModelCopy
from automl_core.serving.fetching import ModelCache
from automl_core.serving.process import Limits, NotHere, Unavailable, VersionProcess
from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable

log = logging.getLogger(__name__)

Key = tuple[str, int]
"""Name of a model and number of a version."""


class Versions:
    """Processes by model and version. Everything is for one event loop."""

    def __init__(
        self, store: ObjectStore, cache: ModelCache, limits: Limits, most: int, trusted: Sequence[str] = ()
    ) -> None:
        """Hold none yet.

        Args:
            store: from which models' files are fetched.
            cache: of this machine.
            limits: of each process.
            most: processes at most; those that were not asked for the longest are ended first.
            trusted: types of estimators that models may have.
        """
        self.store, self.cache, self.limits, self.most, self._trusted = store, cache, limits, most, tuple(trusted)
        self.processes: dict[Key, VersionProcess] = {}
        self._fetching: dict[Key, asyncio.Task[Path]] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._ended = False

    def running(self, key: Key) -> VersionProcess | None:
        """The process of a version where it can answer at once."""
        found = self.processes.get(key)
        return found if found is not None and found.running else None

    def crashed(self, key: Key) -> bool:
        """Whether a version is not running since it crashed, or can't be loaded: not one that is being loaded."""
        found = self.processes.get(key)
        return found is not None and found.crashed

    async def process(self, key: Key, copy: ModelCopy) -> VersionProcess:
        """A version's process, started.

        Args:
            key: of the version.
            copy: where its files lie.

        Raises:
            NotHere: it can't be fetched now, or there is no room for it.
            Unavailable: it is not what it was, or can't be loaded.
        """
        found = self.processes.get(key)
        if found is not None and found.running:
            return found
        if found is not None and not found.busy and not found.folder.is_dir():
            del self.processes[key]  # somebody has tidied up the machine: it is fetched again
            self._let_go(found)
            found = None
        if found is None:
            folder = await self._fetched(key, copy)
            made = VersionProcess(folder, self.limits, trusted=self._trusted)
            try:
                if key not in self.processes:
                    await self._make_room()
                if self._ended:
                    raise NotHere("the server ends")
            except BaseException:
                self._let_go(made)
                raise
            found = self.processes.setdefault(key, made)
        await found.start()
        return found

    def restart(self, key: Key) -> None:
        """Start a version again that has crashed, where it may be; nobody waits for it."""
        found = self.processes.get(key)
        if found is not None and not found.running and not found.busy and found.may_start:
            task = asyncio.create_task(_started(found))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    def used(self, model: str, versions: Collection[int]) -> None:
        """Take note that some versions of a model are needed now, whether they are asked or not."""
        now = time.monotonic()
        for version in versions:
            found = self.processes.get((model, version))
            if found is not None:
                found.used = now

    async def end(self, key: Key) -> None:
        """End the process of a version that is not needed any more."""
        found = self.processes.pop(key, None)
        if found is not None:
            await found.stop()
            self._let_go(found)

    async def stop(self) -> None:
        """End all of them, for good."""
        self._ended = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(each.stop() for each in self.processes.values()))
        self.cache.close()

    def _let_go(self, process: VersionProcess) -> None:
        """Its files may go, where no other version here has the same."""
        if all(each.folder != process.folder for each in self.processes.values()):
            self.cache.let_go(process.folder)

    async def _make_room(self) -> None:
        """End the processes that were not asked for the longest, where there are as many as there may be.

        Raises:
            NotHere: somebody waits for each of them, for as long as an answer may take.
        """
        until = time.monotonic() + self.limits.seconds
        while len(self.processes) >= self.most and not self._ended:
            idle = min(((each.used, key) for key, each in self.processes.items() if not each.busy), default=None)
            if idle is None:
                if time.monotonic() >= until:
                    raise NotHere(f"{self.most} versions are loaded, as many as may be, and all of them are asked")
                await asyncio.sleep(0.02)
                continue
            log.info("%s: version %d is put away, as others are asked for", *idle[1])
            await self.end(idle[1])

    async def _fetched(self, key: Key, copy: ModelCopy) -> Path:
        """The folder of a version; all who ask at once wait for the same download."""
        task = self._fetching.get(key)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self.cache.fetch, self.store, copy))
            self._fetching[key] = task
            task.add_done_callback(lambda _: self._fetching.pop(key, None))
        await asyncio.wait([task])
        try:
            return task.result()
        except (StorageError, ValueError, OSError) as error:
            kind = NotHere if isinstance(error, StorageUnavailable | OSError) else Unavailable
            raise kind(f"its files can't be fetched: {error}") from None


async def _started(process: VersionProcess) -> None:
    with contextlib.suppress(Unavailable):
        await process.start()
