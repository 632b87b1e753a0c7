"""What is special to processes: descriptors, sessions, signals, folders, and a guard that dies."""

from __future__ import annotations

import os
import py_compile
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from automl_core.backends import ready as guards
from automl_core.backends.base import Cause, Exit, StartError
from automl_core.backends.contract import TrialContext
from automl_core.backends.guard import process_stat
from automl_core.backends.local import LocalProcess
from automl_core.backends.output import OutputBuffer
from automl_core.backends.ready import ReadyGuard
from automl_core.spec.tasks import LocalTask

Start = Callable[..., LocalProcess]


@pytest.fixture
def context(tmp_path: Path) -> TrialContext:
    return TrialContext("e", "r", 0, 1, {"lr": 0.1}, str(tmp_path / "checkpoints"), str(tmp_path / "model"))


@pytest.fixture
def make(context: TrialContext, tmp_path: Path) -> Start:
    def make(command: list[str] | str, ready: ReadyGuard | None = None, **fields: Any) -> LocalProcess:
        task = LocalTask.model_validate({"command": command, **fields})
        return LocalProcess(task, context, home=tmp_path, ready=ready)

    return make


def run(job: LocalProcess) -> tuple[list[str], Exit]:
    with job:
        job.start()
        lines = [line for batch in job.follow(interval=0.5) for line in batch]
        ended = job.poll()
    assert ended is not None
    return lines, ended


def first_line(job: LocalProcess) -> str:
    for batch in job.follow(interval=0.5):
        if batch:
            return batch[0]
    raise AssertionError(job.poll())


def test_it_holds_three_descriptors(make: Start) -> None:
    with socket.socket() as ours:
        ours.set_inheritable(True)  # not even this one gets through
        lines, _ = run(
            make(
                [
                    "python",
                    "-c",
                    "import os; print(*sorted(os.listdir('/proc/self/fd')), os.readlink('/proc/self/fd/0'))",
                ]
            )
        )
    assert lines == ["0 1 2 3 /dev/null"]  # 3 is the listing itself


def test_its_guard_holds_nothing_of_the_workers(make: Start, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file, make(["sh", "-c", "echo $PPID; sleep 600"]) as job:
        os.set_inheritable(file.fileno(), True)
        job.start()
        guard = Path(f"/proc/{first_line(job)}")
        targets = {os.readlink(link).split(":")[0] for link in (guard / "fd").iterdir()}
        assert targets == {"socket", "pipe"}
        assert os.readlink(guard / "cwd") == "/"
        names = {entry.split(b"=")[0] for entry in (guard / "environ").read_bytes().split(b"\0") if entry}
        assert names <= {b"LD_LIBRARY_PATH", b"LC_CTYPE"}


def test_it_leads_a_session_of_its_own(make: Start) -> None:
    with make(["sh", "-c", "echo $$ $PPID; sleep 600"]) as job:
        job.start()
        pid, guard = map(int, first_line(job).split())
        assert job.identity["pid"] == pid
        assert os.getsid(pid) == os.getpgid(pid) == pid
        assert os.getsid(guard) == os.getpgid(guard) == guard


def test_signals_are_as_a_shell_would_have_them(make: Start) -> None:
    program = "import signal; print([s.name for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGQUIT) " \
        "if signal.getsignal(s) is not signal.SIG_DFL], signal.pthread_sigmask(signal.SIG_BLOCK, ()))"  # fmt: skip
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGCHLD})
    previous = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        lines, _ = run(make(["python", "-c", program]))
        broken_pipe, _ = run(make("yes | head -n 1"))
    finally:
        signal.signal(signal.SIGHUP, previous)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD})
    assert lines == ["[] set()"]
    assert broken_pipe == ["y"]


def test_python_is_the_workers_own(make: Start) -> None:
    lines, _ = run(make(["python", "-c", "import sys; print(sys.executable)"]))
    assert lines == [str(Path(sys.executable).with_name("python"))]


