"""How a process ended, told to people: codes and signals explained."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

from automl_core.backends.base import Cause, Exit
from automl_core.spec.units import format_duration
from automl_core.states import NEVER_BEGAN

_CODES = {
    126: "a command in it can't be executed",
    127: "a command in it was not found",
    128 + signal.SIGKILL: "a process in it was killed by SIGKILL, probably because memory ran out",
}


def exit_of(
    *,
    code: int,
    ended_by: int | None,
    cause: Cause,
    seconds: float,
    timeout: float | None = None,
    cpu_seconds: float | None = None,
    peak_memory_bytes: int | None = None,
) -> Exit:
    """An `Exit` with its reason in words.

    Args:
        code: exit code, when no signal ended it.
        ended_by: number of the signal that ended it, else None.
        cause: who ended it; a signal that nobody here sent makes it `Cause.KILLED`.
        seconds: from its start to its end.
        timeout: the time limit in seconds that held.
        cpu_seconds: as in `Exit`.
        peak_memory_bytes: as in `Exit`.
    """
    if cause is Cause.EXITED and ended_by is not None:
        cause = Cause.KILLED
    how = _signal_text(ended_by) if ended_by is not None else _code_text(code)
    if cause in (Cause.TIMEOUT, Cause.TERMINATED) and ended_by is None and code == 128 + signal.SIGKILL:
        how = f"exit code {code}: it did not end when it was asked to, and was killed"
    if cause is Cause.TIMEOUT:
        how = f"ran past its time limit of {format_duration(timeout or 0)} and was ended ({how})"
    elif cause is Cause.TERMINATED:
        how = f"terminated on request ({how})"
    elif ended_by == signal.SIGKILL:
        how += ", probably because memory ran out"
    if (
        cause in (Cause.EXITED, Cause.KILLED)
        and peak_memory_bytes
        and 128 + signal.SIGKILL in (code, 128 + (ended_by or 0))
    ):
        how += f" (its largest process held {peak_memory_bytes / 1e9:.2f} GB)"
    return Exit(
        cause=cause,
        code=code if ended_by is None else 128 + ended_by,
        signal=ended_by,
        reason=how,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        peak_memory_bytes=peak_memory_bytes,
    )


def unstarted(why: str) -> Exit:
    """The `Exit` of a process that never was."""
    return Exit(cause=Cause.UNSTARTED, code=-1, signal=None, reason=why)


def ended_unstarted(why: str) -> Exit:
    """The `Exit` of a process that was to be ended before it was."""
    return Exit(cause=Cause.TERMINATED, code=-1, signal=None, reason=why, kind=NEVER_BEGAN)


def lost(why: str, seconds: float) -> Exit:
    """The `Exit` of a process whose end nobody saw."""
    return Exit(cause=Cause.LOST, code=-1, signal=None, reason=why, seconds=seconds)


def start_problem(stage: str, number: int, command: str, cwd: Path, path: str) -> str:
    """Why a process could not be started, and what to look at.

    Args:
        stage: what failed: ``cwd``, ``command`` or ``start``.
        number: the system's error number.
        command: first element of the argument list.
        cwd: its working directory.
        path: the PATH on which the command was searched.
    """
    text = os.strerror(number)
    if stage == "cwd":
        return f"cwd: {cwd}: {text}"
    if stage == "start":
        return f"no new process can be started: {text}"
    if number == errno.ENOENT and "/" not in command:
        return f"command: {command!r} was not found in any folder of PATH ({path})"
    if number == errno.ENOENT:
        where = "" if command.startswith("/") else f" in {cwd}"
        found = (cwd / command).exists()
        return f"command: {command}: " + ("the program of its #! line isn't there" if found else f"no such file{where}")
    if number == errno.EACCES:
        return f"command: {command}: not executable (chmod +x makes it so)"
    if number == errno.ENOEXEC:
        return f"command: {command}: neither a program nor a script with a #! line"
    if number == errno.E2BIG:
        return f"command: {command}: {text}: one argument or variable may have 128 KiB; AUTOML_PARAMS counts too"
    return f"command: {command}: {text}"


_LASTING = frozenset({errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.EISDIR, errno.ELOOP})


def lasts(stage: str, number: int) -> bool:
    """Whether no process of this task could be started for the same reason (arguments as `start_problem`)."""
    return stage != "start" and number in _LASTING


def _code_text(code: int) -> str:
    if code == 0:
        return "exit code 0"
    hint = _CODES.get(code)
    if hint is None and code > 128 and (name := _signal_name(code - 128)):
        hint = f"a process in it was ended by {name}"
    return f"exit code {code}: {hint}" if hint else f"exit code {code}"


def _signal_text(number: int) -> str:
    verb = "killed" if number == signal.SIGKILL else "ended"
    meaning = "" if number in (signal.SIGKILL, signal.SIGTERM) else f", {(signal.strsignal(number) or '').lower()}"
    return f"{verb} by signal {number} ({_signal_name(number) or 'unknown'}{meaning})"


def _signal_name(number: int) -> str | None:
    try:
        return signal.Signals(number).name
    except ValueError:
        return None
