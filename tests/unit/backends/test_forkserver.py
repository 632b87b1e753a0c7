"""Commands that run in a fork of a process with its libraries loaded: the same as ever, only begun sooner."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from automl_core.backends.base import Cause, Exit
from automl_core.backends.contract import TrialContext
from automl_core.backends.forkserver import client, starting
from automl_core.backends.guard import process_stat
from automl_core.backends.local import LocalProcess
from automl_core.spec.tasks import LocalTask

Start = Callable[..., LocalProcess]

MODULE = """
import os
LOADED_BY = os.getpid()
DATA = {}
def before_fork(environ):
    DATA["of"] = environ.get("AUTOML_EXPERIMENT_ID")
"""


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for servers, and one for modules; servers that a test began are ended after it."""
    folder = Path("/tmp") / f"af-{os.getpid()}-{abs(hash(str(tmp_path))) % 10**8}"
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(starting, "_base", lambda: folder)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "preloaded_module.py").write_text(MODULE)
    monkeypatch.setattr(starting, "_LEFT", [])
    yield folder
    for process in starting._LEFT:
        process.terminate()
        process.wait(20)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.fixture
def make(tmp_path: Path) -> Start:
    def make(program: str, *arguments: str, run: str = "r", **fields: Any) -> LocalProcess:
        (tmp_path / "program.py").write_text(program)
        context = TrialContext("e", run, 0, 1, {}, str(tmp_path / "checkpoints"), str(tmp_path / "model"))
        body = {"command": ["python", "program.py", *arguments], "preload": "preloaded_module", **fields}
        return LocalProcess(LocalTask.model_validate(body), context, home=tmp_path)

    return make


def run(job: LocalProcess) -> tuple[list[str], Exit]:
    with job:
        job.start()
        lines = [line for batch in job.follow(interval=0.2) for line in batch]
        ended = job.poll()
    assert ended is not None
    return lines, ended


def first_line(job: LocalProcess) -> str:
    for batch in job.follow(interval=0.2):
        if batch:
            return batch[0]
    raise AssertionError(job.poll())


def until(what: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


SEEN = (
    "import os, sys, preloaded_module as m\n"
    "print(m.LOADED_BY != os.getpid(), os.getcwd(), sys.argv[1:], os.environ['OWN'], m.DATA['of'], __name__,\n"
    "      os.path.basename(sys.path[0]) == os.path.basename(os.getcwd()), os.getsid(0) == os.getpid())\n"
    "print('to stderr', file=sys.stderr)\n"
)


def test_it_runs_in_a_fork_with_its_own_arguments_folder_and_environment(make: Start, tmp_path: Path) -> None:
    lines, ended = run(make(SEEN, "--a", "b c", env={"OWN": "mine"}))
    assert lines == [f"True {tmp_path} ['--a', 'b c'] mine e __main__ True True", "to stderr"]
    assert (ended.cause, ended.code) == (Cause.EXITED, 0)


def test_attempts_of_a_run_share_a_server_and_those_of_another_do_not(make: Start) -> None:
    program = "import preloaded_module as m; print(m.LOADED_BY)"
    (one, _), (again, _), (other, _) = (run(make(program, run=name)) for name in ("r", "r", "s"))
    assert one == again
    assert one != other


def test_the_server_has_no_secret_of_a_file(make: Start) -> None:
    program = (
        "import os\n"
        "held = open(f'/proc/{os.getppid()}/environ', 'rb').read()\n"
        "print(os.environ['PYTHON_TOKEN'], os.environ['OWN'], b'hush' in held)"
    )
    assert run(make(program, env={"PYTHON_TOKEN": "hush", "OWN": "hush"}))[0] == ["hush hush False"]


def test_a_program_is_read_anew(make: Start) -> None:
    assert run(make("print(1)"))[0] == ["1"]
    assert run(make("print(2)"))[0] == ["2"]


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("import sys; sys.exit('no')", 1, "no"),
        ("import os; os._exit(7)", 7, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", 139, ""),
        ("import atexit; atexit.register(print, 'last words')", 0, "last words"),
    ],
)
def test_its_end_is_the_programs(make: Start, program: str, code: int, said: str) -> None:
    lines, ended = run(make(program))
    assert ended.code == code, lines
    assert said in "\n".join(lines)
    assert not [line for line in lines if "forkserver" in line], "and the server is in no traceback"


def test_what_it_used_is_counted(make: Start) -> None:
    program = (
        "x = bytearray(200 << 20)\nimport time as t\nend = t.process_time() + 0.3\nwhile t.process_time() < end: pass"
    )
    _, ended = run(make(program))
    assert ended.cpu_seconds is not None
    assert ended.cpu_seconds >= 0.3
    assert ended.peak_memory_bytes is not None
    assert ended.peak_memory_bytes >= 200 << 20


WAITS = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def test_what_ends_the_attempt_ends_the_fork(make: Start) -> None:
    with make(WAITS) as job:
        job.start()
        pid = int(first_line(job))
        job.terminate(30)
        until(lambda: job.poll() is not None)
        ended = job.poll()
    assert ended is not None
    assert ended.signal == signal.SIGTERM
    until(lambda: process_stat(pid) is None)


def test_a_signal_is_the_programs_to_handle(make: Start) -> None:
    program = (
        "import os, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saving', flush=True), sys.exit(5)))\n"
        "print('ready', flush=True)\ntime.sleep(600)"
    )
    with make(program) as job:
        job.start()
        assert first_line(job) == "ready"
        job.terminate(30)
        lines = [line for batch in job.follow(interval=0.2) for line in batch]
        ended = job.poll()
    assert lines == ["saving"]
    assert ended is not None
    assert ended.code == 5


