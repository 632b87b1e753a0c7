"""*Try*: one combination of a file as it is typed, run on the API server's machine where the deployment allows it.

A file's command is its author's code. So nothing is run unless ``[automl] try_in_web`` says so, and then for those
alone who may save that file and start it. What runs is `automl try`, as a process of its own below a guard
(`automl_core.backends.guard`): it sees no variable of Airflow's (`automl_core.backends.environment`), has a folder of
its own for what it leaves, and ends, with all that it started, with the request that asked for it, at its time limit,
and with the API server.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO, Any

from airflow.configuration import conf
from anyio import CancelScope
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from automl_airflow.closed import is_closed
from automl_airflow.machine import lock, lock_folder
from automl_airflow.session import home
from automl_airflow.web import saving
from automl_airflow.web.aside import TRIES
from automl_core.backends.base import Cause, StartError
from automl_core.backends.contract import TrialContext
from automl_core.backends.local import LocalProcess
from automl_core.running.trying import ELSEWHERE
from automl_core.spec.bundles import bundle_of
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import Value
from automl_core.spec.tasks import LocalTask
from automl_core.spec.units import format_duration
from automl_core.templates.places import VARIABLE as TEMPLATES

SETTING = "AIRFLOW__AUTOML__TRY_IN_WEB"

LONGEST = 600
"""Seconds that one try may train."""

MOST_AT_ONCE = 2
"""Tries on one machine at once, whatever number of processes its API server has; one of each user."""

MOST_LINES, MOST_TEXT = 5_000, 1 << 20
"""Lines, and characters of them, that one try sends; what comes then is counted."""

_START = 60.0
"""Seconds on top of the training's, for an interpreter to start and to tell; then all of it is ended."""

_BEAT = 1.0
"""Seconds between two words to the browser, so that a proxy holds the connection and a browser that went is noticed."""

_LARGEST_RESULT = 4 << 20

_COMMAND = "import sys; sys.path.insert(0, sys.argv.pop(1)); from automl_core.cli import main; sys.exit(main())"
"""`automl`, also where it is not installed; PYTHONPATH would reach the training as well."""

_PACKAGES = Path(sys.modules["automl_core"].__path__[0]).parent


class TooMany(RuntimeError):
    """As many tries go on as may. The message says of whom."""


def why_not() -> str:
    """Why nothing is tried here, empty where it is."""
    if conf.getboolean("automl", "try_in_web", fallback=False):
        return "" if not is_closed(None) else "this deployment is closed: nothing is tried on the API server"
    return (
        f"this deployment runs no commands from the web view; its operator can allow it with {SETTING}. "
        "On a machine of your own: automl try FILE"
    )


def unfit(experiment: Experiment) -> str:
    """Why an experiment can't be tried here, empty where it can: a try is made of processes of this machine."""
    if is_closed(experiment):
        return (
            "a try is a process of the API server, whose network nothing fences, and this experiment is closed. One "
            "trial in its own place: start it with trials.max 1"
        )
    for name, task in [*(("prepare", t) for t in experiment.prepare), *(("tasks", t) for t in experiment.tasks)]:
        if not isinstance(task, LocalTask):
            return (
                f"{name}.{task.name} runs {ELSEWHERE[task.backend]}, and a try runs processes on this machine. "
                "One trial in its own place: start the experiment with trials.max 1"
            )
    return ""


