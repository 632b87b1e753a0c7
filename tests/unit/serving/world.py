"""A storage with models of ours, and servers that follow it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from automl_core import modelfile
from automl_core.models.life import ModelLife, Person, Source
from automl_core.models.life.rollouts import Rollout, Step
from automl_core.models.rollout.tallies import Counts, Tally
from automl_core.serving.following import Follower
from automl_core.serving.process import Limits
from automl_core.serving.served import Served
from automl_core.serving.tallying import Tallies
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore
from tests.unit.modelfile.models import BINARY, ROWS, SCHEMA, forest, linear

ANNA, DAG = Person("anna", "rest"), Person("churn.rollout", "dag")
ROW = {"age": 30.0, "city": "Bonn", "plan": 1}


class Lake:
    """A storage in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store: ObjectStore = open_store(f"file://{folder / 'lake'}")
        self.runs = 0

    def life(self, name: str = "churn") -> ModelLife:
        return ModelLife.open(self.store, name)

    def offered(self, name: str = "churn", seed: int = 1) -> int:
        """A version of a new result: a linear model and a forest."""
        self.runs += 1
        prefix = f"{name}/r{self.runs}/best_model/model/"
        made = modelfile.write(
            self.folder / f"made-{self.runs}", members=[linear(seed=seed), forest()], schema=SCHEMA, problem=BINARY,
            golden=ROWS, made={"seed": seed},
        )  # fmt: skip
        self.store.upload(made, prefix.rstrip("/"))
        source = Source(self.store.url, name, f"r{self.runs}", f"{name}/r{self.runs}/", 0, "auc", 0.9)
        return self.life(name).offer(source, (self.store, prefix), DAG).number

    def in_use(self, name: str = "churn", seed: int = 1) -> int:
        """A version that was accepted and is in use."""
        version = self.accepted(name, seed)
        self.life(name).put_in_use(version, DAG)
        return version

    def accepted(self, name: str = "churn", seed: int = 2) -> int:
        """A version that was accepted, and answers nobody yet."""
        version, life = self.offered(name, seed), self.life(name)
        life.accept(version, life.evaluated(version, self.evidence(version, life.state.champion)), ANNA)
        return version

    def rolling(self, *shares: float, name: str = "churn", seed: int = 2, shadow: float | None = None) -> Rollout:
        """A version in the first step of a rollout: of a shadow where one is wanted."""
        version = self.accepted(name, seed)
        steps = [Step(shadow, 0.0, shadow=True)] if shadow is not None else []
        return self.life(name).begin_rollout(version, DAG, [*steps, *(Step(share) for share in shares)])

    def evidence(self, version: int, champion: int | None) -> dict[str, Any]:
        return {
            "version": version, "champion": champion, "metric": {"name": "auc", "direction": "maximize"},
            "values": {"challenger": 0.9, "champion": None}, "difference": None, "data": {"scored": 100},
            "tests": [], "cases": None, "verdict": {"when": "better", "ok": True, "reasons": ["it is better"]},
        }  # fmt: skip

    def model(self, version: int, name: str = "churn") -> Any:
        """The model of a version."""
        copy = self.life(name).state.version(version).model
        folder = self.store.local_path(copy.prefix.rstrip("/"))
        assert folder is not None
        return modelfile.load(folder)


def served(lake: Lake, test: Callable[[Served], Awaitable[None]], **more: Any) -> None:
    """Run a test with the models of a storage served."""
    limits, preload = Limits(**more.pop("limits", {})), more.pop("preload", ())

    async def run() -> None:
        follower = Follower(lake.store, more.pop("names", None))
        tallies = Tallies(lake.store, "here", every=0.02)
        server = Served(follower, lake.folder / "cache", limits=limits, every=0.05, tallies=tallies, **more)
        await server.start(preload)
        try:
            await test(server)
        finally:
            await server.stop()

    asyncio.run(run())


def together(tallies: Iterable[Tally], version: int, *, shadow: bool = False) -> Counts:
    """What a version answered in several tallies."""
    found = Counts()
    for each in tallies:
        found = found + (each.shadow if shadow else each.versions).get(version, Counts())
    return found


async def until(true: Callable[[], bool]) -> None:
    """Wait until something has come; the time-out of tests ends what never does."""
    while not true():
        await asyncio.sleep(0.02)
