"""The guard of one training process: starts it, sees it end, and leaves nothing of it behind.

Run as a script, ``python -I -S guard.py``: a process of its own session between the worker and the
training process, with the standard library only, so that it starts in a few milliseconds. It has three
descriptors: a stream socket to the worker (0) and the pipe for the output (1 and 2), nothing
else of the worker's. It ends the training process with all its descendants when

* the worker says so, or is gone (the socket is closed, even by SIGKILL), or the time limit is over;
* the training process has ended and left others behind.

As a "child subreaper" it inherits every orphan below it, so those that left the process group are found
too. Should the guard itself be killed, the kernel kills the training process (PR_SET_PDEATHSIG) and the
worker, seeing the socket closed, ends the rest.

Worker to guard: one request (`Request`), then any number of lines ``terminate GRACE``.
Guard to worker: ``failed ERRNO STAGE``, or ``started PID TICKS`` and later
``ended STATUS CAUSE SECONDS CPU_SECONDS PEAK_KIB``.
"""

# ruff: noqa: SIM105  (no contextlib, typing or dataclasses here: each costs milliseconds of every trial)

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

ORPHAN_GRACE = 2.0
"""Most seconds between SIGTERM and SIGKILL for what nobody waits for any more."""

_SETTLE = 0.2  # seconds in which helpers of an ended process may end by themselves (tee, a resource tracker)
_HEARTBEAT = 1.0  # seconds between looks at whether the worker still is the parent
_REPEAT = 0.05  # seconds to a second round of SIGKILL: processes may fork between being listed and killed
_NEVER = float("inf")
_FATAL = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


class Request:
    """What to run.

    Attributes:
        timeout: time limit in seconds, infinite for none.
        grace: seconds between SIGTERM and SIGKILL at the time limit.
        cwd: working directory.
        argv: the argument list; its first element is searched on the PATH of ``env``.
        env: the environment, as ``NAME=value``.
    """

    def __init__(self, timeout: float, grace: float, cwd: bytes, argv: list[bytes], env: list[bytes]) -> None:
        self.timeout = timeout
        self.grace = grace
        self.cwd = cwd
        self.argv = argv
        self.env = env

    def encode(self) -> bytes:
        """As bytes: the length, then the fields, parted by NUL (which none of them can hold)."""
        head = f"{self.timeout}\0{self.grace}".encode()
        fields = [head, self.cwd, b"%d" % len(self.argv), *self.argv, *self.env]
        body = b"\0".join(fields)
        return len(body).to_bytes(8, "big") + body

    @classmethod
    def receive(cls, descriptor: int) -> Request:
        """Read one from a descriptor.

        Raises:
            EOFError: the worker went away.
        """

        def exactly(count: int) -> bytes:
            data = b""
            while len(data) < count:
                more = os.read(descriptor, count - len(data))
                if not more:
                    raise EOFError
                data += more
            return data

        timeout, grace, cwd, count, *rest = exactly(int.from_bytes(exactly(8), "big")).split(b"\0")
        return cls(float(timeout), float(grace), cwd, rest[: int(count)], rest[int(count) :])


class ProcessStat:
    """What /proc/<pid>/stat says of a process: ``started`` in clock ticks since the machine started."""

    __slots__ = ("group", "parent", "session", "started", "state")

    def __init__(self, content: bytes) -> None:
        fields = content.rpartition(b")")[2].split()  # the name in brackets may hold anything
        self.state = fields[0].decode()
        self.parent = int(fields[1])
        self.group = int(fields[2])
        self.session = int(fields[3])
        self.started = int(fields[19])


def process_stat(pid: int) -> ProcessStat | None:
    """One process, None when there is none (or no /proc)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return ProcessStat(file.read())
    except (OSError, IndexError):
        return None


def process_table() -> dict[int, ProcessStat]:
    """All processes of the machine; empty where there is no /proc."""
    try:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return {}
    return {pid: stat for pid in pids if (stat := process_stat(pid)) is not None}


def descendants(root: int, table: dict[int, ProcessStat]) -> list[int]:
    """Everything below a process, parents first."""
    children: dict[int, list[int]] = {}
    for pid, stat in table.items():
        children.setdefault(stat.parent, []).append(pid)
    found = list(children.get(root, ()))
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return found


def send_signal(pid: int, number: int) -> None:
    """`os.kill` to a process that may be gone."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