class Trying:
    """One try, from the place that it takes to the end of all that it started."""

    def __init__(self, experiment: Experiment, text: str, given: Mapping[str, Value], seconds: int, user: str) -> None:
        """Take a place, and prepare.

        Args:
            experiment: what the text says.
            text: the experiment file.
            given: values of parameters; the rest are the file's defaults.
            seconds: after which the training is ended, and what was seen is told.
            user: who asks.

        Raises:
            TooMany: there is no place.
            OSError: the machine has no room for its folder.
        """
        self._name, self._seconds, self._ended = experiment.name, seconds, False
        self._places = _take(user)
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="automl-try-web-"))
            self._job = LocalProcess(self._task(text, given), self._context(), timeout=seconds + _START, home=home())
        except BaseException:
            self.close()
            raise

    def _task(self, text: str, given: Mapping[str, Value]) -> LocalTask:
        file, temporary = self._folder / saving.file_name(self._name), self._folder / "tmp"
        temporary.mkdir()
        file.write_text(text, encoding="utf-8")
        place = saving.folder()
        bundle = bundle_of(place / file.name) if place is not None else home()
        command = [sys.executable, "-P", "-c", _COMMAND, str(_PACKAGES), "try", str(file), "--for", str(self._seconds),
                   "--bundle", str(bundle), "--result", str(self._result)]  # fmt: skip
        for name, value in given.items():
            command += ["--set", f"{name}={json.dumps(value, ensure_ascii=False)}"]
        variables = {"AUTOML_HOME": str(home()), "TMPDIR": str(temporary)}
        if TEMPLATES in os.environ:  # else those of the deployment would not be found there
            variables[TEMPLATES] = os.environ[TEMPLATES]
        literal = {name: _literal(value) for name, value in variables.items()}
        return LocalTask(name="try", command=[_literal(each) for each in command], cwd=_literal(str(self._folder)),
                         env=literal, grace=5.0)  # fmt: skip

    def _context(self) -> TrialContext:
        """Of the process around the training, which has a trial's variables of its own."""
        inside = str(self._folder / "around")
        return TrialContext(experiment_id=self._name, run_id="try", trial=0, attempt=0, params={},
                            checkpoint_dir=inside, model_dir=inside)  # fmt: skip

    @property
    def _result(self) -> Path:
        return self._folder / "result.json"

    async def events(self) -> AsyncIterator[bytes]:
        """What happens, as server-sent events: lines as they come, and the result at the end."""
        began, sent, text, left_out, last = time.monotonic(), 0, 0, 0, ""
        yield _event({"experiment": self._name, "limit": self._seconds})
        try:
            await TRIES.call(self._job.start)
        except StartError as error:
            yield _event({"ended": True, "result": None, "problem": str(error), "left_out": 0})
            return
        while True:
            over = self._job.poll() is not None  # asked before the last lines are read
            lines = await TRIES.call(self._job.read, 0.0 if over else _BEAT)
            last = next((line for line in reversed(lines) if line.strip()), last)
            fits: list[str] = []
            for line in lines:
                text += len(line)
                if sent + len(fits) >= MOST_LINES or text > MOST_TEXT:
                    left_out += 1
                else:
                    fits.append(line)
            sent += len(fits)
            yield _event({"seconds": round(time.monotonic() - began, 1), "lines": fits})
            if over and not lines:
                break
        result = await TRIES.call(self._read_result)
        problem = result["problem"] if result is not None else self._why(last)
        yield _event({"ended": True, "result": result, "problem": problem, "left_out": left_out})

    def _why(self, last: str) -> str:
        """Why there is no result."""
        ended = self._job.poll()
        if ended is not None and ended.cause is Cause.TIMEOUT:
            return f"ended: it did not end by itself within {format_duration(self._seconds + _START)}"
        return last or (ended.reason if ended is not None else "it did not begin")

    def _read_result(self) -> dict[str, Any] | None:
        try:
            with self._result.open("rb") as file:
                found = json.loads(file.read(_LARGEST_RESULT))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and isinstance(found.get("problem"), str) else None

    def close(self) -> None:
        """End what still runs, remove what it left, and give the place back."""
        if self._ended:
            return
        self._ended = True
        try:
            if (job := getattr(self, "_job", None)) is not None:
                job.close()
        finally:
            if (folder := getattr(self, "_folder", None)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
            for place in self._places:
                place.close()


class TryResponse(StreamingResponse):
    """Sends the events of a try; however the request ends, the try ends with it."""

    def __init__(self, trying: Trying) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(trying.events(), media_type="text/event-stream", headers=headers)
        self._trying = trying

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await TRIES.call(self._trying.close)


def _event(body: Mapping[str, Any]) -> bytes:
    return f"data: {json.dumps(body)}\n\n".encode()


def _literal(text: str) -> str:
    """A text in which the trial contract replaces nothing."""
    return text.replace("${", "$${")


def _take(user: str) -> list[IO[bytes]]:
    """The place of a user and one of this machine: locks on files, which the kernel gives back with their process.

    Raises:
        TooMany: one of them is taken.
    """
    folder = lock_folder("tries")
    own = lock(folder / f"user-{hashlib.sha256(user.encode()).hexdigest()[:24]}")
    if own is None:
        raise TooMany("a try of yours goes on already: end it, or wait for it")
    for number in range(MOST_AT_ONCE):
        place = lock(folder / f"place-{number}")
        if place is not None:
            return [own, place]
    own.close()
    raise TooMany(f"{MOST_AT_ONCE} tries go on here already: try again in a moment")
