"""The hubs of one triggerer: one for each connection and project, shared by all triggers; threads of each service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from automl_airflow.threads import set_up_threads

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from automl_core.backends.maxcompute.hub import Hub

_hubs: dict[tuple[str, str | None], Hub] = {}
_making = asyncio.Lock()
_threads: dict[str, ThreadPoolExecutor] = {}
"""Those in which a service is asked, by its endpoint: one that hangs takes none of another's."""


async def borrow(connection: str, project: str | None) -> Hub:
    """The hub of a project, made where there is none; to be given back with `give_back`.

    Raises:
        BackendError: the connection is wrong.
    """
    async with _making:
        hub = _hubs.get((connection, project))
        if hub is None:
            hub = await set_up_threads().call(_make, connection, project)
            _hubs[connection, project] = hub
        hub.users += 1
        return hub


def give_back(hub: Hub) -> None:
    """Let go of a hub; the last one ends it, so that changed keys are read anew."""
    hub.users -= 1
    if hub.users <= 0:
        for key in [key for key, held in _hubs.items() if held is hub]:
            del _hubs[key]


def _make(connection: str, project: str | None) -> Hub:
    from concurrent.futures import ThreadPoolExecutor

    from automl_airflow.maxcompute.connection import access_of
    from automl_core.backends.maxcompute.client import Client
    from automl_core.backends.maxcompute.hub import THREADS, Hub

    client = Client(access_of(connection, project), renew=lambda: access_of(connection, project))
    client.odps  # noqa: B018  # imported here, in a thread, rather than by the first who asks
    endpoint = client.access.endpoint
    if endpoint not in _threads:
        _threads[endpoint] = ThreadPoolExecutor(THREADS, thread_name_prefix="maxcompute")
    return Hub(client, _threads[endpoint])
