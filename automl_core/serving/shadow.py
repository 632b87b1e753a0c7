"""The shadow: a version is asked what another one has answered already. What it says is written down, and not given.

It is asked after the answer was given, in its own process. What waits for it is bounded: where it is slower than the
requests come, the rest is not asked, and counted. Its answers are in lines of their own, beside those that were given,
and its errors, its latency and how often it says the same are in the rollout's tallies.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from automl_core.serving.answers import AnswerLog, Shadowed
from automl_core.serving.following import Route
from automl_core.serving.given import Given, shadow_of
from automl_core.serving.process import Unavailable
from automl_core.serving.tallying import Tallies
from automl_core.serving.wire import Answer

log = logging.getLogger(__name__)

Row = dict[str, Any]
Ask = Callable[[Route, int, list[Row]], Awaitable[tuple[Answer, list[str]]]]

MOST, MOST_ROWS = 256, 20_000
"""Requests and rows that wait for shadows at most."""

ALIKE = 0.01
"""Two predicted numbers say the same where they differ by at most this share of the larger one."""


class Shadows:
    """The shadows of one server. Everything is for one event loop."""

    def __init__(
        self, ask: Ask, answers: AnswerLog | None = None, tallies: Tallies | None = None, *, most: int = MOST,
        most_rows: int = MOST_ROWS,
    ) -> None:  # fmt: skip
        """Ask nobody yet.

        Args:
            ask: asks a version of a route; raises `Unavailable`.
            answers: where its lines are written; None: nowhere.
            tallies: where its answers are counted.
            most: requests that wait at most.
            most_rows: rows of them at most.
        """
        self._ask, self.answers, self.tallies, self.most, self.most_rows = ask, answers, tallies, most, most_rows
        self.dropped: dict[tuple[str, int], int] = {}
        """Requests that a version was not asked for, as too many waited."""
        self.asked: dict[tuple[str, int], int] = {}
        """Requests that a version was asked for."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._rows = 0

    def offer(self, route: Route, rows: Sequence[Row], keys: Sequence[str], request: str, given: Given) -> None:
        """Ask the shadow of a route about rows that were answered, where it has one; waits for nothing.

        Args:
            route: by which they were answered.
            rows: as they were sent.
            keys: (n,) by which each row's version was chosen.
            request: the request's id.
            given: what they were answered with.
        """
        if not route.shadow:
            return
        chosen = [shadow_of(route, key) for key in keys]
        for version in dict.fromkeys(each for each in chosen if each is not None):
            places = [place for place, each in enumerate(chosen) if each == version]
            name = (route.model, version)
            # one request alone may have more rows than may wait
            full = len(self._tasks) >= self.most or (self._rows and self._rows + len(places) > self.most_rows)
            if full:
                self.dropped[name] = self.dropped.get(name, 0) + 1
                continue
            self.asked[name] = self.asked.get(name, 0) + 1
            self._rows += len(places)
            task = asyncio.create_task(self._shadowed(route, version, rows, keys, request, given, places))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    @property
    def waiting(self) -> int:
        """Requests that wait for a shadow's answer."""
        return len(self._tasks)

    async def stop(self, patience: float = 2.0) -> None:
        """Wait a moment for what was begun; what is not answered then never is.

        Args:
            patience: seconds.
        """
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=patience)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _shadowed(
        self, route: Route, version: int, rows: Sequence[Row], keys: Sequence[str], request: str, given: Given,
        places: list[int],
    ) -> None:  # fmt: skip
        began = time.perf_counter()
        try:
            error, answer, classes = "", None, list[str]()
            try:
                answer, classes = await self._ask(route, version, [rows[place] for place in places])
                error = answer.error
            except Unavailable as unavailable:
                error = str(unavailable) or "it can't answer"
            seconds = time.perf_counter() - began
            same = None
            if answer is not None and not error:
                same = [alike(said, given.predictions[at]) for said, at in zip(answer.predictions, places, strict=True)]
            if self.tallies is not None:
                agreed = all(same) if same is not None else None
                self.tallies.add(route, version, seconds, error=bool(error), shadow=True, agreed=agreed)
            if self.answers is not None and self.answers.takes(request):
                said = Shadowed(route, version, places, answer, classes, error, same or [])
                self.answers.add_shadow(said, given, rows, keys, request)
        except Exception:  # it is nobody's answer: no request must suffer from it
            log.exception("%s: what version %d would have said can't be written down", route.model, version)
        finally:
            self._rows -= len(places)


def alike(one: str | float, other: str | float) -> bool:
    """Whether two predictions say the same: the same class, or numbers that differ by 1 % of the larger one at most."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return math.isclose(one, other, rel_tol=ALIKE, abs_tol=1e-12)
