"""The service behind the addresses: it takes jobs, runs them, and knows what became of them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.standins.maxcompute.auth import Account
from tests.standins.maxcompute.engine import Engine
from tests.standins.maxcompute.errors import ServiceError, SqlError
from tests.standins.maxcompute.faults import Faults, Requests
from tests.standins.maxcompute.jobs import Instance, Task, parse_job
from tests.standins.maxcompute.limits import FLAGS
from tests.standins.maxcompute.models import Models
from tests.standins.maxcompute.pai import run_command
from tests.standins.maxcompute.scheduler import Scheduler
from tests.standins.maxcompute.session import Session
from tests.standins.maxcompute.tunnel import Tunnel

_PAGE = 1000


@dataclass
class Settings:
    """How a stand-in is set up.

    Attributes:
        projects: Those that exist.
        accounts: Those that may ask.
        folder: Where the tables lie; None for memory.
        quota: Instances that may run at once.
        threads: Of those, how many may be at work at once.
        run_seconds: How long every instance pretends to run.
        long_poll: Seconds for which a client that waits for an instance is kept waiting before it gets an answer.
    """

    projects: tuple[str, ...]
    accounts: tuple[Account, ...]
    folder: Path | None = None
    quota: int = 64
    threads: int = 2
    run_seconds: float = 0.0
    long_poll: float = 5.0


@dataclass
class Service:
    """All state of a stand-in.

    Attributes:
        flags: What holds where a statement's own hints say nothing, as ``setproject`` sets it.
    """

    settings: Settings
    faults: Faults = field(default_factory=Faults)
    requests: Requests = field(default_factory=Requests)

    def __post_init__(self) -> None:
        self.projects = frozenset(name.lower() for name in self.settings.projects)
        self.accounts: Mapping[str, Account] = {account.access_id: account for account in self.settings.accounts}
        self.engine = Engine(self.settings.folder)
        for project in self.projects:
            self.engine.add_project(project)
        self.tunnel = Tunnel(self.engine)
        self.models = Models()
        self.scheduler = Scheduler(self._work, self.settings.quota, self.settings.threads)
        self.tokens: set[str] = set()
        self.flags = dict(FLAGS)
        self._instances: dict[str, Instance] = {}
        self._by_guid: dict[tuple[str, str], Instance] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        self.scheduler.close()
        self.engine.close()

    # --- instances

    def submit(self, project: str, owner: str, body: bytes) -> tuple[Instance, bool]:
        """Takes a job.

        Returns:
            The instance, and whether it is new: a job with a Guid that was posted before is the one that it was.

        Raises:
            ServiceError: It is no job, or the quota is said to be full.
        """
        job = parse_job(body)
        with self._lock:
            known = self._by_guid.get((project, job.guid)) if job.guid else None
            if known:
                return known, False
            self.faults.check_submission()
            seconds = self.faults.run_seconds
            instance = Instance(project, owner, job, self.settings.run_seconds if seconds is None else seconds)
            instance.failure = self.faults.failure()
            self._instances[instance.id] = instance
            if job.guid:
                self._by_guid[project, job.guid] = instance
            if job.xflow:
                child = Instance(project, owner, parse_job(body))
                instance.children.append(child)
                self._instances[child.id] = child
        self.scheduler.submit(instance)
        return instance, True

    def instance(self, project: str, instance_id: str) -> Instance:
        found = self._instances.get(instance_id)
        if found is None or found.project != project:
            raise ServiceError("NoSuchObject", f"ODPS-0420121: Instance not found - '{instance_id}'", 404)
        return found

    def instances(self, project: str, query: Mapping[str, str], user: str) -> tuple[list[Instance], str]:
        """A page of the instances that a filter lets through, newest first, and the marker of the next page.

        Args:
            query: ``status``, ``daterange`` (seconds, ``from:to``), ``onlyowner``, ``jobname`` (the job's name or that
                of one of its tasks), ``maxitems``, ``marker``.
        """
        with self._lock:
            found = [instance for instance in self._instances.values() if instance.project == project]
        since, _, until = query.get("daterange", "").partition(":")
        name = query.get("jobname")
        found = [
            instance
            for instance in found
            if query.get("status", instance.status).lower() == instance.status.lower()
            and (query.get("onlyowner", "yes") != "yes" or instance.owner == user)
            and (not since or instance.created >= float(since))
            and (not until or instance.created <= float(until))
            and (not name or name in (instance.job.name, *(task.name for task in instance.job.tasks)))
        ]
        found.sort(key=lambda instance: instance.id, reverse=True)
        start = int(query.get("marker") or 0)
        end = start + min(int(query.get("maxitems") or _PAGE), _PAGE)
        return found[start:end], str(end) if end < len(found) else ""

    def stop(self, instance: Instance) -> None:
        if not self.scheduler.cancel(instance):
            raise ServiceError(
                "InvalidStateSetting", f"You cannot terminate instance {instance.id}, its status is Terminated.", 409
            )

    def new_token(self) -> str:
        """A token with which a person may look at a log view."""
        token = secrets.token_urlsafe(24)
        self.tokens.add(token)
        return token

    # --- work

    def _work(self, instance: Instance) -> None:
        instance.working = True
        try:
            self._run_tasks(instance)
        finally:
            instance.working = False

    def _run_tasks(self, instance: Instance) -> None:
        """Runs the tasks of an instance one after another, up to the first that fails."""
        state = "Success"
        for task in instance.job.tasks:
            if instance.done:
                return
            try:
                if instance.failure:
                    raise _Injected(instance.failure)
                self._run(instance, task)
            except (SqlError, ServiceError, _Injected) as error:
                if not instance.done:
                    task.result, task.state, state = str(error), "Failed", "Failed"
                break
            except Exception as error:  # a bug of the stand-in: seen by the client, never a hanging instance
                task.result, task.state, state = f"ODPS-0010000:System internal error - {error!r}", "Failed", "Failed"
                break
            if not instance.done:
                task.state = "Success"
        for child in instance.children:
            child.started = child.started or time.time()
            child.job.tasks[0].result = instance.job.tasks[0].result
            child.end("Success" if state == "Success" else "Failed")
        instance.end("Success" if state == "Success" else "Failed")

    def _run(self, instance: Instance, task: Task) -> None:
        if instance.job.xflow:
            task.result = run_command(self.engine, self.models, instance.project, task.name, task.parameters)
            return
        denied = frozenset(name.lower() for name in self.faults.denied)
        hints = {**self.flags, **task.hints}
        session = Session(self.engine, instance.project, self.projects, instance.owner, hints, denied)
        instance.interrupt = session.interrupt
        try:
            if instance.done:  # stopped between its start and here
                return
            if task.type == "SQLCost":
                size, complexity = session.cost(task.query)
                task.result = f'{{"Cost":{{"SQL":{{"Complexity":{complexity},"Input":{size},"UDF":0}}}}}}'
            elif task.type == "SQL":
                task.result = session.run(task.query)
            else:
                raise ServiceError("InvalidParameter", f"ODPS-0420061: unknown task type {task.type}")
            task.input_bytes = session.input_bytes
        finally:
            instance.interrupt = lambda: None
            session.close()


class _Injected(Exception):
    """A failure that was asked for."""
