"""Lists in pages, and watches."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Mapping

import msgspec

from tests.standins.kubernetes.objects import ApiError, Object, bad_request, encode, name_of, namespace_of
from tests.standins.kubernetes.resources import Target
from tests.standins.kubernetes.selectors import Predicate, field_requirements, field_selector, label_selector
from tests.standins.kubernetes.store import Change, Store

BOOKMARKS = 1.0
"""Seconds between bookmarks (a minute in a cluster)."""
LONGEST = 1800.0


class Selection:
    """What a list or a watch asks for."""

    def __init__(self, target: Target, query: Mapping[str, str]) -> None:
        self.resource = target.resource.plural
        self.namespace = target.namespace
        tests: list[Predicate] = []
        self.subject: str | None = None
        if text := query.get("labelSelector"):
            tests.append(label_selector(text))
        if text := query.get("fieldSelector"):
            requirements = field_requirements(self.resource, text)
            subject = "involvedObject.name" if self.resource == "events" else "metadata.name"
            self.subject = next((value for field, equal, value in requirements if field == subject and equal), None)
            tests.append(field_selector(requirements))
        self._tests = tests

    def holds(self, value: Object | None) -> bool:
        return (
            value is not None
            and (self.namespace is None or namespace_of(value) == self.namespace)
            and all(test(value) for test in self._tests)
        )

    def select(self, store: Store) -> list[Object]:
        found = store.select(self.resource, self.namespace, self.subject)
        return [value for value in found if self.holds(value)] if self._tests else found


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of a query, None where it is not given; ApiError 400 where it is none."""
    text = query.get(name)
    if text in {None, ""}:
        return None
    try:
        return int(str(text))
    except ValueError as error:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax: {name}') from error


def flag(query: Mapping[str, str], name: str) -> bool:
    """A truth value as Go reads it: the Python clients write `True`."""
    return query.get(name) in {"1", "t", "T", "true", "TRUE", "True"}


def list_page(store: Store, target: Target, query: Mapping[str, str]) -> Object:
    """A `List` object; with `limit` a page of it and the token of the next."""
    found = Selection(target, query).select(store)
    version = store.version
    limit = number(query, "limit") or 0
    if token := query.get("continue"):
        version, after = _read_token(store, token)
        found = [value for value in found if (namespace_of(value), name_of(value)) > after]
    elif (wanted := number(query, "resourceVersion")) is not None and wanted > store.version:
        message = f"Too large resource version: {wanted}, current: {store.version}"
        raise ApiError(504, "Timeout", message, retry_after=1)
    metadata: Object = {"resourceVersion": str(version)}
    if limit and len(found) > limit:
        metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
        last = [version, namespace_of(found[-1]), name_of(found[-1])]
        metadata["continue"] = base64.urlsafe_b64encode(encode(last)).decode()
    kind = target.resource.kind
    return {"kind": f"{kind}List", "apiVersion": target.resource.api_version, "metadata": metadata, "items": found}


def _read_token(store: Store, token: str) -> tuple[int, tuple[str, str]]:
    try:
        version, namespace, name = msgspec.json.decode(base64.urlsafe_b64decode(token), type=tuple[int, str, str])
    except (ValueError, msgspec.MsgspecError) as error:
        raise bad_request("continue key is not valid: illegal base64 data") from error
    try:
        store.check_age(version)
    except ApiError as error:
        message = "The provided continue parameter is too old to display a consistent list result."
        raise ApiError(410, "Expired", message) from error
    return version, (namespace, name)


async def watch(store: Store, target: Target, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The lines of a watch. The request is checked, and the start chosen, before the first line."""
    selection = Selection(target, query)
    version = number(query, "resourceVersion") or 0
    longest = number(query, "timeoutSeconds")
    bookmarks = flag(query, "allowWatchBookmarks")
    subscription = store.subscribe(selection.resource, selection.subject)
    try:
        first: list[tuple[str, Object]]
        sent = store.version
        if version:
            try:
                first = [
                    event for each in store.since(selection.resource, version) if (event := _event(each, selection))
                ]
            except ApiError as error:
                yield _line("ERROR", error.status())
                return
        else:
            first = [("ADDED", value) for value in selection.select(store)]
        told = sent
        if first:
            yield b"".join(_line(*event) for event in first)
        ends = time.monotonic() + (LONGEST if longest is None else longest)
        next_mark = time.monotonic() + BOOKMARKS
        while (now := time.monotonic()) < ends:
            until = min(ends, next_mark) if bookmarks else ends
            try:
                change = await asyncio.wait_for(subscription.changes.get(), max(0.0, until - now))
            except TimeoutError:
                if bookmarks:
                    next_mark = time.monotonic() + BOOKMARKS
                    # it promises that all before it was sent: who goes on from there hears of it no more
                    yield _line("BOOKMARK", _bookmark(target, store.version if subscription.changes.empty() else told))
                continue
            if change is None:
                return
            told = max(told, change.version)
            if change.version > sent and (event := _event(change, selection)):
                yield _line(*event)
    finally:
        store.unsubscribe(selection.resource, selection.subject, subscription)


def _event(change: Change, selection: Selection) -> tuple[str, Object] | None:
    """What a watch sees of a change: an object that no longer matches is deleted for it, one that newly does added."""
    before = change.type != "ADDED" and selection.holds(change.previous)
    after = change.type != "DELETED" and selection.holds(change.object)
    if after:
        return ("MODIFIED" if before else "ADDED"), change.object
    return ("DELETED", change.object) if before else None


def _line(kind: str, value: Object) -> bytes:
    return encode({"type": kind, "object": value}) + b"\n"


def _bookmark(target: Target, version: int) -> Object:
    resource = target.resource
    metadata = {"resourceVersion": str(version), "creationTimestamp": None}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
