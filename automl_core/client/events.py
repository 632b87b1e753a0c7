"""Following a run by its server-sent events."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from automl_core.client.errors import NotKnown, Unreachable

if TYPE_CHECKING:
    from automl_core.client.automl import AutoML

_PATIENCE = 20
"""Times in a row that a connection may fail."""


def follow(
    client: AutoML, place: str, *, exists: Callable[[], bool] = lambda: True, timeout: float | None = None
) -> Iterator[dict[str, Any]]:
    """Events of a run to its end; each has its name under ``event``.

    A run that Airflow has not begun is waited for; a connection that breaks off is taken up again.

    Args:
        client: of the server.
        place: of the events in the API.
        exists: whether Airflow has the run at all; asked where there is nothing to follow.
        timeout: seconds in all; for ever when left out.

    Raises:
        NotKnown: there is no such run.
        Unreachable: the server stays away.
        TimeoutError: the time is over.
    """
    last, failures = "", 0
    clock = _Deadline(client, timeout)
    while True:
        try:
            headers = {"Last-Event-ID": last} if last else {}
            with client.stream(place, headers, clock.at_most(60.0)) as lines:
                for identity, name, data in parse(clock.watch(lines)):
                    last, failures = identity or last, 0
                    yield {"event": name, **json.loads(data)}
                    if name == "ended":
                        return
        except NotKnown:
            if last or not exists():
                raise
            failures = 0
            client.pause(clock.at_most(2.0))
        except Unreachable:
            failures += 1
            if failures >= _PATIENCE:
                raise
            client.pause(clock.at_most(min(10.0, 0.5 * 2**failures)))


class _Deadline:
    """When following is to end."""

    def __init__(self, client: AutoML, timeout: float | None) -> None:
        self._client, self._timeout = client, timeout
        self._until = math.inf if timeout is None else client.now() + timeout

    def at_most(self, seconds: float) -> float:
        """So many seconds, or what is left.

        Raises:
            TimeoutError: nothing is left.
        """
        left = self._until - self._client.now()
        if left <= 0:
            raise TimeoutError(f"it still runs after {self._timeout} s")
        return min(seconds, left)

    def watch(self, lines: Iterable[str]) -> Iterator[str]:
        """Lines as long as there is time: those that only keep a connection alive come too."""
        for line in lines:
            self.at_most(0.0)
            yield line


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
