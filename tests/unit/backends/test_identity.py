"""A process found again by another process, and never mistaken for another one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from automl_core.backends.base import BackendError
from automl_core.backends.guard import process_stat
from automl_core.backends.identity import ProcessIdentity


@pytest.fixture
def stray() -> Iterator[subprocess.Popen[bytes]]:
    """A process group that nobody guards any more."""
    script = "sh -c 'trap \"\" TERM; echo; sleep 600; sleep 600' & sh -c 'sleep 600; :' & wait"
    process = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    assert process.stdout.readline() == b"\n"
    yield process
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def identity_of(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    stat = process_stat(process.pid)
    assert stat is not None
    return ProcessIdentity.here(process.pid, stat.started)


def group_members(group: int) -> list[int]:
    found = []
    for name in os.listdir("/proc"):
        stat = process_stat(int(name)) if name.isdigit() else None
        if stat is not None and stat.group == group and stat.state != "Z":
            found.append(int(name))
    return found


def test_it_survives_a_store(stray: subprocess.Popen[bytes]) -> None:
    identity = identity_of(stray)
    assert ProcessIdentity.from_json(json.loads(json.dumps(identity.as_json()))) == identity
    assert identity.alive


def test_a_stray_group_is_ended(stray: subprocess.Popen[bytes]) -> None:
    identity = identity_of(stray)
    assert len(group_members(stray.pid)) >= 2
    assert identity.end(grace=0.2)
    assert group_members(stray.pid) == []
    assert not identity.alive
    assert not identity.end(grace=0.2)
    assert stray.wait() == -15


@pytest.mark.parametrize(
    "other", [{"host": "another-host"}, {"boot": "another start of it"}, {"started": 1}, {"pid": 2**22 + 1}]
)
def test_another_process_is_left_alone(stray: subprocess.Popen[bytes], other: dict[str, object]) -> None:
    identity = replace(identity_of(stray), **other)  # type: ignore[arg-type]
    assert not identity.alive
    assert not identity.end(grace=0)
    assert stray.poll() is None


def test_a_process_that_leads_no_session_is_left_alone() -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        identity = identity_of(process)
        assert not identity.end(grace=0)
        assert process.poll() is None
        process.kill()


@pytest.mark.parametrize(
    "data",
    [
        {}, {"host": "h"}, {"host": "h", "boot": "b", "pid": "1", "started": 5},
        {"host": "h", "boot": "b", "pid": 1, "started": 5}, {"host": "h", "boot": "b", "pid": 0, "started": 5},
        {"host": "h", "boot": "b", "pid": -1, "started": 5},
        {"host": "h", "boot": "b", "pid": 99, "started": 0}, {"pod": "trial-7", "namespace": "ml"},
    ],
)  # fmt: skip
def test_what_is_no_identity_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(BackendError, match="not the identity"):
        ProcessIdentity.from_json(data)
