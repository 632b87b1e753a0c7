"""Trial after trial in one pod: ``python -m automl_core.running.lane``, as the first process of its container.

What it serves stands in AUTOML_LANE as JSON, what to run next in the storage (`lane_orders`). Each trial is a process
of its own below a guard, as on a worker's machine (`automl_core.backends.local`); with `preload` a fork of a process
that has the libraries and the data. So what one does (a crash, memory, a process left behind, a time limit) ends with
it. Its lines stand in the pod's log between two of ours. When no order has come for a while it says so in the storage
and ends; a pod that is taken away ends what runs, and leaves it to whoever watches to run it elsewhere.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl_core.backends.base import Cause, Exit, StartError
from automl_core.backends.exits import unstarted
from automl_core.backends.kubernetes.lanes import OWN, VARIABLE, begin_line, end_line
from automl_core.backends.local import LocalProcess
from automl_core.running import sync
from automl_core.running.lane_orders import Lane, Order, as_seen
from automl_core.running.patience import patiently
from automl_core.storage import NotFound, StorageError, open_store
from automl_core.storage.base import ObjectStore, StorageUnavailable

MODULE = "automl_core.running.lane"
"""This module, for whoever has it run."""

SHARED = "shared"
"""Below the pod's folder: what is brought once for all trials."""

log = logging.getLogger("automl.lane")

_LOOK = 0.5
"""Seconds between two looks for an order."""

_STOP_LOOK = 1.0
"""Seconds between two looks whether a trial is to stop."""

_BROKEN = 15.0
"""Seconds after which an order that can't be read is none."""


class Server:
    """Runs what is ordered of one pod."""

    def __init__(
        self, store: ObjectStore, lane: Lane, places: Mapping[str, str], *, idle: float,
        label: str, say: Callable[[bytes], object], clock: Callable[[], float] = time.monotonic,
        environment: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Nothing runs yet.

        Args:
            store: the model storage path, as this pod sees it.
            lane: the pod's orders.
            places: where this pod sees what orders speak of, by name: ``storage``, ``folder``, ``program``.
            idle: seconds without an order after which it ends.
            label: what the pod serves, for messages.
            say: writes to the pod's log.
            clock: seconds.
            environment: the pod's; that of this process when None.
        """
        self._store, self._lane, self._places, self._label = store, lane, dict(places), label
        self._idle, self._say, self._clock = idle, say, clock
        self._environment = {
            name: value for name, value in (os.environ if environment is None else environment).items()
            if name != VARIABLE and not name.startswith(OWN)
        }  # fmt: skip
        self._folder = Path(self._places["folder"])
        self._began_in = Path.cwd()
        self._brought: set[str] = set()
        self._job: LocalProcess | None = None
        self._grace = 5.0
        self.leaving = False
        """Whether the pod is taken away. No event: a signal's handler may not take a lock that its thread holds."""

    def leave(self, *_: object) -> None:
        """The pod is asked to go: end what runs, and take nothing more. May be called from a signal handler."""
        self.leaving = True
        if self._job is not None:
            self._job.terminate(self._grace)

    def serve(self) -> int:
        """Run what is ordered until nothing is, or the pod is taken away. Returns an exit code."""
        number = 0
        while not self.leaving:
            order = self._next(number)
            if order is None:
                break
            self._run(number, order)
            number += 1
        return 128 + signal.SIGTERM if self.leaving else 0

    def _next(self, number: int) -> Order | None:
        """The order of a number, once there is one; None where the pod is to end."""
        waited_from, broken_from = self._clock(), 0.0
        while not self.leaving:
            try:
                return self._lane.order(number)
            except NotFound:
                pass
            except ValueError as error:  # a mount without links may show it before it is whole
                broken_from = broken_from or self._clock()
                if self._clock() - broken_from > _BROKEN:
                    log.error("what lies in the place of the next trial can't be read, and this pod ends: %s", error)
                    return None
            except StorageError as error:
                log.warning("the storage is asked again: %s", error)
            if self._clock() - waited_from >= self._idle:
                try:
                    if not self._lane.is_there():  # the run has ended, and what is written now nobody removes
                        return None
                    if self._lane.close(number):
                        log.info("no trial has come for %.0f s: this pod ends", self._idle)
                        return None
                except StorageError as error:
                    log.warning("the storage is asked again: %s", error)
            time.sleep(_LOOK)
        return None

    def _run(self, number: int, order: Order) -> None:
        """Run one trial, and tell how it ended unless the pod is taken away meanwhile."""
        self._write(begin_line(order.token, time.time()))
        here = self._folder / "of" / order.attempt
        try:
            ended = self._run_in(here, number, order)
        finally:
            shutil.rmtree(here, ignore_errors=True)
        if self.leaving:
            return
        try:
            patiently(lambda: self._lane.end(number, ended), refused=True, say=log.warning)
        finally:  # whoever watches has it from there all the same
            self._write(end_line(order.token, ended))

    def _run_in(self, here: Path, number: int, order: Order) -> Exit:
        """Run one trial with a folder of its own."""
        carried = self._carried(order)
        try:
            here.mkdir(parents=True, exist_ok=True)
            job = self._job = self._prepared(here, order, carried)
        except StorageError as error:
            away = isinstance(error, StorageUnavailable)  # what waiting won't mend is tried again as often as told
            return replace(unstarted(f"what it needs could not be brought: {error}"), cause=Cause.LOST, blameless=away)
        except (OSError, StartError) as error:
            return unstarted(str(error))
        ended = threading.Event()
        keeper = _Keeper(self._store, carried, ended)
        stopper = threading.Thread(target=self._obey, args=(number, job, order.grace, ended), daemon=True)
        try:
            with job:
                if self.leaving:  # the signal came before there was something to end
                    job.terminate(order.grace)
                try:
                    job.start()
                except StartError as error:
                    return replace(unstarted(str(error)), systematic=error.systematic)
                keeper.start()
                stopper.start()
                self._pass_on(job)
                found = job.poll()
                assert found is not None
        finally:
            self._job = None
            ended.set()
            keeper.finish()
        if keeper.problem is not None and found.ok:
            reason = f"what it made could not be stored: {keeper.problem}"
            return replace(found, cause=Cause.EXITED, code=1, reason=reason, kind="storage", blameless=True)
        return found

    def _prepared(self, here: Path, order: Order, carried: sync.Order | None) -> LocalProcess:
        """The process of a trial, with all that it finds when it begins.

        Raises:
            StorageError: what it needs can't be brought.
            OSError: it can't be written here.
            StartError: it can't be made a process.
        """
        if order.program is not None:
            shutil.copytree(self._places["program"], self._seen(order, order.program), symlinks=True)
        if order.spec is not None:
            path = Path(self._seen(order, order.spec[0]))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._seen(order, order.spec[1]), encoding="utf-8")
        if carried is not None:
            shared = str(self._folder / SHARED)
            due = {key: to for key, to in carried.fetch.items() if not (to.startswith(shared) and to in self._brought)}
            sync.fetch(self._store, replace(carried, fetch=due))
            self._brought |= {to for to in due.values() if to.startswith(shared)}
        environment = {name: self._seen(order, value) for name, value in order.environment.items()}
        self._grace = order.grace
        return LocalProcess.of(
            [self._seen(order, each) for each in order.arguments], {**self._environment, **environment},
            cwd=Path(self._seen(order, order.cwd)) if order.cwd is not None else self._began_in,
            timeout=order.timeout, label=order.attempt, grace=order.grace, preload=order.preload, scope=self._label,
        )  # fmt: skip

    def _carried(self, order: Order) -> sync.Order | None:
        if order.carried is None:
            return None
        told = sync.Order(**order.carried)
        return replace(
            told,
            fetch={key: self._seen(order, to) for key, to in told.fetch.items()},
            keep={self._seen(order, folder): key for folder, key in told.keep.items()},
        )

    def _seen(self, order: Order, text: str) -> str:
        return as_seen(text, order.places, self._places)

    def _pass_on(self, job: LocalProcess) -> None:
        """Write a trial's lines into the pod's log until it has ended."""
        open_line = False
        for lines in job.follow(1.0):
            for line in lines:
                open_line = line.endswith("\r")  # it is drawn again: the rest of it comes
                self._say(line.encode("utf-8", "replace") + (b"" if open_line else b"\n"))
        if open_line:
            self._say(b"\n")

    def _obey(self, number: int, job: LocalProcess, grace: float, ended: threading.Event) -> None:
        """In a thread: end a trial that is to stop."""
        while not ended.wait(_STOP_LOOK):
            try:
                if self._lane.stopped(number):
                    job.terminate(grace)
                    return
            except StorageError as error:  # it trains on
                log.warning("whether the trial is to stop is asked again: %s", error)

    def _write(self, line: str) -> None:
        self._say(line.encode() + b"\n")


