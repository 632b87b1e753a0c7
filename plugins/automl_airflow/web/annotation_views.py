"""What pages show of an annotation project, made of its journal's state. Nothing here reads a store.

While people are asked about an item, nobody is told what others say of it, models among them: each label is to be one's
own. Known answers (gold) are never told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from automl_core.annotation.project import Batch, ItemState, ProjectState, Source, Vote

GOLD = "gold"

PAGE = "page"
"""Where batches go that are labelled here."""


@dataclass
class Sums:
    """Sums over all labels, brought up to date by the labels that are new."""

    upto: int = 0
    seconds: float = 0.0
    spent: float = 0.0
    people: set[int] = field(default_factory=set)

    def take(self, votes: Sequence[Vote]) -> Sums:
        """Take in what is new; all of it where the state was folded anew."""
        if len(votes) < self.upto:
            self.upto, self.seconds, self.spent = 0, 0.0, 0.0
            self.people.clear()
        for vote in votes[self.upto :]:
            self.seconds += vote.seconds or 0.0
            self.spent += vote.price
            if vote.source is Source.PERSON and not vote.skipped:
                self.people.add(vote.item)
        self.upto = len(votes)
        return self


def at_a_glance(state: ProjectState, sums: Sums) -> dict[str, Any]:
    """How a project stands, whoever asks and whatever the time."""
    counts = told_counts(state)
    batches = state.open_batches(PAGE)
    return {
        "seq": state.seq, "updated": state.updated or None, "items": state.count,
        "counts": {str(name): many for name, many in counts.items()},
        "labelled": len(sums.people), "taken": counts[ItemState.TAKEN], "open": counts[ItemState.SENT],
        "round": len(state.rounds) or None, "batch": batch_body(state, batches or state.open_batches()),
        "stopped": {"why": state.stopped.why, "reasons": state.stopped.reasons} if state.stopped is not None else None,
        "seconds": sums.seconds, "spent": sums.spent, "done": _done(state, batches),
    }  # fmt: skip


def batch_body(state: ProjectState, batches: Sequence[Batch]) -> dict[str, Any] | None:
    """The batches that are open, as one: the number is the newest's."""
    if not batches:
        return None
    progress = [state.progress(each.number) for each in batches]
    items = sum(each[1] for each in progress)
    ends = [each.until for each in batches if each.until is not None]
    return {
        "number": batches[-1].number, "to": batches[-1].to, "votes": batches[-1].votes, "items": items,
        "open": items - sum(each[0] for each in progress), "until": min(ends, default=None),
    }  # fmt: skip


def _done(state: ProjectState, batches: Sequence[Batch]) -> dict[str, tuple[int, float]]:
    """Who has answered how many items of open batches, and when last."""
    found: dict[str, tuple[int, float]] = {}
    for batch in batches:
        for number in batch.items:
            for who in state.given(number, batch.number):
                vote = state.answer_by(number, who)
                many, last = found.get(who, (0, 0.0))
                found[who] = (many + 1, max(last, vote.time if vote is not None else 0.0))
    return found


def working(state: ProjectState, now: float) -> dict[str, tuple[int, float]]:
    """Who has tasks now: how many, and until when they are held at least."""
    found: dict[str, tuple[int, float]] = {}
    for number, holders in state.claims.items():
        if number not in state.tasks:
            continue
        for who, until in holders.items():
            if until > now:
                many, first = found.get(who, (0, until))
                found[who] = (many + 1, min(first, until))
    return found


def workers(state: ProjectState, now: float) -> list[dict[str, Any]]:
    """The same for lists, by name."""
    return [{"name": who, "tasks": many, "until": until} for who, (many, until) in sorted(working(state, now).items())]


def people(done: dict[str, tuple[int, float]], at_work: dict[str, tuple[int, float]]) -> list[dict[str, Any]]:
    """Who has tasks, and who has answered in the open batches; who is at work first."""
    rows = []
    for who in sorted({*done, *at_work}, key=lambda name: (name not in at_work, name)):
        tasks, until = at_work.get(who, (0, None))
        labelled, last = done.get(who, (0, None))
        rows.append({"name": who, "tasks": tasks, "until": until, "labelled": labelled, "last": last})
    return rows


def open_for(state: ProjectState, who: str, now: float) -> int:
    """How many tasks there are on the page for somebody: theirs, and those that nobody else has."""
    found = 0
    for batch in state.open_batches(PAGE):
        for number in state.open_tasks(batch.number):
            given = state.given(number, batch.number)
            others = {name for name, until in state.claims.get(number, {}).items() if until > now}
            found += who not in given and len(others.union(given) - {who}) < batch.votes
    return found


