"""Many writers, simulated time, processes that die between any two calls of the store: what must hold all the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from automl_core.journal import Record
from automl_core.models.life import (
    Claim,
    Life,
    ModelLife,
    NoSuchVersion,
    Refused,
    Step,
    VersionState,
    in_use_at,
    interval_key,
)
from automl_core.models.life.history import in_use
from automl_core.storage.base import StorageUnavailable
from tests.support.examples import examples
from tests.unit.models.life.world import AB, ANNA, BEN, CONDITIONS, DAG, STEPS, DyingStore, Killed, World, evidence

DAY = 86_400.0


class Lives(RuleBasedStateMachine):
    """Acts in any order by any process; after each, what the bucket says is held to the rules."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.marks = 0
        self.lives: list[ModelLife] = []
        self.claims: list[Claim] = []
        self.rng = random.Random(0)

    @initialize(skews=st.lists(st.floats(-50, 50), min_size=2, max_size=3))
    def writers(self, skews: list[float]) -> None:
        """Processes that live on, each with a clock of its own and a state that may be old."""
        self.world.in_use("r1")
        for run in ("r2", "r3"):
            self.world.offered(run)
        self.lives = [self.world.open(skew=skew) for skew in skews]

    def act(self, act: Callable[[ModelLife], Any]) -> Any:
        """An act by one of the processes, which may die of it: then another repeats it."""
        fault, process = self.fault(), self.rng.choice(self.lives)
        try:
            if fault is None:
                return act(process)
            try:
                return act(self.world.open(DyingStore(self.world.store, *fault)))
            except (Killed, StorageUnavailable):
                return act(process)
        except (Refused, NoSuchVersion):
            return None

    @rule(seed=st.integers(0, 2**32))
    def step(self, seed: int) -> None:
        """One act of one process. What it is follows from the seed, so that all kinds of acts come as often as here."""
        self.rng = random.Random(seed)
        often = [self.decide, self.promote, self.rollout, self.claim, self.score]
        rolling = [self.roll, self.roll, self.move]
        if self.world.open().state.rollout is not None and self.rng.random() < 0.6:  # else it would be over at once
            self.rng.choice([self.move, self.move, self.move, self.hold, self.hold, self.finish, self.take_back])()
            return
        acts = [*often, *often, *rolling, self.offer, self.evaluate, self.ask, self.take_back, self.retire, self.wait]
        self.rng.choice(acts)()

    def version(self) -> int:
        """A version: often one that something may come of now, sometimes one that isn't there."""
        there = list(self.world.open().state.versions.values())
        alive = [each.number for each in there if each.state not in (VersionState.RETIRED, VersionState.IN_USE)]
        return self.rng.choice([*alive, *alive, *(each.number for each in there), len(there) + 1])

    def fault(self) -> tuple[int, str] | None:
        """After how many calls of the store a process dies, and how; mostly it lives."""
        if self.rng.random() < 0.6:
            return None
        return self.rng.randint(1, 14), self.rng.choice(["before", "after", "lost"])

    def wait(self) -> None:
        self.world.clock.now += self.rng.choice([0.0, 1.0, 150.0])

    def offer(self) -> None:
        source, (_, prefix) = self.world.publish(f"r{self.rng.randint(1, 6)}")
        self.act(lambda life: life.offer(source, (life.store, prefix), DAG))

    def evaluate(self) -> None:
        self.marks += self.rng.random() < 0.8
        version, champion = self.version(), self.world.open().state.champion
        against = self.rng.choice([champion, champion, champion, None, version])
        body = evidence(version, against, self.marks, self.rng.choice([True, False, None]))
        self.act(lambda life: life.evaluated(version, body))

    def ask(self) -> None:
        version, until = self.version(), self.world.clock.now + self.rng.choice([0.0, 100.0, 300.0])
        digest, run = self.digest(version), self.rng.choice(["run0", "run1"])
        self.act(lambda life: life.ask(version, digest, until=until, run=run))

    def decide(self) -> None:
        version, by = self.version(), self.rng.choice([ANNA, BEN, CONDITIONS])
        what, digest = self.rng.choice(["accept", "accept", "reject", "expire"]), self.digest(version)
        self.act(lambda life: getattr(life, what)(version, digest, by))

    def promote(self) -> None:
        version = self.version()
        self.act(lambda life: life.put_in_use(version, ANNA))

    def rollout(self) -> None:
        """What a rollout does at its best, up to the acceptance or further, so that the machine comes somewhere."""
        self.marks += 1
        version, further = self.version(), self.rng.random() < 0.5

        def act(life: ModelLife) -> None:
            life.refresh()
            digest = life.evaluated(version, evidence(version, life.state.champion, self.marks))
            life.accept(version, digest, ANNA)
            if further:
                life.put_in_use(version, DAG)

        self.act(act)

    def roll(self) -> None:
        """A rollout begins, of a version that was accepted meanwhile where there is one."""
        self.marks += 1
        version, steps = self.version(), self.rng.choice([STEPS, STEPS[1:], [Step(1.0)], AB])

        def act(life: ModelLife) -> None:
            if life.refresh().versions.get(version) is not None and life.state.rollout is None:
                digest = life.evaluated(version, evidence(version, life.state.champion, self.marks))
                life.accept(version, digest, ANNA)
            life.begin_rollout(version, DAG, steps, "ab" if steps is AB else "steps")

        self.act(act)

    def move(self) -> None:
        """A rollout, mostly the open one, goes to a step; its guard says from which, by what may be old."""
        id, by = self.rollout_id(), self.rng.choice([DAG, DAG, ANNA])
        step, expected = self.rng.choice([-1, 0, 1, 1, 2, 2, 3, 4]), self.rng.choice([None, None, None, 0, 1])
        self.act(lambda life: life.step_rollout(id, step, by, evidence={"step": step}, expected=expected))

    def finish(self) -> None:
        """The version of the rollout that is open is put in use, by its guard or by a person."""
        rollout, by = self.world.open().state.rollout, self.rng.choice([DAG, ANNA])
        if rollout is not None:
            self.act(lambda life: life.put_in_use(rollout.version, by, evidence={"n": self.marks}))

    def hold(self) -> None:
        id, held, by = self.rollout_id(), self.rng.random() < 0.5, self.rng.choice([ANNA, BEN])
        self.act(lambda life: life.hold_rollout(id, held, by))

    def rollout_id(self) -> int:
        return len(self.world.open().state.rollouts) + (self.rng.random() < 0.1)

    def take_back(self) -> None:
        self.marks += 1
        state, why = self.world.open().state, f"bad {self.marks}"
        version = state.champion or self.version()
        if state.rollout is not None and self.rng.random() < 0.6:
            version = state.rollout.version
        to = self.version() if self.rng.random() < 0.4 else None
        self.act(lambda life: life.take_back(version, BEN, why, to))

    def retire(self) -> None:
        version = self.version()
        if self.rng.random() < 0.3:
            self.act(lambda life: life.retire(version, ANNA, "old"))

    def claim(self) -> None:
        start = self.rng.randint(0, 1) * DAY
        again = self.rng.random() < 0.3
        self.marks += again
        key, why = interval_key(start, start + DAY), f"again {self.marks}" if again else ""
        version, run = self.world.open().state.champion or self.version(), self.rng.choice(["run0", "run1"])
        claim = self.act(lambda life: life.begin_interval(key, start, start + DAY, version, run=run, why=why))
        if claim is not None and not claim.scored:
            self.claims = [*self.claims[-2:], claim]

    def score(self) -> None:
        """One of the last claims is told the end of: it may not be the newest any more."""
        if not self.claims:
            return
        claim = self.rng.choice(self.claims)
        if self.rng.random() < 0.2:
            self.act(lambda life: life.give_up_interval(claim, "it broke"))
        else:
            self.act(lambda life: life.end_interval(claim, rows=10, out=f"o{claim.attempt}", digest="d"))

    def digest(self, version: int) -> str:
        """Of some evidence on a version, mostly the newest."""
        found = self.world.open().state.versions.get(version)
        if found is None or not found.evidence:
            return "none"
        return (found.evidence[-1] if self.rng.random() < 0.8 else self.rng.choice(found.evidence)).digest

    @invariant()
    def holds(self) -> None:
        """What must be true of the bucket, whoever has died meanwhile."""
        life = self.world.open()
        assert not life.state.skipped  # nobody has written what isn't valid
        hold_to_rules(list(life.journal.records()))

    def teardown(self) -> None:
        """What must be true of all of it, once more, by folding every record."""
        life = self.world.open()
        state = life.state
        records = list(life.journal.records())
        plain = Life()
        for record in records:
            plain.apply(record)
        assert plain == state == Life.decode(plain.encode())
        assert list(state.versions) == list(range(1, len(state.versions) + 1))
        assert len({each.source.key for each in state.versions.values()}) == len(state.versions)
        for version in state.versions.values():
            copied = {key.removeprefix(version.model.prefix) for key in self.world.store.list(version.model.prefix)}
            assert copied == {"model/weights.bin", "status.json"}
            times = [each.time for each in version.moves]
            assert times == sorted(times)
        when = [each.time for each in state.shares]
        assert when == sorted(when)
        for each in {*when, *(time + 0.5 for time in when), 0.0}:
            until = Life()
            for record in records:
                if applied_at(plain, record) <= each:
                    until.apply(record)
            assert until.champion == state.champion_at(each) == in_use(state, each).champion
        now = in_use_at(self.world.store, "churn")
        assert set(now.accepted) == {*now.shares, *now.shadow}
        assert now.rollout == (state.rollout.id if state.rollout is not None else None)