class _Keeper:
    """Brings what a trial makes to the storage while and after it runs, where anything is carried."""

    def __init__(self, store: ObjectStore, carried: sync.Order | None, ended: threading.Event) -> None:
        self.problem: str | None = None
        self._thread = (
            threading.Thread(target=self._keep, args=(store, carried, ended), daemon=True)
            if carried is not None
            else None
        )

    def start(self) -> None:
        if self._thread is not None:
            self._thread.start()

    def finish(self) -> None:
        """Wait until all is brought."""
        if self._thread is not None and self._thread.ident is not None:
            self._thread.join()

    def _keep(self, store: ObjectStore, carried: sync.Order, ended: threading.Event) -> None:
        try:
            sync.keep(store, carried, ended)
        except sync.Replaced as error:  # whatever it says, nobody waits for it any more
            log.warning("%s", error)
        except (StorageError, OSError) as error:
            self.problem = str(error)


def told_to(
    storage: str, orders: str, places: Mapping[str, str], *, idle: float, label: str
) -> str:  # fmt: skip
    """What the program of a pod is told, as text for its environment.

    Args:
        storage: the model storage path as the pod reaches it.
        orders: the folder of its orders in there.
        places: `automl_core.backends.kubernetes.lanes.places_in_pod`.
        idle: seconds without an order after which it ends.
        label: what the pod serves.
    """
    told = {"storage": storage, "orders": orders, "places": dict(places), "idle": idle}
    return json.dumps({**told, "label": label}, sort_keys=True)


def _own(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that this program alone is to have, called as those who look for them call them."""
    return {name.removeprefix(OWN): value for name, value in environment.items() if name.startswith(OWN)}


def _say(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def main() -> int:
    """Serve. Returns an exit code: 0 where no trial has come for a while, 143 where the pod was taken away."""
    logging.basicConfig(level=logging.INFO, format="[automl-lane] %(message)s", stream=sys.stdout)
    try:
        told: dict[str, Any] = json.loads(os.environ[VARIABLE])
        pods = dict(os.environ)
        os.environ.update(_own(pods))
        store = open_store(told["storage"])
        server = Server(
            store, Lane(store, told["orders"]), told["places"], idle=told["idle"],
            label=told["label"], say=_say, environment=pods,
        )  # fmt: skip
    except (StorageError, ValueError, KeyError) as error:
        log.error("%s: %s", type(error).__name__, error)
        return 1
    # a process that forks trials waits as long as the pod does
    os.environ["AUTOML_PRELOAD_IDLE"] = str(float(told["idle"]) + 600.0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.leave)
    return server.serve()


if __name__ == "__main__":
    sys.exit(main())
