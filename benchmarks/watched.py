"""What the benchmarks of a triggerer share: real triggers of a real study in one event loop, over jobs that are played.

Run by its path with a checkout's code before this one's (see `run_beside`), it measures any build that has
`TrialTrigger`: the log goes by Airflow's own code into a socket that is read as slowly as Airflow's supervisor does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RUN = "benchmark"
ROUND, BYTES = 1 / 15, 4096
"""Seconds of a round of Airflow's supervisor, and what it takes out of the socket in each: 61 KB a second."""

ONE_READ = 1 << 18
"""Bytes of output that a job hands over at once."""


def run_beside(checkout: Path, mode: str, *arguments: object, seconds: float) -> dict[str, Any]:
    """Measure a checkout's code with this environment's libraries, in a process of its own.

    Args:
        checkout: of the product.
        mode: ``talkative`` or ``hung``.
        arguments: of it, as on the command line.
        seconds: after which it is given up.
    """
    path = os.pathsep.join([str(checkout), str(checkout / "plugins")])
    command = [sys.executable, __file__, mode, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "PYTHONPATH": path, "AIRFLOW_HOME": home, "AUTOML_HOME": home}
        done = subprocess.run(
            command, env=environment, cwd=checkout, text=True, stdout=subprocess.PIPE, timeout=seconds, check=True
        )
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def supervised_log() -> Callable[[], int]:
    """Have this process log as a triggerer's does. Returns what tells the bytes that were read of it."""
    from airflow.sdk.log import configure_logging, reset_logging

    reading, writing = socket.socketpair()
    read = [0]

    def supervisor() -> None:
        while data := reading.recv(BYTES):
            read[0] += len(data)
            time.sleep(ROUND)

    threading.Thread(target=supervisor, daemon=True).start()
    reset_logging()
    output = os.fdopen(writing.detach(), "wb", buffering=0)
    configure_logging(json_output=True, output=output, sending_to_supervisor=True)
    return lambda: read[0]


