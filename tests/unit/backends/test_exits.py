"""How an end is told to people, and to the code that decides on another attempt."""

from __future__ import annotations

import errno
import signal
from pathlib import Path

import pytest

from automl_core.backends.base import Cause
from automl_core.backends.exits import exit_of, lost, start_problem, unstarted


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (0, "exit code 0"),
        (1, "exit code 1"),
        (126, "exit code 126: a command in it can't be executed"),
        (127, "exit code 127: a command in it was not found"),
        (137, "exit code 137: a process in it was killed by SIGKILL, probably because memory ran out"),
        (139, "exit code 139: a process in it was ended by SIGSEGV"),
        (255, "exit code 255"),
    ],
)
def test_exit_codes(code: int, reason: str) -> None:
    ended = exit_of(code=code, ended_by=None, cause=Cause.EXITED, seconds=1.5)
    assert (ended.cause, ended.code, ended.signal, ended.reason) == (Cause.EXITED, code, None, reason)
    assert ended.ok == (code == 0)
    assert ended.out_of_memory == (code == 137)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGSEGV, "ended by signal 11 (SIGSEGV, segmentation fault)"),
        (signal.SIGTERM, "ended by signal 15 (SIGTERM)"),
        (signal.SIGKILL, "killed by signal 9 (SIGKILL), probably because memory ran out"),
    ],
)
def test_signals(number: int, reason: str) -> None:
    ended = exit_of(code=-number, ended_by=number, cause=Cause.EXITED, seconds=1.5)
    assert (ended.cause, ended.code, ended.signal, ended.reason) == (Cause.KILLED, 128 + number, number, reason)
    assert not ended.ok
    assert ended.out_of_memory == (number == signal.SIGKILL)


def test_how_much_memory_it_held_is_told_where_it_matters() -> None:
    killed, failed = (
        exit_of(code=code, ended_by=by, cause=Cause.EXITED, seconds=1, cpu_seconds=2.0, peak_memory_bytes=3_200_000_000)
        for code, by in ((-9, 9), (1, None))
    )
    assert killed.reason.endswith("(its largest process held 3.20 GB)")
    assert "GB" not in failed.reason
    assert (killed.cpu_seconds, killed.peak_memory_bytes) == (2.0, 3_200_000_000)


def test_what_was_ended_on_purpose_is_not_out_of_memory() -> None:
    late = exit_of(code=-9, ended_by=9, cause=Cause.TIMEOUT, seconds=60, timeout=60)
    asked = exit_of(code=0, ended_by=None, cause=Cause.TERMINATED, seconds=60)
    assert late.reason == "ran past its time limit of 1m 00s and was ended (killed by signal 9 (SIGKILL))"
    assert asked.reason == "terminated on request (exit code 0)"
    for ended in (late, asked, lost("gone", 1.0), unstarted("no such command")):
        assert not ended.ok
        assert not ended.out_of_memory


@pytest.mark.parametrize(
    ("stage", "number", "command", "said"),
    [
        ("cwd", errno.ENOENT, "train", "cwd: {cwd}: No such file or directory"),
        ("start", errno.EAGAIN, "train", "no new process can be started"),
        ("command", errno.ENOENT, "train", "'train' was not found in any folder of PATH (/bin:/usr/bin)"),
        ("command", errno.ENOENT, "./train.sh", "./train.sh: no such file in {cwd}"),
        ("command", errno.ENOENT, "/opt/train", "/opt/train: no such file"),
        ("command", errno.ENOENT, "./there.sh", "./there.sh: the program of its #! line isn't there"),
        ("command", errno.EACCES, "./train.sh", "chmod +x"),
        ("command", errno.ENOEXEC, "./train.sh", "#!"),
        ("command", errno.E2BIG, "train", "128 KiB"),
        ("command", errno.ELOOP, "train", "train: Too many levels"),
    ],
)
def test_why_it_did_not_start(stage: str, number: int, command: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "there.sh").touch()
    assert said.format(cwd=tmp_path) in start_problem(stage, number, command, tmp_path, "/bin:/usr/bin")