def is_with_people(state: ProjectState, number: int) -> bool:
    """Whether people are asked about an item now."""
    return number in state.tasks


def votes_for(state: ProjectState, number: int, user: str) -> list[Vote]:
    """The labels of an item, with their history, that somebody may see."""
    votes = [each for each in state.history(number) if not _is_known(each)]
    return [each for each in votes if each.author == user] if is_with_people(state, number) else votes


def _is_known(vote: Vote) -> bool:
    return vote.kind == GOLD and vote.source is Source.IMPORTED


def told_state(state: ProjectState, number: int) -> ItemState:
    """The state of an item as whoever labels may know it.

    One of which nothing but a known answer is there is new; one with a known answer that people have labelled is
    trained once others that they labelled with it are: nothing is learned from it, and it would stand out.
    """
    found = state.status(number)
    if found not in (ItemState.LABELLED, ItemState.TRAINED):
        return found
    votes = state.history(number)
    if votes and all(map(_is_known, votes)):
        return ItemState.NEW
    if found is ItemState.LABELLED and any(map(_is_known, votes)):
        given = max(vote.time for vote in votes if not _is_known(vote))
        if given <= _learned_until(state):
            return ItemState.TRAINED
    return found


def _learned_until(state: ProjectState) -> float:
    """When the newest data set was written that a model was trained on; 0 before the first."""
    trained = (each.set for one in state.rounds.values() for each in one.trainings if each.model is not None)
    return max((state.sets[number].time for number in trained if number in state.sets), default=0.0)


def told_counts(state: ProjectState) -> dict[ItemState, int]:
    """How many items are in each state; see `told_state`."""
    counts = state.counts()
    for number in state.gold():
        counts[state.status(number)] -= 1
        counts[told_state(state, number)] += 1
    return counts


def item_row(state: ProjectState, number: int, user: str, now: float) -> dict[str, Any]:
    """One item in a list, without what stands in it."""
    hidden = is_with_people(state, number)
    votes = {each.author: each for each in votes_for(state, number, user)}
    labels = [each.label for each in votes.values() if not each.skipped]
    taken = state.taken.get(number)
    authors = list(votes)
    if taken is not None and not hidden and not votes:
        labels, authors = [taken.label], ["models"]
    held = state.claims.get(number, {}) if hidden else {}
    return {
        "number": number, "state": str(told_state(state, number)), "labels": list(dict.fromkeys(labels)),
        "skipped": sum(each.skipped for each in votes.values()), "authors": authors, "hidden": hidden,
        "workers": [{"name": who, "until": until} for who, until in held.items() if until > now],
        "updated": max((each.time for each in votes.values()), default=None),
    }  # fmt: skip


def history_body(state: ProjectState, number: int, user: str) -> list[dict[str, Any]]:
    """All labels of an item that somebody may see, oldest first; one that its author has changed since says so."""
    votes = votes_for(state, number, user)
    last = {each.author: place for place, each in enumerate(votes)}
    rows = [
        {
            "label": each.label, "skipped": each.skipped, "author": each.author, "source": str(each.source),
            "time": each.time, "seconds": each.seconds, "where": each.where, "round": each.round, "batch": each.batch,
            "replaced": last[each.author] != place,
        }
        for place, each in enumerate(votes)
    ]  # fmt: skip
    taken = state.taken.get(number)
    if taken is not None and not is_with_people(state, number):
        found = state.thresholds[taken.threshold]
        rows.append({
            "label": taken.label, "skipped": False, "author": " and ".join(found.models), "source": "models",
            "time": found.time, "seconds": None, "where": "", "round": found.round, "batch": 0, "replaced": False,
        })  # fmt: skip
    return rows


def matching(
    state: ProjectState, user: str, *, wanted: str = "", states: frozenset[str] = frozenset(), label: str = "",
    author: str = "",
) -> Iterator[tuple[int, bool]]:  # fmt: skip
    """Items in the order in which they came, with whether the words stand in what the journal knows of them.

    Args:
        state: the project's.
        user: who asks: what is hidden from them is not found either.
        wanted: words, in small letters.
        states: names of states; all where there are none.
        label: a label that they have.
        author: somebody who has labelled them.
    """
    for number in range(state.count):
        if states and str(told_state(state, number)) not in states:
            continue
        if not (wanted or label or author):
            yield number, True
            continue
        votes = votes_for(state, number, user)
        labels = {each.label for each in votes}
        if number in state.taken and not is_with_people(state, number):
            labels.add(state.taken[number].label)
        authors = {each.author for each in votes}
        if (label and label not in labels) or (author and author not in authors):
            continue
        yield number, not wanted or any(wanted in each.casefold() for each in (*labels, *authors))
