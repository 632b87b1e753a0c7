"""The hubs of one triggerer: one for each cluster, namespace and kind, shared by all triggers that watch there.

A kind is that of our own pods, of pods that share a label (what a controller makes of a custom resource), or of a
custom resource.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from automl_airflow.threads import set_up_threads

if TYPE_CHECKING:
    from automl_core.backends.kubernetes.hub import PodHub
    from automl_core.backends.kubernetes.turns import LogTurns


@dataclass(frozen=True, slots=True)
class Watched:
    """What a hub watches.

    Attributes:
        label: label by whose value pods are told apart; ours when empty.
        group_version, plural: of a custom resource, in place of pods.
    """

    label: str = ""
    group_version: str = ""
    plural: str = ""


OUR_PODS = Watched()

_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str, Watched], PodHub]] = WeakKeyDictionary()
"""Those of a loop: one that was left behind in a loop which is closed serves nobody any more."""

_making = asyncio.Lock()
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, LogTurns] = WeakKeyDictionary()
"""What reading logs may take, of all hubs together."""


async def borrow(connection: str, namespace: str, watched: Watched = OUR_PODS) -> PodHub:
    """The hub of a namespace, made where there is none; to be given back with `give_back`.

    Raises:
        BackendError: the connection is wrong.
    """
    async with _making:
        key, hubs = (connection, namespace, watched), _hubs.setdefault(asyncio.get_running_loop(), {})
        hub = hubs.get(key)
        if hub is None:
            hub = await _make(connection, namespace, watched)
            hubs[key] = hub
        hub.users += 1
        return hub


async def give_back(connection: str, hub: PodHub, watched: Watched = OUR_PODS) -> None:
    """Let go of a hub; the last one ends it."""
    hub.users -= 1
    key = (connection, hub.namespace, watched)
    hubs = _hubs.get(asyncio.get_running_loop(), {})
    if hub.users <= 0 and hubs.get(key) is hub:
        del hubs[key]
        await hub.stop()


async def _make(connection: str, namespace: str, watched: Watched) -> PodHub:
    from automl_airflow.kubernetes.connection import cluster_of

    cluster = await set_up_threads().call(cluster_of, connection)
    access, api, pod_hub, resource_hub, turns = await set_up_threads().call(_classes)
    bounds = _turns.setdefault(asyncio.get_running_loop(), turns())
    connected = api(access(cluster, partial(cluster_of, connection), in_thread=set_up_threads().call))
    made: PodHub
    if watched.plural:
        made = resource_hub(connected, namespace, watched.group_version, watched.plural)
    elif watched.label:
        made = pod_hub(connected, namespace, watched.label, watched.label, turns=bounds)
    else:
        made = pod_hub(connected, namespace, turns=bounds)
    made.start()
    return made


def _classes() -> tuple[type, type, type, type, type]:
    """Imported in a thread: the triggerer's loop must not stand still for it."""
    from automl_core.backends.kubernetes.access import Access
    from automl_core.backends.kubernetes.api import KubernetesApi
    from automl_core.backends.kubernetes.hub import PodHub
    from automl_core.backends.kubernetes.resource_hub import ResourceHub
    from automl_core.backends.kubernetes.turns import LogTurns

    return Access, KubernetesApi, PodHub, ResourceHub, LogTurns