def test_a_client_that_is_killed_takes_the_fork_and_its_children_along(make: Start) -> None:
    program = (
        "import os, subprocess, time\n"
        "away = subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "print(os.getpid(), away.pid, flush=True)\ntime.sleep(600)"
    )
    with make(program) as job:
        job.start()
        pids = [int(pid) for pid in first_line(job).split()]
        os.kill(int(job.identity["pid"]), signal.SIGKILL)  # type: ignore[call-overload]
        until(lambda: all(process_stat(pid) is None or process_stat(pid).state == "Z" for pid in pids))  # type: ignore[union-attr]


def test_what_a_fork_leaves_behind_is_ended(make: Start) -> None:
    program = "import subprocess; print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)"
    lines, _ = run(make(program))
    until(lambda: process_stat(int(lines[0])) is None)


def test_a_server_that_is_killed_takes_its_forks_along_and_the_next_attempt_begins_another(make: Start) -> None:
    with make("import os, time; print(os.getppid(), os.getpid(), flush=True); time.sleep(600)") as job:
        job.start()
        server, fork = map(int, first_line(job).split())
        os.kill(server, signal.SIGKILL)
        until(lambda: process_stat(fork) is None)
        lines = [line for batch in job.follow(interval=0.2) for line in batch]
        ended = job.poll()
    assert ended is not None
    assert ended.code == 1
    assert "the process that ran this is gone" in lines[-1]
    assert run(make("print('well')"))[0] == ["well"]


def test_a_server_ends_by_itself(make: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_PRELOAD_IDLE", "0.1")
    lines, _ = run(make("import os; print(os.getppid())"))
    server = starting._LEFT[0]
    assert server.pid == int(lines[0])
    assert server.wait(60) == 0


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()",
         "has started 1 threads"),
    ],
)  # fmt: skip
def test_where_nothing_can_be_forked_the_command_runs_as_it_stands(
    make: Start, tmp_path: Path, module: str, said: str
) -> None:
    (tmp_path / "preloaded_module.py").write_text(module)
    lines, ended = run(make("import os; print(os.environ['AUTOML_EXPERIMENT_ID'])"))
    assert ended.code == 0
    assert lines[-1] == "e"
    assert "note – libraries are loaded anew" in lines[0]
    assert said in lines[0]


@pytest.mark.parametrize("taken", ["all of the request", "its beginning"])
def test_a_server_that_refuses_and_closes_before_the_client_looks_is_heard(places: Path, taken: str) -> None:
    """Whoever sends to a closed socket gets a broken pipe, whatever lies there to be read."""
    filler = "x" * (10 if taken == "all of the request" else 1_200_000)  # beyond what a socket holds
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(places / client.SOCKET))
        listener.listen()
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", client.__file__, str(places), "echo", "itself"], stdout=subprocess.PIPE,
            text=True, env={f"LONG{index}": filler[:100_000] for index in range(max(1, len(filler) // 100_000))},
        )  # fmt: skip
        link, _ = listener.accept()
        with link:
            link.recv(200)
            link.sendall(b"refused it has its reasons\n")
        assert child.communicate()[0].splitlines() == ["note – libraries are loaded anew: it has its reasons", "itself"]
    (places / client.SOCKET).unlink()


@pytest.mark.parametrize("command", ["python program.py", ["sh", "program.py"], ["python", "-c", "print(1)"]])
def test_another_command_is_not_forked(tmp_path: Path, command: Any) -> None:
    (tmp_path / "program.py").write_text("echo 1\n")
    arguments = command if isinstance(command, list) else ["/bin/sh", "-c", command]
    assert starting.forks_for("preloaded_module", arguments, dict(os.environ), scope="s") is None


def test_a_folder_that_others_can_enter_is_not_used(places: Path) -> None:
    places.chmod(0o755)
    found = starting.forks_for("preloaded_module", ["python", "a.py"], dict(os.environ), scope="s")
    assert found is None
    places.chmod(0o700)


def test_a_server_of_another_user_is_not_spoken_to(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(places / client.SOCKET))
        listener.listen()
        client.connect(str(places)).close()
        monkeypatch.setattr(client, "peer_uid", lambda _: os.geteuid() + 1)
        with pytest.raises(client.Unreachable, match="another user's"):
            client.connect(str(places))


def test_what_is_no_request_ends_nobody(make: Start, places: Path) -> None:
    assert run(make("print(1)"))[0] == ["1"]
    (folder,) = [path for path in places.iterdir() if path.is_dir()]
    for junk in (b"", b"\0" * 8, b"\xff" * 64, client.pack([b"/", b"2", b"python", b"a.py"])):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(folder / client.SOCKET))
            link.sendall(junk)
    assert run(make("print(2)"))[0] == ["2"]
    assert len(starting._LEFT) == 1, "and it is the same server"


def test_forks_hold_nothing_of_one_another(make: Start) -> None:
    with make(WAITS) as other:
        other.start()
        first_line(other)
        lines, _ = run(make("import os; print(*sorted(os.listdir('/proc/self/fd'), key=int))"))
    assert lines == ["0 1 2 3"], "3 is the listing itself"


@pytest.mark.parametrize("name", ["numpy.random", "random"])
def test_random_numbers_are_each_forks_own(make: Start, tmp_path: Path, name: str) -> None:
    (tmp_path / "preloaded_module.py").write_text("import numpy.random, random")
    program = f"import numpy.random, random; print({name}.random())"
    assert run(make(program))[0] != run(make(program))[0]
