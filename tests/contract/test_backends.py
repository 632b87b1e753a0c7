"""What every backend promises, over each of them. A new backend is one more `Rig`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from automl_core.backends import BackendError, Cause, Exit, Job, StartError, job_class
from automl_core.backends.base import BACKENDS
from automl_core.backends.contract import TrialContext, environment
from automl_core.backends.local import LocalProcess
from automl_core.spec.tasks import LocalTask
from tests.support.patience import stretched

REPOSITORY = Path(__file__).resolve().parents[2]
SOON = 30.0  # seconds after which a test that waits gives up; no test passes or fails by a shorter time


class Rig(ABC):
    """Makes jobs of one backend that run a shell script or a Python program, and looks for what they leave behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = f"mark-{uuid.uuid4().hex}"
        self.context = TrialContext(
            experiment_id="digits",
            run_id="run-1",
            trial=7,
            attempt=2,
            params={"lr": 0.001, "solver": "sgd", "nesterov": True},
            budget=9,
            resume_from=str(folder / "rung 3"),
            checkpoint_dir=str(folder / "check points"),
            model_dir=str(folder / "model"),
        )

    @abstractmethod
    def shell(self, script: str, *, limit: float | None = None, **fields: Any) -> Job:
        """A job that runs a shell script, within the job's time limit and with these fields of the task."""

    @abstractmethod
    def python(self, program: str, *, limit: float | None = None, **fields: Any) -> Job:
        """A job that runs a Python program."""

    @abstractmethod
    def left(self) -> list[str]:
        """What still runs of the processes that have `mark` among their arguments."""


class LocalRig(Rig):
    def shell(self, script: str, *, limit: float | None = None, **fields: Any) -> LocalProcess:
        return self._job(script, limit=limit, **fields)

    def python(self, program: str, *, limit: float | None = None, **fields: Any) -> LocalProcess:
        return self._job(["python", "-c", textwrap.dedent(program), self.mark], limit=limit, **fields)

    def left(self) -> list[str]:
        return processes_with(self.mark)

    def _job(self, command: str | list[str], limit: float | None, **fields: Any) -> LocalProcess:
        task = LocalTask.model_validate({"grace": 0.3, **fields, "command": command})
        return LocalProcess(task, self.context, timeout=limit, home=self.folder)


RIGS: dict[str, type[Rig]] = {"local": LocalRig}


@pytest.fixture(params=sorted(RIGS))
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    rig = RIGS[request.param](tmp_path)
    yield rig
    assert rig.left() == []  # whatever a test did, nothing survives it


