"""When each pod was created, started, ended and removed: a cluster's own times have whole seconds alone."""

from __future__ import annotations

import time

from tests.standins.kubernetes.objects import Object
from tests.standins.kubernetes.store import Change, Store

MOST = 20_000
"""Pods that are remembered; the oldest go first."""


class PodTimes:
    """The lives of all pods of a store, in seconds since 1970."""

    def __init__(self, store: Store) -> None:
        self._pods: dict[str, Object] = {}
        store.listen(self._notice)

    def report(self) -> list[Object]:
        """What is known, in the order of creation: None stands for what has not happened."""
        return list(self._pods.values())

    def _notice(self, change: Change) -> None:
        if change.key[0] != "pods":
            return
        now, pod = time.time(), change.object
        if change.type == "ADDED":
            while len(self._pods) >= MOST:
                del self._pods[next(iter(self._pods))]
            self._pods[pod["metadata"]["uid"]] = {
                "namespace": change.key[1], "name": change.key[2],
                "created": now, "started": None, "ended": None, "removed": None,
            }  # fmt: skip
        known = self._pods.get(pod["metadata"]["uid"])
        if known is None:
            return
        phase = pod.get("status", {}).get("phase")
        if phase == "Running":
            known["started"] = known["started"] or now
        elif phase in {"Succeeded", "Failed"}:
            known["ended"] = known["ended"] or now
        if change.type == "DELETED":
            known["removed"] = now