def applied_at(life: Life, record: Record) -> float:
    """When a record holds from: never before one that stands before it."""
    times = [each.time for each in life.shares if each.seq == record.seq]
    return times[0] if times else float("-inf")


def hold_to_rules(records: list[Record]) -> None:
    """The rules once more, in other words than the product's: by the records alone."""
    newest: dict[int, dict[str, Any]] = {}
    offered: list[tuple[int, str]] = []
    claims: dict[str, tuple[int, int]] = {}
    answers: dict[tuple[int, str], str] = {}
    champion: int | None = None
    scored: dict[tuple[str, int], int] = {}
    was_in_use: set[int] = set()
    rolling: dict[str, Any] | None = None
    begun = 0
    for record in records:
        data = record.data
        version: int = data.get("version", 0)
        if record.kind == "offered":
            assert version == len(offered) + 1, "a number twice, or one left out"
            assert data["source"]["run"] not in [run for _, run in offered], "a result twice"
            offered.append((version, data["source"]["run"]))
        elif record.kind == "evaluated":
            if version != champion and (rolling is None or version != rolling["version"]):
                newest[version] = data
        elif record.kind == "decided":
            assert (version, data["digest"]) not in answers, "two answers on the same evidence"
            assert newest[version]["digest"] == data["digest"], "an answer on older evidence"
            if data["what"] == "accepted":
                assert newest[version]["champion"] == champion, "accepted against what is no champion any more"
                assert data["by"]["how"] != "conditions" or newest[version]["verdict"] is True
            answers[version, data["digest"]] = data["what"]
        elif record.kind == "in_use":
            evidence_of = newest[version]
            assert answers[version, evidence_of["digest"]] == "accepted", "in use without an acceptance"
            assert evidence_of["champion"] == champion, "put in use beside what it was compared with"
            if rolling is not None:
                assert rolling["version"] == version, "put in use past another's rollout"
                assert not rolling["held"] or data["by"]["how"] != "dag", "put in use though it was held"
            champion, rolling = version, None
            was_in_use.add(version)
        elif record.kind == "rollout_begun":
            begun += 1
            assert (rolling, data["id"]) == (None, begun), "two rollouts at once, or a number left out"
            assert champion is not None
            assert (newest[version]["champion"], data["champion"]) == (champion, champion), "beside another champion"
            assert answers[version, newest[version]["digest"]] == "accepted", "rolled out without an acceptance"
            rolling = {"id": begun, "version": version, "step": 0, "held": False, "steps": len(data["steps"])}
        elif record.kind == "rollout_step":
            assert rolling is not None, "moved though it was over"
            assert rolling["id"] == data["id"]
            assert 0 <= data["step"] < rolling["steps"]
            assert data["step"] != rolling["step"], "moved to where it was"
            assert not rolling["held"] or data["by"]["how"] != "dag", "moved though it was held"
            assert data.get("expected") in (None, rolling["step"]), "moved by a decision on another step"
            rolling["step"] = data["step"]
        elif record.kind == "rollout_held":
            assert rolling is not None, "held though it was over"
            assert (rolling["id"], not rolling["held"]) == (data["id"], data["held"])
            rolling["held"] = data["held"]
        elif record.kind == "taken_back" and rolling is not None and version == rolling["version"]:
            assert data["to"] == champion
            rolling = None
        elif record.kind == "taken_back":
            assert version == champion
            rolling = None
            champion = data["to"]
            if champion is not None:
                assert champion in was_in_use
                assert answers[champion, newest[champion]["digest"]] == "accepted"
        elif record.kind == "interval_begun":
            claims[data["key"]] = (data["generation"], data["attempt"])
            if data["generation"] > 1:
                assert data["why"], "scored again though nobody has asked for it"
        elif record.kind == "interval_ended" and data.get("failed") is None:
            claim = (data["key"], data["generation"])
            assert claims[data["key"]] == (data["generation"], data["attempt"]), "an older claim has counted"
            scored[claim] = scored.get(claim, 0) + 1
            assert scored[claim] == 1, "an interval was scored twice"


Lives.TestCase.settings = settings(max_examples=examples(20), stateful_step_count=40, deadline=None)
TestLives = Lives.TestCase


def test_states_are_all_reached_by_what_is_tried() -> None:
    """The machine above would prove little if it never came anywhere: each state is one of those it can reach."""
    world = World()
    first, second = world.in_use("r1"), world.in_use("r2")
    assert world.open().state.version(first).state is VersionState.REPLACED
    world.open().take_back(second, ANNA, "bad")
    assert {each.state for each in world.open().state.versions.values()} == {
        VersionState.IN_USE, VersionState.TAKEN_BACK,
    }  # fmt: skip
