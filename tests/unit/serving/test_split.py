"""Which version answers a key, over the steps of a rollout, rollouts, models, processes and restarts."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from automl_core.models.life.rollouts import Step
from automl_core.serving.following import Follower, Route
from automl_core.serving.given import shadow_of, version_of
from tests.unit.serving.world import ANNA, DAG, Lake

KEYS = [str(key) for key in range(100_000)]


def route(share: float, rollout: int = 1, model: str = "churn", version: int = 2) -> Route:
    return Route(model, 7, 1, {1: 1 - share, version: share}, {}, {}, rollout=rollout)


def challengers(of: Route) -> set[str]:
    return {key for key in KEYS if version_of(of, key) != of.champion}


def test_a_growing_share_keeps_the_keys_that_it_had_and_going_back_gives_the_same() -> None:
    small, middle = (challengers(route(share)) for share in (0.05, 0.25))
    assert small < middle
    assert (len(small) / 1000, len(middle) / 1000) == pytest.approx((5, 25), abs=0.5)
    assert challengers(route(0.05)) == small, "back to 5 %, asked once more: the same keys"
    assert {version_of(route(1.0), key) for key in KEYS[:5000]} == {2}
    assert {version_of(route(0.0), key) for key in KEYS[:5000]} == {1}
    # another rollout, of the same version too, and another model: about 250 of 5,000, as chance has it
    for other in (route(0.05, rollout=2), route(0.05, model="fraud")):
        found = challengers(other)
        assert len(found) / 1000 == pytest.approx(5, abs=0.5)
        assert 150 < len(small & found) < 350


def test_a_shadow_is_asked_for_the_keys_that_a_step_of_its_share_would_have() -> None:
    shadowed = Route("churn", 7, 1, {1: 1.0}, {}, {}, rollout=1, shadow={2: 0.25})
    assert {key for key in KEYS[:4000] if shadow_of(shadowed, key) == 2} == {
        key for key in KEYS[:4000] if version_of(route(0.25), key) == 2
    }
    assert {version_of(shadowed, key) for key in KEYS[:100]} == {1}


PROGRAM = """
import hashlib, sys
from automl_core.serving.following import Follower
from automl_core.serving.given import version_of
from automl_core.storage import open_store

route = Follower(open_store(sys.argv[1])).read("churn")
said = bytes(version_of(route, str(key)) for key in range(100_000))
print(hashlib.sha256(said).hexdigest(), said.count(2))
"""


def test_processes_and_a_restart_choose_alike(tmp_path: Path) -> None:
    """Three processes that know each other not, and one later, read the same journal: 100,000 keys, one answer."""
    lake = Lake(tmp_path)
    lake.in_use(seed=1)
    lake.rolling(0.05, 0.25, 1.0)
    command = [sys.executable, "-c", PROGRAM, lake.store.url]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {each.communicate()[0] for each in running}
    said.add(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    read = Follower(lake.store).read("churn")
    here = bytes(version_of(read, key) for key in KEYS)
    assert said == {f"{hashlib.sha256(here).hexdigest()} {here.count(2)}\n"}
    assert here.count(2) / 1000 == pytest.approx(5, abs=0.5)


def test_the_journal_gives_the_route(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    lake.in_use(seed=1)
    rollout = lake.rolling(0.05, 1.0, shadow=0.5)
    life, follower = lake.life(), Follower(lake.store)
    life.configure({"deploy": {"to": "servers", "safeguard": {"p99": "200ms"}}}, ANNA)
    found = follower.read("churn")
    assert (found.rollout, found.step, found.shares, found.shadow) == (1, 0, {1: 1.0}, {2: 0.5})
    assert (found.p99, set(found.copies), found.versions) == (0.2, {1, 2}, (1, 2))
    life.step_rollout(rollout.id, 2, DAG)
    assert follower.look() == ["churn"]
    found = follower.routes["churn"]
    assert (found.step, found.shares, found.shadow, found.versions) == (2, {1: 0.0, 2: 1.0}, {}, (1, 2))
    life.take_back(2, ANNA, "worse")
    follower.look()
    found = follower.routes["churn"]
    assert (found.rollout, found.shares, found.taken_back) == (None, {1: 1.0}, frozenset({2}))
    life = lake.life()
    assert life.begin_rollout(lake.accepted(seed=5), DAG, [Step(1.0)]).id == 2
    follower.look()
    assert (follower.routes["churn"].rollout, follower.routes["churn"].versions) == (2, (1, 3))
