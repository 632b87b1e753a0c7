"""What a cluster says only in its events: why a pod's volumes are not there, why a Job's pods are not made.

One list of a namespace's warnings serves all who wait, and only while somebody does: events are many and costly.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from automl_core.backends.base import BackendError
from automl_core.backends.kubernetes.api import ApiError, KubernetesApi
from automl_core.backends.kubernetes.ends import Kind
from automl_core.backends.kubernetes.holds import Hold, too_much

log = logging.getLogger(__name__)

EVERY = 15.0
"""Seconds between two looks."""

_PAGE, _PAGES = 500, 10
_WANTED = frozenset({"FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "FailedCreate"})
"""Reasons of events for which the state of the pod or Job has no word."""

_LASTING = ("not found", "is forbidden", "is invalid", "non-existent", "denied the request")
_PASSING = ("exceeded quota", "object has been modified")


class Warnings:
    """The last warning about each pod and Job of a namespace."""

    def __init__(self, api: KubernetesApi, namespace: str) -> None:
        """Ask nothing yet.

        Args:
            api: of the cluster.
            namespace: of the pods and Jobs.
        """
        self._api, self._path = api, f"/api/v1/namespaces/{namespace}/events"
        self._found: dict[tuple[str, str], tuple[str, Hold]] = {}
        self._looked = float("-inf")
        self._looking = asyncio.Lock()

    async def about(self, kind: str, name: str) -> Hold | None:
        """What keeps an object from being made or started, None where nothing is said.

        Args:
            kind: ``Pod`` or ``Job``.
            name: its name.
        """
        async with self._looking:
            if time.monotonic() - self._looked >= EVERY:
                try:
                    await self._look()
                except BackendError as error:  # a word that is missing is no reason to end or to stop anything
                    log.debug("the events of the namespace are not known: %s", error)
                self._looked = time.monotonic()
        found = self._found.get((kind, name))
        return found[1] if found else None

    async def eviction(self, pod: str) -> str | None:
        """What the cluster says of a pod's eviction, None where it says nothing. Asked for at once: one request.

        Args:
            pod: its name.

        Raises:
            Unreachable: the cluster can't be asked now.
        """
        selector = f"involvedObject.kind=Pod,involvedObject.name={pod},reason=Evicted"
        try:
            answer = await self._api.get(self._path, fieldSelector=selector, limit="1")
        except ApiError as error:
            log.warning("whether %s was evicted is not known: %s", pod, error)
            return None
        found = answer.get("items") or []
        return str(found[0].get("message") or "").strip() if found else None

    async def _look(self) -> None:
        found: dict[tuple[str, str], tuple[str, Hold]] = {}
        proceed = ""
        for _ in range(_PAGES):
            page = {"continue": proceed} if proceed else {}
            answer = await self._api.get(
                self._path, fieldSelector="type=Warning,reason!=FailedScheduling", limit=str(_PAGE), **page
            )
            for event in answer.get("items") or []:
                about = event.get("involvedObject") or {}
                key, at = (str(about.get("kind")), str(about.get("name"))), _last(event)
                if event.get("reason") in _WANTED and (key not in found or found[key][0] <= at):
                    found[key] = (at, hold_of(event))
            proceed = (answer.get("metadata") or {}).get("continue") or ""
            if not proceed:
                break
        self._found = found


def _last(event: Mapping[str, Any]) -> str:
    """When it happened last; texts of one form, which compare as times do."""
    series = event.get("series") or {}
    at = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(at or event.get("firstTimestamp") or "")[:19]


def hold_of(event: Mapping[str, Any]) -> Hold:
    """What waiting may mend is PENDING; what is missing or not allowed is CONFIG."""
    message = str(event.get("message") or "").strip()
    lasting = any(words in message for words in _LASTING) and not any(words in message for words in _PASSING)
    return too_much(Hold(Kind.CONFIG if lasting else Kind.PENDING, str(event["reason"]), message), workers=1)