def make_study(folder: Path, name: str, trials: int) -> Any:
    """An experiment with so many trials bound, as workers would."""
    import yaml

    import automl_core.study
    from automl_core.spec.loader import parse_experiment
    from automl_core.storage import open_store
    from automl_core.study import Study
    from automl_core.study.layout import experiment_prefix

    opened = getattr(automl_core.study, "StudyJournal", None) or automl_core.study.Journal
    body: dict[str, Any] = {
        "name": name,
        "output": {"storage": str(folder)},
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "search": {"algorithm": "random"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": trials, "concurrency": min(1000, trials), "canary": False},
        "stop": {"same_error": None},
        "tasks": [
            {
                "name": "train", "backend": "kubernetes", "image": "busybox", "command": "true",
                "storage_mount": {"path": "/mnt/runs", "host_path": str(folder)},
            }
        ],
    }  # fmt: skip
    journal = opened(open_store(str(folder)), experiment_prefix(name, RUN))
    try:
        experiment = parse_experiment(yaml.safe_dump(body), "x.yaml")
    except ValueError:  # a build that knows no canaries, nor stops for the same error
        body["trials"].pop("canary")
        body.pop("stop")
        experiment = parse_experiment(yaml.safe_dump(body), "x.yaml")
    study = Study.create(journal, experiment, RUN, [])
    for number in range(trials):
        study.ask(number)
    return study


def played_trigger() -> Any:
    """A trigger of a job that prints and ends by the clock; made here, since each build has its own base class."""
    from airflow.triggers.base import BaseTrigger

    from automl_airflow.watching import TrialTrigger
    from automl_core.backends.base import Cause, Exit
    from automl_core.backends.remote import RemoteJob, Report

    class Played(RemoteJob):
        """Prints a line every so many seconds, or so many bytes as fast as they are read."""

        def __init__(self, began: float, ends: float, every: float, flood: int) -> None:
            self.began, self.ends, self.every, self.left = began, ends, every, flood
            self.printed = 0
            self.exited: float | None = None

        async def poll(self) -> Report:
            now = time.time()
            if self.left > 0:
                lines, size = [], 0
                while size < min(ONE_READ, self.left):
                    lines.append(
                        f"step {self.printed}: a talkative training tells its loss {self.printed * 7919 % 1000}"
                    )
                    self.printed += 1
                    size += len(lines[-1]) + 1
                self.left -= size
                return Report(lines=lines)
            lines = []
            while self.began + self.printed * self.every <= min(now, self.ends) and self.every:
                at = self.began + self.printed * self.every
                lines.append(f"accuracy=0.5 printed={at:.3f} step={self.printed}")
                self.printed += 1
            if not self.every and now >= self.ends:
                lines.append(f"accuracy=0.5 printed={now:.3f} step=1")
            if now < self.ends:
                return Report(lines=lines)
            self.exited = self.exited or (self.ends if self.every else now)
            return Report(lines=lines, exit=Exit(Cause.EXITED, 0, None, "", seconds=1.0))

        async def wait(self, seconds: float) -> None:
            await asyncio.sleep(0.01 if self.left > 0 else seconds)

        async def end(self, grace: float) -> None:
            self.ends = time.time()

    class Trigger(TrialTrigger):
        """Watches a played job."""

        played: Played

        async def find(self) -> RemoteJob:
            return self.played

    assert issubclass(Trigger, BaseTrigger)
    return Trigger, Played


class Loop:
    """How long the event loop stood still, at most."""

    def __init__(self) -> None:
        self.most = 0.0

    async def watch(self) -> None:
        """Look until it is cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.1)
            self.most = max(self.most, time.monotonic() - before - 0.1)


async def as_airflow_does(number: int, trigger: Any) -> Any:
    """Run one trigger to its first event, in a context like that which Airflow gives it."""
    from structlog.contextvars import bind_contextvars

    bind_contextvars(
        trigger_id=number, ti_id="019a0000-0000-7000-8000-000000000000", dag_id="experiment", task_id="trial",
        run_id="manual__2026-11-29T00:00:00+00:00", try_number=1, map_index=number,
    )  # fmt: skip
    trigger.log.info("trigger %s starting", number)  # as Airflow's loop does, which waits where the socket is full
    try:
        return await anext(aiter(trigger.run()))
    finally:
        await trigger.cleanup()


def percentile(values: list[float], share: float) -> float | None:
    """A percentile of what was seen, None where nothing was."""
    return round(sorted(values)[int(share * (len(values) - 1))], 2) if values else None


def talkative(options: argparse.Namespace) -> dict[str, Any]:
    """Quiet trials beside ones that print megabytes."""
    from automl_core.running.attempt import Attempt
    from automl_core.study import Study

    folder = Path(tempfile.mkdtemp(prefix="automl-benchmark-"))
    make_study(folder, "talkative", options.trials)
    trigger_class, played = played_trigger()
    read = supervised_log()
    noise = random.Random(7)
    floods = [100_000_000, *[5_000_000] * 10][: options.loud]
    jobs: dict[int, Any] = {}
    seen: list[float] = []
    late: list[float] = []
    feed, tell = Attempt.feed, Study.tell

    def timed_feed(self: Any, lines: Any) -> None:
        feed(self, lines)
        now = time.time()
        if self.watch.binding.slot >= len(floods):
            seen.extend(now - float(line.partition("printed=")[2].partition(" ")[0]) for line in lines)

    def timed_tell(self: Any, binding: Any, outcome: Any, *rest: Any, **more: Any) -> Any:
        told = tell(self, binding, outcome, *rest, **more)
        job = jobs[binding.slot]
        if binding.slot >= len(floods) and job.exited is not None:
            late.append(time.time() - job.exited)
        return told

    Attempt.feed, Study.tell = timed_feed, timed_tell  # type: ignore[method-assign]

    async def everything() -> dict[str, Any]:
        loop = Loop()
        watching = asyncio.create_task(loop.watch())
        began, cpu = time.time(), time.process_time()
        tasks = []
        for number in range(options.trials):
            trigger = trigger_class(
                storage=str(folder), connection=None, experiment="talkative", run=RUN, slot=number, task=0, attempt=1,
                root="/mnt/runs", job={}, poll=2.0,
            )  # fmt: skip
            flood = floods[number] if number < len(floods) else 0
            ends = began + 20 + noise.random() * options.seconds
            jobs[number] = trigger.played = played(began + 10, ends, 0.0 if flood else 5.0, flood)
            tasks.append(asyncio.create_task(as_airflow_does(number, trigger)))
        _, missing = await asyncio.wait(tasks, timeout=20 + options.seconds + options.patience)
        watching.cancel()
        wall, used = time.time() - began, time.process_time() - cpu
        quiet = [number for number in range(len(floods), options.trials) if not tasks[number].done()]
        return {
            "ends recorded": len(late), "ends missing": len(quiet),
            "end p50": percentile(late, 0.5), "end p99": percentile(late, 0.99), "end max": percentile(late, 1.0),
            "metric p99": percentile(seen, 0.99), "metric max": percentile(seen, 1.0),
            "loud ended": sum(tasks[number].done() for number in range(len(floods))),
            "loop blocked, at most": round(loop.most, 2), "cores": round(used / wall, 2), "seconds": round(wall),
            "log KB/s": round(read() / wall / 1000, 1), "unfinished": len(missing),
            "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        }  # fmt: skip

    return _finished(everything())


def hung(options: argparse.Namespace) -> dict[str, Any]:
    """Trials of one store while slots wait for another one that accepts and never answers."""
    folder = Path(tempfile.mkdtemp(prefix="automl-benchmark-"))
    trials = int(options.seconds / 2) + 8
    make_study(folder, "good", trials)
    trigger_class, played = played_trigger()
    from automl_airflow.triggers import JournalTrigger

    late: list[float] = []

    async def everything() -> dict[str, Any]:
        loop = Loop()
        watching = asyncio.create_task(loop.watch())
        waits = [
            asyncio.create_task(
                as_airflow_does(10_000 + number, JournalTrigger("s3://hung/runs", None, f"e{number % 4}", RUN, 1))
            )
            for number in range(options.waiting)
        ]
        await asyncio.sleep(8)
        began = time.time()

        async def one(number: int) -> None:
            trigger = trigger_class(
                storage=str(folder), connection=None, experiment="good", run=RUN, slot=number, task=0, attempt=1,
                root="/mnt/runs", job={}, poll=0.5,
            )  # fmt: skip
            ends = time.time() + 4.0  # an event that fires sooner is held back: see LEAST_WAIT
            trigger.played = played(time.time(), ends, 0.5, 0)
            await as_airflow_does(number, trigger)
            late.append(time.time() - ends)

        tasks = []
        while time.time() - began < options.seconds:
            tasks.append(asyncio.create_task(one(len(tasks))))
            await asyncio.sleep(2.0)
        _, missing = await asyncio.wait(tasks, timeout=options.patience)
        watching.cancel()
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
        return {
            "trials watched to their end": len(late), "not within": len(missing),
            "late p50": percentile(late, 0.5), "late max": percentile(late, 1.0),
            "loop blocked, at most": round(loop.most, 2), "threads": threading.active_count(),
        }  # fmt: skip

    return _finished(everything())


def slots(options: argparse.Namespace) -> dict[str, Any]:
    """Slots that wait for one run's journal in a bucket."""
    from automl_airflow.triggers import JournalTrigger

    async def everything() -> dict[str, Any]:
        waits = [
            asyncio.create_task(
                as_airflow_does(number, JournalTrigger(options.storage, "bucket", "e", RUN, 1, patience=600.0))
            )
            for number in range(options.waiting)
        ]
        await asyncio.sleep(15)  # the client is made, and what it needs imported
        print("ready", flush=True)
        began, cpu = time.time(), time.process_time()
        await asyncio.sleep(options.seconds)
        wall, used = time.time() - began, time.process_time() - cpu
        assert not any(each.done() for each in waits)
        print("write", flush=True)
        written = float(await asyncio.to_thread(sys.stdin.readline))
        done, missing = await asyncio.wait(waits, timeout=60)
        return {
            "cores": round(used / wall, 3), "woken": len(done), "not within a minute": len(missing),
            "last woken after": round(time.time() - written, 2),
        }  # fmt: skip

    return _finished(everything())


def _finished(measured: Any) -> dict[str, Any]:
    """The figures of a loop, without waiting at its end for what hangs."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    found: dict[str, Any] = loop.run_until_complete(measured)
    return found


def main() -> None:
    """Measure, and print the figures as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["talkative", "hung", "slots"])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--loud", type=int, default=11)
    parser.add_argument("--waiting", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--patience", type=float, default=60.0)
    parser.add_argument("--storage", default="")
    options = parser.parse_args()
    found = {"talkative": talkative, "hung": hung, "slots": slots}[options.mode](options)
    print(json.dumps(found), flush=True)
    os._exit(0)  # threads that hang in a dead socket would be waited for


if __name__ == "__main__":
    sys.path.pop(0)  # this folder, whose files have names of libraries
    main()