def test_it_runs_where_the_file_says(make: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code" / "0.1").mkdir(parents=True)
    assert run(make(["pwd"]))[0] == [str(tmp_path)]
    assert run(make(["pwd"], cwd="code"))[0] == [str(tmp_path / "code")]
    assert run(make(["pwd"], cwd="code/${lr}"))[0] == [str(tmp_path / "code" / "0.1")]
    assert run(make(["pwd"], cwd="/usr"))[0] == ["/usr"]


def test_home_is_automl_home(context: TrialContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    assert run(LocalProcess(LocalTask(command=["pwd"]), context))[0] == [str(tmp_path)]


def test_a_relative_command_is_relative_to_where_it_runs(make: Start, tmp_path: Path) -> None:
    script = tmp_path / "code" / "train.sh"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho trained $1\n")
    script.chmod(0o755)
    assert run(make(["./train.sh", "${lr}"], cwd="code"))[0] == ["trained 0.1"]


@pytest.mark.usefixtures("garbage_stays")
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"command": ["no-such-command"]}, "'no-such-command' was not found in any folder of PATH"),
        ({"command": ["./train.sh"]}, "./train.sh: no such file in"),
        ({"command": ["./plain"]}, "chmod"),
        ({"command": ["./empty"]}, "#!"),
        ({"command": ["true"], "cwd": "nowhere"}, "nowhere: No such file or directory"),
        ({"command": ["true"], "cwd": "plain"}, "plain: Not a directory"),
        ({"command": ["true", "x" * 200_000]}, "128 KiB"),
        ({"command": ["true"], "env": {"A=B": "c"}}, "'A=B' can't be the name"),
        ({"command": ["true"], "env": {"A": "c\0d"}}, "env: A has a NUL"),
        ({"command": ["true"], "env": {"TOKEN": "s3cret\ud800"}}, "env: TOKEN can't be written as utf-8"),
        ({"command": ["true", "\ud800"]}, "command: element 1 can't be written as utf-8"),
    ],
)
def test_what_can_not_start_says_why(make: Start, tmp_path: Path, fields: dict[str, Any], said: str) -> None:
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "empty").write_bytes(b"\x01\x02")
    (tmp_path / "empty").chmod(0o755)
    descriptors = os.listdir("/proc/self/fd")
    with make(**fields) as job:
        with pytest.raises(StartError) as error:
            job.start()
        assert said in str(error.value)
        assert "s3cret" not in str(error.value)
        assert list(job.follow(interval=0.5)) == []
        ended = job.poll()
    assert ended is not None
    assert (ended.cause, ended.reason, ended.ok) == (Cause.UNSTARTED, str(error.value), False)
    assert os.listdir("/proc/self/fd") == descriptors


