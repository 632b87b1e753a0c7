"""Late labels, measured beside the guard in a process of its own: a crash, a hang or full memory takes nobody along.

A folder holds ``request.json`` and then ``measured.json``, or ``problem.json``. Keys are in the process's environment
alone. The process is watched as a training task is: nothing of it outlives its caller.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from automl_core.backends import apart
from automl_core.models.life.rollouts import Rollout
from automl_core.models.rollout.measures import Measured
from automl_core.models.rollout.rules import Rules
from automl_core.structs import known

if TYPE_CHECKING:
    from automl_core.backends.local import LocalProcess
    from automl_core.models.file import ModelFile

REQUEST, MEASURED, PROBLEM = "request.json", "measured.json", apart.PROBLEM
LONGEST = 600.0
"""Seconds that a measurement may take."""

MEMORY = 4 << 30
"""Bytes of address space that it may take."""

_SAID = 20


class Request(msgspec.Struct):
    """What is to be measured.

    Attributes:
        file: of the model, plain JSON.
        metrics: their names.
        since: when the rollout began, seconds since 1970.
        now: when it is measured.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the file comes from.
    """

    file: dict[str, object]
    metrics: list[str]
    since: float
    now: float
    home: str
    bundle: str = ""


class Late:
    """Measures the metrics of a rollout now and then; see `automl_core.models.rollout.guard.Measuring`."""

    def __init__(
        self, file: ModelFile, rules: Rules, *, home: Path, bundle: str = "",
        environment: Callable[[], Mapping[str, str]] = dict, timeout: float = LONGEST, memory: int = MEMORY,
        program: str = "automl_core.models.rollout",
    ) -> None:  # fmt: skip
        """Prepare; nothing is started before it is due.

        Args:
            file: the model's, with ``feedback``.
            rules: say which metrics, and how often.
            home: AUTOML_HOME.
            bundle: folder of the DAG bundle.
            environment: gives variables with keys (`keys.variables_of`; ``ODPS_…`` for tables) that go on top of this
                process's; asked anew for each measurement, since keys are rotated.
            timeout: seconds that a measurement may take.
            memory: bytes of address space that it may take.
            program: the module that measures.
        """
        self.file, self.rules, self.home, self.bundle = file, rules, home, bundle
        self.environment, self.timeout, self.memory, self.program = environment, timeout, memory, program
        self.every = min((each.every for each in rules.metrics.values()), default=float("inf"))
        self._job: LocalProcess | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._begun = float("-inf")
        self._said: list[str] = []
        self._lock, self._closed = threading.Lock(), False

    def poll(self, rollout: Rollout, now: float) -> list[Measured]:
        """What was measured since the last call; starts a measurement where one is due. Never waits for it."""
        with self._lock:
            if self._job is not None:
                return self._ended(now)
            due = now - self._begun >= self.every or now < self._begun
            if self._closed or not due or not self.rules.metrics:
                return []
            self._begun = now
            return self._start(rollout, now)

    def close(self) -> None:
        """End what goes on, for good. May be called while another thread polls."""
        with self._lock:
            self._closed = True
            self._end()

    def _end(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _start(self, rollout: Rollout, now: float) -> list[Measured]:
        from automl_core.backends.local import LocalProcess

        self._folder = tempfile.TemporaryDirectory(prefix="automl-rollout-")
        folder, self._said = Path(self._folder.name), []
        request = Request(
            self.file.plain(), list(self.rules.metrics), rollout.begun, now, str(self.home.absolute()), self.bundle
        )
        (folder / REQUEST).write_bytes(msgspec.json.encode(request))
        command = apart.command(self.program, folder, self.memory)
        try:
            environment = apart.environment() | dict(self.environment())
            job = LocalProcess.of(command, environment, cwd=folder, timeout=self.timeout, label="late labels")
            job.start()
        except Exception as error:  # a connection that is not there, say: no reason not to guard
            self._end()
            return self._problem(now, f"the measurement does not start: {error}")
        self._job = job
        return []

    def _ended(self, now: float) -> list[Measured]:
        from automl_core.backends.base import Cause

        assert self._job is not None
        assert self._folder is not None
        self._said = [*self._said, *self._job.read(0)][-_SAID:]
        ended = self._job.poll()
        if ended is None:
            return []
        folder = Path(self._folder.name)
        try:
            if (problem := apart.problem_in(folder)) is not None:
                return self._problem(now, problem)
            if ended.ok and (folder / MEASURED).is_file():
                return msgspec.json.decode((folder / MEASURED).read_bytes(), type=list[Measured])
        except (OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
            return self._problem(now, f"what was measured can't be read: {error}")
        finally:
            self._end()
        if ended.cause is Cause.TIMEOUT:
            return self._problem(now, f"it took longer than {self.timeout:g} s")
        last = next((line for line in reversed(self._said) if line.strip()), "it said nothing")
        return self._problem(now, f"its process ended without a result: {ended.reason} (its last line: {last})")

    def _problem(self, now: float, why: str) -> list[Measured]:
        return [Measured(name, now, problem=why) for name in self.rules.metrics]


known(list[Measured], Request)
