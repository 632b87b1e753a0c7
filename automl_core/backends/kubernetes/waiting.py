"""Pods that don't run yet: why, told to people once, and when that is to end the attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automl_core.backends.kubernetes.ends import Kind
from automl_core.backends.kubernetes.holds import Hold, hold, is_mounting, starting
from automl_core.backends.kubernetes.queueing import MANAGED
from automl_core.backends.kubernetes.warnings import Warnings
from automl_core.spec.units import format_duration

_PATIENCE = 2.0
"""Seconds of waiting that nobody needs to hear of."""

_MOUNTED_BY = 10.0
"""Seconds after its creation by which a pod usually has its volumes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long what may take, in seconds.

    Attributes:
        timeout: of the training, None without a limit.
        pending: from a pod's creation until its training begins; beyond that it is a matter for `pending_fails`.
        pending_fails: whether the attempt fails then, or people are told and it waits on.
        image: until an image that can't be pulled fails the attempt.
        config: until a container that can't be made (a secret is missing, say) fails it.
    """

    timeout: float | None = None
    pending: float = 600.0
    pending_fails: bool = False
    image: float = 300.0
    config: float = 60.0


class WaitingRoom:
    """What is known of the waiting of one attempt's pods."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        """Nothing waits yet.

        Args:
            limits: how long what may take.
            clock: seconds since 1970.
        """
        self._limits, self._clock = limits, clock
        self._since: dict[str, tuple[Kind, float]] = {}
        self._told: set[str] = set()
        self._notes: list[str] = []

    def take_notes(self) -> list[str]:
        """What people should know, each once."""
        notes, self._notes = self._notes, []
        return notes

    def note(self, text: str) -> None:
        """Tell people something, unless it was told before."""
        if text not in self._told:
            self._told.add(text)
            self._notes.append(text)

    async def look(self, pod: Mapping[str, Any], warnings: Warnings) -> Hold | None:
        """Look at a pod, and at what the cluster's events say where its state says nothing.

        Returns:
            What keeps it from running where that is to end the attempt, else None.
        """
        said = await warnings.about("Pod", pod["metadata"]["name"]) if is_mounting(pod) and self._old(pod) else None
        return self.judge(pod, said)

    def judge(self, pod: Mapping[str, Any], said: Hold | None = None) -> Hold | None:
        """Look at a pod, or at a Job whose pods are not made.

        Args:
            pod: it, or as much of it as its name.
            said: what the cluster's events say of it.

        Returns:
            What keeps it from running where that is to end the attempt, else None.
        """
        name, held = str(pod["metadata"]["name"]), hold(pod) or said
        if held is None and (slow := starting(pod)) is not None and self._waited(pod, slow) > self._limits.pending:
            held = slow  # nothing is wrong with it but that it takes so long
        if held is None:
            self._since.pop(name, None)
            return None
        waited, limit = self._waited(pod, held), self._limit(held.kind)
        if waited > _PATIENCE or held.hopeless:
            self.note(f"it waits to be started: {held}")
        if not held.hopeless and waited <= limit:
            return None
        if held.kind is Kind.PENDING and not self._limits.pending_fails:
            self.note(f"it has been waiting for more than {format_duration(limit)} and waits on: {held}")
            return None
        return held

    def _old(self, pod: Mapping[str, Any]) -> bool:
        created = pod["metadata"].get("creationTimestamp")
        return bool(created) and self._clock() - datetime.fromisoformat(created).timestamp() > _MOUNTED_BY

    def _waited(self, pod: Mapping[str, Any], held: Hold) -> float:
        now, name = self._clock(), str(pod["metadata"]["name"])
        created, queued = pod["metadata"].get("creationTimestamp"), MANAGED in (pod["metadata"].get("labels") or {})
        if held.kind is Kind.PENDING and created and not queued:  # its time in a queue counts for nothing
            return now - datetime.fromisoformat(created).timestamp()
        kind, since = self._since.setdefault(name, (held.kind, now))
        if kind is not held.kind:
            self._since[name] = (held.kind, now)
            return 0.0
        return now - since

    def _limit(self, kind: Kind) -> float:
        limits = {Kind.IMAGE: self._limits.image, Kind.CONFIG: self._limits.config}
        return limits.get(kind, self._limits.pending)
