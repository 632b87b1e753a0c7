"""The log of one pod's container, read beside everything else: ends, starts and orders never wait for it.

A log is followed where that is possible: one request for as long as the container runs, lines seen as they are printed,
and a rotation loses nothing. All others are looked at now and then (`turns` says who and how often). Streams that end,
break off or fall silent are begun again where they were; nobody is told a line twice, and what a rotation has taken is
named. What nobody takes is not read on, so that a pod that prints gigabytes fills no memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from automl_core.backends.kubernetes.cursor import NO_FOLLOWING, LogCursor, gap_note
from automl_core.backends.kubernetes.manifest import CONTAINER
from automl_core.backends.kubernetes.turns import MOST, SHORTEST, LogTurns
from automl_core.backends.remote import Unreachable

if TYPE_CHECKING:
    from automl_core.backends.kubernetes.api import KubernetesApi, Stream

log = logging.getLogger(__name__)

_FAILURES = 5
"""Readings that a node refuses, one after the other, before what is left of an ended pod's log is given up."""

_SETTLED = 1.0
"""Seconds without a line after which a followed log is read up to now."""

_SILENCE = 10.0, 60.0
"""Seconds without a line after which a follower asks anew, at least and at most: a connection may have died without a
word, and kubelets before 1.28 go on with the old file when a log is rotated (kubernetes issue 115701)."""

_PAUSES = 3.0
"""So many times the longest pause of late is a silence."""

_ENDING = 1.0
"""Seconds that the stream of an ended container may stay silent: a kubelet looks every second whether it has ended."""

_CUT_OFF = 2.0
"""Seconds until a stream that ended is begun again: most end because the container did, which is told soon."""

_TURN = 1 << 18
"""Bytes that a turn at the node covers; what follows is paced by who takes it."""

_LOOK_PAUSES = 2.0
_FOLLOWER_PAUSES = 30.0
"""Seconds that a reading waits for its lines to be taken. A follower that falls behind by more than a file would miss
one without a word; one that asks anew finds out."""

_TOLD_EVERY = 1.0
"""Seconds between two words to who waits for lines."""

_STALLED = 30.0
"""Seconds in which a node must go on with a log that is not followed."""

_RATED_EVERY = 5.0

_CAUGHT_UP = 0.05
"""Seconds without anything to read after which a log that is followed was read up to now."""


