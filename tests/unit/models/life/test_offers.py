"""Published results that can become versions: new ones in the order of their publication, each once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.models.life import ModelLife, NotOffered
from automl_core.models.life.offers import Candidate, model_folder, new_offers, offer_of, run_folders
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.world import DAG, Clock

AT = "2026-11-28T10:00:00.000Z"


def publish(store: MemoryStore, run: str, *, name: str = "churn", folder: str = "", **changes: Any) -> None:
    entry = {
        "format_version": 1, "name": name, "run": run, "state": "FINISHED", "best_trial": 3, "best_value": 0.91,
        "metric": "roc_auc", "started": "2026-11-28T09:00:00.000Z", "ended": AT, "stop_reason": "enough",
        "data": {"train": {"place": "s3://lake/x", "digest": "ab", "rows": 7, "columns": [["a", "int"]], "told": "…"}},
    } | changes  # fmt: skip
    prefix = f"{name}/{folder or run}/"
    store.put(f"{prefix}best_model/model/weights.bin", run.encode())
    store.put(f"{prefix}controller.json", json.dumps({"experiment": entry, "trials": []}).encode())
    store.put(f"{prefix}journal/0000000001.json", b"{}")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def life(store: MemoryStore) -> ModelLife:
    return ModelLife.open(store, "churn", clock=Clock(1.8e9), sleep=lambda _: None)


def test_new_results_in_the_order_of_their_publication(store: MemoryStore, life: ModelLife) -> None:
    publish(store, "b", ended="2026-11-28T12:00:00.000Z")
    publish(store, "a", ended="2026-11-28T13:00:00.000Z")
    publish(store, "c", name="other", ended="2026-11-28T11:00:00.000Z")
    publish(store, "d", name="not_asked_for")
    candidates = [Candidate(store, "churn"), Candidate(store, "other")]
    offers, others = new_offers(life.refresh(), candidates)
    assert [(each.source.experiment, each.source.run) for each in offers] == [
        ("other", "c"), ("churn", "b"), ("churn", "a"),
    ]  # fmt: skip
    assert others == []
    life.offer(offers[1].source, offers[1].copy_from, DAG)
    again, _ = new_offers(life.refresh(), candidates)
    assert [each.source.run for each in again] == ["c", "a"]


def test_the_same_result_under_another_folder_is_not_new(store: MemoryStore, life: ModelLife) -> None:
    publish(store, "a")
    offer = new_offers(life.refresh(), [Candidate(store, "churn")])[0][0]
    life.offer(offer.source, offer.copy_from, DAG)
    publish(store, "a", folder="a-copy")
    assert new_offers(life.refresh(), [Candidate(store, "churn")]) == ([], [])


def test_what_a_source_says(store: MemoryStore, life: ModelLife) -> None:
    publish(store, "a")
    asked = life.ask_retraining("churn", {"cause": "loss"}, DAG, at_most=1, within=1.0)
    life.retraining_started(asked.id, "a")
    source = offer_of(store, "churn/a/", life.state).source
    assert (source.storage, source.prefix, source.trial) == ("memory://test", "churn/a/", 3)
    assert (source.metric, source.value) == ("roc_auc", 0.91)
    assert source.fingerprints == {"train": {"place": "s3://lake/x", "digest": "ab", "rows": 7}}
    assert source.published - source.started == 3600
    assert source.reason == {"cause": "loss"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state": "RUNNING"}, "churn@a goes on"),
        ({"state": "FAILED", "stop_reason": "3 trials failed"}, "churn@a has not succeeded: FAILED, 3 trials failed"),
        ({"state": "USER_CANCELED"}, "churn@a has not succeeded: USER_CANCELED, enough"),
        ({"best_trial": None}, "churn@a ended without a best trial"),
        ({"state": "LOST"}, "controller.json can't be read"),
    ],
)
def test_what_can_not_be_offered_and_why(
    store: MemoryStore, life: ModelLife, changes: dict[str, Any], why: str
) -> None:
    publish(store, "a", **changes)
    publish(store, "b")
    offers, others = new_offers(life.state, [Candidate(store, "churn")])
    assert [each.source.run for each in offers] == ["b"]  # a bad one takes no neighbour down
    assert [(each.prefix, why in each.why) for each in others] == [("churn/a/", True)], others


def test_a_person_may_offer_what_was_cancelled_with_a_best_trial(store: MemoryStore) -> None:
    publish(store, "a", state="USER_CANCELED")
    with pytest.raises(NotOffered, match="USER_CANCELED"):
        offer_of(store, "churn/a/")
    assert offer_of(store, "churn/a/", by_hand=True).source.run == "a"
    publish(store, "b", state="FAILED")
    with pytest.raises(NotOffered, match="FAILED"):
        offer_of(store, "churn/b/", by_hand=True)


def test_a_trials_own_model_is_offered_by_a_person_alone(store: MemoryStore, life: ModelLife) -> None:
    failed = {"conclude": {"state": "FAILED", "reason": "exit code 137"}}
    for run, stages in (("a", failed), ("b", {"conclude": {"state": "SUCCEEDED"}}), ("c", {}), ("d", None)):
        publish(store, run, stages=stages)
        store.put(f"churn/{run}/best_model/model/model.json", b"{}")
    never = {"conclude": {"state": "NEVER_BEGUN", "reason": "its task ended"}}
    publish(store, "f", stages=never)
    store.put("churn/f/best_model/model/model.json", b"{}")
    publish(store, "e", stages=failed)  # nothing that opens: all that was published, as ever
    offers, others = new_offers(life.state, [Candidate(store, "churn")])
    assert [each.source.run for each in offers] == ["b", "c", "d", "e"]
    assert [each.prefix for each in others] == ["churn/a/", "churn/f/"]
    assert "conclude was never begun (its task ended), so what is" in others[1].why
    assert "conclude failed (exit code 137), so what is published is what trial 3 has left" in others[0].why
    assert offer_of(store, "churn/a/", by_hand=True).copy_from[1] == "churn/a/best_model/model/"


def test_a_run_that_has_published_nothing_yet(store: MemoryStore, life: ModelLife) -> None:
    store.put("churn/a/journal/0000000001.json", b"{}")
    store.put("churn/b/controller.json.part", b"{}")
    _, others = new_offers(life.state, [Candidate(store, "churn")])
    assert [each.why for each in others] == [
        "memory://test/churn/a has no published result yet", "memory://test/churn/b has no published result yet",
    ]  # fmt: skip


def test_of_a_model_file_the_folder_of_the_model_of_anything_else_all_that_was_published(store: MemoryStore) -> None:
    publish(store, "a")
    assert model_folder(store, "churn/a/") == "churn/a/best_model/"
    store.put("churn/a/best_model/model/model.json.old", b"{}")
    assert model_folder(store, "churn/a/") == "churn/a/best_model/"
    store.put("churn/a/best_model/model/model.json", b"{}")
    assert model_folder(store, "churn/a/") == "churn/a/best_model/model/"


def test_folders_of_runs_are_found_at_a_request_each(store: MemoryStore) -> None:
    for run in ("a", "b.c", "b"):
        for number in range(50):
            store.put(f"churn/{run}/experiment_{number}/log.txt", b"")
    store.put("churn/stray.txt", b"")
    store.put("churned/x/y", b"")
    assert sorted(run_folders(store, "churn")) == ["churn/a/", "churn/b.c/", "churn/b/"]