class Guard:
    """Everything about one training process, from its start until nothing is left of it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.worker = os.getppid()
        self.listening = True
        self.cause = ""  # who ended the training process; empty while nobody but itself
        self.status: int | None = None  # its wait status
        self.began = self.ended = time.monotonic()
        self.end_at = self.began + request.timeout  # when to send SIGTERM
        self.kill_at = _NEVER  # when to send SIGKILL
        self.repeat = _REPEAT
        self.cpu_seconds = 0.0
        self.peak_kib = 0
        self.prctl = _load_prctl()
        signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the worker's thread may have blocked some
        self.wake, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in _FATAL:
            signal.signal(number, signal.SIG_IGN)
        self.reaper = os.path.exists("/proc/self/stat") and self.prctl(_PR_SET_CHILD_SUBREAPER, 1) == 0
        self.pid = self._start()

    def run(self) -> None:
        """Watch until nothing is left, then tell the worker."""
        stat = process_stat(self.pid)
        self.tell(f"started {self.pid} {stat.started if stat else 0}")
        while self._reap():
            now = time.monotonic()
            if now >= self.kill_at:
                self._signal(signal.SIGKILL)
                self.kill_at = now + self.repeat
                self.repeat = min(_HEARTBEAT, self.repeat * 2)
            elif now >= self.end_at:
                if self.status is None:
                    self.end("timeout", self.request.grace)
                else:
                    self.end("", min(self.request.grace, ORPHAN_GRACE))
            self._wait(min(self.end_at, self.kill_at, now + _HEARTBEAT) - now)
        self.tell(
            f"ended {self.status} {self.cause or 'exited'} {self.ended - self.began:.3f} "
            f"{self.cpu_seconds:.3f} {self.peak_kib}"
        )

    def end(self, cause: str, grace: float) -> None:
        """SIGTERM now, SIGKILL after the grace."""
        now = time.monotonic()
        if self.status is None and not self.cause:
            self.cause = cause
        if self.kill_at == _NEVER and grace > 0:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)  # what is stopped can't end
        self.kill_at = min(self.kill_at, now + grace)
        self.end_at = _NEVER

    def tell(self, line: str) -> None:
        """One line to the worker, if it is still there."""
        try:
            os.write(0, line.encode() + b"\n")
        except OSError:
            pass

    def _start(self) -> int:
        """Fork and execute; returns the process's id once it runs the command."""
        guard, (failure, ready) = os.getpid(), os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_training(guard, ready)
        os.close(ready)
        reason = os.read(failure, 100)
        os.close(failure)
        if reason:
            os.waitpid(pid, 0)
            self.tell(f"failed {reason.decode()}")
            sys.exit()
        return pid

    def _become_training(self, guard: int, ready: int) -> NoReturn:
        """In the forked process: never returns."""
        stage = "start"
        try:
            os.setsid()
            self.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != guard:
                os._exit(127)
            for number in (*_FATAL, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            stage = "cwd"
            os.chdir(self.request.cwd)
            stage = "command"
            _execute(self.request.argv, self.request.env)
        except OSError as error:
            os.write(ready, f"{error.errno} {stage}".encode())
        finally:
            os._exit(127)

    def _reap(self) -> bool:
        """Collect what has ended; whether anything is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                if not self.reaper:  # orphans of the group are nobody's: no wait can tell of them
                    _signal_group(self.pid, signal.SIGKILL)
                return False
            if pid == 0:
                return True
            self.cpu_seconds += usage.ru_utime + usage.ru_stime
            self.peak_kib = max(self.peak_kib, usage.ru_maxrss)
            if pid == self.pid:
                self.status, self.ended = status, time.monotonic()
                self.end_at = self.ended + _SETTLE if self.kill_at == _NEVER else _NEVER

    def _wait(self, seconds: float) -> None:
        """Until a process ends, the worker speaks or is gone, or the time is over."""
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        if self.listening:
            poll.register(0, select.POLLIN)
        for descriptor, _ in poll.poll(max(0.0, seconds) * 1000):
            if descriptor == self.wake:
                os.read(self.wake, 4096)
            else:
                self._listen()
        if self.listening and os.getppid() != self.worker:  # the socket may live on in a fork of the worker's
            self._orphaned()

    def _listen(self) -> None:
        try:
            data = os.read(0, 4096)
        except OSError:
            data = b""
        if not data:
            self._orphaned()
        for line in data.splitlines():
            self.end("terminated", float(line.removeprefix(b"terminate ")))

    def _orphaned(self) -> None:
        self.listening = False
        if self.kill_at == _NEVER:
            self.end("terminated", min(self.request.grace, ORPHAN_GRACE))

    def _signal(self, number: int) -> None:
        """To everything that is left of the training process, in its group or not."""
        table = process_table()
        below = descendants(os.getpid(), table)
        if self.status is None or any(table[pid].group == self.pid for pid in below):
            _signal_group(self.pid, number)  # at one stroke; its number can't have been given away
        for pid in below:
            if table[pid].group != self.pid:
                send_signal(pid, number)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def _execute(argv: list[bytes], env: list[bytes]) -> None:
    """`execvpe`, without the modules that the standard library's needs.

    Raises:
        OSError: no such command, or one that can't be run.
    """
    variables = dict(entry.split(b"=", 1) for entry in env)
    command = argv[0]
    if b"/" in command:
        os.execve(command, argv, variables)  # noqa: S606
    refused: OSError = FileNotFoundError(2, "No such file or directory")
    for folder in variables.get(b"PATH", os.defpath.encode()).split(b":"):
        try:
            os.execve(os.path.join(folder, command), argv, variables)  # noqa: S606
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            refused = error
    raise refused


def _load_prctl() -> Callable[[int, int], int]:
    """Linux's prctl; elsewhere a function that fails."""
    try:
        import ctypes

        prctl: Callable[[int, int], int] = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError):
        return lambda option, value: -1
    return prctl


def main() -> None:
    """Serve one request from descriptor 0."""
    try:
        request = Request.receive(0)
    except EOFError:
        return
    Guard(request).run()


if __name__ == "__main__":
    main()
    os._exit(0)  # all is said: what Python tidies up costs each trial milliseconds at its end
