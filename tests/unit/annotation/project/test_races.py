"""Many at the same moment, over a real folder: the store decides."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from automl_core.annotation.items import item_id
from automl_core.annotation.project import Project, Refused
from automl_core.storage import open_store
from tests.unit.annotation.project.world import BY, World, label, text

MANY = 5

CLAIMER = """
import json, sys
from automl_core.annotation.project import Label, Person, Project
from automl_core.storage import open_store

place, who = sys.argv[1:]
project = Project.open(open_store(place), "intents")
print("ready", flush=True)
sys.stdin.readline()
mine = []
while ids := project.claim(who, 3, 600.0):
    mine += ids
    done = project.label([Label(id, "order", who, where="page") for id in ids], Person(who, "rest"))
    assert (done.new, done.refused) == (len(ids), []), done
print(json.dumps(mine))
"""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(open_store(str(tmp_path)))


def at_once(world: World, act: Callable[[Project, int], Any]) -> list[Any]:
    """What each of many gets who act at the same moment on the same state; a refusal is what it got."""
    projects, gate = [world.open() for _ in range(MANY)], threading.Barrier(MANY)

    def one(number: int) -> Any:
        gate.wait()
        try:
            return act(projects[number], number)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, range(MANY)))


def test_two_processes_that_claim_and_label_share_the_batch_and_no_item(tmp_path: Path) -> None:
    world = World(open_store(str(tmp_path)))
    world.sent(range(40), many=40)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, str(tmp_path), who],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for who in ("anna", "ben")
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    shares = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        shares.append(json.loads(out))
    anna, ben = map(set, shares)
    assert (len(anna) + len(ben), len(anna | ben)) == (len(shares[0]) + len(shares[1]), 40)
    state = world.open().state
    assert state.skipped == {}
    assert Counter(len(state.history(number)) for number in range(40)) == {1: 40}
    assert state.progress(1) == (40, 40)


def test_of_many_who_claim_at_once_nobody_has_what_another_has(world: World) -> None:
    world.sent(range(10))
    got = at_once(world, lambda project, n: project.claim(f"person {n}", 3, 60.0))
    handed = [id for ids in got for id in ids]
    assert len(handed) == len(set(handed)) == 10
    assert world.open().state.skipped == {}


def test_with_two_votes_each_task_is_with_two_at_most(world: World) -> None:
    world.sent(range(4), votes=2)
    got = at_once(world, lambda project, n: project.claim(f"person {n}", 3, 60.0))
    assert all(len(ids) == len(set(ids)) for ids in got)
    assert Counter(Counter(id for ids in got for id in ids).values()) == {2: 4}


def test_items_that_many_add_at_once_are_there_once(world: World) -> None:
    got = at_once(world, lambda project, n: project.add_items(map(text, range(n, n + 6)), BY, source="lake"))
    project = world.open()
    assert project.state.count == MANY + 5 == sum(each.new for each in got)
    assert sorted(map(item_id, map(text, range(MANY + 5)))) == sorted(project.catalog.ids_of(range(MANY + 5)))
    assert project.state.skipped == {}


def test_labels_that_many_bring_at_once_are_there_once(world: World) -> None:
    world.sent(range(4), votes=MANY)
    got = at_once(world, lambda project, n: project.label([label(project, 0), label(project, 1, author=f"p{n}")], BY))
    assert (sum(each.new for each in got), sum(each.same for each in got)) == (1 + MANY, MANY - 1)
    state = world.open().state
    assert (len(state.history(0)), len(state.history(1)), state.skipped) == (1, MANY, {})


def test_of_many_who_begin_the_next_round_all_have_the_same(world: World) -> None:
    project = world.filled()
    project.end_round(1, {}, BY)
    got = at_once(world, lambda project, _: project.begin_round(2, BY))
    assert len({each.begun for each in got}) == 1
    assert len(world.open().state.rounds) == 2


def test_of_many_who_send_one_batch_goes_out(world: World) -> None:
    world.filled()
    got = at_once(world, lambda project, n: project.send(1, world.chosen(project, [n]), "page", 1, BY))
    assert len({tuple(each.items) for each in got}) == 1
    assert len(world.open().state.batches) == 1
