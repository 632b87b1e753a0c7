"""Following a run by its server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from automl_core.client.errors import NotKnown, Unreachable

if TYPE_CHECKING:
    from automl_core.client.automl import AutoML

_PATIENCE = 20
"""Times in a row that a connection may fail."""


def follow(client: AutoML, place: str) -> Iterator[dict[str, Any]]:
    """Events of a run to its end; each has its name under ``event``.

    A run that Airflow has not begun is waited for; a connection that breaks off is taken up again.

    Raises:
        Unreachable: the server stays away.
    """
    last, failures = "", 0
    while True:
        try:
            with client.stream(place, {"Last-Event-ID": last} if last else {}) as lines:
                for identity, name, data in parse(lines):
                    last, failures = identity or last, 0
                    yield {"event": name, **json.loads(data)}
                    if name == "ended":
                        return
        except NotKnown:
            if last:
                raise
            failures = 0
            client.pause(2.0)
        except Unreachable:
            failures += 1
            if failures >= _PATIENCE:
                raise
            client.pause(min(10.0, 0.5 * 2**failures))


def parse(lines: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Events of a stream's lines: id, name, data. Comments and events without data are left out."""
    identity, name, data = "", "message", ""
    for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line:
            if field == "id":
                identity = value
            elif field == "event":
                name = value
            elif field == "data":
                data = f"{data}\n{value}" if data else value
            continue
        if data:
            yield identity, name, data
        name, data = "message", ""
