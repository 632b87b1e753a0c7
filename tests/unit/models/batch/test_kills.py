"""Whatever dies between two calls of the store: each interval is scored once, whole, by one version; none is lost."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from automl_core.models.batch import Batch, Order, Outcome, Report, Wish, scoring
from automl_core.models.batch.claims import claim_holds
from automl_core.models.batch.scoring import CantScore
from automl_core.models.life import Life, VersionState
from automl_core.storage.base import ObjectStore
from automl_core.storage.wrapper import StoreWrapper
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from tests.unit.models.batch.lab import ANNA, DAY, NOON, Lab, day

T = TypeVar("T")
DATES = [f"2026-11-{number:02d}" for number in range(1, 9)]


class Killed(BaseException):
    """The process is gone: no handler of the product's sees it."""


class MortalStore(StoreWrapper):
    """Kills its process at a call: before it is done, or with the answer lost."""

    def __init__(self, inner: ObjectStore, after: int | None, *, lost: bool) -> None:
        super().__init__(inner)
        self.left, self.lost = after, lost

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                if self.lost:
                    call()
                raise Killed
        return call()


class Mortal:
    """An `Access` by which everything goes through one store that may kill."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def store(self, url: str, connection: str | None) -> ObjectStore:
        return self._store

    def tables(self, project: str, connection: str | None) -> object:
        raise AssertionError


class World:
    """A month of one model, in which runs begin, die and begin again."""

    def __init__(self, folder: Path) -> None:
        self.memory = MemoryStore()
        self.lab = Lab(folder, self.memory)
        self.lab.plain = self.memory
        self.runs = 0

    def run(self, wish: Wish | None, kill: int | None, *, lost: bool, again: bool, date: str | None = None) -> None:
        """One DAG run: planned, each interval scored; retried after a kill, or left to the next run."""
        self.runs += 1
        name = f"run-{self.runs}"
        for mortal in (kill, *([None] if again else [])):
            store = MortalStore(self.memory, mortal, lost=lost)
            try:
                batch = self.batch(store)
                if wish is None:
                    own = batch.own_now()
                    chosen = batch.plan(own).intervals
                else:
                    chosen = (day(date or DATES[0]),)
                for each in chosen:
                    batch.score(each, name, lambda order, store=store: self.scored(order, store), wish=wish)  # type: ignore[misc]
                return
            except Killed:
                continue

    def batch(self, store: ObjectStore) -> Batch:
        made = self.lab.batch(store)
        made.own_now = lambda: day(str(_date(self.lab.now)))  # type: ignore[attr-defined]
        return made

    def scored(self, order: Order, store: ObjectStore) -> Report:
        access = Mortal(store)
        try:
            return scoring.score(order, access, lambda: claim_holds(order, access))  # type: ignore[arg-type]
        except CantScore as error:
            return Report(problem=error.problem, words=str(error))

    def check(self) -> Life:
        """What must hold however it went."""
        life = self.lab.life(self.memory)
        ended = Counter[tuple[str, int]]()
        last: dict[str, tuple[int, int, str]] = {}
        open_: dict[tuple[str, int, int], int] = {}
        for record in life.journal.records():
            if record.seq in life.state.skipped:
                continue
            data = record.data
            if record.kind == "interval_begun":
                open_[data["key"], data["generation"], data["attempt"]] = data["version"]
            if record.kind == "interval_ended" and data.get("failed") is None:
                ended[data["key"], data["generation"]] += 1
                version = open_[data["key"], data["generation"], data["attempt"]]
                last[data["key"]] = (version, data["generation"], data["digest"])
        assert all(count == 1 for count in ended.values()), "one record of each generation"
        for key, (version, generation, digest) in last.items():
            path = self.lab.folder / "out" / f"{key[:10]}.csv"
            if key in life.state.scoring.open:
                continue  # another generation is on its way, whose bytes may lie there already
            body = path.read_bytes()
            assert hashlib.sha256(body).hexdigest() == digest
            assert body.decode().splitlines()[1:] == [f"{version},{generation}"] * 3, "of one version, whole"
        return life.state


def _date(now: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(now, UTC).date().isoformat()


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are not looked at: version and generation stand for what a model would say of them."""

    def write(order: Order, access: object, folder: Path, made: Path) -> Report:
        made.write_text("version,generation\n" + f"{order.version},{order.generation}\n" * 3)
        return Report(rows=3, rows_in=3)

    monkeypatch.setattr(scoring, "_write", write)


step = st.one_of(
    st.tuples(st.just("day"), st.booleans()),
    st.tuples(st.just("run"), st.none() | st.integers(0, 60), st.booleans(), st.booleans()),
    st.tuples(st.just("use")),
    st.tuples(st.just("back")),
    st.tuples(
        st.just("wish"), st.sampled_from(["then", "now"]), st.sampled_from(DATES), st.none() | st.integers(0, 40),
        st.booleans(), st.booleans(),
    ),
)  # fmt: skip


