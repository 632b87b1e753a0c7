"""What labels that are given make of those that are there: which are new, which stand, which can't be taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_core.annotation.items import Catalog, NoSuchItem
from automl_core.annotation.project.labels import LIVE, Label, Source, Vote, newest
from automl_core.spec.errors import nearest

if TYPE_CHECKING:
    from automl_core.annotation.project.entities import Batch
    from automl_core.annotation.project.state import ProjectState

AHEAD = 86_400.0
"""Seconds that a label's time may lie ahead: clocks differ, and what lies further was no number of seconds."""


LONGEST = 20_000
"""Bytes of a label: a transcript, say."""


@dataclass(frozen=True, slots=True)
class Given:
    """A label that can be taken."""

    number: int
    label: Label


@dataclass(frozen=True, slots=True)
class Sorted:
    """What some labels are on a state.

    Attributes:
        votes: those to be recorded, new and changed ones.
        new, same, changed, older: how many of each.
    """

    votes: list[Vote]
    new: int
    same: int
    changed: int
    older: int


def looked_at(
    labels: Sequence[Label], state: ProjectState, catalog: Catalog, now: float
) -> tuple[list[Given], list[tuple[int, str]]]:
    """Labels that can be taken, and why others can't: (place among those given, words)."""
    found: list[Given] = []
    refused: list[tuple[int, str]] = []
    classes = classes_of(state)
    for place, label in enumerate(labels):
        try:
            number = catalog.number_of(label.item)
        except NoSuchItem as error:
            refused.append((place, str(error)))
            continue
        why = _problem(label, classes, now) or _shown(label, state, catalog)
        if why:
            refused.append((place, why))
        else:
            found.append(Given(number, label))
    return found, refused


def classes_of(state: ProjectState) -> list[str]:
    """The classes that the project's file states; empty where it states none, so that any is allowed."""
    labels = state.document.get("labels")
    classes = labels.get("classes") if isinstance(labels, dict) else None
    return [str(each) for each in classes] if isinstance(classes, list) else []


def spelled(author: str, who: Iterable[str]) -> str | None:
    """An author as `people.who` spells it: who came in two spellings would count as two people.

    Args:
        author: as a file or another program has it.
        who: names.

    Returns:
        None where it is none of them.
    """
    names = [str(each) for each in who]
    return author if author in names else next((each for each in names if each.casefold() == author.casefold()), None)


def sorted_out(state: ProjectState, given: Sequence[Given], now: float) -> Sorted:
    """What labels are on a state.

    The same answer by the same author stands already. One that is brought (from a file, the data, Label Studio) stands,
    too, where it is what was brought of the author last: a file that is brought twice must not undo what they said on
    the page since. Where that was something else, the file has changed its mind, and says something new; unless it is
    known to be told once more (`Label.again`), or has the time of an answer that is known. Who is asked again, by
    another batch, and says the same has answered all the same: that is recorded, and ends their task.
    """
    votes: list[Vote] = []
    new = same = changed = older = 0
    heard: dict[tuple[int, str], list[Vote]] = {}
    for each in given:
        label, key = each.label, (each.number, each.label.author)
        if key not in heard:
            heard[key] = [vote for vote in state.history(each.number) if vote.author == label.author]
        before = heard[key]
        stands = _stands(label, before)
        if stands and not _asked_again(state, each, before):
            same += 1
            continue
        vote = _vote(state, each, now, before)
        last = newest(before)
        before.append(vote)
        votes.append(vote)
        if stands:
            same += 1
        elif last is None:
            new += 1
        elif vote.time < last.time:
            older += 1
        else:
            changed += 1
    return Sorted(votes, new, same, changed, older)


def _stands(label: Label, before: Sequence[Vote]) -> bool:
    def same(vote: Vote | None) -> bool:
        return vote is not None and (vote.label, vote.skipped) == (label.label, label.skipped)

    if same(newest(before)):
        return True
    if label.where in LIVE:
        return False
    brought = [vote for vote in before if vote.where == label.where]
    if label.time is not None:
        return any(same(vote) and vote.time == round(label.time, 3) for vote in brought)
    return any(map(same, before)) if label.again else same(newest(brought))


def _asked_again(state: ProjectState, given: Given, before: Sequence[Vote]) -> bool:
    """Whether an answer is one to a batch that its author has not answered yet.

    One that is brought names the batch, or is younger than it: else it may be the answer to an earlier one, brought
    twice.
    """
    label, number = given.label, state.tasks.get(given.number)
    if number is None or label.source is not Source.PERSON or any(vote.batch == number for vote in before):
        return False
    if label.where in LIVE or label.batch == number:
        return True
    return label.batch is None and label.time is not None and label.time > state.batches[number].time


def _vote(state: ProjectState, given: Given, now: float, before: Sequence[Vote]) -> Vote:
    label, number = given.label, given.number
    batch: Batch | None = state.sent_in(number) if label.source is Source.PERSON else None
    time = round(now if label.time is None else label.time, 3)
    last = newest(before)
    if last is not None and label.where in LIVE:  # said now, whatever a clock said before
        time = max(time, last.time)
    price = label.price
    if batch is not None and not price and all(vote.batch != batch.number for vote in before):
        price = batch.price  # a change of mind is not paid again
    kind = label.kind or (batch.kinds.get(number, "") if batch is not None else "")
    return Vote(
        number, label.label, label.author, label.source, time,
        None if label.seconds is None else round(float(label.seconds), 2), float(price), kind, label.skipped,
        label.where, batch.round if batch is not None else len(state.rounds), batch.number if batch is not None else 0,
    )  # fmt: skip


def _problem(label: Label, classes: list[str], now: float) -> str:
    """Why a label can't be taken, by itself; empty where it can."""
    if not label.author.strip():
        return "nobody is named as its author"
    if label.source is Source.MODELS:
        return "labels of models are taken by a threshold, not brought"
    if label.skipped and label.label:
        return f"skipped, and yet labelled {label.label!r:.80}"
    if not label.skipped and not label.label:
        return "there is no label; 'skipped' says that somebody couldn't tell"
    if len(label.label.encode()) > LONGEST:
        return f"a label of {len(label.label.encode())} bytes, where {LONGEST} are the most"
    if not label.skipped and classes and label.label not in classes:
        like = nearest(label.label, classes)
        meant = f"; did you mean {like!r}?" if like else ""
        return f"{label.label!r:.80} is no class of this project{meant} Known: {_some(classes)}"
    for name, value in (("seconds", label.seconds), ("price", label.price)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            return f"{name} {value} is no number from 0"
    if label.time is not None and not 0 <= label.time <= now + AHEAD:
        return f"time {label.time:g} lies ahead, or before 1970: it is seconds since 1970"
    if label.source is Source.IMPORTED and label.kind == "stratum":
        return "what was imported is no random sample, so it can't be of the stratum"
    return ""


def _shown(label: Label, state: ProjectState, catalog: Catalog) -> str:
    """Why a label is not of the item that it names, by what was shown; empty where it is."""
    if label.shown is None:
        return ""
    items = state.document.get("items")
    show = items.get("show") if isinstance(items, dict) else None
    if label.shown in catalog.digests(label.item, show if isinstance(show, list) else ()):
        return ""
    other = catalog.find(label.shown)
    what = f"item {label.shown}" if other is not None else "something else"
    return f"{what} was shown, not item {label.item}: a label belongs to what its author has seen"


def _some(classes: list[str]) -> str:
    return ", ".join(classes[:20]) + (", …" if len(classes) > 20 else "")
