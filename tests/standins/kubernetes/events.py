"""Events (core/v1) as the scheduler, the kubelet and the controllers record them."""

from __future__ import annotations

from itertools import count

from tests.standins.kubernetes.objects import Object, name_of, namespace_of, timestamp
from tests.standins.kubernetes.store import Store

LIMIT = 20_000
"""Events that are kept; a cluster forgets them after an hour."""


class EventRecorder:
    """Records what happened to an object; the same once more only counts up."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers = count(0x17A0000000000000)
        self._kept: dict[tuple[str, str, str, str], str] = {}

    def record(
        self, about: Object, reason: str, message: str, *, source: str, host: str = "", warning: bool = False
    ) -> None:
        """Record one event of an object."""
        namespace = namespace_of(about) or "default"
        seen = (namespace, str(about["metadata"].get("uid")), reason, message)

        def again(event: Object) -> None:
            event["count"] += 1
            event["lastTimestamp"] = timestamp()

        if seen in self._kept and self._store.edit("events", namespace, self._kept[seen], again):
            return
        name = f"{name_of(about)[:230]}.{next(self._numbers):x}"
        at = timestamp()
        self._store.create("events", {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "kind": about["kind"],
                "namespace": namespace_of(about),
                "name": name_of(about),
                "uid": about["metadata"].get("uid"),
                "apiVersion": about["apiVersion"],
                "resourceVersion": about["metadata"].get("resourceVersion"),
            },
            "reason": reason,
            "message": message,
            "source": {"component": source, **({"host": host} if host else {})},
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
            "type": "Warning" if warning else "Normal",
            "eventTime": None,
            "reportingComponent": source,
            "reportingInstance": host,
        })  # fmt: skip
        self._kept[seen] = name
        while len(self._kept) > LIMIT:
            oldest = next(iter(self._kept))
            self._store.remove("events", oldest[0], self._kept.pop(oldest))
