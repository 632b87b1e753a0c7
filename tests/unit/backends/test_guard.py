"""The guard's parts that need no process: its request, the process table, what it costs to start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends import guard
from automl_core.backends.guard import ProcessStat, Request, descendants, process_stat, process_table
from tests.support.patience import stretched

fields = st.binary(max_size=200).filter(lambda field: b"\0" not in field)


@given(
    st.floats(0, allow_nan=False), st.floats(0, 1e6), fields, st.lists(fields, min_size=1), st.lists(fields),
)  # fmt: skip
def test_a_request_arrives_as_it_was_sent(
    timeout: float, grace: float, cwd: bytes, argv: list[bytes], env: list[bytes]
) -> None:
    sent = Request(timeout, grace, cwd, argv, env)
    end, start = os.pipe()
    try:
        os.write(start, sent.encode() + b"terminate 1.0\n")
        received = Request.receive(end)
        assert os.read(end, 100) == b"terminate 1.0\n"  # what comes after it is left alone
    finally:
        os.close(end)
        os.close(start)
    assert vars(received) == vars(sent)


def test_half_a_request_is_none() -> None:
    end, start = os.pipe()
    os.write(start, Request(1.0, 1.0, b"/", [b"true"], []).encode()[:-1])
    os.close(start)
    try:
        with pytest.raises(EOFError):
            Request.receive(end)
    finally:
        os.close(end)


def test_a_process_is_read_whatever_its_name_holds() -> None:
    rest = " ".join(str(n) for n in range(8, 26))
    stat = ProcessStat(f"4242 (evil) R 1 (x) S 17 42 43 7 {rest}".encode())
    assert (stat.state, stat.parent, stat.group, stat.session) == ("S", 17, 42, 43)
    assert stat.started == 22


def test_the_process_table_knows_this_process() -> None:
    stat = process_table()[os.getpid()]
    assert stat.parent == os.getppid()
    assert stat.group == os.getpgrp()
    assert stat.session == os.getsid(0)
    assert stat.state == "R"
    own = process_stat(os.getpid())
    assert own is not None
    assert own.started == stat.started
    assert process_stat(2**22 + 1) is None


def test_descendants_are_found_at_any_depth() -> None:
    def child_of(parent: int) -> ProcessStat:
        return ProcessStat(b"1 (x) S %d " % parent + b"0 " * 20)

    table = {2: child_of(1), 3: child_of(2), 4: child_of(3), 5: child_of(1), 6: child_of(9)}
    assert descendants(2, table) == [3, 4]
    assert descendants(1, table) == [2, 5, 3, 4]
    assert descendants(4, table) == []


def test_a_closed_link_is_the_end() -> None:
    """Also while the worker itself still lives: whoever closed it watches no more."""
    ours, theirs = socket.socketpair()
    with ours:
        command = [sys.executable, "-I", "-S", guard.__file__]
        with theirs:
            process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL)
        env = [b"PATH=" + os.fsencode(os.environ["PATH"])]
        ours.sendall(Request(float("inf"), 1.0, b"/", [b"sleep", b"600"], env).encode())
        word, pid, _ = ours.recv(100).split()
        ours.shutdown(socket.SHUT_WR)
        ended = b""
        while more := ours.recv(100):
            ended += more
        assert process.wait() == 0
    assert word == b"started"
    assert ended.split()[:3] == [b"ended", b"15", b"terminated"]
    assert process_stat(int(pid)) is None


def test_a_guard_without_a_worker_goes_away() -> None:
    command = [sys.executable, "-I", "-S", guard.__file__]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=stretched(60), check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_guard_loads_little() -> None:
    program = (
        "import sys, importlib.util as u\n"
        f"spec = u.spec_from_file_location('guard', {guard.__file__!r})\n"
        "before = set(sys.modules)\n"
        "spec.loader.exec_module(u.module_from_spec(spec))\n"
        "print(*sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    heavy = {"argparse", "ctypes", "dataclasses", "inspect", "json", "logging", "re", "socket", "subprocess", "typing"}
    assert not heavy & set(done.stdout.split())
