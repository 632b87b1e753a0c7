"""An annotation project for tests of the web view: its file, and its journal as tasks of its DAG write it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automl_core.annotation.file import parse_annotation_document
from automl_core.annotation.project import Chosen, Label, Person, Project
from automl_core.storage.folder import FolderStore
from tests.unit.web.lives import HOSTILE, Clock

DAG = Person("the dag", "dag")

FILE = """\
kind: annotation
name: {name}
description: "What messages are about {hostile}"
output: {{storage: "file://{storage}"}}
items:
  data: "file://{storage}/messages/*.jsonl"
  kind: text
  columns: [text]
  show: [text, channel]
  key: id
labels:
  classes: [order, refund, other, constructor]
  hints: {{order: wants to buy}}
  keys: {{order: o}}
models:
  - experiment: messages_linear
  - experiment: messages_trees
people: {people}
"""


def project_text(world: Any, name: str, people: str = "{where: page, lease: 10m, price: 0.05}", more: str = "") -> str:
    """The text of a project's file."""
    hostile = HOSTILE.replace('"', "'")
    return FILE.format(name=name, storage=world.storage, people=people, hostile=hostile) + more


class Loop:
    """Does what tasks of the DAG do: items come, rounds begin, people are asked."""

    def __init__(self, world: Any, name: str, text: str, clock: Clock | None = None) -> None:
        self.project = Project.open(FolderStore(world.storage), name, **({"clock": clock} if clock else {}))
        self.project.configure(parse_annotation_document(text, "x.yaml")[0].plain(), DAG)

    def add(self, many: int, start: int = 0) -> list[str]:
        """Messages; the third one is hostile. Returns their ids."""
        words = [HOSTILE if n == 2 else f"message {n}: where is my parcel?" for n in range(start, start + many)]
        before = len(self.project.catalog)
        keys = [f"m{n}" for n in range(start, start + many)]
        self.project.add_items(
            [{"text": each} for each in words], DAG, source="messages", keys=keys,
            beside=[{"channel": "mail"}] * many,
        )  # fmt: skip
        return self.project.catalog.ids_of(range(before, before + many))

    def ask(self, ids: Sequence[str], *, votes: int = 1, to: str = "page", number: int | None = None) -> int:
        """A round, and its batch. Returns the batch's number."""
        wanted = number or len(self.project.refresh().rounds) + 1
        self.project.begin_round(wanted, DAG)
        choices = [Chosen(each, "useful", f"a model thinks that it is a refund {n}") for n, each in enumerate(ids)]
        return self.project.send(wanted, choices, to, votes, DAG, price=0.05).number

    def label(self, item: str, label: str, author: str, **more: Any) -> None:
        """An answer that came another way than by the page."""
        done = self.project.label([Label(item, label, author, **more)], Person(author, "cli"))
        assert not done.refused, done.refused

    def take(self, labels: dict[str, str]) -> int:
        """Labels by models."""
        number = self.project.found_threshold(
            len(self.project.refresh().rounds), ["linear 1", "trees 1"], 0.9, 1, "97 %", {"labels": 100}, DAG
        )
        done = self.project.take(number, labels, DAG)
        assert not done.left, done.left
        return number
