"""Who runs when: a queue by priority, a quota of instances at once, pretended run times without a thread each."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.standins.maxcompute.jobs import Instance

_AGAIN = 0.05


class Scheduler:
    """Runs instances.

    Args:
        work: Does the work of an instance and ends it; called in a thread of its own.
        quota: Instances that may run at once.
        threads: Of those, how many may be at work at once; the others sleep off their run time.
    """

    def __init__(self, work: Callable[[Instance], None], quota: int, threads: int) -> None:
        self._work = work
        self.quota = quota
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="maxcompute")
        self._condition = threading.Condition()
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, Instance]] = []
        self._sleeping: list[tuple[float, int, Instance]] = []
        self._running: dict[str, Instance] = {}
        self._ending: list[Instance] = []
        self._open = True
        self._thread = threading.Thread(target=self._loop, name="maxcompute-scheduler", daemon=True)
        self._thread.start()

    @property
    def running(self) -> int:
        """Instances that hold a place of the quota."""
        return len(self._running)

    def submit(self, instance: Instance) -> None:
        """Puts an instance into the queue; 0 is the highest priority."""
        with self._condition:
            heapq.heappush(self._waiting, (instance.job.priority, next(self._order), instance))
            self._condition.notify()

    def cancel(self, instance: Instance) -> bool:
        """Ends an instance; False where it had ended."""
        if not instance.end("Cancelled"):
            return False
        with self._condition:
            self._ending.append(instance)
            self._condition.notify()
        return True

    def close(self) -> None:
        """Ends all that waits or runs."""
        with self._condition:
            self._open = False
            left = [instance for *_, instance in (*self._waiting, *self._sleeping)]
            self._condition.notify()
        self._thread.join()
        for instance in left:
            instance.end("Cancelled")
        self._pool.shutdown(wait=False, cancel_futures=True)
        for instance in (at_work := list(self._running.values())):
            instance.end("Cancelled")
        while any(instance.working for instance in at_work):
            for instance in at_work:
                instance.interrupt()
            time.sleep(_AGAIN)

    def _loop(self) -> None:
        with self._condition:
            while self._open:
                self._start_waiting()
                now = time.monotonic()
                while self._sleeping and self._sleeping[0][0] <= now:
                    instance = heapq.heappop(self._sleeping)[2]
                    if not instance.done:
                        self._pool.submit(self._work, instance)
                self._interrupt()
                timeout = self._sleeping[0][0] - now if self._sleeping else None
                if self._ending:
                    timeout = _AGAIN if timeout is None else min(timeout, _AGAIN)
                self._condition.wait(timeout)

    def _interrupt(self) -> None:
        """Interrupts the cancelled that are still at work, again and again: between statements it has no effect."""
        self._ending = [instance for instance in self._ending if instance.working]
        for instance in self._ending:
            instance.interrupt()

    def _start_waiting(self) -> None:
        while self._waiting and len(self._running) < self.quota:
            instance = heapq.heappop(self._waiting)[2]
            if instance.done:
                continue
            instance.start()
            self._running[instance.id] = instance
            instance.on_end(lambda ended=instance: self._free(ended))  # type: ignore[misc]
            if instance.run_seconds <= 0:
                self._pool.submit(self._work, instance)
            else:
                due = time.monotonic() + instance.run_seconds
                heapq.heappush(self._sleeping, (due, next(self._order), instance))

    def _free(self, instance: Instance) -> None:
        with self._condition:
            self._running.pop(instance.id, None)
            self._condition.notify()
