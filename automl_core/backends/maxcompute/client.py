"""What the backend asks of a project, through pyodps.

Every call blocks; `automl_core.backends.maxcompute.hub` has the threads for them.
"""

from __future__ import annotations

import csv
import functools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

from automl_core.backends.base import BackendError
from automl_core.backends.maxcompute.access import Access
from automl_core.backends.maxcompute.errors import Failure, Kind, classify
from automl_core.backends.maxcompute.pai import Command
from automl_core.backends.maxcompute.plan import guid_of
from automl_core.backends.remote import Unreachable

if TYPE_CHECKING:
    from odps import ODPS
    from odps.models import Instance

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

State: TypeAlias = Literal["Running", "Success", "Failed", "Cancelled"]

_MARK = "automl_job"
"""Property of a PAI command's job that has its name: such jobs have no name of their own."""

_CANDIDATES = 200
"""Instances looked through for one whose id was lost, where the service can't look by name."""

RENEW_EVERY = 300.0
"""Seconds after which the way in is read anew."""

REFUSED_EVERY = 10.0
"""Least seconds between two readings of it because the service lets nobody in."""

CU_CORES, CU_GB = 1.0, 4.0
"""What one CU computes with."""


class Refused(BackendError):
    """The service says no, for a reason that does not go away by itself.

    Attributes:
        failure: what it said.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Busy(Unreachable):
    """The service is away, overloaded or out of quota for now.

    Attributes:
        failure: what it said.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Usage:
    """What instances have used.

    Attributes:
        cu_seconds: CUs times seconds: one core with 4 GB each, whichever there was more of.
        input_bytes: read from tables.
    """

    cu_seconds: float = 0.0
    input_bytes: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cu_seconds + other.cu_seconds, self.input_bytes + other.input_bytes)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an instance answers with.

    Attributes:
        columns: names of a query's columns; empty for an answer that is text.
        rows: their values, typed as the service states; at most 10 000 rows.
        text: of anything else.
        truncated: whether there were more rows.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    text: str = ""
    truncated: bool = False


