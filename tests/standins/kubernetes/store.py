"""All objects of the cluster, their versions, and who is told when one changes.

One process, one event loop, no lock: whoever changes an object does so between two awaits.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tests.standins.kubernetes.objects import (
    Object,
    already_exists,
    copy,
    expired,
    name_of,
    namespace_of,
    not_found,
    timestamp,
)

Key = tuple[str, str, str]
"""Resource, namespace, name."""


@dataclass(frozen=True, slots=True)
class Change:
    """One step in the life of an object."""

    version: int
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    key: Key
    object: Object
    previous: Object | None


class Subscription:
    """Changes of one resource that a watch has yet to send."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[Change | None] = asyncio.Queue()
        """None: the watch has to end."""


def subject_of(resource: str, value: Object) -> str:
    """What objects of a resource are mostly asked for by: an event by its object's name, all others by their own."""
    return str(value["involvedObject"].get("name", "")) if resource == "events" else name_of(value)


class Store:
    """Objects by resource, namespace and name. `history`: changes that a watch can go back."""

    def __init__(self, history: int = 20_000) -> None:
        self.version = 1000
        self._objects: dict[str, dict[tuple[str, str], Object]] = defaultdict(dict)
        self._subjects: dict[tuple[str, str], dict[tuple[str, str], Object]] = defaultdict(dict)
        self._dependents: dict[str, set[Key]] = defaultdict(set)
        self._history: deque[Change] = deque(maxlen=history)
        self._subscriptions: dict[tuple[str, str | None], set[Subscription]] = defaultdict(set)
        self._listeners: list[Callable[[Change], None]] = []
        self._oldest = self.version
        self.webhooks: list[Callable[[str, Object], None]] = []
        """What controllers do to a new object, called with its kind, as mutating admission webhooks do."""

    # reading

    def find(self, resource: str, namespace: str, name: str) -> Object | None:
        return self._objects[resource].get((namespace, name))

    def get(self, resource: str, namespace: str, name: str) -> Object:
        """One object; ApiError 404 where there is none."""
        found = self.find(resource, namespace, name)
        if found is None:
            raise not_found(resource, name)
        return found

    def select(self, resource: str, namespace: str | None = None, subject: str | None = None) -> list[Object]:
        """Objects of a resource, of one namespace or all, ordered by namespace and name."""
        objects = self._objects[resource] if subject is None else self._subjects.get((resource, subject), {})
        return [objects[key] for key in sorted(objects) if namespace is None or key[0] == namespace]

    def dependents(self, uid: str) -> list[Key]:
        """Objects that name an owner."""
        return sorted(self._dependents.get(uid, ()))

    # changing

    def create(self, resource: str, value: Object) -> Object:
        """Keep a new object, which gets its uid, time and version; ApiError 409 where its name is taken."""
        key = (namespace_of(value), name_of(value))
        if key in self._objects[resource]:
            raise already_exists(resource, key[1])
        value["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": timestamp(), "generation": 1}
        self._keep("ADDED", (resource, *key), value, None)
        return value

    def replace(self, resource: str, value: Object) -> Object:
        """Put an object in place of the one of its name; nothing happens where they are equal."""
        key = (namespace_of(value), name_of(value))
        previous = self.get(resource, *key)
        if value == previous:
            return previous
        if value.get("spec") != previous.get("spec"):
            value["metadata"]["generation"] = previous["metadata"].get("generation", 1) + 1
        self._keep("MODIFIED", (resource, *key), value, previous)
        return value

    def edit(self, resource: str, namespace: str, name: str, change: Callable[[Object], None]) -> Object | None:
        """Change a copy of an object in place and keep it; None where the object is gone."""
        found = self.find(resource, namespace, name)
        if found is None:
            return None
        edited = copy(found)
        change(edited)
        return self.replace(resource, edited)

    def remove(self, resource: str, namespace: str, name: str) -> Object | None:
        """Forget an object; None where it is gone already."""
        previous = self._objects[resource].get((namespace, name))
        if previous is None:
            return None
        last = {**previous, "metadata": dict(previous["metadata"])}
        self._keep("DELETED", (resource, namespace, name), last, previous)
        return last

    def _keep(self, kind: Literal["ADDED", "MODIFIED", "DELETED"], key: Key, value: Object, old: Object | None) -> None:
        resource, place = key[0], key[1:]
        self.version += 1
        value["metadata"]["resourceVersion"] = str(self.version)
        subject = (resource, subject_of(resource, value))
        if kind == "DELETED":
            self._objects[resource].pop(place, None)
            self._subjects[subject].pop(place, None)
            if not self._subjects[subject]:
                del self._subjects[subject]
        else:
            self._objects[resource][place] = self._subjects[subject][place] = value
        for owner in owners(old):
            self._dependents[owner].discard(key)
        for owner in owners(value) if kind != "DELETED" else ():
            self._dependents[owner].add(key)
        change = Change(self.version, kind, key, value, old)
        if len(self._history) == self._history.maxlen:
            self._oldest = self._history[0].version
        self._history.append(change)
        for watched in ((resource, None), subject):
            for subscription in self._subscriptions.get(watched, ()):
                subscription.changes.put_nowait(change)
        for listener in self._listeners:
            listener(change)

    # being told

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call a controller with each change, at once: it notes the change and acts later."""
        self._listeners.append(listener)

    def since(self, resource: str, version: int) -> Iterable[Change]:
        """Changes of a resource after a version; ApiError 410 where they are forgotten."""
        if version < self._oldest:
            raise expired(version, self._oldest)
        return [each for each in self._history if each.version > version and each.key[0] == resource]

    def compact(self) -> None:
        """Forget every change so far: watches and pages from before are told 410."""
        self.version += 1
        self._history.clear()
        self._oldest = self.version

    def check_age(self, version: int) -> None:
        if version < self._oldest:
            raise expired(version, self._oldest)

    def subscribe(self, resource: str, subject: str | None) -> Subscription:
        subscription = Subscription()
        self._subscriptions[resource, subject].add(subscription)
        return subscription

    def unsubscribe(self, resource: str, subject: str | None, subscription: Subscription) -> None:
        watching = self._subscriptions[resource, subject]
        watching.discard(subscription)
        if not watching:
            del self._subscriptions[resource, subject]

    def close_watches(self) -> None:
        """End every watch, as an API server does that restarts."""
        for watching in self._subscriptions.values():
            for subscription in watching:
                subscription.changes.put_nowait(None)


def owners(value: Object | None) -> list[str]:
    """The uids of an object's owners."""
    return [str(each["uid"]) for each in (value or {}).get("metadata", {}).get("ownerReferences") or ()]
