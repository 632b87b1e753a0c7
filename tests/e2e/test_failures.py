"""What an experiment must take: after each of these no trial is lost, none counted twice, none runs unobserved.

The store of this Airflow refuses every tenth call besides, by turns before it is done and with the answer lost.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.world import MISSED_SOON, World, wait_until

pytestmark = pytest.mark.timeout(600)

ENVIRONMENT = {**MISSED_SOON, "AUTOML_TESTING": "1", "AUTOML_STORAGE_FAULTS": "every=10&counter={root}/calls"}


def slow(world: World, name: str, *, steps: int = 12, **groups: Any) -> str:
    """An experiment whose trials take some twelve seconds."""
    task = {"name": "train", "grace": "1s", "command": world.command(steps=steps, pause=1)}
    return world.experiment(name, tasks=[task], **groups)


def check_sound(world: World, name: str, run: str, trials: int) -> list[dict[str, Any]]:
    """No trial lost or counted twice, nothing left running, every value there; returns the trials."""
    result = world.controller(name, run)
    found: list[dict[str, Any]] = result["trials"]
    assert [trial["number"] for trial in found] == list(range(trials))
    assert {trial["state"] for trial in found} == {"SUCCEEDED"}, found
    state = world.study(name, run).state
    assert sorted(state.works) == list(range(trials)), "each slot is bound once"
    assert len({str(trial["params"]) for trial in found}) == trials
    assert not [work for work in state.works.values() if not work.state.ended]
    for start in world.starts():
        assert not alive(start["pid"]), f"{start} still runs"
    return found


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie doesn't)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ancestors(pid: int) -> list[int]:
    """A process's parent, its parent, and so on."""
    found = []
    while pid > 1:
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(pid)
    return found


def started(world: World, seen: int) -> list[dict[str, Any]]:
    """Starts of training code since there were ``seen`` of them."""
    return world.starts()[seen:]


def test_a_worker_killed_in_mid_trial(world: World) -> None:
    name = slow(world, "worker_killed", trials={"max": 3, "concurrency": 2})
    seen = len(world.starts())
    run = world.start(name)
    wait_until(lambda: bool(started(world, seen)), 90, "a trial to start")
    victim = started(world, seen)[0]
    scheduler = world.airflow.pid("scheduler")
    doomed = [pid for pid in ancestors(victim["pid"]) if pid != scheduler and scheduler in ancestors(pid)]
    assert doomed, "the training runs below a worker of the scheduler"
    for pid in doomed:  # the worker, its supervisor and the task's process; not the training itself
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(victim["pid"]), 15, "the training to end with its worker")
    assert world.finish(name, run, 300) == "success"
    trials = check_sound(world, name, run, 3)
    again = next(trial for trial in trials if str(trial["number"]) == victim["trial"])
    assert [attempt["number"] for attempt in again["attempts"]] == [1, 2]


def test_a_scheduler_killed_and_started_again(world: World) -> None:
    name = slow(world, "scheduler_killed", trials={"max": 4, "concurrency": 2})
    seen = len(world.starts())
    run = world.start(name)
    wait_until(lambda: bool(started(world, seen)), 90, "a trial to start")
    world.airflow.kill_component("scheduler")
    world.airflow.start_component("scheduler")
    assert world.finish(name, run, 300) == "success"
    check_sound(world, name, run, 4)


def test_a_triggerer_killed_and_started_again_while_slots_wait(world: World) -> None:
    name = slow(world, "triggerer_killed", steps=5, trials={"max": 4, "concurrency": 3})
    run = world.start(name, {"concurrency": 1})
    wait_until(lambda: world.states(name, run)["deferred"] >= 1, 90, "a slot to wait")
    world.airflow.kill_component("triggerer")
    world.airflow.start_component("triggerer")
    assert world.finish(name, run, 400) == "success"
    check_sound(world, name, run, 4)


def test_a_store_that_refuses_every_tenth_call(world: World) -> None:
    calls = world.root / "calls"
    before = int(calls.read_text() or 0) if calls.exists() else 0
    name = world.experiment("refusing", trials={"max": 8, "concurrency": 4})
    run, state = world.run(name, seconds=300)
    assert state == "success"
    trials = check_sound(world, name, run, 8)
    assert all(len(trial["attempts"]) == 1 for trial in trials), "what was refused was asked again, not trained again"
    assert int(calls.read_text()) - before > 40, "the store was really asked, and refused some of it"


def test_training_that_hangs_floods_says_nothing_or_is_killed(world: World) -> None:
    modes = ["good", "hangs", "floods", "silent", "nan", "killed", "fails"]
    name = world.experiment(
        "misbehaving",
        space={"mode": {"type": "choice", "values": modes}},
        search={"algorithm": "grid"},
        trials={"max": len(modes), "concurrency": 3, "retries": 1, "timeout": "60s"},
        tasks=[
            {
                "name": "train",
                "grace": "1s",
                "timeout": "60s",
                "command": ["sh", "-c", 'exec "$@"', "sh", *world.command(x=0.5, mode="${mode}")],
            }
        ],
    )
    run, state = world.run(name, seconds=420)
    assert state == "success"
    trials = {trial["params"]["mode"]: trial for trial in world.controller(name, run)["trials"]}
    assert sorted(trials) == sorted(modes), "no trial lost, none twice"
    assert [mode for mode in modes if trials[mode]["state"] == "SUCCEEDED"] == ["good", "floods"]

    def reason(mode: str) -> str:
        return str(trials[mode]["attempts"][-1]["reason"])

    assert "1m" in reason("hangs")
    assert "accuracy" in reason("silent")
    assert "nan" in reason("nan").lower()
    assert "137" in reason("killed") or "SIGKILL" in reason("killed")
    assert "ValueError: this combination is bad" in reason("fails")
    assert len(trials["fails"]["attempts"]) == 2, "tried again as often as the file says"
    assert len(trials["silent"]["attempts"]) == 1, "a training without its metric is not tried again"
    log = world.folder(name, run) / f"experiment_{trials['floods']['number']}" / "log.txt"
    assert log.stat().st_size < 30_000_000
    for start in world.starts():
        assert not alive(start["pid"])
