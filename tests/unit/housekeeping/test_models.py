"""Models below _models/: what their journals say is kept, and copies of versions go when nobody needs them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from automl_core.housekeeping import Done, carry_out
from automl_core.models.life import ModelLife, Person, Refused, Source
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore
from tests.support.memory_store import MemoryStore
from tests.unit.housekeeping.yard import DAY, NOW, going, lived, planned, why
from tests.unit.models.life.world import ANNA, STEPS, Clock, DyingStore, Killed, evidence


class Model:
    """The model ``churn``, whose versions came of runs of ``digits`` some time ago."""

    def __init__(self, store: ObjectStore, days_ago: float = 90.0) -> None:
        self.store, self.clock = store, Clock(NOW - days_ago * DAY)

    @property
    def life(self) -> ModelLife:
        return ModelLife.open(self.store, "churn", clock=self.clock, sleep=lambda _: None)

    def offer(self, run: str, *, use: bool = False) -> int:
        prefix = f"digits/{run}/best_model/"
        if not self.store.list(prefix):
            self.store.put(f"{prefix}model/weights.bin", run.encode())
        source = Source(self.store.url, "digits", run, f"digits/{run}/")
        number = self.life.offer(source, (self.store, prefix), ANNA).number
        if use:
            self.use(number)
        return number

    def use(self, number: int) -> None:
        life = self.life
        digest = life.evaluated(number, evidence(number, life.state.champion, number))
        life.accept(number, digest, ANNA)
        life.put_in_use(number, ANNA)

    def reject(self, number: int) -> None:
        life = self.life
        life.reject(number, life.evaluated(number, evidence(number, life.state.champion, number)), ANNA)

    def folder(self, number: int) -> str:
        return self.life.state.version(number).model.prefix.removesuffix("model/")


def rolling(model: Model, run: str) -> None:
    """A version that is being rolled out."""
    number, life = model.offer(run), model.life
    life.accept(number, life.evaluated(number, evidence(number, 1, number)), ANNA)
    life.begin_rollout(number, ANNA, STEPS)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(clock=lambda: NOW - 90.0 * DAY)


def carried_out(store: ObjectStore, **options: Any) -> Done:
    plan = planned(store, **options)
    return carry_out(store, plan, lambda: planned(store, **options), by="ben", clock=lambda: float(NOW))


def test_a_run_stays_while_its_version_answers_or_is_to_be_decided_on(store: MemoryStore) -> None:
    for run in ("a", "b", "c", "other"):
        lived(store, run, days_ago=90)
    model = Model(store)
    model.offer("a", use=True)
    model.offer("b")
    model.reject(model.offer("c"))
    plan = planned(store, keep_last=0)
    assert going(plan) == ["digits/c/", "digits/other/"]
    assert why(plan, "digits/a/") == "version 1 of the model churn, which is IN_USE names it"
    assert why(plan, "digits/b/") == "version 2 of the model churn, which is OFFERED names it"


def test_evidence_and_rows_are_not_read_for_names(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(store, "a", days_ago=90)
    Model(store).offer("a", use=True)
    for place in (
        "answers/ds=2026-11-29/one.jsonl",
        "shadow/ds=2026-11-29/one.jsonl",
        "rollouts/1/looks/0000000001.json",
    ):
        store.put(f"_models/churn/{place}", b"{}")
    read: list[str] = []
    get = store.get

    def noted(key: str) -> bytes:
        read.append(key)
        return get(key)

    monkeypatch.setattr(store, "get", noted)
    planned(store)
    assert not [key for key in read if "evidence/" in key or "versions/" in key]
    assert not [key for key in read if "answers/" in key or "shadow/" in key or "rollouts/" in key]
    assert len([key for key in read if key.startswith("_models/")]) <= 3


def test_where_a_models_journal_can_not_be_read_its_texts_keep_runs(store: MemoryStore) -> None:
    lived(store, "a", days_ago=90)
    model = Model(store)
    model.reject(model.offer("a"))
    assert going(planned(store, keep_last=0)) == ["digits/a/"]
    last = model.life.state.seq
    store.put(f"_models/churn/journal/{last + 1:010d}.json", b'{"version": 99, "release": "9.0"}')
    assert going(planned(store, keep_last=0)) == []
    assert going(planned(store), "models") == []


def test_a_version_that_rolls_out_and_its_champion_stay(store: MemoryStore) -> None:
    for run in ("a", "b"):
        lived(store, run, days_ago=90)
    model = Model(store)
    model.offer("a", use=True)
    rolling(model, "b")
    plan = planned(store, keep_last=0, keep_versions=0)
    assert (going(plan), going(plan, "models")) == ([], [])
    assert why(plan, "digits/b/") == "version 2 of the model churn, which is ROLLING_OUT names it"


def test_counts_of_a_rollout_that_is_over_go_but_for_its_last_look(store: MemoryStore) -> None:
    model = Model(store)
    model.offer("a", use=True)
    folders = []
    for number, run in enumerate(("b", "c", "d"), 1):
        rolling(model, run)
        folder = f"_models/churn/rollouts/{number}/"
        for key in ("tallies/one/0000000001.json", "looks/0000000008.json", "looks/0000000009.json"):
            store.put(folder + key, b"{}")
        folders.append(folder)
        if number == 2:
            model.clock.now = NOW - 1.0 * DAY  # only yesterday
        if number < 3:
            model.life.take_back(number + 1, ANNA, "bad")
    store.put("_models/churn/answers/ds=2026-11-29/one.jsonl", b'{"note": "digits/a@1"}')
    plan = planned(store)
    assert [(item.place, item.objects) for item in plan.items if "rollouts/" in item.place] == [(folders[0], 2)]
    assert [item.why for item in plan.items if item.place == folders[0]] == [
        "counts for rollout 1 of churn, which is over"
    ]
    carried_out(store)
    left = [sorted(key.removeprefix(folder) for key in store.list(folder)) for folder in folders]
    assert left[0] == ["looks/0000000009.json"]
    assert [len(each) for each in left[1:]] == [3, 3]
    assert not [item for item in planned(store).items if item.place == folders[0]]


def test_copies_go_of_what_is_set_aside_long_enough_but_for_the_last_in_use(store: MemoryStore) -> None:
    model = Model(store)
    for run in ("a", "b", "c", "d"):
        model.offer(run, use=True)
    model.reject(model.offer("e"))
    model.offer("f")
    accepted = model.offer("g")
    life = model.life
    life.accept(accepted, life.evaluated(accepted, evidence(accepted, 4, "g")), ANNA)
    model.clock.now = NOW - 1.0 * DAY
    model.reject(model.offer("h"))  # only yesterday
    plan = planned(store)
    assert going(plan, "models") == [model.folder(1), model.folder(5)]  # 2 and 3 are those that were in use last
    assert [item.why for item in plan.items] == [
        "version 1 of churn, which is REPLACED", "version 5 of churn, which is REJECTED",
    ]  # fmt: skip
    assert going(planned(store, keep_versions=0), "models") == [model.folder(n) for n in (1, 2, 3, 5)]
    assert going(planned(store, older_than=100.0 * DAY), "models") == []
    assert going(planned(store, experiments=frozenset({"words"})), "models") == []
    done = carried_out(store)
    assert [item.place for item in done.deleted] == [model.folder(1), model.folder(5)]
    assert model.life.state.version(1).removed is not None
    assert not store.list(model.folder(1))
    assert going(planned(store), "models") == []
    with pytest.raises(Refused, match="the files of version 5 were removed"):
        model.life.evaluated(5, evidence(5, 4, "again"))


def test_what_is_put_in_use_between_the_plan_and_the_deletion_stays(store: MemoryStore) -> None:
    model = Model(store)
    version = model.offer("a")
    model.reject(version)
    plan = planned(store)
    assert going(plan, "models") == [model.folder(version)]
    life = model.life
    life.accept(version, life.evaluated(version, evidence(version, None, "newer")), ANNA)
    life.put_in_use(version, ANNA)
    done = carry_out(store, plan, lambda: plan, by="ben", clock=lambda: float(NOW))
    assert [why for _, why in done.spared] == ["version 1 is IN_USE since"]
    assert store.list(model.folder(version))


@pytest.mark.parametrize("at", range(1, 9))
@pytest.mark.parametrize("how", ["before", "after"])
def test_a_deletion_that_is_killed_is_finished_by_the_next(store: MemoryStore, at: int, how: str) -> None:
    model = Model(store)
    model.reject(model.offer("a"))
    folder, plan = model.folder(1), planned(store)
    dying = DyingStore(store, at, how)
    with suppress(Killed):
        carry_out(dying, plan, lambda: plan, by="ben", clock=lambda: float(NOW))
    gone = not store.list(folder)
    assert not gone or model.life.state.version(1).removed is not None  # never gone without a word
    carried_out(store)
    assert not store.list(folder)
    assert model.life.state.version(1).removed is not None
    assert going(planned(store), "models") == []


def test_a_copy_that_broke_off_goes_once_it_can_not_become_a_version(store: MemoryStore) -> None:
    model = Model(store)
    store.put("_models/churn/versions/1-aaaaaaaaaaaa/model/half", b"x")
    store.put("_models/churn/versions/2-bbbbbbbbbbbb/model/half", b"x")
    model.offer("a")
    assert going(planned(store), "models") == ["_models/churn/versions/1-aaaaaaaaaaaa/"]
    carried_out(store)
    assert store.list("_models/churn/versions/1-") == store.list(model.folder(1))
    assert store.list("_models/churn/versions/2-")


def test_deleting_the_source_runs_never_matters_in_a_real_folder(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    for run in ("a", "b"):
        lived(store, run, days_ago=90)
    model = Model(store)
    model.offer("a", use=True)
    accepted = model.offer("b")
    life = model.life
    life.accept(accepted, life.evaluated(accepted, evidence(accepted, 1, "b")), ANNA)
    for run in ("a", "b"):
        store.delete_prefix(f"digits/{run}/")  # by hand, or by a rule of the bucket
    carried_out(store, keep_last=0, older_than=0.0, abandoned=1.0 * DAY, keep_versions=0)
    life = model.life
    assert life.put_in_use(accepted, Person("churn.rollout", "dag")).champion == accepted
    assert life.take_back(accepted, ANNA, "bad").champion == 1
    for version in life.state.versions.values():
        files = [path for path in (tmp_path / version.model.prefix).rglob("*") if path.is_file()]
        assert [path.read_bytes() for path in files] == [b"weights"]
