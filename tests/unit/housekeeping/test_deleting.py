"""What was seen goes and nothing else; what breaks off half way is no run any more, and is found again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from automl_core.housekeeping import BeingDeleted, Plan, carry_out, look, settle
from automl_core.housekeeping.mark import FRESH, MARK, Mark, read_mark, write_mark
from automl_core.journal import SEGMENTS
from automl_core.results.reading import find_run, read_result
from automl_core.spec.models import Experiment
from automl_core.storage import open_store
from automl_core.storage.base import NotFound, ObjectStore, StorageError, Unfinished
from automl_core.storage.folder import FolderStore
from automl_core.storage.wrapper import StoreWrapper
from automl_core.study import Study, StudyJournal
from automl_core.study.earlier import find_earlier
from automl_core.study.editing import NotEditable, edit
from tests.contract.object_servers import BUCKET, MotoServer
from tests.support.memory_store import MemoryStore
from tests.unit.housekeeping.yard import DAY, NOW, first_key, going, lived, planned
from tests.unit.results.lab import experiment
from tests.unit.study.test_sealed import CHUNK, KEPT, again, filled, small_chunks

T = TypeVar("T")

LATER = NOW + 1_000 * DAY
"""A time at which everything is old, also what a folder or a bucket says was written today."""

CHANGES = frozenset({"put", "create", "delete", "delete_prefix", "discard"})


class Killed(BaseException):
    """The process ends here."""


class Dying(StoreWrapper):
    """Kills its process before so many changes: what was done stands, what was to come never happens."""

    def __init__(self, inner: ObjectStore, changes: int) -> None:
        super().__init__(inner)
        self.left = changes

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        if operation in CHANGES:
            if self.left == 0:
                raise Killed
            self.left -= 1
        return call()


def gone(store: ObjectStore, plan: Plan, at: int = NOW, **more: Any) -> Any:
    again = more.pop("again", lambda: plan)
    return carry_out(store, plan, again, by="ann", clock=lambda: float(at), **more)


@pytest.fixture(params=["memory", "folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "folder":
        return FolderStore(tmp_path / "runs")
    return request.getfixturevalue("bucket")


@pytest.fixture
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    import uuid

    import boto3

    server: MotoServer = request.getfixturevalue("moto")
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x" * 20, "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1", "no_proxy": "*",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    if BUCKET not in [each["Name"] for each in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)
    return open_store(f"s3://{BUCKET}/{uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def moto() -> Any:
    with MotoServer() as server:
        yield server


def test_what_goes_is_gone_and_nothing_else(store: ObjectStore, caplog: pytest.LogCaptureFixture) -> None:
    lived(store, "a", days_ago=90)
    kept = lived(store, "b", days_ago=5)
    store.put("data/churn.parquet", b"not ours")
    before = set(store.list())
    plan = planned(store, at=LATER)
    assert going(plan) == ["digits/a/"]
    with caplog.at_level(logging.INFO):
        done = gone(store, plan, LATER)
    assert [item.place for item in done.deleted] == ["digits/a/"]
    assert set(store.list()) == {key for key in before if not key.startswith("digits/a/")}
    assert Study.load(StudyJournal(store, kept.prefix)).state.stop is not None
    assert "housekeeping by ann: deleted runs digits/a/" in caplog.text
    assert done.to_json()["bytes"] == plan.bytes > 0
    local = store.local_path("digits/a")
    assert local is None or not local.exists()
    assert not planned(store, at=LATER).items


def test_a_long_run_goes_with_its_segments_wherever_it_breaks_off() -> None:
    """They stand in a folder of their own, and nobody else would find them once the run's journal is gone."""
    for changes in range(60):
        store = MemoryStore()
        lab = lived(store, "long", days_ago=90)
        with small_chunks():
            study = filled(3 * CHUNK + KEPT)
            for name, body in again(study).segments().items():
                store.put(f"{lab.prefix}{SEGMENTS}{name}", body)
        plan = planned(store, what="runs", keep_last=0)
        assert going(plan) == [lab.prefix]
        try:
            gone(Dying(store, changes), plan)
        except Killed:
            rest = planned(store, what="runs", keep_last=0, at=LATER)
            assert gone(store, rest, at=LATER).failed == []
            assert store.list("") == []
        else:
            assert store.list("") == []
            break
    else:
        pytest.fail("it never came to its end")


