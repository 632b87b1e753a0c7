"""Jobs as pyodps posts them, and the instances that run them."""

from __future__ import annotations

import itertools
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from xml.etree import ElementTree

from tests.standins.maxcompute.errors import ServiceError
from tests.standins.maxcompute.session import Result

State = Literal["Waiting", "Running", "Success", "Failed", "Cancelled"]
_counter = itertools.count()


@dataclass
class Task:
    """One task of a job.

    Attributes:
        type: ``SQL``, ``SQLCost``, ``AlgoTask`` …
        query: The SQL; empty for PAI.
        hints: The settings of the task.
        parameters: Of a PAI command, its ``-D`` values.
        result: What it gave; the error's text where it failed.
    """

    name: str
    type: str
    query: str = ""
    hints: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    state: State = "Waiting"
    result: Result = ""
    input_bytes: int = 0


@dataclass
class Job:
    """What was posted.

    Attributes:
        source: Its XML, given back when asked for.
        guid: The client's own mark; the same one again is the same instance.
        xflow: Whether it is a PAI command.
    """

    tasks: list[Task]
    source: str
    name: str = ""
    priority: int = 9
    guid: str | None = None
    xflow: bool = False


class Instance:
    """A job on its way.

    Attributes:
        run_seconds: How long it pretends to run before its work is done.
        failure: Code and message with which it will fail whatever it does.
        children: Instances that a PAI command started.
        working: Whether a thread is at its work.
        interrupt: Ends the statement that runs.
    """

    def __init__(self, project: str, owner: str, job: Job, run_seconds: float = 0.0) -> None:
        now = time.time()
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S%f")[:17]
        self.id = f"{stamp}g{next(_counter):04d}{secrets.token_hex(2)}"
        self.project = project
        self.owner = owner
        self.job = job
        self.run_seconds = run_seconds
        self.failure: str | None = None
        self.created = now
        self.started: float | None = None
        self.ended: float | None = None
        self.state: State = "Waiting"
        self.children: list[Instance] = []
        self.working = False
        self.interrupt: Callable[[], None] = lambda: None
        self.lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    @property
    def status(self) -> str:
        """What clients see: Terminated, or Running, also while it waits for the quota (its tasks are Waiting then)."""
        return "Running" if self.state in ("Waiting", "Running") else "Terminated"

    @property
    def done(self) -> bool:
        return self.ended is not None

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return (self.ended or time.time()) - self.started if self.started else 0.0

    @property
    def percent(self) -> int:
        """Progress as a client sees it; 100 only when all is done."""
        if self.done:
            return 100 if self.state == "Success" else 0
        if self.started is None or not self.run_seconds:
            return 0
        return min(99, int(100 * self.seconds / self.run_seconds))

    def start(self) -> None:
        with self.lock:
            if not self.done:
                self.state, self.started = "Running", time.time()
                for task in self.job.tasks:
                    task.state = "Running"

    def end(self, state: State) -> bool:
        """Ends it, once: False where it has ended before."""
        with self.lock:
            if self.done:
                return False
            self.state = state
            for task in self.job.tasks:
                if task.state in ("Waiting", "Running"):
                    task.state = state
            self.ended = time.time()
            listeners, self._listeners = self._listeners, []
        for child in self.children:
            child.end(state)
        for listener in listeners:
            listener()
        return True

    def on_end(self, listener: Callable[[], None]) -> None:
        """Calls the listener when it ends; at once if it has."""
        with self.lock:
            if not self.done:
                self._listeners.append(listener)
                return
        listener()


def parse_job(body: bytes) -> Job:
    """The job in a posted ``<Instance>``.

    Raises:
        ServiceError: The body is no job.
    """
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise ServiceError("InvalidParameter", f"The job is no XML: {error}") from None
    flow = root.find("XflowInstance")
    if flow is not None:
        return _parse_xflow(flow)
    job = root.find("Job")
    if job is None:
        raise ServiceError("InvalidParameter", "The job has no element <Job>.")
    tasks = [_parse_task(element) for element in job.find("Tasks") or []]
    if not tasks:
        raise ServiceError("InvalidParameter", "The job has no task.")
    return Job(
        tasks,
        ElementTree.tostring(job, encoding="unicode"),
        job.findtext("Name") or "",
        int(job.findtext("Priority") or 9),
        job.findtext("Guid"),
    )


def _parse_task(element: ElementTree.Element) -> Task:
    properties = {e.findtext("Name", ""): e.findtext("Value", "") for e in element.findall("Config/Property")}
    hints = json.loads(properties.get("settings") or "{}")
    name = element.findtext("Name") or f"Anonymous{element.tag}Task"
    return Task(name, element.tag, element.findtext("Query") or "", {str(k): str(v) for k, v in hints.items()})


def _parse_xflow(element: ElementTree.Element) -> Job:
    name = element.findtext("Xflow") or ""
    parameters = {e.findtext("Key", ""): e.findtext("Value", "") for e in element.findall("Parameters/Parameter")}
    task = Task(name, "AlgoTask", parameters=parameters)
    source = f"<Instance>{ElementTree.tostring(element, encoding='unicode')}</Instance>"
    return Job([task], source, name, int(element.findtext("Priority") or 9), xflow=True)
