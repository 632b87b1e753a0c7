"""Finding a local process again from another process, and ending what is left of it."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from automl_core.backends.base import BackendError, Identity
from automl_core.backends.guard import ProcessStat, descendants, process_stat, process_table, send_signal

_PAUSE = 0.05  # seconds between two looks at what is left
_PERSISTENCE = 5.0  # seconds of SIGKILL after which giving up is honest
_DEAD = "ZX"  # states of a process that is only waiting to be noticed


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """One process of one machine, for all time: a process id alone is given away again.

    Attributes:
        host: name of the machine.
        boot: id of the machine's start, which the start time counts from; empty where it isn't known.
        pid: process id; also its process group's and session's.
        started: start time in clock ticks since the machine's start (/proc/<pid>/stat, field 22).
    """

    host: str
    boot: str
    pid: int
    started: int

    @classmethod
    def here(cls, pid: int, started: int) -> ProcessIdentity:
        """A process of this machine."""
        return cls(socket.gethostname(), _boot_id(), pid, started)

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> ProcessIdentity:
        """Read back what `as_json` gave.

        Raises:
            BackendError: it is not such an identity.
        """
        match dict(data):
            case {"host": str() as host, "boot": str() as boot, "pid": int() as pid, "started": int() as started} if (
                pid > 1 and started > 0
            ):
                return cls(host, boot, pid, started)
        raise BackendError(f"not the identity of a local process: {dict(data)!r}")

    def as_json(self) -> Identity:
        """Plain JSON, to be stored."""
        return asdict(self)

    @property
    def alive(self) -> bool:
        """Whether this very process runs on this machine."""
        stat = self._stat()
        return stat is not None and stat.state not in _DEAD

    def end(self, grace: float) -> bool:
        """End the process with its session, if it is still this very process (see `Job.end_stale`)."""
        return self._stat() is not None and end_session(self.pid, grace)

    def _stat(self) -> ProcessStat | None:
        if self.host != socket.gethostname() or self.boot != _boot_id():
            return None
        stat = process_stat(self.pid)
        return stat if stat and (stat.started, stat.session) == (self.started, self.pid) else None


def end_session(session: int, grace: float) -> bool:
    """End all processes of a session, and all descendants of these.

    Args:
        session: the session's number, which the caller knows to be the right one still.
        grace: seconds between SIGTERM and SIGKILL.

    Returns:
        Whether any of them ran.

    Raises:
        BackendError: some still run though they were killed.
    """
    left = _family(session, {})
    if not left:
        return False
    for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, _PERSISTENCE)):
        deadline = time.monotonic() + patience
        if patience > 0:
            _signal_all(left, number)
        while left and time.monotonic() < deadline:
            time.sleep(_PAUSE)
            left = _family(session, left)
            if number == signal.SIGKILL:
                _signal_all(left, number)
    if left:
        raise BackendError(f"the processes {sorted(left)} of session {session} were killed and still run")
    return True


def _family(session: int, known: Mapping[int, int]) -> dict[int, int]:
    """Who runs of a session, and of those known to belong to it, with all their descendants: id → start time."""
    table = process_table()
    family = {pid for pid, stat in table.items() if stat.session == session}
    family |= {pid for pid, started in known.items() if pid in table and table[pid].started == started}
    for pid in list(family):
        family.update(descendants(pid, table))
    return {pid: table[pid].started for pid in family if table[pid].state not in _DEAD}


def _signal_all(pids: Mapping[int, int], number: int) -> None:
    for pid, started in pids.items():
        stat = process_stat(pid)
        if stat is not None and stat.started == started:
            send_signal(pid, number)


def _boot_id() -> str:
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return file.read().strip()
    except OSError:
        return ""