def test_killed_anywhere_nothing_looks_alive_and_the_next_time_finishes_it(store: ObjectStore) -> None:
    lived(store, "b", days_ago=1)
    for changes in range(40):
        lab = lived(store, f"run{changes}", days_ago=90, name="wine")
        prefix = lab.prefix
        at = LATER + 2 * changes * int(FRESH)
        plan = planned(store, at=at, keep_last=0, experiments=frozenset({"wine"}))
        assert going(plan) == [prefix]
        try:
            gone(Dying(store, changes), plan, at)
        except Killed:
            pass
        else:
            assert changes > 6
            break
        left = store.list(prefix)
        assert left
        state = StudyJournal(store, prefix, sleep=lambda _: None).refresh()
        assert not state.created or state.stop is not None, changes
        if first_key(prefix) not in left:
            with pytest.raises(LookupError):
                Study.load(StudyJournal(store, prefix, sleep=lambda _: None))
            with pytest.raises(LookupError):
                read_result_of(store, prefix)
        # whoever looks right after leaves it alone, but for a mark that was not written yet
        soon = planned(store, at=at + 60, keep_last=0, experiments=frozenset({"wine"}))
        assert going(soon) == ([] if read_mark(store, prefix) else [prefix])
        later = planned(store, at=at + int(FRESH) + 1, keep_last=0, experiments=frozenset({"wine"}))
        assert going(later) == [prefix], changes
        done = gone(store, later, at + int(FRESH) + 1)
        assert [item.place for item in done.deleted] == [prefix], (changes, done.to_json())
        assert store.list(prefix) == []
    else:
        pytest.fail("it never came to its end")
    assert store.list("digits/b/")


def read_result_of(store: ObjectStore, prefix: str) -> Any:
    here = store.local_path(prefix.rstrip("/"))
    if here is not None:
        return read_result(here)
    found = store.list(prefix + "controller.json")
    if found:
        return found
    raise LookupError(prefix)


def test_two_that_clean_up_at_once_do_not_meet() -> None:
    store = MemoryStore()
    lived(store, "a", days_ago=90)
    plan = planned(store, keep_last=0)
    with pytest.raises(Killed):
        gone(Dying(store, 4), plan)  # the other is this far
    before = dict(store.objects)
    done = gone(store, plan, NOW + 60)
    assert [why for _, why in done.spared] == ["ann is deleting it just now"]
    assert store.objects == before


def test_what_is_half_deleted_stays_while_a_model_names_it() -> None:
    store = MemoryStore()
    lived(store, "a", days_ago=90)
    with pytest.raises(Killed):
        gone(Dying(store, 8), planned(store, keep_last=0))
    store.put("_models/m/1.json", b"digits@a")
    assert going(planned(store, at=LATER, keep_last=0)) == []


def test_what_went_on_in_spite_of_its_mark_is_no_garbage() -> None:
    store = MemoryStore()
    lab = lived(store, "a", days_ago=90)
    with pytest.raises(Killed):
        gone(Dying(store, 2), planned(store, keep_last=0))
    lab.journal.refresh()
    lab.attempt(0)  # a slot that was cleared in Airflow at that very moment
    run = look(store).runs[0]
    assert (run.mark, run.finished) == (None, False)
    settle(store, lab.prefix, LATER)
    assert read_mark(store, lab.prefix) is None
    assert store.list(first_key(lab.prefix))


def test_half_deleted_no_search_learns_from_it() -> None:
    store = MemoryStore()
    lab = lived(store, "a", days_ago=90)
    plan = planned(store, keep_last=0)
    with pytest.raises(Killed):
        gone(Dying(store, 6), plan)
    body = lab.spec.model_dump() | {"search": {"algorithm": "random", "transfer": {"runs": 3}}}
    today = Experiment.model_validate(body)
    assert [run for run in find_earlier(store, today, "digits/today/") if not run.reason] == []


def test_who_wrote_meanwhile_wins() -> None:
    store = MemoryStore()
    lab = lived(store, "a", days_ago=90)
    plan = planned(store, keep_last=0)
    lab.clock.now = NOW - 1
    edit(Study.load(lab.journal), {"trials": {"max": 9}}, "bob", reopen=True)
    before = dict(store.objects)
    done = gone(store, plan)
    assert [(item.place, why) for item, why in done.spared] == [("digits/a/", "it went on since")]
    assert store.objects == before


