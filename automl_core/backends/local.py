"""The local backend: a training task as a process of its own group on the worker's machine.

Between the worker and the process stands a guard (`automl_core.backends.guard`), which is why
nothing of a training task outlives it or its worker, whichever way they end.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from automl_core.backends import guard
from automl_core.backends.base import BackendError, Cause, Exit, Identity, Job, StartError
from automl_core.backends.contract import command_line, substitute
from automl_core.backends.environment import child_environment
from automl_core.backends.exits import ended_unstarted, exit_of, lasts, lost, start_problem, unstarted
from automl_core.backends.forkserver.starting import Forks, forks_for
from automl_core.backends.identity import ProcessIdentity, end_session
from automl_core.backends.output import OutputBuffer
from automl_core.backends.ready import ReadyGuard
from automl_core.masking import Mask

if TYPE_CHECKING:
    from automl_core.backends.contract import TrialContext
    from automl_core.spec.tasks import LocalTask

_CHUNK = 64 * 1024  # a pipe's capacity
_LAST_WORDS = 1024 * 1024  # bytes that a pipe may still hold when all who print have ended
_DRAIN = 0.5  # seconds to wait for them where the pipe was handed on to another, who keeps it open
_CLOSE = 30.0  # seconds that killed processes may take to be gone


class LocalProcess(Job):
    """A training task as a process, with everything that it starts.

    It runs in a session and process group of its own, in the task's ``cwd``, without standard input, with
    the environment of `automl_core.backends.environment`. What is left in the background when it
    ends is ended with it, and all of it is ended on `terminate`, at the time limit, and when the
    worker dies, whether or not it is still in the process group.
    """

    backend: ClassVar[str] = "local"

    def __init__(
        self, task: LocalTask, context: TrialContext, *, timeout: float | None = None, home: Path | None = None,
        python: Path | None = None, ready: ReadyGuard | None = None, as_printed: bool = False,
    ) -> None:  # fmt: skip
        """Prepare, without starting anything (see `Job.__init__`).

        Args:
            task: the training task.
            context: the trial it is part of.
            timeout: time limit in seconds on top of the task's own; the shorter one holds.
            home: what the task's ``cwd`` is relative to: AUTOML_HOME when left out, and without one the
                current folder.
            python: of an environment of the training's own; the worker's when left out.
            ready: a guard that was started ahead, to be used if it is still there.
            as_printed: whether lines are handed out as they are, to somebody who reads metrics in them and hides what
                is secret (`mask`) before anybody else sees them.
        """
        self._ready = ready
        self._timeout = min((limit for limit in (task.timeout, timeout) if limit is not None), default=None)
        self._home = Path(home or os.environ.get("AUTOML_HOME") or Path.cwd())
        self._python = python
        self._preload, self._scope = task.preload, f"{context.experiment_id}/{context.run_id}"
        self._folders = [folder for folder in (context.checkpoint_dir, context.model_dir) if "://" not in folder]
        cwd = Path(self._home, substitute(task.folder(code=context.code_dir is not None), context)).absolute()
        label = f"{context.experiment_id}/{context.run_id} trial {context.trial} attempt {context.attempt}"
        environment = child_environment(task, context, os.environ, python)
        self._set(command_line(task, context), environment, cwd, task.grace, label)
        self._as_printed = as_printed

    @classmethod
    def of(
        cls, arguments: Sequence[str], environment: Mapping[str, str], *, cwd: Path, timeout: float | None, label: str,
        grace: float = 5.0, preload: str | None = None, scope: str = "",
    ) -> LocalProcess:  # fmt: skip
        """A command that is no local training task's, watched and ended as those are.

        Args:
            arguments: argument list; the first is searched on the PATH of the environment.
            environment: all of it.
            cwd: where it runs.
            timeout: time limit in seconds, None without one.
            label: what it is, for messages.
            grace: seconds that it has to end by itself at its time limit.
            preload: module that the process has imported from which it is forked; None: it is started anew.
            scope: whose such process that is.
        """
        made = cls.__new__(cls)
        made._timeout, made._home, made._python, made._folders, made._ready = timeout, cwd, None, [], None
        made._preload, made._scope = preload, scope
        made._set(list(arguments), dict(environment), cwd, grace, label)
        return made

    def _set(self, arguments: list[str], environment: dict[str, str], cwd: Path, grace: float, label: str) -> None:
        """What every process starts from."""
        self._arguments, self._environment, self._cwd = arguments, environment, cwd
        self._grace, self._label = grace, label
        self.mask, self._as_printed = Mask(environment), False
        self._forks: Forks | None = None
        self._buffer = OutputBuffer()
        self._exit: Exit | None = None
        self._identity: ProcessIdentity | None = None
        self._watcher: threading.Thread | None = None
        # What follows is shared with terminate(), which a signal handler may call in the middle of start():
        self._state = threading.RLock()
        self._started = False
        self._link: socket.socket | None = None  # to the guard, once it has its request
        self._pending: float | None = None  # a grace asked for before there was a link

    def start(self) -> None:
        """Start it, and return once it runs (see `Job.start`). The trial's local folders are made.

        Raises:
            StartError: the command is not found or can't be run, the working directory isn't there, or it was
                started before.
        """
        with self._state:
            if self._exit is not None and not self._started:
                return  # terminated before its start: that is how it ended
            if self._started:
                raise StartError("a job is started once; make another one for another attempt")
            self._started = True
        try:
            if self._preload is not None:
                scope = f"{self._home}/{self._scope}"
                self._forks = forks_for(
                    self._preload, self._arguments, self._environment, scope=scope, python=self._python
                )
            with contextlib.ExitStack() as undo:
                link, output, process = self._start_guard(self._request(), undo)
                rest = self._wait_for_start(link, output)
                name = f"automl-output-{self._label}"
                arguments = (link, output, process, rest)
                watcher = threading.Thread(target=self._watch, args=arguments, name=name, daemon=True)
                watcher.start()
                self._watcher = watcher
                undo.pop_all()
        except BaseException as error:
            self._exit = unstarted(str(error))
            self._buffer.close()
            raise

    @property
    def arguments(self) -> tuple[str, ...]:
        """The argument list, values filled in."""
        return tuple(self._arguments)

    @property
    def cwd(self) -> Path:
        """The folder in which it runs."""
        return self._cwd

    @property
    def program(self) -> str | None:
        """The file that is started, as the PATH of its environment has it; None where there is none to start."""
        name = self._arguments[0]
        path = str(self._cwd / name) if "/" in name else name
        return shutil.which(path, path=self._environment["PATH"])

    @property
    def identity(self) -> Identity:
        """Host, process id and start time of the process (see `ProcessIdentity`), as plain JSON.

        Raises:
            BackendError: it was not started.
        """
        if self._identity is None:
            raise BackendError(f"{self._label}: it was not started, so there is no process")
        return self._identity.as_json()

    def read(self, timeout: float) -> list[str]:
        """Lines of output that came since the last call (see `Job.read`); at most some MB at once.

        What is known to be secret is hidden in them (`automl_core.masking`), unless they are wanted as they are.
        What isn't UTF-8 is replaced, a line over 64 KiB is cut. A process that prints faster than this is called
        is held up by the full buffer of 4 MiB; nobody calling for 10 s, the oldest lines are dropped and counted.
        """
        lines = self._buffer.take(timeout)
        return lines if self._as_printed else [self.mask(line) for line in lines]

    def poll(self) -> Exit | None:
        """How it ended, or None while any of it runs or prints."""
        return self._exit

    def terminate(self, grace: float) -> None:
        """End all of it: SIGTERM, and SIGKILL after ``grace`` seconds. Returns at once (see `Job.terminate`)."""
        with self._state:
            if self._exit is not None:
                return
            if not self._started:
                self._exit = ended_unstarted("terminated on request, before it was started")
                self._buffer.close()
                return
            if self._link is None:
                self._pending = grace if self._pending is None else min(grace, self._pending)
            else:
                self._tell(grace)
        self._buffer.hurry()

    def close(self) -> None:
        """Kill what still runs, and wait until it is gone (see `Job.close`).

        Raises:
            BackendError: the kernel did not end it within half a minute.
        """
        self.terminate(0)
        if self._watcher is not None:
            self._watcher.join(_CLOSE)
            if self._watcher.is_alive():
                raise BackendError(f"{self._label}: {self.identity} was killed, and is still there after {_CLOSE:g} s")

    @classmethod
    def end_stale(cls, identity: Mapping[str, object], grace: float = 5.0) -> bool:
        """End what an earlier attempt has left running on this host (see `Job.end_stale`).

        Nothing is touched unless the process id still belongs to the process with that start time. A process of
        another host is not to be found here.
        """
        return ProcessIdentity.from_json(identity).end(grace)

    def _request(self) -> bytes:
        """What the guard is to run, ready to be sent; the trial's folders are made for it.

        Raises:
            StartError: a text that no process can be given, or a folder that can't be made.
        """
        for name in self._environment:
            if not name or "=" in name:
                raise StartError(f"env: {name!r} can't be the name of an environment variable")
        for folder in self._folders:
            try:
                (self._cwd / folder).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StartError(f"the trial's folder {folder} can't be made: {error.strerror}") from None
        arguments = self._arguments if self._forks is None else self._forks.command(self._arguments)
        return guard.Request(
            timeout=float("inf") if self._timeout is None else self._timeout,
            grace=self._grace,
            cwd=_encoded(str(self._cwd), "cwd"),
            argv=[_encoded(text, f"command: element {n}") for n, text in enumerate(arguments)],
            env=[_encoded(f"{name}={value}", f"env: {name}") for name, value in self._environment.items()],
        ).encode()

    def _start_guard(
        self, request: bytes, undo: contextlib.ExitStack
    ) -> tuple[socket.socket, int, subprocess.Popen[bytes]]:
        """Start a guard and give it its request; returns the link to it and the pipe of the output."""
        ready = self._ready if self._ready is not None and self._ready.waits else None
        started = ready or ReadyGuard(self._label)
        started.taken = True
        undo.callback(started.close)  # the guard ends what it has, and itself
        link = started.link
        with self._state:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # what it says is read below
                link.sendall(request)
            self._link = link
            if self._pending is not None:
                self._tell(self._pending)
        return link, started.output, started.process

    def _wait_for_start(self, link: socket.socket, output: int) -> bytes:
        """Read the guard's first line; returns what came after it.

        Raises:
            StartError: the process doesn't run.
        """
        received = b""
        while b"\n" not in received and (data := _receive(link)):
            received += data
        reply, _, rest = received.partition(b"\n")
        match reply.decode().split():
            case ["started", pid, ticks]:
                self._identity = ProcessIdentity.here(int(pid), int(ticks))
                return rest
            case ["failed", number, stage]:
                path = self._environment["PATH"]
                problem = start_problem(stage, int(number), self._arguments[0], self._cwd, path)
                raise StartError(problem, systematic=lasts(stage, int(number)))
        last_words = os.read(output, _CHUNK).decode("utf-8", "replace").strip()
        raise StartError(f"the guard process ({sys.executable} {guard.__file__}) ended before it began: {last_words}")

    def _tell(self, grace: float) -> None:
        if self._link is not None:
            with contextlib.suppress(OSError):  # the guard has ended: its last report is on the way
                self._link.sendall(b"terminate %r\n" % float(grace))

    def _watch(self, link: socket.socket, output: int, process: subprocess.Popen[bytes], report: bytes) -> None:
        """In a thread of its own: take in the output and the guard's report, until both have ended."""
        began = time.monotonic()
        ended = lost("it could not be watched; the log of its worker says why", 0.0)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(output, selectors.EVENT_READ)
                selector.register(link, selectors.EVENT_READ)
                while link in selector.get_map():
                    for key, _ in selector.select():
                        if key.fileobj == output:
                            self._buffer.put(os.read(output, _CHUNK))
                        elif data := _receive(link):
                            report += data
                        else:
                            selector.unregister(link)
                process.wait()
                ended = self._exit_from(report, time.monotonic() - began)
                room = _LAST_WORDS
                while room > 0 and selector.select(_DRAIN) and (chunk := os.read(output, _CHUNK)):
                    self._buffer.put(chunk)
                    room -= len(chunk)
        finally:
            with self._state:
                self._exit, self._link = ended, None
                link.close()
            os.close(output)
            self._buffer.close()

    def _exit_from(self, report: bytes, seconds: float) -> Exit:
        """The exit that the guard reports; without a report, what is left is ended here."""
        match report.decode().split():
            case ["ended", status, cause, lasted, cpu_seconds, peak_kib]:
                code = os.waitstatus_to_exitcode(int(status))
                more_seconds, fork_kib = self._of_fork()
                return exit_of(
                    code=code,
                    ended_by=-code if code < 0 else None,
                    cause=Cause(cause),
                    seconds=float(lasted),
                    timeout=self._timeout,
                    cpu_seconds=float(cpu_seconds) + more_seconds,
                    peak_memory_bytes=max(int(peak_kib), fork_kib) * 1024,
                )
        try:
            if self._identity is not None:
                end_session(self._identity.pid, grace=0)  # its number can't have been given away so soon
        except BackendError as error:
            return lost(f"its guard process was ended from outside, and {error}", seconds)
        return lost("its guard process was ended from outside, so its own end was not seen", seconds)

    def _of_fork(self) -> tuple[float, int]:
        """CPU seconds and largest resident set (KiB) of the fork that ran the command, which the guard does not see."""
        found = None
        if self._forks is not None and self._identity is not None:
            found = self._forks.usage(self._identity.pid)
        return found or (0.0, 0)


def _encoded(text: str, what: str) -> bytes:
    """A text as a process is given it; an error doesn't show it, for it may be a secret."""
    if "\0" in text:
        raise StartError(f"{what} has a NUL character in it, which no process can be given")
    try:
        return os.fsencode(text)
    except UnicodeEncodeError as error:
        raise StartError(f"{what} can't be written as {error.encoding}: {error.reason}") from None


def _receive(link: socket.socket) -> bytes:
    try:
        return link.recv(_CHUNK)
    except ConnectionResetError:  # closed with a terminate() unread
        return b""
