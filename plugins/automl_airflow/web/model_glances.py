"""Models at a glance, for lists: read side by side, each in threads of its store, with patience."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from automl_airflow.web.aside import in_store
from automl_airflow.web.held_models import read_model
from automl_airflow.web.model_catalog import ModelInfo
from automl_core.models import views
from automl_core.storage.base import StorageError

log = logging.getLogger(__name__)

_PATIENCE = 5.0
_KEPT = 4096

_STILL_READ = "its journal is still being read; look again"

Key = tuple[str, str]

_BLANK: dict[str, Any] = {
    "seq": None, "updated": None, "in_use": None, "waiting": [], "newest": None, "versions": None,
    "rollout": None,
}  # fmt: skip


class Glances:
    """What models were when they were read last; one reading at a time for each, however many lists wait for it."""

    def __init__(self) -> None:
        self._last: OrderedDict[Key, tuple[float, dict[str, Any]]] = OrderedDict()
        self._reading: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Key, asyncio.Task[dict[str, Any]]]] = (
            WeakKeyDictionary()
        )

    async def of_all(self, models: Sequence[ModelInfo]) -> list[dict[str, Any]]:
        """Several models. Never raises: what is wrong with a journal stands in ``problem``.

        What takes too long comes as it was when it was last read, or without figures, and is there the next time.
        """
        jobs = [(model, self._job(model)) for model in models]
        if jobs:
            await asyncio.wait([job for _, job in jobs], timeout=_PATIENCE)
        return [
            {**_told(model), **(job.result() if job.done() else self._known(model, _STILL_READ))} for model, job in jobs
        ]

    def _job(self, model: ModelInfo) -> asyncio.Task[dict[str, Any]]:
        reading = self._reading.setdefault(asyncio.get_running_loop(), {})
        key = _key(model)
        job = reading.get(key)
        if job is None or job.done():
            job = reading[key] = asyncio.create_task(self._read(model))
            job.add_done_callback(lambda _: reading.pop(key, None))
        return job

    async def _read(self, model: ModelInfo) -> dict[str, Any]:
        try:
            found = await in_store(model.place, _glance, model)
        except StorageError as error:
            return self._known(model, str(error))
        except Exception as error:  # one damaged journal must not take the others from the list
            log.exception("the model %s can't be summed up", model.name)
            return self._known(model, f"it can't be shown: {type(error).__name__}; the API server's log has more")
        self._last[_key(model)] = (time.monotonic(), found)
        self._last.move_to_end(_key(model))
        while len(self._last) > _KEPT:
            self._last.popitem(last=False)
        return found

    def _known(self, model: ModelInfo, problem: str) -> dict[str, Any]:
        last = self._last.get(_key(model))
        if last is None:
            return {**_BLANK, "problem": problem}
        return {**last[1], "problem": f"as it was {time.monotonic() - last[0]:.0f} s ago: {problem}"}


glances = Glances()
"""Those of this process."""


def _key(model: ModelInfo) -> Key:
    return (model.place.storage, model.name)


def _told(model: ModelInfo) -> dict[str, Any]:
    """What Airflow says of a model."""
    score = model.dags.get("score")
    return {
        "model": model.name, "description": model.description, "tags": model.tags, "gone": model.gone,
        "broken": model.broken, "paused": any(each.paused for each in model.dags.values()),
        "next_interval": score.next_run if score is not None else None,
    }  # fmt: skip


def _glance(model: ModelInfo) -> dict[str, Any]:
    held = read_model(model)
    return {**held.use(lambda life: views.at_a_glance(life, time.time())), "problem": None}