def test_who_writes_between_the_look_and_the_claim_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    lab = lived(store, "a", days_ago=90)
    plan = planned(store, keep_last=0)
    create = store.create

    def raced(key: str, data: bytes) -> bool:
        monkeypatch.setattr(store, "create", create)
        lab.clock.now = NOW - 1
        edit(Study.load(StudyJournal(store, lab.prefix)), {"trials": {"max": 9}}, "bob", reopen=True)
        return create(key, data)

    monkeypatch.setattr(store, "create", raced)
    done = gone(store, plan)
    assert [why for _, why in done.spared] == ["it went on since"]
    assert read_mark(store, lab.prefix) is None
    assert Study.load(StudyJournal(store, lab.prefix)).state.stop is None


def test_what_is_being_deleted_is_not_opened_again() -> None:
    store = MemoryStore()
    lab = lived(store, "a", days_ago=90)
    with pytest.raises(Killed):
        gone(Dying(store, 2), planned(store, keep_last=0))
    with pytest.raises(NotEditable, match="is being deleted"):
        edit(Study.load(StudyJournal(store, lab.prefix)), {"trials": {"max": 9}}, "bob", reopen=True)


def test_a_run_that_began_in_the_same_folder_is_spared() -> None:
    store = MemoryStore()
    lived(store, "a", days_ago=90)
    plan = planned(store, keep_last=0)
    store.delete_prefix("digits/a/")
    lived(store, "a", days_ago=0, end=False, publish=False)
    before = dict(store.objects)
    done = gone(store, plan)
    assert [why for _, why in done.spared] == ["another run has begun there since"]
    assert store.objects == before


def test_everything_is_looked_at_again_as_time_goes_by() -> None:
    store = MemoryStore()
    for run in ("a", "b", "c"):
        lived(store, run, days_ago=90)
    plan = planned(store, keep_last=0)
    store.put("_models/m/1.json", b"digits@b")
    times = iter(range(0, 10_000, 40))
    done = carry_out(
        store, plan, lambda: planned(store, keep_last=0), by="ann", clock=lambda: float(NOW + next(times))
    )  # fmt: skip
    assert [item.place for item in done.deleted] == ["digits/a/", "digits/c/"]
    assert [(item.place, why.partition(":")[0]) for item, why in done.spared] == [
        ("digits/b/", "it would not go any more")
    ]


def test_what_is_forbidden_stays_and_time_is_kept() -> None:
    store = MemoryStore()
    for run in ("a", "b", "c"):
        lived(store, run, days_ago=90)
    plan = planned(store, keep_last=0)
    done = gone(store, plan, forbidden=lambda item: "no" if item.run == "a" else "")
    assert [(item.run, why) for item, why in done.spared] == [("a", "no")]
    assert store.list("digits/a/")
    assert gone(store, plan, within=0.0).left == 3


def test_what_the_store_will_not_let_go_is_said_and_the_rest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    for run in ("a", "b"):
        lived(store, run, days_ago=90)
    plan = planned(store, keep_last=0)
    delete = store.delete

    def refused(key: str) -> None:
        if key.startswith("digits/a/"):
            raise StorageError(f"Cannot delete {key}: AccessDenied")
        delete(key)

    monkeypatch.setattr(store, "delete", refused)
    done = gone(store, plan)
    assert [(item.run, "AccessDenied" in why) for item, why in done.failed] == [("a", True)]
    assert [item.run for item in done.deleted] == ["b"]


def test_checkpoints_caches_and_parts_go_and_the_run_stays(store: ObjectStore) -> None:
    lab = lived(store, "a", days_ago=90)
    store.put(lab.prefix + "scratch/x", b"1")
    before = set(store.list(lab.prefix))
    plan = planned(store, at=LATER, what="checkpoints,caches,parts", keep_last=0)
    done = gone(store, plan, LATER)
    assert [item.what for item in done.deleted] == ["checkpoints", "caches"]
    assert before - set(store.list(lab.prefix)) == {
        lab.prefix + "scratch/x", lab.prefix + "experiment_0/checkpoints/final/state.bin",
    }  # fmt: skip
    assert read_result_of(store, lab.prefix)
    assert not planned(store, at=LATER, what="checkpoints,caches,parts", keep_last=0).items


