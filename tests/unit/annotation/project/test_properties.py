"""Many processes, simulated time, processes that die between any two calls of the store: what must hold still."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from automl_core.annotation.project import Project, ProjectState, Refused
from automl_core.storage.base import StorageUnavailable
from tests.support.examples import examples
from tests.unit.annotation.project.world import BY, DyingStore, Killed, World, label, text

WHO = st.sampled_from(["anna", "ben", "carl"])
NUMBER = st.integers(0, 7)
LEASE = 60.0


class Projects(RuleBasedStateMachine):
    """Acts in any order by any process; after each, what the bucket says is held to what was promised."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.projects: list[Project] = []
        self.rng = random.Random(0)
        self.given: dict[tuple[int, str], list[str]] = {}  # what was told to be recorded: never lost
        self.leases: dict[int, dict[str, float]] = {}  # item → who → until when, as their claims were answered

    @initialize(votes=st.integers(1, 2))
    def begun(self, votes: int) -> None:
        """A project with a batch, and processes that live on with states that may be old."""
        self.votes = votes
        self.world.sent([5, 2, 0, 1, 3], votes, many=8)
        self.projects = [self.world.open() for _ in range(3)]

    def act(self, act: Callable[[Project], Any]) -> Any:
        """An act by one of the processes; one that dies of it is followed by another that repeats it."""
        project = self.rng.choice(self.projects)
        if self.rng.random() < 0.4:
            dying = DyingStore(self.world.store, self.rng.randint(1, 6), self.rng.choice(["before", "after", "lost"]))
            try:
                return act(self.world.open(dying))
            except (Killed, StorageUnavailable):
                pass
        try:
            return act(project)
        except Refused as refused:
            return refused

    @rule(who=WHO, many=st.integers(1, 3))
    def claim(self, who: str, many: int) -> None:
        """Somebody takes tasks."""
        now = self.world.clock.now
        for id in self.act(lambda project: project.claim(who, many, LEASE)):
            number = self.world.open().catalog.number_of(id)
            others = [
                name for name, until in self.leases.get(number, {}).items() if name != who and until - LEASE / 2 > now
            ]
            answered = set(self.world.open().state.given(number, 1))
            assert who not in answered
            assert len(answered | set(others)) < self.votes, (number, who, others)
            self.leases.setdefault(number, {})[who] = now + LEASE

    @rule(who=WHO, number=NUMBER)
    def release(self, who: str, number: int) -> None:
        """Somebody gives a task back."""
        self.act(lambda project: project.release(who, project.catalog.ids_of([number])))
        self.leases.get(number, {}).pop(who, None)

    @rule(who=WHO, number=NUMBER, what=st.sampled_from(["order", "refund", ""]))
    def label(self, who: str, number: int, what: str) -> None:
        """Somebody answers, whether they have the task or not."""
        done = self.act(lambda project: project.label([label(project, number, what, who, skipped=not what)], BY))
        assert done.refused == []
        assert done.new + done.same + done.changed == 1
        self.given.setdefault((number, who), []).append(what)
        self.leases.get(number, {}).pop(who, None)

    @rule(number=NUMBER, back=st.booleans())
    def retire(self, number: int, back: bool) -> None:
        """An item is set aside, or comes back."""
        what = "restore" if back else "retire"
        self.act(lambda project: getattr(project, what)(project.catalog.ids_of([number]), "x", BY))
        if not back:
            self.leases.pop(number, None)

    @rule(first=st.integers(0, 12), many=st.integers(1, 4))
    def add(self, first: int, many: int) -> None:
        """Items come; some are known."""
        self.act(lambda project: project.add_items(map(text, range(first, first + many)), BY, source="sea"))

    @rule(numbers=st.lists(NUMBER, max_size=3))
    def take(self, numbers: list[int]) -> None:
        """Models label."""
        found = self.act(lambda project: project.found_threshold(1, ["a", "b"], 0.9, 1, {}, {}, BY))
        self.act(lambda project: project.take(found, dict.fromkeys(project.catalog.ids_of(numbers), "other"), BY))

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE]))
    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.world.clock.now += seconds

    @rule()
    def snapshot(self) -> None:
        """Somebody writes a snapshot."""
        self.world.open().journal.write_snapshot()

    @invariant()
    def holds(self) -> None:
        """Nothing lost, nothing twice, one state for all readers."""
        if not self.projects:
            return
        project = self.world.open()
        state = project.state
        assert state.skipped == {}
        whole = ProjectState()
        for record in project.journal.records():
            assert whole.apply(record) is None
        assert whole == state
        assert ProjectState.decode(state.encode()) == state
        for (number, who), said in self.given.items():
            answer = state.answer_by(number, who)
            assert answer is not None
            assert answer.label == said[-1]
            told = [vote.label for vote in state.history(number) if vote.author == who]
            assert told == [what for at, what in enumerate(said) if at == 0 or said[at - 1] != what]
        assert sum(state.counts().values()) == state.count == len(project.catalog)
        assert len(set(project.catalog.ids_of(range(state.count)))) == state.count
        for number in state.tasks:
            assert number not in state.retired
            assert len(state.given(number, state.tasks[number])) < self.votes
        for number in state.claims:
            assert number in state.tasks


TestProjects = Projects.TestCase
TestProjects.settings = settings(max_examples=examples(12), stateful_step_count=25, deadline=None)