def processes_with(mark: str) -> list[str]:
    """Command lines of the living processes that have a mark in their arguments."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if mark.encode() in command and int(folder.name) != os.getpid():
            found.append(f"{folder.name} {command!r}")
    return found


def run(job: Job) -> tuple[list[str], Exit]:
    """Start a job and follow it to its end."""
    with job:
        job.start()
        lines = [line for batch in job.follow(interval=0.5) for line in batch]
        ended = job.poll()
    assert ended is not None
    return lines, ended


def read_until(job: Job, line: str) -> list[str]:
    """Lines up to the batch with one line in it."""
    seen: list[str] = []
    for batch in job.follow(interval=0.5):
        seen += batch
        if line in seen:
            return seen
    raise AssertionError(f"{line!r} never came: {seen}, {job.poll()}")


def eventually(holds: Callable[[], bool], within: float = SOON) -> bool:
    deadline = time.monotonic() + stretched(within)
    while not holds():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True


def test_every_backend_has_a_rig() -> None:
    assert set(RIGS) == set(BACKENDS)
    assert all(job_class(name).backend == name for name in BACKENDS)


# How it ended


def test_success(rig: Rig) -> None:
    lines, ended = run(rig.shell("echo one; echo two >&2; echo three"))
    assert lines == ["one", "two", "three"]
    assert ended.ok
    assert (ended.cause, ended.code, ended.signal) == (Cause.EXITED, 0, None)
    assert ended.seconds >= 0


def test_standard_error_comes_in_order(rig: Rig) -> None:
    lines, _ = run(rig.shell("for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done"))
    assert lines == [f"{where} {i}" for i in range(1, 10) for where in ("out", "err")]


@pytest.mark.parametrize("code", [1, 3, 126, 127, 200, 255])
def test_exit_code(rig: Rig, code: int) -> None:
    _, ended = run(rig.shell(f"exit {code}"))
    assert not ended.ok
    assert (ended.cause, ended.code, ended.signal) == (Cause.EXITED, code, None)
    assert str(code) in ended.reason
    assert not ended.out_of_memory


def test_killed_by_a_signal(rig: Rig) -> None:
    _, ended = run(rig.shell("kill -SEGV $$"))
    assert not ended.ok
    assert (ended.cause, ended.code, ended.signal) == (Cause.KILLED, 139, signal.SIGSEGV)
    assert "SIGSEGV" in ended.reason
    assert not ended.out_of_memory


@pytest.mark.parametrize("script", ["kill -KILL $$", "sh -c 'kill -KILL $$'; exit $?", "exit 137"])
def test_137_is_explained(rig: Rig, script: str) -> None:
    _, ended = run(rig.shell(script))
    assert not ended.ok
    assert ended.code == 137
    assert ended.out_of_memory
    assert "memory" in ended.reason


def test_time_limit(rig: Rig) -> None:
    lines, ended = run(rig.shell(f"echo on; sleep 600; echo {rig.mark}", limit=0.5))
    assert lines == ["on"]
    assert not ended.ok
    assert not ended.out_of_memory
    assert ended.cause is Cause.TIMEOUT
    assert "time limit of 0.5s" in ended.reason
    assert ended.seconds >= 0.5


@pytest.mark.parametrize("limits", [{"timeout": 0.3}, {"limit": 600, "timeout": 0.3}, {"limit": 0.3, "timeout": 600}])
def test_the_shorter_time_limit_holds(rig: Rig, limits: dict[str, float]) -> None:
    _, ended = run(rig.shell("sleep 600", **limits))
    assert ended.cause is Cause.TIMEOUT
    assert 0.3 <= ended.seconds < 300


def test_what_it_used_is_told(rig: Rig) -> None:
    program = """
        block = bytearray(200_000_000)
        for i in range(0, len(block), 4096):
            block[i] = 1
        """
    _, ended = run(rig.python(program))
    assert ended.cpu_seconds is not None
    assert ended.cpu_seconds > 0
    assert ended.peak_memory_bytes is not None
    assert 200_000_000 < ended.peak_memory_bytes < 300_000_000


# Ending it early


def test_terminate_lets_it_finish_within_the_grace(rig: Rig) -> None:
    job = rig.shell("trap 'echo saved; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    with job:
        job.start()
        read_until(job, "ready")
        job.terminate(grace=SOON)
        lines = [line for batch in job.follow(interval=0.5) for line in batch]
        ended = job.poll()
    assert lines[-1] == "saved"
    assert ended is not None
    assert not ended.ok
    assert (ended.cause, ended.code) == (Cause.TERMINATED, 0)


def test_terminate_kills_what_ignores_it(rig: Rig) -> None:
    job = rig.shell(f"trap '' TERM; echo ready; while :; do sh -c 'sleep 0.05' {rig.mark}; done")
    with job:
        job.start()
        read_until(job, "ready")
        job.terminate(grace=0.2)
        for _ in job.follow(interval=0.5):
            pass
        ended = job.poll()
    assert ended is not None
    assert (ended.cause, ended.code, ended.signal) == (Cause.TERMINATED, 137, signal.SIGKILL)
    assert not ended.out_of_memory


def test_a_stopped_process_is_ended(rig: Rig) -> None:
    job = rig.shell("echo ready; kill -STOP $$; sleep 600")
    with job:
        job.start()
        read_until(job, "ready")
        job.terminate(grace=SOON)
        for _ in job.follow(interval=0.5):
            pass
        ended = job.poll()
    assert ended is not None
    assert (ended.cause, ended.signal) == (Cause.TERMINATED, signal.SIGTERM)


@pytest.mark.parametrize("graces", [(600, 0), (0.2, 600)])
def test_the_shortest_grace_asked_for_holds(rig: Rig, graces: tuple[float, float]) -> None:
    job = rig.shell("trap '' TERM; echo ready; while :; do sleep 0.05; done")
    with job:
        job.start()
        read_until(job, "ready")
        for grace in graces:
            job.terminate(grace)
        for _ in job.follow(interval=0.5):
            pass
        ended = job.poll()
    assert ended is not None
    assert ended.cause is Cause.TERMINATED


def test_terminate_before_the_start_starts_nothing(rig: Rig) -> None:
    job = rig.shell("touch started")
    with job:
        job.terminate(grace=1)
        job.start()
        assert list(job.follow(interval=0.5)) == []
        ended = job.poll()
    assert ended is not None
    assert ended.cause is Cause.TERMINATED
    assert not (rig.folder / "started").exists()
    with pytest.raises(BackendError):
        _ = job.identity


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.005, 0.01, 0.02, 0.04])
def test_terminate_while_starting(rig: Rig, delay: float) -> None:
    job = rig.shell(f"sh -c 'sleep 600; :' {rig.mark}")
    with job:
        canceller = threading.Timer(delay, job.terminate, args=(0.1,))
        canceller.start()
        job.start()
        for _ in job.follow(interval=0.5):
            pass
        canceller.join()
        ended = job.poll()
    assert ended is not None
    assert ended.cause is Cause.TERMINATED


def test_terminate_from_a_signal_handler_while_starting(rig: Rig) -> None:
    for delay in (0.0005, 0.002, 0.005, 0.01, 0.02):
        job = rig.shell("sleep 600")
        previous = signal.signal(signal.SIGUSR2, lambda *_, job=job: job.terminate(0.1))
        sender = threading.Timer(delay, os.kill, args=(os.getpid(), signal.SIGUSR2))
        try:
            with job:
                sender.start()
                job.start()
                for _ in job.follow(interval=0.5):
                    pass
                ended = job.poll()
        finally:
            sender.join()
            signal.signal(signal.SIGUSR2, previous)
        assert ended is not None
        assert ended.cause is Cause.TERMINATED


def test_terminate_after_the_end_changes_nothing(rig: Rig) -> None:
    job = rig.shell("exit 4")
    _, ended = run(job)
    job.terminate(grace=0)
    job.close()
    assert job.poll() == ended
    assert job.read(timeout=0) == []


def test_leaving_the_block_ends_it(rig: Rig) -> None:
    with rig.shell(f"trap '' TERM; sh -c 'sleep 600; :' {rig.mark}") as job:
        job.start()
        assert eventually(lambda: bool(rig.left()))
    ended = job.poll()
    assert ended is not None
    assert ended.cause is Cause.TERMINATED
    assert rig.left() == []


# Nothing is left behind

FAMILIES = {
    "in the background": "sh -c 'sleep 600; :' {mark} &",
    "grandchildren": "sh -c 'sh -c \"sleep 600; :\" {mark} & wait' {mark} &",
    "out of the process group": "setsid sh -c 'sleep 600; :' {mark} &",
    "a daemon": "(setsid sh -c 'sleep 600; :' {mark} >/dev/null 2>&1 </dev/null &)",
    "ignoring SIGTERM": "sh -c 'trap \"\" TERM; sleep 600; sleep 600' {mark} &",
}


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_left_when_it_ends(rig: Rig, family: str) -> None:
    lines, ended = run(rig.shell(FAMILIES[family].format(mark=rig.mark) + "\necho done"))
    assert lines == ["done"]
    assert ended.ok
    assert rig.left() == []


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_left_when_it_is_terminated(rig: Rig, family: str) -> None:
    with rig.shell(FAMILIES[family].format(mark=rig.mark) + "\necho ready; sleep 600; :") as job:
        job.start()
        read_until(job, "ready")
        assert eventually(lambda: bool(rig.left()))
        job.terminate(grace=0.2)
        for _ in job.follow(interval=0.5):
            pass
        assert rig.left() == []


def test_a_helper_may_finish_its_work(rig: Rig) -> None:
    script = "(sleep 0.05; echo from the helper) & echo done"
    assert run(rig.shell(script))[0] == ["done", "from the helper"]


WORKER = """
import json, os, sys
from pathlib import Path
from automl_core.backends.contract import TrialContext
from automl_core.backends.local import LocalProcess
from automl_core.spec.tasks import LocalTask