def _once_more(method: Callable[Concatenate[Client, P], T]) -> Callable[Concatenate[Client, P], T]:
    """Do a call that was not let in once more, where the way in has changed: a refused call has done nothing."""

    @functools.wraps(method)
    def call(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        used = self.access
        try:
            return method(self, *args, **kwargs)
        except Refused as error:
            if error.failure.kind is not Kind.PERMISSION or not self.renewed(used):
                raise
        return method(self, *args, **kwargs)

    return call


class Client:
    """One project. Safe to use from several threads.

    Every call raises `Busy` where asking later may help and `Refused` where it won't.
    """

    def __init__(self, access: Access, renew: Callable[[], Access] | None = None) -> None:
        """Ask for nothing yet.

        Args:
            access: the way in.
            renew: reads the way in anew, now and then: temporary keys expire. May raise anything.
        """
        self.access = access
        self._renew = renew
        self._odps: ODPS | None = None
        self._read = time.monotonic()
        self._refused = float("-inf")
        self._lock = threading.Lock()

    def renewed(self, used: Access) -> bool:
        """Whether the way in is another one than ``used`` by now; it is read anew to find out, though not too often."""
        with self._lock:
            now = time.monotonic()
            if self.access == used and self._renew is not None and now - self._refused >= REFUSED_EVERY:
                self._refused = self._read = now
                self._take(self._renew)
            return self.access != used

    @property
    def odps(self) -> ODPS:
        """The client of pyodps, made when first needed: importing it costs seconds."""
        with self._lock:
            if self._renew is not None and time.monotonic() - self._read >= RENEW_EVERY:
                self._read = time.monotonic()
                self._take(self._renew)
            if self._odps is None:
                self._odps = self.access.client()
            return self._odps

    def _take(self, renew: Callable[[], Access]) -> None:
        try:
            found = renew()
        except Exception as error:
            log.warning("the connection can't be read anew, its keys are used on: %s", type(error).__name__)
            return
        if found != self.access:
            self.access, self._odps = found, None

    # --- submitting ---------------------------------------------------------------------------

    @_once_more
    def submit_sql(self, name: str, sql: str, hints: dict[str, str], priority: int | None) -> str:
        """Submit SQL under a job name. The same name twice is one instance where the service keeps its promise."""
        from odps.models import SQLTask
        from odps.models.job import Job

        task = SQLTask(name=name, query=sql)
        task.update_sql_settings(hints)
        job = Job(name=name)
        with asking():
            return str(
                self.odps.get_project()
                .instances.create(job=job, task=task, priority=priority, unique_identifier_id=guid_of(name))
                .id
            )

    @_once_more
    def submit_command(self, name: str, command: Command, hints: dict[str, str], priority: int | None) -> str:
        """Submit a PAI command, marked with a name."""
        with asking():
            instance = self.odps.run_xflow(
                command.name, command.project, dict(command.parameters), hints={**hints, _MARK: name}, priority=priority
            )
            return str(instance.id)

    @_once_more
    def find(self, name: str, since: float, *, command: bool) -> str | None:
        """The instance that was submitted under a name, None where there is none.

        Args:
            name: of the job.
            since: not submitted before this, seconds since 1970.
            command: whether it is a PAI command.
        """
        with asking():
            project = self.odps.get_project()
            wanted: dict[str, Any] = {} if command else {"job_name": name}
            found = project.instances.iterate(start_time=int(since), only_owner=True, max_items=_CANDIDATES, **wanted)
            for count, instance in enumerate(found):
                if count >= _CANDIDATES:
                    break
                if self._is_named(instance, name, command):
                    return str(instance.id)
        return None

    def _is_named(self, instance: Instance, name: str, command: bool) -> bool:
        if not command:
            return name in instance.get_task_names(retry=False)
        try:
            with asking():
                return name.encode() in bytes(self.odps.get_project().xflows.get_xflow_source(instance))
        except Refused:  # an instance that is no PAI command
            return False

    # --- watching -----------------------------------------------------------------------------

    @_once_more
    def running(self) -> set[str]:
        """Ids of all own instances that run or wait, by one listing."""
        with asking():
            listed = self.odps.get_project().instances.iterate(status="Running", only_owner=True)
            return {str(instance.id) for instance in listed}

    @_once_more
    def state(self, instance_id: str) -> State:
        """How an instance fares."""
        with asking():
            instance = self._instance(instance_id)
            instance.reload()
            if instance._status is None or instance._status.value != "Terminated":
                return "Running"
            states = {task.status.value for task in instance.get_task_statuses(retry=False).values()}
        if "FAILED" in states:
            return "Failed"
        return "Success" if states <= {"SUCCESS"} else "Cancelled"

    @_once_more
    def failure(self, instance_id: str) -> Failure:
        """Why an instance failed, in the service's words."""
        with asking():
            results = self._instance(instance_id).get_task_results(retry=False)
        text = next((text for text in results.values() if "ODPS-" in text), None)
        return classify(text or " ".join(results.values()) or "the instance failed without a word")

    @_once_more
    def progress(self, instance_id: str, name: str) -> str:
        """The stages of an instance and how far each is, for people; empty where nothing is known yet."""
        with asking():
            stages = self._instance(instance_id).get_task_progress(name).stages or []
        return ", ".join(
            f"{stage.name} {stage.finished_percentage}% ({stage.terminated_workers}/{stage.total_workers})"
            for stage in stages
        )

    @_once_more
    def answer(self, instance_id: str, name: str, *, command: bool) -> Answer:
        """What an instance that went well answers with."""
        with asking():
            instance = self._instance(instance_id)
            descriptor = None if command else instance.get_result_descriptor(name)
            if descriptor is None or not descriptor.is_select:
                return Answer(text="\n".join(filter(None, instance.get_task_results(retry=False).values())))
            with instance.open_reader(tunnel=False, limit=True) as reader:
                rows = tuple(tuple(record.values) for record in reader)
                columns = tuple(column.name for column in descriptor.schema.columns) if descriptor.schema else ()
        truncated = str(descriptor.select_result_status).upper() == "TRUNCATED"
        return Answer(columns or tuple(f"_c{n}" for n in range(len(rows[0]) if rows else 0)), rows, "", truncated)

    @_once_more
    def usage(self, instance_id: str, name: str, *, command: bool) -> Usage:
        """What an ended instance has used."""
        with asking():
            instance = self._instance(instance_id)
            if not command:
                return _usage(instance.get_task_cost(name))
            children = self.odps.get_project().xflows.get_xflow_sub_instances(instance).values()
            return sum((_usage(child.get_task_cost()) for child in children), Usage())

    @_once_more
    def stop(self, instance_id: str) -> None:
        """End an instance; nothing happens where it has ended."""
        try:
            with asking():
                self._instance(instance_id).stop()
        except Refused as error:
            if error.failure.code not in ("InvalidStateSetting", "NoSuchObject"):
                raise

    @_once_more
    def logview(self, instance_id: str, *, token: bool) -> str:
        """The page on which people look at an instance.

        Args:
            instance_id: which one.
            token: with a token that lets whoever has the link look at it for a day.
        """
        with asking():
            if token:
                return str(self._instance(instance_id).get_logview_address(hours=24))
            access = self.access
            host = str(self.odps.logview_host).rstrip("/")
            return f"{host}/logview/?h={access.endpoint}&p={access.project}&i={instance_id}"

    # --- tables -------------------------------------------------------------------------------

    @_once_more
    def drop_tables(self, prefix: str, wanted: Callable[[str], bool]) -> list[str]:
        """Drop the tables whose names begin so and are wanted. Returns their names."""
        with asking():
            names = [str(table.name) for table in self.odps.list_tables(prefix=prefix)]
            dropped = [name for name in names if wanted(name)]
            for name in dropped:
                self.odps.delete_table(name, if_exists=True)
        return dropped

    @_once_more
    def export_table(self, name: str, target: Path) -> int:
        """Write a table as CSV with a header, through the tunnel. Returns the number of rows."""
        with asking(), target.open("w", encoding="utf-8", newline="") as file:
            table = self.odps.get_table(name)
            columns = [column.name for column in table.table_schema.columns]
            writer = csv.writer(file)
            writer.writerow(columns)
            count = 0
            with table.open_reader() as reader:
                for record in reader:
                    writer.writerow(["" if value is None else value for value in record.values])
                    count += 1
        return count

    @_once_more
    def estimate(self, sql: str, hints: dict[str, str]) -> tuple[int, float]:
        """What a query would read and how complex it is: bytes, and the service's factor."""
        with asking():
            cost = self.odps.execute_sql_cost(sql, hints=hints)
        return int(cost.input_size or 0), float(cost.complexity or 0.0)

    def _instance(self, instance_id: str) -> Instance:
        return self.odps.get_project().instances[instance_id]


@contextmanager
def asking() -> Iterator[None]:
    """Tell errors that pass from those that don't."""
    from odps.errors import BaseODPSError

    try:
        yield
    except BaseODPSError as error:
        failure = classify(str(error.args[0] if error.args else error), error.code, error.status_code)
        raise (Busy if failure.blameless else Refused)(failure) from error
    except OSError as error:  # errors of requests are ones too
        raise Busy(classify(f"{type(error).__name__}: {error}", status=503)) from error


def _usage(cost: Any) -> Usage:
    """Of pyodps' figures: CPU in hundredths of a core's second, memory in MB times seconds, input in bytes."""
    if cost is None:
        return Usage()
    core_seconds, gb_seconds = (cost.cpu_cost or 0) / 100, (cost.memory_cost or 0) / 1024
    return Usage(max(core_seconds / CU_CORES, gb_seconds / CU_GB), int(cost.input_size or 0))
