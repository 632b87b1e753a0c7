"""Rollouts of models while their tasks' workers, or the scheduler, are killed (SIGKILL) at each task, three at once.

Whatever is killed: one answer in the journal, nothing in use before it, in use once, and every run ends well.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from automl_core.models.life import VersionState
from tests.e2e.models import Models
from tests.e2e.world import wait_until
from tests.faults.tasks import MODELS_AT_ONCE, PATIENCE, ROUNDS, Striker, Tasks, airflow_of_tasks

pytestmark = pytest.mark.timeout(900)

MOMENTS = ("offer", "evaluate", "ask", "accept", "answered", "decide", "deploy")
"""The task that is struck while it runs; ``answered``: `accept` with a person's answer in its hands."""


@pytest.fixture(scope="module")
def rollouts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    """The Airflow of this module."""
    with airflow_of_tasks(tmp_path_factory.mktemp("rollouts"), ".rollout") as made:
        yield made


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", ["model-worker", "model-scheduler"])
def test_nothing_is_in_use_without_an_answer_and_no_answer_comes_twice(
    rollouts: Tasks, fault: str, moment: str
) -> None:
    struck = 0
    for number in range(ROUNDS):
        if struck < MODELS_AT_ONCE:
            names = [f"{fault}_{moment}_{number}{each}".replace("-", "_") for each in range(MODELS_AT_ONCE)]
            struck += len(roll(rollouts, fault, moment, names))
    assert struck >= MODELS_AT_ONCE, "what is to be struck is over too soon"


def roll(rollouts: Tasks, fault: str, moment: str, names: list[str]) -> set[str]:
    """Roll models out that are struck at a moment, and check them. Returns those that were struck."""
    models, answered = rollouts.models, dict[str, float]()

    def meant(name: str) -> bool:
        return moment not in ("accept", "answered") or (moment == "answered") == (name in answered)

    striker = Striker(rollouts, fault, "accept" if moment == "answered" else moment, names, meant)
    striker.start()
    for name in names:
        models.publish(f"{name}_search", "run", 0.5)
        models.file(name)

    def used() -> bool:
        striker.mend()
        for name in names:
            answer(models, name, answered)
        return all(models.state_of(name, 1) == "IN_USE" for name in names)

    try:
        wait_until(used, PATIENCE, f"{names} to be in use", lambda: str({n: models.state_of(n, 1) for n in names}))
        for name in names:
            check(models, name)
    finally:
        striker.over.set()
        striker.join()
        striker.mend()
    return striker.struck


def answer(models: Models, name: str, answered: dict[str, float]) -> None:
    """Answer where a model's approval waits for two seconds, as often as it asks."""
    version = models.version(name, 1)
    if version is None or version.state is not VersionState.ASKED:
        return
    if models.task(f"{name}.rollout", version.run, "accept") not in ("awaiting_input", "deferred"):
        return
    since = answered.setdefault(name, time.monotonic())
    if time.monotonic() - since > 2 and not models.page(name, version.run).get("response_received"):
        models.answer(name, version.run, "Accept", "admin")


def check(models: Models, name: str) -> None:
    """One answer, given by a person; in use once, and after it; every task has ended well."""
    life = models.life(name).state
    assert list(life.versions) == [1]
    version = life.version(1)
    assert [(each.what, each.by.name, each.by.how) for each in version.decisions] == [("accepted", "admin", "airflow")]
    assert [share.champion for share in life.shares] == [1]
    decided: Any = version.decision
    assert decided is not None
    assert decided.time <= life.shares[0].time
    assert life.shares[0].accepted == {1: decided.evidence}
    assert models.world.finish(f"{name}.rollout", version.run) == "success"
    states = models.tasks(f"{name}.rollout")[version.run]
    assert set(states.values()) == {"success"}, states