class PodLog:
    """The log of one pod's training container. Belongs to one event loop."""

    def __init__(
        self, api: KubernetesApi, path: str, turns: LogTurns, *, node: Callable[[], str] = lambda: "",
        wake: Callable[[], None] = lambda: None, container: str = CONTAINER, since: float | None = None,
    ) -> None:  # fmt: skip
        """Read nothing yet; `read_on` begins.

        Args:
            api: of the cluster.
            path: the pod's in the API.
            turns: bounds what all readers take.
            node: the pod's, empty while it has none.
            wake: told when there are lines, and when there will be no more.
            container: whose log.
            since: seconds since 1970 before which nothing is read; None for all that there is.
        """
        self._api, self._path, self._turns, self._container = api, path, turns, container
        self._node, self._wake = node, wake
        self.rate = 0.0
        self.problem: str | None = None
        """Why nothing can be read now, None while it can."""
        self.drained = False
        """Whether all is read that will ever be; `take` hands over the last of it."""
        self.current = False
        """Whether what was printed before the reading began was read."""
        self._cursor = LogCursor(since)
        self._notes: list[str] = []
        self._said = ""
        self._whole = self._abandoned = self._gone = self._over = False
        self._failures = self._broken = 0
        self._interval = SHORTEST
        self._usual_pause = 0.0
        self._stands_up = False
        self._counted = 0
        self._bytes, self._rated_at = 0, 0.0
        self._taken_at, self._telling = float("-inf"), False
        self._nudged = False
        self._sleeper: asyncio.Future[None] | None = None  # lighter than events: a thousand of these are held
        self._timer: asyncio.Timeout | None = None
        self._task: asyncio.Task[None] | None = None

    def read_on(self, *, whole: bool = False, abandoned: bool = False, gone: bool = False) -> None:
        """Begin to read, or say what is known now.

        Args:
            whole: whether the container has ended: all that is left is read, a last line without its end too.
            abandoned: whether its node is probably gone, so that there is no use in asking again and again.
            gone: whether the pod is: what is on its way is still taken.
        """
        before = (self._whole, self._abandoned, self._gone)
        self._whole, self._abandoned, self._gone = self._whole or whole, abandoned, self._gone or gone
        if self._task is None and not self.drained:
            if gone:
                self.drained = True
                return
            self._task = asyncio.get_running_loop().create_task(self._run())
        elif before != (self._whole, self._abandoned, self._gone):
            self._nudged = True
            self._rouse()
            if self._whole or self._gone:
                self._hurry(_ENDING)

    def take(self) -> list[str]:
        """The lines that were read, each once; some 300,000 characters at most."""
        lines = self._cursor.lines.take()
        self._turns.waiting -= self._counted
        self._counted = 0
        self._rouse()
        if lines and self._task is not None:
            self._taken_at = asyncio.get_running_loop().time()
        return lines

    def take_notes(self) -> list[str]:
        """What people should know of the reading, once."""
        notes, self._notes = self._notes, []
        return notes

    async def close(self) -> None:
        """Read no more."""
        self.drained = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.take()

    def stand_up(self) -> None:
        """See `Follower.stand_up`."""
        self._stands_up = True
        self._rouse()
        self._hurry(0.0)

    # --- reading -------------------------------------------------------------------------------------

    async def _run(self) -> None:
        self._turns.readers += 1
        try:
            while self._goes_on():
                self._nudged = False
                pause = await self._once()
                if self._goes_on():
                    await self._pause(pause)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # what an answer may hold is open, and whoever waits for the end would wait for ever
            log.exception("the log of %s", self._path)
            self._notes.append(f"its log is not read on: {error!r}")
        finally:
            self._turns.readers -= 1
            self._turns.leave(self)
            self.drained = True
            self._wake()

    def _goes_on(self) -> bool:
        return not (self._over or self._gone)

    async def _once(self) -> float:
        """Read once, to the end of what there is. Returns after how many seconds to read on."""
        whole, follows = self._whole, False
        self._stands_up = False
        if not whole:
            follows = self._turns.sit_down(self, self._node())
        clock = asyncio.get_running_loop().time
        began, before = clock(), self._cursor.newest
        try:
            clean = await self._stream(follows=follows, whole=whole)
        except Unreachable as error:
            self.problem = str(error)
            self._broken += 1
            self._wake()
            return min(10.0, 0.5 * 2.0 ** min(5, self._broken - 1))
        except _Refused as refusal:
            return self._refused(refusal.status, str(refusal), whole=whole)
        finally:
            self._turns.leave(self)
        self.problem, self._broken, self._failures = None, 0, 0
        self.current = self.current or clean
        if whole and clean:
            self._over = True
            return 0.0
        news = self._cursor.newest != before
        if follows and not self._stands_up:
            return _CUT_OFF if clean and (news or clock() - began > _CUT_OFF) else self._rest(news=news or not clean)
        return self._rest(news=news)

    def _rest(self, *, news: bool) -> float:
        self._interval = self._turns.interval(self._interval, news=news)
        return self._interval

    def _refused(self, status: int, words: str, *, whole: bool) -> float:
        if status in (400, 404):  # the container has no log (yet)
            self._over = whole
            if whole and self._cursor.newest:
                self._notes.append(gap_note(self._cursor.newest, ""))
            return 1.0
        self._failures += 1
        self.problem = f"its log can't be read: {words}"
        if self._failures == _FAILURES:
            self._notes.append(self.problem)
        if whole and (self._abandoned or self._failures >= _FAILURES):
            self._over = True
            if self._cursor.newest:
                self._notes.append(gap_note(self._cursor.newest, ""))
        self._wake()
        return min(8.0, 0.25 * 2.0**self._failures)

    async def _stream(self, *, follows: bool, whole: bool) -> bool:
        """Read one answer to its end. Returns whether it came to the log's end (as it stands now)."""
        from automl_core.backends.kubernetes.api import ApiError

        params = {"container": self._container, "timestamps": "true"}
        if self._cursor.since:
            params["sinceTime"] = self._cursor.since
        if follows:
            params["follow"] = "true"
        async with AsyncExitStack() as turn:
            if not follows:  # who may follow has a place of his own
                await turn.enter_async_context(self._turns.turn(self._node(), last=whole))
            async with self._api.stream(f"{self._path}/log", **params) as stream:
                clean = False
                self._cursor.begin()
                try:
                    clean = await self._consume(stream, turn, follows=follows, whole=whole)
                except ApiError as error:
                    raise _Refused(error.status, str(error)) from error
                finally:
                    self._cursor.end(whole=whole, clean=clean)
                    self._arrived(0)
        return clean

    async def _consume(self, stream: Stream, turn: AsyncExitStack, *, follows: bool, whole: bool) -> bool:
        clock = asyncio.get_running_loop().time
        left, settled, last, tail = _TURN, False, clock(), b""
        while True:
            limit, asked = (self._silence() if settled else _SETTLED) if follows else _STALLED, clock()
            try:
                async with asyncio.timeout(limit) as self._timer:
                    data = await stream.read()
            except TimeoutError:
                if not follows:
                    raise _Refused(504, "its node does not go on with it") from None
                if settled or self._stands_up:
                    return False
                settled = self.current = True
                self._cursor.settle()
                self._arrived(0)
                continue
            finally:
                self._timer = None
            self.problem = None
            if not data:
                if follows and (found := NO_FOLLOWING.search(tail)):
                    self._turns.refuse(self._node())
                    log.info("logs of node %s are not followed for a while: %s", self._node(), found[0].decode())
                return True
            if follows:
                self.current = self.current or (bool(tail) and clock() - asked > _CAUGHT_UP)
                tail = (tail + data[-200:])[-200:]
                now = clock()
                if settled:
                    self._usual_pause = max(now - last, 0.7 * self._usual_pause)
                last = now
            self._cursor.feed(data)
            self._arrived(len(data))
            left -= len(data)
            if left <= 0:
                left = _TURN
                await turn.aclose()
                await asyncio.sleep(0)  # what is there at once would keep the loop from everybody else
            if not self._turns.room(self._cursor.lines.size):
                await turn.aclose()
                if not await self._wait_for_room(None if whole else _FOLLOWER_PAUSES if follows else _LOOK_PAUSES):
                    return False
            if self._stands_up and follows:
                return False

    def _silence(self) -> float:
        if self._whole or self._gone:
            return _ENDING
        if self._stands_up:
            return 0.0
        least, most = _SILENCE
        return min(most, max(least, _PAUSES * self._usual_pause))

    async def _wait_for_room(self, seconds: float | None) -> bool:
        """Wait until lines were taken. Returns whether they were in time."""
        try:
            async with asyncio.timeout(seconds):
                while not self._turns.room(self._cursor.lines.size) and not self._stands_up:
                    self._wake()
                    await self._sleep()
        except TimeoutError:
            return False
        return True

    async def _pause(self, seconds: float) -> None:
        """Wait, but not once more is known of the container."""
        try:
            async with asyncio.timeout(seconds):
                while not self._nudged:
                    await self._sleep()
        except TimeoutError:
            return

    async def _sleep(self) -> None:
        """Until something has changed for the reading."""
        self._sleeper = asyncio.get_running_loop().create_future()
        try:
            await self._sleeper
        finally:
            self._sleeper = None

    def _rouse(self) -> None:
        if self._sleeper is not None and not self._sleeper.done():
            self._sleeper.set_result(None)

    def _hurry(self, seconds: float) -> None:
        """Let a stream that is silent end soon."""
        timer = self._timer
        if timer is not None:
            ends, soon = timer.when(), asyncio.get_running_loop().time() + seconds
            if ends is None or ends > soon:
                timer.reschedule(soon)

    # --- what was read -------------------------------------------------------------------------------

    def _arrived(self, size: int) -> None:
        """Note what there is now, and tell who waits for it."""
        cursor = self._cursor
        complaint = cursor.take_complaint()
        if complaint and complaint != self._said and not NO_FOLLOWING.match(complaint.encode()):
            self._said = complaint
            self._notes.append(f"of its log the node says: {complaint[:300]}")
        for first, then in cursor.take_gaps():
            self._notes.append(gap_note(first, then))
        waiting = cursor.lines.size
        self._turns.waiting += waiting - self._counted
        self._counted = waiting
        now = asyncio.get_running_loop().time()
        self._bytes += size
        if now - self._rated_at >= _RATED_EVERY:
            self.rate = 0.5 * self.rate + 0.5 * self._bytes / min(60.0, now - self._rated_at)
            self._bytes, self._rated_at = 0, now
        if waiting:
            self._tell(now)

    def _tell(self, now: float) -> None:
        """Wake who waits for lines, not more often than is of use, and not late where many wait."""
        due = self._taken_at + _TOLD_EVERY
        if now >= due or self._counted > MOST // 4:
            self._wake()
        elif not self._telling:
            self._telling = True
            asyncio.get_running_loop().call_at(due, self._tell_now)

    def _tell_now(self) -> None:
        self._telling = False
        self._wake()


class _Refused(Exception):
    """A log that is not given."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