def test_checkpoints_of_a_run_that_goes_on_again_stay() -> None:
    store = MemoryStore()
    lab = lived(store, "a", days_ago=90)
    plan = planned(store, what="checkpoints", keep_last=0)
    edit(Study.load(lab.journal), {"trials": {"max": 9}}, "bob", reopen=True)
    done = gone(store, plan)
    assert [why for _, why in done.spared] == ["it went on since"]
    assert store.list("digits/a/experiment_0/checkpoints/")


def test_what_broke_off_goes_unless_somebody_goes_on_with_it() -> None:
    store = MemoryStore()
    lived(store, "a", days_ago=90)
    store.parts = [Unfinished(f"digits/a/experiment_0/.automl-tmp-{n}", "", 3, 0.0) for n in (1, 2)]
    plan = planned(store, what="parts")
    store.parts[1] = Unfinished(store.parts[1].key, "", 4, 1.0)
    done = gone(store, plan)
    assert [item.place[-1] for item in done.deleted] == ["1"]
    assert [why for _, why in done.spared] == ["somebody goes on with it"]


def test_what_broke_off_below_a_run_goes_with_it(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    lab = lived(store, "a", days_ago=90)
    (tmp_path / lab.prefix / "experiment_0" / ".automl-tmp-1").write_bytes(b"half")
    gone(store, planned(store, at=LATER, keep_last=0), LATER)
    assert list(tmp_path.iterdir()) == []


class TestSettle:
    """A run that begins where another is being deleted."""

    def test_nothing_to_settle(self) -> None:
        store = MemoryStore()
        settle(store, "digits/a/", 0.0)
        assert store.objects == {}

    def test_somebody_is_at_it(self) -> None:
        store = MemoryStore()
        lived(store, "a", days_ago=90)
        with pytest.raises(Killed):
            gone(Dying(store, 5), planned(store, keep_last=0))
        with pytest.raises(BeingDeleted, match="is being deleted by ann"):
            settle(store, "digits/a/", NOW + 60.0)

    def test_what_broke_off_is_finished_so_that_old_records_never_mix_with_new_ones(self) -> None:
        store = MemoryStore()
        lab = lived(store, "a", days_ago=90)
        with pytest.raises(Killed):
            gone(Dying(store, 5), planned(store, keep_last=0))
        assert store.list(lab.prefix + "journal/")
        settle(store, lab.prefix, NOW + FRESH + 1)
        assert store.list(lab.prefix) == []
        study = Study.create(StudyJournal(store, lab.prefix), experiment(), "a", [])
        assert study.state.trials == []

    def test_a_run_that_went_on_keeps_everything_but_the_mark(self) -> None:
        store = MemoryStore()
        lab = lived(store, "a", days_ago=90)
        before = dict(store.objects)
        write_mark(store, lab.prefix, Mark("another", 4, 0.0, "ann"))
        settle(store, lab.prefix, NOW)
        assert store.objects == before

    def test_a_mark_of_a_run_before_does_not_condemn_the_one_that_began_since(self) -> None:
        store = MemoryStore()
        lab = lived(store, "a", days_ago=1)
        write_mark(store, lab.prefix, Mark("another", 4, 0.0, "ann"))
        assert look(store).runs[0].mark is None
        assert going(planned(store, keep_last=0)) == []


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"identity": 1}', b'{"seq": "x", "identity": "", "time": 0, "by": ""}']
)
def test_a_mark_that_is_none_condemns_nothing(data: bytes) -> None:
    store = MemoryStore()
    lab = lived(store, "a", days_ago=1)
    store.put(lab.prefix + MARK, data)
    assert going(planned(store, keep_last=0)) == []


def test_a_missing_storage_has_nothing_to_clean(tmp_path: Path) -> None:
    plan = planned(FolderStore(tmp_path / "nowhere"))
    assert (plan.items, plan.spared, plan.problems) == ((), (), ())
    with pytest.raises(LookupError):
        find_run(FolderStore(tmp_path / "nowhere"))
    with pytest.raises(NotFound):
        FolderStore(tmp_path).get("x")