def test_a_folder_that_can_not_be_made_says_why(context: TrialContext, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    task = LocalTask(command=["true"])
    with pytest.raises(StartError, match="model can't be made: Not a directory"):
        LocalProcess(task, replace(context, model_dir=str(tmp_path / "file" / "model")), home=tmp_path).start()


def test_folders_elsewhere_are_not_made_here(context: TrialContext, tmp_path: Path) -> None:
    context = replace(context, model_dir="s3://bucket/model")
    assert run(LocalProcess(LocalTask(command=["true"]), context, home=tmp_path))[1].ok
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints"]


def test_a_guard_that_cannot_start_says_why(make: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(StartError, match="/nowhere/python"):
        make(["true"]).start()


def test_a_guard_that_was_started_ahead_takes_the_training(make: Start) -> None:
    ready = ReadyGuard("ahead of its trial")
    with make("echo $PPID; exit 3", ready=ready) as job:
        job.start()
        assert int(first_line(job)) == ready.process.pid
        for _ in job.follow(interval=0.5):
            pass
        ended = job.poll()
    assert ended is not None
    assert ended.code == 3
    assert ready.taken
    assert ready.process.returncode == 0


def test_a_guard_that_died_while_it_waited_is_replaced(make: Start) -> None:
    ready = ReadyGuard("ahead of its trial")
    ready.process.kill()
    ready.process.wait()
    with make("echo here", ready=ready) as job:
        job.start()
        assert first_line(job) == "here"
    assert not ready.taken
    ready.close()


def test_a_guard_that_nobody_needed_ends() -> None:
    ready = ReadyGuard("ahead of its trial")
    assert ready.waits
    ready.close()
    assert ready.process.returncode == 0


def test_bytecode_of_another_guard_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "guard.py"
    source.write_text("print('old')")
    monkeypatch.setattr("automl_core.backends.guard.__file__", str(source))
    assert guards._guard_program() == str(source), "there is none"
    kept = py_compile.compile(str(source))
    assert guards._guard_program() == kept
    source.write_text("print('newer')")
    assert guards._guard_program() == str(source)


def test_a_guard_that_breaks_says_why(make: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "guard.py"
    broken.write_text("raise RuntimeError('out of luck')")
    monkeypatch.setattr("automl_core.backends.guard.__file__", str(broken))
    with pytest.raises(StartError, match="out of luck"):
        make(["true"]).start()


def test_when_its_guard_is_killed_nothing_is_left(make: Start) -> None:
    with make("trap '' TERM; sh -c 'trap \"\" TERM; sleep 600; :' & echo $PPID $!; wait; sleep 600") as job:
        job.start()
        guard, child = map(int, first_line(job).split())
        os.kill(guard, signal.SIGKILL)
        for _ in job.follow(interval=0.5):
            pass
        ended = job.poll()
        for pid in (int(job.identity["pid"]), child):
            stat = process_stat(pid)
            assert stat is None or stat.state == "Z"
    assert ended is not None
    assert (ended.cause, ended.ok) == (Cause.LOST, False)
    assert "guard" in ended.reason


def test_a_guard_shrugs_off_the_signals_that_end_others(make: Start) -> None:
    with make("echo $PPID; sleep 0.5; exit 5") as job:
        job.start()
        guard = int(first_line(job))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            os.kill(guard, number)
        for _ in job.follow(interval=0.5):
            pass
        ended = job.poll()
    assert ended is not None
    assert (ended.cause, ended.code) == (Cause.EXITED, 5)


def test_what_is_ended_does_not_wait_for_a_reader(make: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        "automl_core.backends.local.OutputBuffer", partial(OutputBuffer, capacity=100_000, patience=3600)
    )
    with make("yes | head -c 130000; touch full; yes") as job:
        job.start()
        while not (tmp_path / "full").exists():
            time.sleep(0.02)
        job.terminate(grace=1)  # and nobody reads
        while job.poll() is None:
            time.sleep(0.02)


def test_the_last_words_reach_a_slow_reader(make: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "automl_core.backends.local.OutputBuffer", partial(OutputBuffer, capacity=100_000, patience=3600)
    )
    monkeypatch.setattr("automl_core.backends.local._DRAIN", 0.01)
    with make("seq 1 25000; echo the end") as job:  # more than the buffer holds, less than buffer and pipe do
        job.start()
        while Path(f"/proc/{job.identity['pid']}").exists():
            time.sleep(0.02)
        time.sleep(0.1)
        lines = [line for batch in job.follow(interval=0.5) for line in batch]
    assert lines == [*map(str, range(1, 25001)), "the end"]


def test_output_that_outlives_it_does_not_hold_up_the_end(make: Start, tmp_path: Path) -> None:
    """The process hands its output to one that is not its descendant: this very test."""
    place = tmp_path / "socket"
    program = f"""
import socket
with socket.socket(socket.AF_UNIX) as link:
    link.connect({str(place)!r})
    socket.send_fds(link, [b"x"], [1])
    link.recv(1)
"""
    with socket.socket(socket.AF_UNIX) as server, make(["python", "-c", program]) as job:
        server.bind(str(place))
        server.listen()
        job.start()
        connection, _ = server.accept()
        with connection:
            _, (handed,), _, _ = socket.recv_fds(connection, 1, 1)
        try:
            for _ in job.follow(interval=0.5):
                pass
            ended = job.poll()
        finally:
            os.close(handed)
    assert ended is not None
    assert ended.ok
