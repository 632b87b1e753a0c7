"""A model's life in simulated time, over a store that can be made to die between any two of its calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from automl_core.models.life import ModelLife, Person, Rollout, Source, Step
from automl_core.models.life.rollouts import Kind
from automl_core.storage.base import ObjectStore, StorageUnavailable
from automl_core.storage.wrapper import StoreWrapper
from tests.support.memory_store import MemoryStore

T = TypeVar("T")

ANNA, BEN = Person("anna", "rest"), Person("ben", "airflow")
DAG = Person("churn.rollout", "dag")
CONDITIONS = Person("churn.rollout", "conditions")
STEPS = [Step(1.0, 60.0, shadow=True), Step(0.05, 60.0), Step(0.25, 60.0), Step(1.0, 60.0)]
AB = [Step(0.3)]


class Clock:
    """Simulated seconds."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Killed(BaseException):
    """A process that is gone: no code of it runs any more."""


class DyingStore(StoreWrapper):
    """Ends the process at its n-th call, before it is done or after; or loses the answer of that call alone."""

    def __init__(self, inner: ObjectStore, at: int, how: str) -> None:
        super().__init__(inner)
        self.at, self.how, self.calls = at, how, 0

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        self.calls += 1
        if self.calls != self.at:
            return call()
        if self.how == "before":
            raise Killed
        result = call()
        if self.how == "lost":
            raise StorageUnavailable(f"the answer to {operation} {key} was lost")
        if self.how == "after":
            raise Killed
        return result


class World:
    """One store, many processes."""

    def __init__(self, store: ObjectStore | None = None) -> None:
        self.clock = Clock()
        self.store: ObjectStore = store if store is not None else MemoryStore()

    def open(self, store: ObjectStore | None = None, skew: float = 0.0) -> ModelLife:
        """The model, as another process opens it; its clock may differ by some seconds."""
        return ModelLife.open(
            store or self.store, "churn", clock=lambda: self.clock.now + skew, sleep=lambda _: None
        )  # fmt: skip

    def publish(self, run: str, content: bytes = b"") -> tuple[Source, tuple[ObjectStore, str]]:
        """A published result."""
        prefix = f"churn/{run}/"
        for name in ("model/weights.bin", "status.json"):
            self.store.put(f"{prefix}best_model/{name}", content or f"{run} {name}".encode())
        source = Source(self.store.url, "churn", run, prefix, 0, "auc", 0.9, started=1.0, published=2.0)
        return source, (self.store, f"{prefix}best_model/")

    def offered(self, run: str = "r1") -> int:
        """A version of a new result."""
        return self.open().offer(*self.publish(run), DAG).number

    def evaluated(self, version: int, mark: Any = 0, ok: bool | None = True) -> str:
        """The digest of new evidence against today's champion."""
        life = self.open()
        return life.evaluated(version, evidence(version, life.state.champion, mark, ok))

    def asked(self, version: int, digest: str, within: float = 100.0) -> None:
        """A question by the rollout of the version."""
        self.open().ask(version, digest, until=self.clock.now + within, whom=["anna"], run=f"version_{version}")

    def accepted(self, run: str = "r2") -> int:
        """A version that was evaluated against today's champion, and accepted."""
        version = self.offered(run)
        self.open().accept(version, self.evaluated(version, run), ANNA)
        return version

    def rolling(self, run: str = "r2", kind: Kind = "steps") -> Rollout:
        """A rollout that has begun; with a champion beside it."""
        if self.open().state.champion is None:
            self.in_use("r1")
        steps = STEPS if kind == "steps" else AB
        return self.open().begin_rollout(self.accepted(run), DAG, steps, kind)

    def in_use(self, run: str = "r1") -> int:
        """A version that was evaluated, accepted and put in use."""
        version = self.offered(run)
        digest = self.evaluated(version, run)
        life = self.open()
        life.accept(version, digest, ANNA)
        life.put_in_use(version, DAG)
        return version


def evidence(version: int, champion: int | None, mark: Any = 0, ok: bool | None = True) -> dict[str, Any]:
    """Evidence as an evaluation makes it; another mark gives another digest."""
    return {
        "version": version, "champion": champion, "metric": {"name": "auc", "direction": "maximize"},
        "values": {"challenger": 0.9, "champion": None}, "difference": None, "data": {"scored": 100, "mark": mark},
        "tests": [], "cases": None, "verdict": {"when": "better", "ok": ok, "reasons": ["it is better"]},
    }  # fmt: skip
