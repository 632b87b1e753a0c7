"""A rollout in simulated time: a champion, a challenger on its way, servers that count, guards that look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automl_core.models.life import ModelLife
from automl_core.models.life.rollouts import Kind, Rollout, Step
from automl_core.models.rollout import Counts, Tally, write_tally
from automl_core.models.rollout.guard import Guard
from automl_core.models.rollout.rules import Rules
from automl_core.storage.base import ObjectStore
from tests.unit.models.life.world import ANNA, DAG, World

STEPS = (Step(0.05, 60.0), Step(0.25, 60.0), Step(1.0, 60.0))
CHAMPION, CHALLENGER = 1, 2


class Rolling(World):
    """A model with version 1 in use and version 2 being rolled out."""

    def __init__(
        self, steps: Sequence[Step] = STEPS, kind: Kind = "steps", rules: Rules | None = None,
        store: ObjectStore | None = None,
    ) -> None:  # fmt: skip
        super().__init__(store)
        self.rules = rules or Rules(least=50)
        self.in_use("r1")
        version = self.offered("r2")
        digest = self.evaluated(version, "r2")
        life = self.open()
        life.accept(version, digest, ANNA)
        self.id = life.begin_rollout(version, DAG, list(steps), kind).id
        self.places: dict[str, int] = {}

    @property
    def rollout(self) -> Rollout:
        """As the journal has it now."""
        return self.open().refresh().rollouts[self.id]

    def guard(self, store: ObjectStore | None = None, life: ModelLife | None = None, **given: Any) -> Guard:
        """Another guard, as another process makes it."""
        return Guard(life or self.open(store), self.id, self.rules, clock=self.clock, **given)

    def tally(
        self, champion: tuple[int, int], challenger: tuple[int, int], *, step: int | None = None, server: str = "srv-a",
        shadow: tuple[int, int] | None = None, slow: tuple[int, int] = (0, 0), store: ObjectStore | None = None,
    ) -> Tally:  # fmt: skip
        """What a server counted just now, written down: answers and errors of each version."""
        self.places[server] = self.places.get(server, 0) + 1
        versions = {
            version: Counts(answers, errors, late, 0.01 * answers, {20: answers})
            for version, (answers, errors), late in (
                (CHAMPION, champion, slow[0]), (CHALLENGER, challenger, slow[1])
            )
            if answers
        }  # fmt: skip
        tally = Tally(
            self.id, self.rollout.step if step is None else step, server, self.places[server], self.clock.now - 1,
            self.clock.now, versions, {} if shadow is None else {CHALLENGER: Counts(*shadow)},
        )  # fmt: skip
        write_tally(store or self.store, "churn", tally)
        return tally

    def tallies(self) -> list[str]:
        """Keys of the tallies that lie there."""
        return self.store.list(f"_models/churn/rollouts/{self.id}/tallies/")

    def looks(self) -> list[str]:
        """Keys of the looks that lie there."""
        return self.store.list(f"_models/churn/rollouts/{self.id}/looks/")