@settings(max_examples=examples(30), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(step, max_size=14))
def test_each_interval_is_scored_once_whole_and_none_is_forgotten(
    steps: list[tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    lab = world.lab
    lab.use()
    late: set[str] = set()
    for each in steps:
        lab.now += 60
        match each:
            case ("day", there):
                lab.now += DAY
                (lab.rows if there else late.add)(_date(lab.now))  # type: ignore[operator]
            case ("run", kill, lost, again):
                world.run(None, kill, lost=bool(lost), again=bool(again))  # type: ignore[arg-type]
            case ("use",):
                if len(lab.life(world.memory).state.versions) < 4:
                    lab.use(lab.now)
            case ("back",):
                life = lab.life(world.memory)
                champion = life.state.champion
                if champion is not None and life.state.previous_champion(champion) is not None:
                    life.take_back(champion, ANNA, "bad")
            case ("wish", version, date, kill, lost, again):
                wish = Wish(version, "anna")  # type: ignore[arg-type]
                world.run(wish, kill, lost=bool(lost), again=bool(again), date=str(date))  # type: ignore[arg-type]
        world.check()
    for date in late:
        lab.rows(date)
    lab.now += 60
    world.run(None, None, lost=False, again=False)
    lab.now += DAY / 2 + 60  # claims of runs that are gone are old by then
    world.run(None, None, lost=False, again=False)
    state = world.check()
    owed = [each.key for each in lab.batch().timetable.due(NOON, lab.now)]
    there = {each for each in owed if (lab.folder / "in" / f"ds={each[:10]}").is_dir()}
    assert there <= state.scoring.done.keys(), "nothing that is there is forgotten"
    assert not there & lab.batch(world.memory).owed.refresh().owed.keys()


def test_a_kill_at_each_single_call_of_a_run(tmp_path: Path) -> None:
    died = 0
    for kill in range(200):
        folder = tmp_path / str(kill)
        world = World(folder)
        world.lab.use()
        world.lab.rows("2026-11-02")
        world.lab.now = day("2026-11-02").at + 60  # type: ignore[operator]
        store = MortalStore(world.memory, kill, lost=kill % 2 == 0)
        try:
            batch = world.batch(store)
            for each in batch.plan(day("2026-11-02")).intervals:
                batch.score(each, "a", lambda order, store=store, world=world: world.scored(order, store))  # type: ignore[misc]
        except Killed:
            died += 1
        else:
            break
        world.check()
        world.run(None, None, lost=False, again=False)
        if "2026-11-02T00:00:00Z/2026-11-02T00:00:00Z" not in world.check().scoring.done:  # its run isn't given up yet
            world.lab.now += DAY / 2 + 60
            world.run(None, None, lost=False, again=False)
        state = world.check()
        assert len(state.scoring.done) == 1
    assert died > 10


def test_an_attempt_that_was_overtaken_writes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    lab = world.lab
    lab.use()
    lab.rows("2026-11-02")
    lab.now = day("2026-11-02").at + 60  # type: ignore[operator]
    first, second = world.batch(world.memory), world.batch(world.memory)
    first.plan()
    slow = first.begin(day("2026-11-02"), "a")
    lab.use(lab.now)
    quick = second.begin(day("2026-11-02"), "a")
    assert not isinstance(slow, Outcome)
    assert not isinstance(quick, Outcome)
    assert world.scored(slow.order, world.memory).problem == "replaced", "a later claim counts"
    assert second.end(quick, world.scored(quick.order, world.memory)).version == 2
    late = world.scored(slow.order, world.memory)
    assert late.problem == "replaced", "it is done"
    assert first.end(slow, late).what == "again"
    assert first.end(slow, dataclasses.replace(late, problem=None, digest="x", out="y")).what == "again"
    world.check()


def test_an_attempt_that_was_given_up_writes_nothing_though_the_next_one_has_its_number(tmp_path: Path) -> None:
    world = World(tmp_path)
    lab = world.lab
    lab.use()
    lab.rows("2026-11-02")
    lab.now = day("2026-11-02").at + 60  # type: ignore[operator]
    batch = world.batch(world.memory)
    batch.plan()
    lost = batch.begin(day("2026-11-02"), "a")
    assert not isinstance(lost, Outcome)
    batch.failed(lost, "its node does not answer")
    lab.use(lab.now)
    next_ = world.batch(world.memory).begin(day("2026-11-02"), "a")
    assert not isinstance(next_, Outcome)
    assert (next_.claim.generation, next_.claim.attempt) == (lost.claim.generation, lost.claim.attempt)
    assert world.scored(lost.order, world.memory).problem == "replaced"
    assert world.scored(next_.order, world.memory).problem is None


def test_what_a_version_that_is_taken_back_meanwhile_says_is_not_recorded(tmp_path: Path) -> None:
    world = World(tmp_path)
    lab = world.lab
    lab.use()
    lab.rows("2026-11-02")
    lab.now = day("2026-11-02").at + 60  # type: ignore[operator]
    lab.use(lab.now)
    batch = world.batch(world.memory)
    batch.plan()
    begun = batch.begin(day("2026-11-02"), "a")
    assert not isinstance(begun, Outcome)
    assert begun.claim.version == 2
    life = lab.life(world.memory)
    life.take_back(2, ANNA, "it says nonsense")
    assert life.state.version(2).state is VersionState.TAKEN_BACK
    assert world.scored(begun.order, world.memory).problem == "replaced"
    assert not (tmp_path / "out").exists()
    done = batch.score(day("2026-11-02"), "a", lambda order: world.scored(order, world.memory))
    assert (done.what, done.version) == ("scored", 1)
