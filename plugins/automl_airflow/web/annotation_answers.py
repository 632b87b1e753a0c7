"""Which of a page's answers are given to the journal: one that was kept back must not undo a newer one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from automl_airflow.web.annotation_views import PAGE
from automl_core.annotation.items import Catalog
from automl_core.annotation.project import Label, ProjectState


class Answer(Protocol):
    """An answer as a page sends it."""

    item: str
    label: str
    skipped: bool
    seconds: float | None
    ago: float
    shown: str | None
    was: str | None


@dataclass
class Judged:
    """What becomes of answers.

    Attributes:
        labels: those to be given to the journal, each with its place among the answers.
        known: how many it has already, and has something newer besides.
        refused: place → why.
    """

    labels: list[tuple[int, Label]] = field(default_factory=list)
    known: int = 0
    refused: dict[int, str] = field(default_factory=dict)


@dataclass
class _Said:
    """What an author says of an item: '' where they can't tell, None where they have said nothing."""

    now: str | None
    ever: set[str]
    asked_again: bool


def judged(
    answers: Sequence[Answer], state: ProjectState, catalog: Catalog, author: str, now: float
) -> Judged:  # fmt: skip
    """Sort answers of one person.

    The first answer on an item is taken, and so is one to a batch that asks about it anew. Another one than stands is
    taken where it says which it takes the place of. What was sent before and is sent again changes nothing.

    Args:
        answers: in the order in which they were given.
        state: the project's, of a moment ago.
        catalog: of its items.
        author: whose they are.
        now: the time, seconds since 1970.
    """
    found = Judged()
    said: dict[str, _Said] = {}
    for place, each in enumerate(answers):
        if each.item not in said:
            said[each.item] = _said(state, catalog.find(each.item), author)
        before, word = said[each.item], "" if each.skipped else each.label
        taken = before.now is None or before.asked_again or word == before.now or each.was == before.now
        if not taken and word in before.ever:
            found.known += 1
            continue
        if not taken:
            words = f"{before.now!r}" if before.now else "that you can't tell"
            found.refused[place] = (
                f"you have answered {words} already, on another page or later than this: change it under Items"
            )
            continue
        found.labels.append((place, Label(
            each.item, each.label, author, seconds=each.seconds, time=now - each.ago, skipped=each.skipped, where=PAGE,
            shown=each.shown,
        )))  # fmt: skip
        said[each.item] = _Said(word, {*before.ever, word}, asked_again=False)
    return found


def _said(state: ProjectState, number: int | None, author: str) -> _Said:
    if number is None:
        return _Said(None, set(), asked_again=False)
    votes = [vote for vote in state.history(number) if vote.author == author]
    stands = state.answer_by(number, author)
    batch = state.tasks.get(number)
    return _Said(
        None if stands is None else "" if stands.skipped else stands.label,
        {"" if vote.skipped else vote.label for vote in votes},
        asked_again=batch is not None and author not in state.given(number, batch),
    )
