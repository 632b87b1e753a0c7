"""The hubs of one triggerer: one for each cluster and namespace, shared by all triggers that watch pods there."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from automl_core.backends.kubernetes.hub import PodHub
    from automl_core.backends.kubernetes.turns import LogTurns

_hubs: dict[tuple[str, str], PodHub] = {}
_making = asyncio.Lock()
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, LogTurns] = WeakKeyDictionary()
"""What reading logs may take, of all hubs together."""


async def borrow(connection: str, namespace: str) -> PodHub:
    """The hub of a namespace, made where there is none; to be given back with `give_back`.

    Raises:
        BackendError: the connection is wrong.
    """
    async with _making:
        hub = _hubs.get((connection, namespace))
        if hub is None:
            hub = await _make(connection, namespace)
            _hubs[connection, namespace] = hub
        hub.users += 1
        return hub


async def give_back(connection: str, hub: PodHub) -> None:
    """Let go of a hub; the last one ends it."""
    hub.users -= 1
    if hub.users <= 0 and _hubs.get((connection, hub.namespace)) is hub:
        del _hubs[connection, hub.namespace]
        await hub.stop()


async def _make(connection: str, namespace: str) -> PodHub:
    from automl_airflow.kubernetes.connection import cluster_of

    cluster = await asyncio.to_thread(cluster_of, connection)
    access, api, hub, turns = await asyncio.to_thread(_classes)
    bounds = _turns.setdefault(asyncio.get_running_loop(), turns())
    made: PodHub = hub(api(access(cluster, partial(cluster_of, connection))), namespace, turns=bounds)
    made.start()
    return made


def _classes() -> tuple[type, type, type, type]:
    """Imported in a thread: the triggerer's loop must not stand still for it."""
    import kubernetes_asyncio.config  # noqa: F401

    from automl_core.backends.kubernetes.access import Access
    from automl_core.backends.kubernetes.api import KubernetesApi
    from automl_core.backends.kubernetes.hub import PodHub
    from automl_core.backends.kubernetes.turns import LogTurns

    return Access, KubernetesApi, PodHub, LogTurns