home, script, fork = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "fork"
context = TrialContext("e", "r", 0, 1, {}, checkpoint_dir=str(home / "c"), model_dir=str(home / "m"))
job = LocalProcess(LocalTask(command=script, grace=60), context, home=home)
job.start()
if fork and os.fork() == 0:  # a fork has the socket to the guard, and keeps it open
    import time
    time.sleep(600)
print(json.dumps(job.identity), flush=True)
for lines in job.follow(1):
    print(*lines, sep="\\n", flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts workers: real processes that run a script as a local job."""
    started: list[subprocess.Popen[str]] = []

    def start(script: str, *, fork: bool = False) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), script, "fork" if fork else ""],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_left_when_the_worker_is_killed(worker: Callable[..., Any], family: str) -> None:
    mark = f"mark-{uuid.uuid4().hex}"
    process = worker(f"{FAMILIES[family].format(mark=mark)}\necho ready; sleep 600; : {mark}")
    assert process.stdout.readline().startswith("{")
    assert process.stdout.readline() == "ready\n"
    assert len(processes_with(mark)) >= 2
    process.kill()
    process.wait()
    # The promise is 3 s; the figure here allows for a machine that is busy with other tests.
    assert eventually(lambda: not processes_with(mark), within=10)


def test_nothing_is_left_when_a_killed_worker_had_forked(worker: Callable[..., Any]) -> None:
    process = worker("sleep 600; :", fork=True)
    pid = json.loads(process.stdout.readline())["pid"]
    assert Path(f"/proc/{pid}").exists()
    process.kill()
    process.wait()
    assert eventually(lambda: not Path(f"/proc/{pid}").exists(), within=10)


def test_what_a_dead_worker_leaves_is_found_again(rig: Rig) -> None:
    with rig.shell(f"sh -c 'sleep 600; :' {rig.mark}") as job:
        job.start()
        identity = json.loads(json.dumps(job.identity))  # as it comes back from a store
        assert type(job).end_stale(identity, grace=0.2)
        assert rig.left() == []
        assert not type(job).end_stale(identity)
        for _ in job.follow(interval=0.5):
            pass
        ended = job.poll()
    assert ended is not None
    assert not ended.ok


# Its output


def test_it_prints_nothing(rig: Rig) -> None:
    with rig.shell("sleep 0.3") as job:
        job.start()
        batches = list(job.follow(interval=0.05))
        ended = job.poll()
    assert ended is not None
    assert ended.ok
    assert len(batches) >= 2
    assert not any(batches)


def test_lines_come_while_it_runs(rig: Rig) -> None:
    with rig.python("import time; print('epoch 1'); time.sleep(600)") as job:
        job.start()
        assert read_until(job, "epoch 1") == ["epoch 1"]
        assert job.poll() is None


def test_a_last_line_without_an_end_counts(rig: Rig) -> None:
    assert run(rig.shell("printf 'a\\nb'"))[0] == ["a", "b"]


def test_binary_output_is_text_all_the_same(rig: Rig) -> None:
    program = "import os; [os.write(1, os.urandom(65536)) for _ in range(16)]; os.write(1, b'\\n\\xff\\xfe\\x00ok\\n')"
    lines, ended = run(rig.python(program))
    assert ended.ok
    assert lines[-1] == "��\0ok"
    assert not [line for line in lines if "\n" in line or "\r" in line[:-1]]


def test_a_line_that_is_drawn_again_comes_in_the_pieces_in_which_it_is_drawn(rig: Rig) -> None:
    lines, _ = run(rig.shell(r"printf '10%%\r20%%\r30%%\nend\r\n'"))
    assert lines == ["10%\r", "20%\r", "30%", "end"]


FLOOD = """
import os
line = b"epoch 1 loss=0.123456 some more text that makes it a line of eighty characters\\n"
block = line * 1000
for _ in range(200_000_000 // len(block)):
    view = memoryview(block)
    while view:
        view = view[os.write(1, view):]
"""

READER = """
import resource, sys
from pathlib import Path
from automl_core.backends.contract import TrialContext
from automl_core.backends.local import LocalProcess
from automl_core.spec.tasks import LocalTask

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

home, program = Path(sys.argv[1]), sys.argv[2]
context = TrialContext("e", "r", 0, 1, {}, checkpoint_dir=str(home / "c"), model_dir=str(home / "m"))
with LocalProcess(LocalTask(command=["python", "-c", program]), context, home=home) as job:
    job.start()
    before, lines = peak(), 0
    for batch in job.follow(1):
        lines += len(batch)
    print(lines, peak() - before, job.poll().code)
"""


def test_a_flood_of_output_is_kept_up_with(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READER, str(tmp_path), FLOOD],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines, grown, code = done.stdout.split()
    block = len(b"epoch 1 loss=0.123456 some more text that makes it a line of eighty characters\n") * 1000
    assert int(lines) == 200_000_000 // block * 1000
    assert float(grown) < 15  # MB
    assert int(code) == 0


def test_a_line_without_end_is_cut(rig: Rig) -> None:
    lines, ended = run(rig.python("import sys; sys.stdout.write('x' * 50_000_000); print(); print('after')"))
    assert ended.ok
    assert len(lines) == 2
    assert len(lines[0]) < 100_000
    assert lines[0].endswith("bytes of this line were cut]")
    assert lines[1] == "after"


# What it sees


def test_the_environment_is_the_one_promised(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://user:secret@db/airflow",
        "AIRFLOW_CONN_S3": "aws://key:secret@",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ACCESS_KEY_ID": "secret",
        "MY_PASSWORD": "secret",
        "PYTHON_KEYRING_TOKEN": "secret",
        "SOMETHING_ELSE": "private",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    job = rig.shell("env -0", env={"RATE": "at ${lr}", "MY_TOKEN": "by file", "AUTOML_TRIAL_ID": "99"})
    lines, ended = run(job)
    seen = dict(entry.split("=", 1) for entry in "\n".join(lines).split("\0") if entry)
    assert ended.ok
    contract = environment(rig.context)
    assert contract == {
        "AUTOML_EXPERIMENT_ID": "digits",
        "AUTOML_RUN_ID": "run-1",
        "AUTOML_TRIAL_ID": "7",
        "AUTOML_ATTEMPT": "2",
        "AUTOML_PARAMS": '{"lr": 0.001, "solver": "sgd", "nesterov": true}',
        "AUTOML_BUDGET": "9",
        "AUTOML_RESUME_FROM": str(rig.folder / "rung 3"),
        "AUTOML_CHECKPOINT_DIR": str(rig.folder / "check points"),
        "AUTOML_MODEL_DIR": str(rig.folder / "model"),
    }
    assert {name: value for name, value in seen.items() if name.startswith("AUTOML_")} == contract
    assert seen["RATE"] == "at 0.001"
    assert seen["MY_TOKEN"] == "by file"  # as short a secret is not hidden in what is printed
    assert seen["OMP_NUM_THREADS"] == "1"
    assert not secrets.keys() & seen.keys()
    allowed = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV",
               "PWD", "SHLVL", "_", "OLDPWD"}  # fmt: skip
    unexpected = {
        name
        for name in seen.keys() - allowed - contract.keys() - {"RATE", "MY_TOKEN"}
        if not name.startswith(("LC_", "PYTHON", "CUDA", "NVIDIA", "OMP_", "MKL_", "KMP_", "OPENBLAS_", "NUMEXPR_"))
        and not name.lower().endswith(("_proxy", "_ca_bundle"))
        and not name.startswith("SSL_CERT_")
    }
    assert unexpected == set()


def test_the_folders_exist(rig: Rig) -> None:
    _, ended = run(rig.shell('test -d "$AUTOML_MODEL_DIR" && test -d "$AUTOML_CHECKPOINT_DIR" && touch ${model_dir}/m'))
    assert ended.ok
    assert (rig.folder / "model" / "m").exists()


def test_values_reach_the_command(rig: Rig) -> None:
    lines, _ = run(rig.shell("echo ${lr} ${solver} ${nesterov} ${trial_id} ${budget} ${params} ${checkpoint_dir}"))
    expected = f"0.001 sgd true 7 9 lr0.001_solversgd_nesterovtrue {rig.folder / 'check points'}"
    assert lines == [expected]


def test_a_command_that_is_not_there_is_an_error_to_act_on(rig: Rig) -> None:
    _, ended = run(rig.shell("no-such-command --really"))
    assert ended.code == 127
    assert "not found" in ended.reason


# Many, and again and again


def test_twenty_at_once(rig: Rig) -> None:
    jobs = [rig.shell(f"for i in 1 2 3 4 5; do echo {n} $i; done; exit {n}") for n in range(20)]
    try:
        for job in jobs:
            job.start()
        for n, job in enumerate(jobs):
            lines = [line for batch in job.follow(interval=0.5) for line in batch]
            assert lines == [f"{n} {i}" for i in range(1, 6)]
            ended = job.poll()
            assert ended is not None
            assert ended.code == n
    finally:
        for job in jobs:
            job.close()


def test_a_job_starts_once(rig: Rig) -> None:
    with rig.shell("true") as job:
        job.start()
        with pytest.raises(StartError, match="once"):
            job.start()


@pytest.mark.usefixtures("garbage_stays")
def test_no_descriptor_and_no_thread_is_leaked(rig: Rig) -> None:
    run(rig.shell("true"))  # whatever is opened once and for all
    descriptors, threads = os.listdir("/proc/self/fd"), threading.active_count()
    for script in ("true", "exit 1", "echo hi", "kill -9 $$") * 3:
        run(rig.shell(script))
    terminated = rig.shell("sleep 600")
    with terminated:
        terminated.start()
    unstarted = rig.shell("true")
    unstarted.close()
    assert os.listdir("/proc/self/fd") == descriptors
    assert threading.active_count() == threads
    with pytest.raises(ChildProcessError):  # no zombie
        os.waitpid(-1, os.WNOHANG)
