"""What Kueue says of those who wait in its queues, and what people are told of it.

Of each pod, Job or custom resource in a queue Kueue makes a Workload, whose conditions say why it waits
(`apis/kueue/v1beta2/workload_types.go` of Kueue 0.19.2). One list of a namespace's Workloads serves all who wait, and
only meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automl_core.backends.base import BackendError
from automl_core.backends.kubernetes.api import ApiError, KubernetesApi
from automl_core.backends.kubernetes.queueing import GROUP

log = logging.getLogger(__name__)

EVERY = 15.0
"""Seconds between two looks at the Workloads of a namespace."""

_REFUSED_FOR = 600.0
"""Seconds for which nobody asks again who has no right to, or where there is no Kueue."""

_PAGE, _PAGES = 500, 10

_NUMBER = re.compile(r"\d[\d.]*[A-Za-z]*")


@dataclass(frozen=True, slots=True)
class Standing:
    """What Kueue says of one Workload.

    Attributes:
        waits: why it has no quota, empty where it has, or nothing is said.
        evicted: why it was evicted last, as (reason, message), None where it was not.
    """

    waits: str = ""
    evicted: tuple[str, str] | None = None


class Workloads:
    """What Kueue says of the objects of one namespace that wait in its queues."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        """Ask nothing yet.

        Args:
            api: of the cluster.
            namespace: of the queues.
        """
        self._api, self._namespace = api, namespace
        self._path: str | None = None
        self._found: dict[tuple[str, str], Standing] = {}
        self._next = float("-inf")
        self._looking = asyncio.Lock()

    async def about(self, kind: str, name: str, *, now: bool = False) -> Standing:
        """What is known of an object; nothing where Kueue says nothing, or can't be asked.

        Args:
            kind: of the object: ``Pod``, ``Job``, or a custom resource's.
            name: its name.
            now: whether a moment ago is too old.
        """
        async with self._looking:
            at = time.monotonic()
            if at >= self._next or (now and self._next - at <= EVERY):
                self._next = at + EVERY
                try:
                    await self._look()
                except BackendError as error:  # a word that is missing is no reason to end or to stop anything
                    log.debug("the Workloads of the namespace are not known: %s", error)
                    if isinstance(error, ApiError) and error.status in (403, 404):
                        self._path, self._next = None, at + _REFUSED_FOR
        return self._found.get((kind, name), Standing())

    async def _look(self) -> None:
        if self._path is None:
            group = await self._api.get(f"/apis/{GROUP}")
            version = group["preferredVersion"]["version"]
            self._path = f"/apis/{GROUP}/{version}/namespaces/{self._namespace}/workloads"
        found: dict[tuple[str, str], Standing] = {}
        proceed = ""
        for _ in range(_PAGES):
            page = {"continue": proceed} if proceed else {}
            answer = await self._api.get(self._path, limit=str(_PAGE), **page)
            for workload in answer.get("items") or []:
                standing = standing_of(workload)
                for owner in workload["metadata"].get("ownerReferences") or []:
                    found[str(owner.get("kind")), str(owner.get("name"))] = standing
            proceed = (answer.get("metadata") or {}).get("continue") or ""
            if not proceed:
                break
        self._found = found


def standing_of(workload: Mapping[str, Any]) -> Standing:
    """What the conditions of a Workload say."""
    conditions = (workload.get("status") or {}).get("conditions") or []
    reserved, evicted = _condition(conditions, "QuotaReserved"), _condition(conditions, "Evicted")
    waits = ""
    if reserved is not None and reserved.get("status") == "False":
        waits = str(reserved.get("message") or reserved.get("reason") or "")
    elif reserved is not None:  # what is left are the admission checks of the ClusterQueue
        checks = (workload.get("status") or {}).get("admissionChecks") or []
        waits = "; ".join(
            f"{each.get('name')}: {each.get('message') or each.get('state')}"
            for each in checks
            if each.get("state") != "Ready"
        )
    gone = evicted is not None and evicted.get("status") == "True"
    told = (str(evicted.get("reason") or ""), str(evicted.get("message") or "")) if gone and evicted else None
    return Standing(waits, told)


def _condition(conditions: Sequence[Mapping[str, Any]], kind: str) -> Mapping[str, Any] | None:
    return next((each for each in conditions if each.get("type") == kind), None)


class Queueing:
    """The waiting of one attempt in its queue: people are told where it waits and why, each word once."""

    def __init__(self, workloads: Workloads, kind: str, name: str) -> None:
        """Nothing waits yet.

        Args:
            workloads: of its namespace.
            kind: of the object that waits: ``Pod``, ``Job``, or a custom resource's.
            name: its name.
        """
        self._workloads, self._kind, self._name = workloads, kind, name
        self._notes: list[str] = []
        self._told: set[str] = set()
        self._waited = False

    def take_notes(self) -> list[str]:
        """What people should know, each once."""
        notes, self._notes = self._notes, []
        return notes

    async def wait(self, queue: str) -> None:
        """It waits in a queue now: tell where, and why."""
        self._waited = True
        said = (await self._workloads.about(self._kind, self._name)).waits
        self._note(f"it waits for its turn in the queue {queue}" + (f": {said}" if said else ""))

    def admit(self) -> None:
        """It waits in no queue now."""
        if self._waited:
            self._waited = False
            self._told.clear()
            self._note("it has its turn in the queue")

    def ignored(self, queue: str) -> None:
        """It was meant for a queue, and nobody keeps it waiting."""
        self._note(
            f"no Kueue of the cluster manages it: it does not wait in the queue {queue}, whatever else runs there"
        )

    async def eviction(self) -> tuple[str, str] | None:
        """Why Kueue took its place away, as (reason, message); None where Kueue says nothing of it."""
        return (await self._workloads.about(self._kind, self._name, now=True)).evicted

    def _note(self, text: str) -> None:
        key = _NUMBER.sub("#", text)  # what is lacking changes with each look, and says nothing new
        if key not in self._told:
            self._told.add(key)
            self._notes.append(text)
