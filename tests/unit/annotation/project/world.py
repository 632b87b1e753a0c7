"""A project in simulated time, over a store that can be made to die between any two of its calls."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.annotation.project import Batch, Chosen, Label, Person, Project, Source
from automl_core.storage.base import ObjectStore
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.world import Clock, DyingStore, Killed

__all__ = ["ANNA", "BY", "DOCUMENT", "Clock", "DyingStore", "Killed", "World", "text"]

BY = Person("intents.annotation", "dag")
ANNA = Person("anna", "rest")
CLASSES = ["order", "refund", "other"]
DOCUMENT = {"name": "intents", "items": {"columns": ["text"]}, "labels": {"classes": CLASSES}}


def text(number: int) -> dict[str, str]:
    """An item."""
    return {"text": f"text {number}"}


class World:
    """One store, many processes."""

    def __init__(self, store: ObjectStore | None = None) -> None:
        self.clock = Clock()
        self.store: ObjectStore = store if store is not None else MemoryStore()

    def open(self, store: ObjectStore | None = None, skew: float = 0.0) -> Project:
        """The project, as another process opens it; its clock may differ by some seconds."""
        return Project.open(
            store or self.store, "intents", clock=lambda: self.clock.now + skew, sleep=lambda _: None
        )  # fmt: skip

    def filled(self, many: int = 10) -> Project:
        """With items, numbered and with keys in a row, and a round that has begun."""
        project = self.open()
        project.configure(DOCUMENT, BY)
        project.add_items([text(number) for number in range(many)], BY, source="lake", keys=list(map(str, range(many))))
        project.begin_round(1, BY)
        return project

    def sent(self, items: Sequence[int], votes: int = 1, kind: str = "useful", *, many: int = 10) -> Batch:
        """A batch of a project that is filled."""
        project = self.filled(many)
        return project.send(1, self.chosen(project, items, kind), "page", votes, BY, price=0.05)

    @staticmethod
    def chosen(project: Project, items: Sequence[int], kind: str = "useful") -> list[Chosen]:
        """Choices of items."""
        return [Chosen(project.catalog.id_of(number), kind, "because") for number in items]


def label(
    project: Project, number: int, what: str = "order", author: str = "anna", where: str = "page",
    time: float | None = None, source: Source = Source.PERSON, kind: str = "", skipped: bool = False,
    again: bool = False,
) -> Label:  # fmt: skip
    """A label of an item by its number."""
    return Label(
        project.catalog.id_of(number), "" if skipped else what, author, where=where, time=time, source=source,
        kind=kind, skipped=skipped, seconds=2.5, again=again,
    )  # fmt: skip
