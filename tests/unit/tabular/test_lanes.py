"""Forked lanes: they answer, ask, are told, die without taking anybody with them, and end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import Any

import pytest

from automl_core.tabular.deadline import ENDING, Deadline
from automl_core.tabular.lanes import Event, Lanes, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="needs fork")


def _next(lanes: Lanes) -> Event:
    while True:
        for event in lanes.events(1.0):
            return event


def test_a_lane_asks_and_goes_on_with_the_answer() -> None:
    def work(task: int, say: Any) -> int:
        return task + int(say("how many?"))

    with Lanes(work, 2) as lanes:
        lanes.submit(0, 1)
        asked = _next(lanes)
        assert (asked.kind, asked.payload, lanes.free) == ("said", "how many?", [1])
        lanes.answer(0, 41)
        assert _next(lanes) == Event(0, "done", 42)
        assert lanes.free == [0, 1]


def test_an_error_is_told_in_words_and_the_lane_lives() -> None:
    def work(task: str, say: Any) -> str:
        if task == "wrong":
            raise ValueError("not so")
        return f"{task} {os.getpid()}"

    with Lanes(work, 1) as lanes:
        pids = []
        for _ in range(2):
            lanes.submit(0, "right")
            pids.append(_next(lanes).payload)
            lanes.submit(0, "wrong")
            assert _next(lanes) == Event(0, "raised", "ValueError: not so")
        assert pids[0] == pids[1]


def test_a_lane_that_is_killed_says_so_and_is_forked_anew() -> None:
    def work(task: str, say: Any) -> str:
        if task == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return task

    with Lanes(work, 1) as lanes:
        lanes.submit(0, "die")
        died = _next(lanes)
        assert died.kind == "died"
        assert "memory" in died.payload
        lanes.submit(0, "live")
        assert _next(lanes).payload == "live"


def test_a_renewed_lane_has_what_its_parent_has_by_then() -> None:
    held = {"what": "before"}

    def work(task: str, say: Any) -> str:
        return held["what"]

    with Lanes(work, 1) as lanes:
        lanes.submit(0, "")
        assert _next(lanes).payload == "before"
        held["what"] = "after"
        lanes.submit(0, "")
        assert _next(lanes).payload == "before"
        lanes.renew(0)
        lanes.submit(0, "")
        assert _next(lanes).payload == "after"


def test_a_lane_ends_with_its_parent_whatever_it_does() -> None:
    program = """
    import os, signal, time
    from automl_core.tabular.lanes import Lanes
    def work(task, say):
        print(os.getpid(), flush=True)
        time.sleep(600)
    lanes = Lanes(work, 1)
    lanes.submit(0, 1)
    time.sleep(600)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lane = int(process.stdout.readline())
    process.kill()
    process.wait()
    while _alive(lane):
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_search_ends_before_what_comes_after_it() -> None:
    moment = [100.0]
    deadline = Deadline(160.0, 60.0, clock=lambda: moment[0])
    deadline.planned(rows=1000, outputs=2)
    assert deadline.after == pytest.approx(3.24)
    assert deadline.left() == pytest.approx(60 - ENDING - 3.24)
    deadline.refit = 10.0
    assert deadline.left() == pytest.approx(50 - ENDING - 3.24)
    deadline.refit = 1000.0
    assert deadline.left() > 0, "a refit never takes all of the search"
    moment[0] = 161.0
    assert deadline.left() < 0
    assert deadline.left_for_all() < 0
    assert Deadline.of(None).left() == float("inf")
