"""Which published results are new to a model."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from automl_core.models.life import ModelLife, Person
from automl_core.models.offering import NotPublished, candidate_at, new_candidates
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore

DAG, ANNA = Person("churn.rollout", "dag"), Person("anna", "rest")


def publish(store: ObjectStore, run: str, at: float, experiment: str = "search") -> None:
    folder = store.local_path(f"{experiment}/{run}")
    assert folder is not None
    (folder / "best_model").mkdir(parents=True)
    (folder / "best_model" / "weights").write_text(run)
    entry = {
        "name": experiment, "run": run, "state": "FINISHED", "best_trial": 0,
        "ended": datetime.fromtimestamp(at, UTC).isoformat(),
    }  # fmt: skip
    (folder / "controller.json").write_text(json.dumps({"experiment": entry}))
    os.utime(folder / "controller.json", (at, at))


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return open_store(f"file://{tmp_path}/runs")


def offered(life: ModelLife, store: ObjectStore, by: Person = DAG) -> list[str]:
    """Offer what is new. Returns the runs."""
    found = new_candidates(life.refresh(), store, "search")
    for each in found:
        life.offer(each.source, (each.store, each.model), by)
    return [each.source.run for each in found]


def test_the_newest_first_and_then_each_that_was_published_since_whatever_the_order(store: ObjectStore) -> None:
    life = ModelLife.open(store, "churn")
    assert offered(life, store) == []
    for run, at in (("b", 2000.0), ("a", 1000.0), ("c", 3000.0)):
        publish(store, run, at)
    publish(store, "other", 9000.0, "search2")
    assert offered(life, store) == ["c"]
    publish(store, "e", 5000.0)
    assert offered(life, store) == ["e"]
    publish(store, "d", 4000.0)  # it ended before e, and was published after e was offered
    publish(store, "f", 6000.0)
    assert offered(life, store) == ["d", "f"]
    assert offered(life, store) == []


def test_what_a_person_offers_brings_nothing_old_along(store: ObjectStore) -> None:
    life = ModelLife.open(store, "churn", clock=lambda: 5000.0)
    for run, at in (("a", 1000.0), ("b", 2000.0), ("c", 3000.0)):
        publish(store, run, at)
    found = candidate_at(store, "search/a/")
    life.offer(found.source, (found.store, found.model), ANNA)
    assert offered(life, store) == []
    publish(store, "d", 6000.0)
    assert offered(life, store) == ["d"]


def test_a_place_without_a_result_is_told(store: ObjectStore) -> None:
    with pytest.raises(NotPublished, match="no published result"):
        candidate_at(store, "search/a/")
