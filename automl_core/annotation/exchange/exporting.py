"""Items that people are asked about, a JSON line each: what they see, and room for what they say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from automl_core.annotation.items.content import id_of
from automl_core.annotation.project import Batch, Project, ProjectState
from automl_core.annotation.project.answering import classes_of

LED = frozenset({"useful"})
"""Kinds of choices whose lines may have a model's opinion. On all others people are asked because what they say
measures somebody, or because a model was wrong: whoever has seen an answer gives it more often."""


class NoSuchBatch(LookupError):
    """A project has no such batch. The message says which it has."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a model thinks of an item.

    Attributes:
        label: the class.
        probability: of it.
        model: name and version, as people see them.
    """

    label: str
    probability: float
    model: str


def export_tasks(
    project: Project, batch: int | None = None, *, opinions: Mapping[str, Opinion] | None = None
) -> Iterator[str]:
    """Lines of JSON, without a line break at their ends, in the order in which the items should be labelled.

    Items that have all their answers, and retired ones, are left out; so what is left can be exported again. A line
    does not say why its item was chosen: some are there because their answer is known.

    Args:
        project: read just now.
        batch: number; all batches that are open when left out.
        opinions: item → what a model thinks, written with useful items alone; none when left out.

    Raises:
        NoSuchBatch: there is no batch of that number.
        StorageError: the store refuses or is away.
    """
    state = project.state
    if batch is not None and batch not in state.batches:
        known = f"there are {len(state.batches)}, from 1" if state.batches else "nothing was sent yet"
        raise NoSuchBatch(f"{project.name} has no batch {batch}: {known}")
    batches = [state.batches[batch]] if batch is not None else state.open_batches()
    for each in batches:
        for number in state.open_tasks(each.number):
            yield json.dumps(_line(project, state, each, number, opinions or {}), ensure_ascii=False, allow_nan=False)


def shown_of(state: ProjectState, content: Mapping[str, Any]) -> dict[str, Any]:
    """What people see of an item: the columns that the project's file shows, all where it names none.

    Args:
        state: of the project.
        content: the item, with what is shown beside it.
    """
    items = state.document.get("items")
    show = items.get("show") if isinstance(items, dict) else None
    some = {column: content[column] for column in show if column in content} if isinstance(show, list) else {}
    return some or dict(content)


def _line(
    project: Project, state: ProjectState, batch: Batch, number: int, opinions: Mapping[str, Opinion]
) -> dict[str, Any]:
    item = project.catalog.id_of(number)
    content = shown_of(state, project.catalog.shown(item))
    line: dict[str, Any] = {"item": item, "batch": batch.number}
    keys = project.catalog.keys_of(item)
    if keys:
        line["key"] = keys[0]
    line |= {"content": content, "shown": id_of(content)}
    classes = classes_of(state)
    if classes:
        line["classes"] = classes
    opinion = opinions.get(item)
    if opinion is not None and batch.kinds.get(number) in LED:
        line["opinion"] = {
            "label": opinion.label, "probability": round(opinion.probability, 4), "model": opinion.model,
        }  # fmt: skip
    return line | {"label": None, "author": None, "seconds": None, "skipped": False}
