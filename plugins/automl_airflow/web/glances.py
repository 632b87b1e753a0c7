"""Things with a journal at a glance, for lists: read side by side, each in threads of its store, with patience."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from automl_airflow.web.aside import in_store
from automl_airflow.web.held_journals import Info
from automl_core.storage.base import StorageError

log = logging.getLogger(__name__)

_PATIENCE = 5.0
_KEPT = 4096

_STILL_READ = "its journal is still being read; look again"

I_ = TypeVar("I_", bound=Info)

Key = tuple[str, str]


class Glances(Generic[I_]):
    """What they were when they were read last; one reading at a time for each, however many lists wait for it."""

    def __init__(
        self, sort: str, told: Callable[[I_], dict[str, Any]], glance: Callable[[I_], dict[str, Any]],
        blank: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Have read none yet.

        Args:
            sort: what they are, for messages: "model", say.
            told: what Airflow says of one.
            glance: what its journal says; called in a thread of its store.
            blank: the same of one whose journal was never read.
        """
        self._sort, self._told, self._glance, self._blank = sort, told, glance, blank
        self._last: OrderedDict[Key, tuple[float, dict[str, Any]]] = OrderedDict()
        self._reading: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, asyncio.Task[dict[str, Any]]]] = (
            WeakKeyDictionary()
        )

    async def of_all(self, infos: Sequence[I_]) -> list[dict[str, Any]]:
        """Several. Never raises: what is wrong with a journal stands in ``problem``.

        What takes too long comes as it was when it was last read, or without figures, and is there the next time.
        """
        jobs = [(info, self._job(info)) for info in infos]
        if jobs:
            await asyncio.wait([job for _, job in jobs], timeout=_PATIENCE)
        return [
            {**self._told(info), **(job.result() if job.done() else self._known(info, _STILL_READ))}
            for info, job in jobs
        ]

    def _job(self, info: I_) -> asyncio.Task[dict[str, Any]]:
        reading = self._reading.setdefault(asyncio.get_running_loop(), {})
        key = _key(info)
        job = reading.get(key)
        if job is None or job.done():
            job = reading[key] = asyncio.create_task(self._read(info))
            job.add_done_callback(lambda _: reading.pop(key, None))
        return job

    async def _read(self, info: I_) -> dict[str, Any]:
        try:
            found = {**await in_store(info.place, self._glance, info), "problem": None}
        except StorageError as error:
            return self._known(info, str(error))
        except Exception as error:  # one damaged journal must not take the others from the list
            log.exception("the %s %s can't be summed up", self._sort, info.name)
            return self._known(info, f"it can't be shown: {type(error).__name__}; the API server's log has more")
        self._last[_key(info)] = (time.monotonic(), found)
        self._last.move_to_end(_key(info))
        while len(self._last) > _KEPT:
            self._last.popitem(last=False)
        return found

    def _known(self, info: I_, problem: str) -> dict[str, Any]:
        last = self._last.get(_key(info))
        if last is None:
            return {**self._blank, "problem": problem}
        return {**last[1], "problem": f"as it was {time.monotonic() - last[0]:.0f} s ago: {problem}"}


def _key(info: Info) -> Key:
    return (info.place.storage, info.name)
