"""What the versions of a model say of the rows of one request, who answers where one can't, and what counts of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from automl_core.serving.following import Route
from automl_core.serving.given import Said
from automl_core.serving.process import NotHere, Unavailable, VersionProcess
from automl_core.serving.tallying import Tallies
from automl_core.serving.versions import Key, Versions
from automl_core.serving.wire import Answer

Counted = tuple[int, float, bool]
"""A version that was asked, the seconds until it had answered or was given up, and whether it gave no answer."""


class Asking:
    """Asks the versions of a server. Everything is for one event loop."""

    def __init__(self, versions: Versions, failures: dict[Key, str], tallies: Tallies | None = None) -> None:
        """Make it.

        Args:
            versions: the processes.
            failures: of versions that can't be served: why; those that can be are taken out.
            tallies: where the answers of versions in rollouts are counted; None: nowhere.
        """
        self.versions, self.failures, self.tallies = versions, failures, tallies

    async def process(self, route: Route, version: int) -> VersionProcess:
        """A version's process, started.

        Raises:
            Unavailable: it can't be fetched, or can't be loaded.
        """
        found = await self.versions.process((route.model, version), route.copies[version])
        self.failures.pop((route.model, version), None)
        return found

    async def said(
        self, route: Route, parts: dict[int, list[dict[str, Any]]], limit: float, counted: list[Counted]
    ) -> dict[int, Said]:
        """What each version says of its part; all are waited for, so that what became of each is counted.

        Args:
            route: by which they were chosen.
            parts: version → its rows of the request.
            limit: seconds that the whole answer may take.
            counted: gets what is to be counted of it, should the request be one.

        Raises:
            Unavailable: one of them can't answer, nor the champion for it.
        """
        if len(parts) == 1:
            ((version, part),) = parts.items()
            return {version: await self._of_version(route, version, part, limit, counted)}
        asked = [self._of_version(route, version, part, limit, counted) for version, part in parts.items()]
        found = await asyncio.gather(*asked, return_exceptions=True)
        failed = next((each for each in found if isinstance(each, BaseException)), None)
        if failed is not None:
            raise failed
        return {version: each for version, each in zip(parts, found, strict=True) if isinstance(each, Said)}

    async def _of_version(
        self, route: Route, version: int, rows: list[dict[str, Any]], limit: float, counted: list[Counted]
    ) -> Said:
        """What a version says of its rows; the champion's answer where a challenger has none.

        Raises:
            Unavailable: neither of them can answer.
        """
        began, champion = time.perf_counter(), route.champion
        assert champion is not None
        error: Unavailable | None = None
        answer = None

        def failed() -> None:
            """Count it as the version's, where it is no fault of this machine."""
            if not isinstance(error, NotHere):
                counted.append((version, time.perf_counter() - began, True))

        try:
            # half of the time for a challenger: the champion needs some, where it has to answer instead
            answer, classes = await self.asked(route, version, rows, limit if version == champion else limit / 2)
        except Unavailable as unavailable:
            error = unavailable
        if version != champion and (answer is None or answer.error):
            try:
                left = max(limit / 10, limit - (time.perf_counter() - began))
                answer, classes = await self.asked(route, champion, rows, left)
            except Unavailable as unavailable:
                if error is not None:  # else it refused rows, and nobody can tell whether these are bad
                    failed()
                raise unavailable from None
            if not answer.error:  # what the champion refuses as well is the request's fault
                failed()
            return Said(champion, answer, classes)
        if error is not None:
            failed()
            raise error
        assert answer is not None
        if not answer.error:
            counted.append((version, time.perf_counter() - began, False))
        return Said(version, answer, classes)

    def count(self, route: Route, counted: Sequence[Counted], counts: bool) -> None:
        """Have an open rollout judged by what versions made of a request.

        Args:
            route: by which they were chosen.
            counted: of each of them.
            counts: whether it is judged by it.
        """
        if counts and self.tallies is not None and route.rollout is not None:
            for version, seconds, error in counted:
                self.tallies.add(route, version, seconds, error=error)

    async def asked(
        self, route: Route, version: int, rows: list[dict[str, Any]], seconds: float
    ) -> tuple[Answer, list[str]]:
        """What a version says, and its classes.

        The champion is waited for until it is loaded, as there is nobody else. Another version that crashed, or can't
        be loaded, is not: it starts again while others answer. One that was put away, as others were asked for, is.

        Raises:
            NotHere: it can't be had again within some seconds.
            Unavailable: it can't answer within them, those in which it has others' rows to score among them.
        """
        key = (route.model, version)
        process = self.versions.running(key)
        if process is None and version == route.champion:
            process = await self.process(route, version)
        elif process is None and (key in self.failures or self.versions.crashed(key)):
            self.versions.restart(key)
            raise Unavailable(self.failures.get(key) or "it has crashed, and is started again")
        began = time.monotonic()
        if process is None:
            try:
                async with asyncio.timeout(seconds):
                    process = await self.process(route, version)
            except TimeoutError:
                raise NotHere(f"version {version} was put away, and is not loaded within {seconds:g} s") from None
            seconds -= time.monotonic() - began
        try:
            answer = await process.predict(rows, seconds)
        except Unavailable as error:
            raise type(error)(f"version {version}: {error}") from None
        return answer, process.ready.classes if process.ready is not None else []
