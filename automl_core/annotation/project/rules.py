"""What may come next in a project.

Each rule looks at the state and at what a record would tell, at nothing else: so whoever acts and whoever reads the
journal later judge alike, and a record that breaks a rule is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from automl_core.annotation.items import unpack
from automl_core.annotation.project.columns import unpack_votes
from automl_core.annotation.project.entities import BadCase, Batch, Round, Threshold
from automl_core.annotation.project.labels import Source
from automl_core.journal import Refused
from automl_core.journal.persons import moment, person_of

if TYPE_CHECKING:
    from automl_core.annotation.project.state import ProjectState

NEXT_CASE = {
    BadCase.OPEN: (None,),
    BadCase.FIXED: (BadCase.OPEN, BadCase.REGRESSED),
    BadCase.REGRESSED: (BadCase.FIXED,),
}
"""From what a bad case may come into a state."""


def round_of(state: ProjectState, number: int) -> Round:
    """A round by its number.

    Raises:
        Refused: there is none.
    """
    if number not in state.rounds:
        there = f"1 to {len(state.rounds)} are there" if state.rounds else "none has begun"
        raise Refused(f"there is no round {number}: {there}")
    return state.rounds[number]


def threshold_of(state: ProjectState, id: int) -> Threshold:
    """A threshold by its id.

    Raises:
        Refused: there is none.
    """
    if id not in state.thresholds:
        raise Refused(f"there is no threshold {id}: there are {len(state.thresholds)}")
    return state.thresholds[id]


def batch_of(state: ProjectState, number: int) -> Batch:
    """A batch by its number.

    Raises:
        Refused: there is none.
    """
    if number not in state.batches:
        raise Refused(f"there is no batch {number}: there are {len(state.batches)}")
    return state.batches[number]


def added(state: ProjectState, data: dict[str, Any]) -> None:
    """Items come: numbers in a row, each part once; what is set aside for them, and what comes back, is there."""
    person_of(data)
    if int(data["at"]) != len(state.parts) or int(data["first"]) != state.count:
        raise Refused(f"the next item is number {state.count}, in part {len(state.parts)}")
    if int(data["items"]) < 0:
        raise Refused("fewer items than none")
    for number in unpack(data.get("retired", [])):
        if number in state.retired or number >= state.count:
            raise Refused(f"item number {number} can't be set aside: it is already, or it isn't there")
    for number in unpack(data.get("revived", [])):
        retirement = state.why_retired(number)
        if retirement is None or not retirement.changed:
            raise Refused(f"item number {number} can't come back: its source did not change it")


def retired(state: ProjectState, data: dict[str, Any]) -> None:
    """Items are set aside: those that are there, and are not already."""
    person_of(data)
    for number in _there(state, unpack(data["items"])):
        why = state.why_retired(number)
        if why is not None:
            raise Refused(f"item number {number} is retired already: {why.why}", why.by, why.time)


def restored(state: ProjectState, data: dict[str, Any]) -> None:
    """Items come back that were set aside."""
    person_of(data)
    for number in _there(state, unpack(data["items"])):
        if number not in state.retired:
            raise Refused(f"item number {number} is not retired")


def round_begun(state: ProjectState, data: dict[str, Any]) -> None:
    """A round begins: numbers in a row, one at a time, none where there are to be no more."""
    person_of(data)
    if state.stopped is not None:
        stop = state.stopped
        raise Refused(f"there are no more rounds: {stop.why}", stop.by, stop.time)
    if state.round is not None:
        raise Refused(
            f"round {state.round.number} is open since {moment(state.round.begun)}", state.round.by, state.round.begun
        )
    if int(data["round"]) != len(state.rounds) + 1:
        raise Refused(f"the next round is {len(state.rounds) + 1}")


def round_ended(state: ProjectState, data: dict[str, Any]) -> None:
    """A round ends: the one that is open."""
    person_of(data)
    found = round_of(state, int(data["round"]))
    if not found.open:
        raise Refused(f"round {found.number} ended at {moment(found.ended)}", when=found.ended)


def threshold(state: ProjectState, data: dict[str, Any]) -> None:
    """A threshold was searched: ids in a row, in a round that is there."""
    person_of(data)
    round_of(state, int(data["round"]))
    if int(data["id"]) != len(state.thresholds) + 1:
        raise Refused(f"the next threshold is {len(state.thresholds) + 1}")
    found = data["threshold"]
    if found is not None and not 0 <= float(found) <= 1:
        raise Refused(f"{found} is no threshold: it lies from 0 to 1")


def taken(state: ProjectState, data: dict[str, Any]) -> None:
    """Models label: by a threshold that holds, and only what nobody else has labelled or is asked about."""
    person_of(data)
    found = threshold_of(state, int(data["threshold"]))
    if found.threshold is None:
        raise Refused(f"threshold {found.id}: none was found, so nothing is taken by it")
    if found.withdrawn:
        last = found.back[-1]
        raise Refused(f"threshold {found.id} was taken back: {last.why}", last.by, last.time)
    seen: set[int] = set()
    for label, packed in data["labels"].items():
        if not label:
            raise Refused("a label without a name")
        for number in _there(state, unpack(packed)):
            why = "it has two labels" if number in seen else not_takeable(state, found.id, number)
            if why:
                raise Refused(f"item number {number} can't be taken: {why}")
            seen.add(number)


def not_takeable(state: ProjectState, threshold: int, number: int) -> str:
    """Why models may not label an item; empty where they may."""
    if number in state.retired:
        return "it is retired"
    if number in state.tasks:
        return f"people are asked about it (batch {state.tasks[number]})"
    if state.has_answers(number):
        return "it has a label already"
    if number in state.taken:
        return f"it is taken by threshold {state.taken[number].threshold}"
    if state.was_taken_back(threshold, number):
        return "it was taken back under this threshold"
    return ""


def taken_back(state: ProjectState, data: dict[str, Any]) -> None:
    """Labels of models are taken back: those that are taken by the threshold."""
    person_of(data)
    found = threshold_of(state, int(data["threshold"]))
    if found.withdrawn:
        last = found.back[-1]
        raise Refused(f"threshold {found.id} was taken back: {last.why}", last.by, last.time)
    for number in unpack(data["items"]):
        held = state.taken.get(number)
        if held is None or held.threshold != found.id:
            raise Refused(f"item number {number} is not taken by threshold {found.id}")


def sent(state: ProjectState, data: dict[str, Any]) -> None:
    """Items go to people: each to one batch at a time. What a broken sender left open is completed in order."""
    person_of(data)
    number = int(data["batch"])
    if number in state.batches:
        batch = state.batches[number]
        if int(data["at"]) != batch.read or batch.complete:
            raise Refused(f"batch {number} has {batch.read} of its {batch.of} choices already")
        if batch.closed is not None:
            raise Refused(f"batch {number} is over: {batch.why}", when=batch.closed)
    else:
        if number != len(state.batches) + 1 or int(data["at"]) != 0:
            raise Refused(f"the next batch is {len(state.batches) + 1}")
        found = round_of(state, int(data["round"]))
        if not found.open:
            raise Refused(f"round {found.number} ended at {moment(found.ended)}", when=found.ended)
        standing = state.batch_of(found.number, str(data["name"]))
        if standing is not None:
            raise Refused(f"round {found.number} has sent batch {standing.number}", standing.by, standing.time)
        if int(data["votes"]) < 1 or float(data["price"]) < 0:
            raise Refused("an item is for one person at least, and a price is not below 0")
    items = data["items"]
    if len(set(items)) != len(items):
        raise Refused("an item is in the batch twice")
    for each in _there(state, items):
        if each in state.retired or each in state.tasks:
            raise Refused(f"item number {each} can't be sent: it is retired, or people are asked about it already")


def claimed(state: ProjectState, data: dict[str, Any]) -> None:
    """Somebody takes tasks: none that as many others have as are asked, and none that they have answered."""
    who, at, until = str(data["who"]), float(data["at"]), float(data["until"])
    if not who or until <= at:
        raise Refused("a claim has a name, and lasts a while")
    for number in data["items"]:
        if not free_for(state, number, who, at):
            raise Refused(f"item number {number} is not free for {who}")


def free_for(state: ProjectState, number: int, who: str, at: float) -> bool:
    """Whether somebody may have a task: fewer others have it, or have answered it, than are asked."""
    batch = state.tasks.get(number)
    if batch is None:
        return False
    given = state.given(number, batch)
    if who in given:
        return False
    others = sum(1 for name, until in state.claims.get(number, {}).items() if name not in (who, *given) and until > at)
    return len(given) + others < state.batches[batch].votes


def labelled(state: ProjectState, data: dict[str, Any]) -> None:
    """Labels come: on items that are there, by somebody. Retired ones may have them, too: kept, not trained."""
    for vote in unpack_votes(data["labels"]):
        _there(state, (vote.item,))
        if not vote.author:
            raise Refused("a label without an author")
        if bool(vote.label) == vote.skipped:
            raise Refused("a label has a name, unless it was skipped")
        if vote.source is Source.MODELS:
            raise Refused("models label by a threshold")
        if vote.batch and vote.item not in batch_of(state, vote.batch).kinds:
            raise Refused(f"item number {vote.item} is not in batch {vote.batch}")


def closed(state: ProjectState, data: dict[str, Any]) -> None:
    """A batch is over: one that is open."""
    person_of(data)
    batch = batch_of(state, int(data["batch"]))
    if batch.closed is not None:
        raise Refused(f"batch {batch.number} is over: {batch.why}", when=batch.closed)


def set_written(state: ProjectState, data: dict[str, Any]) -> None:
    """A data set version is there: numbers in a row, of items that are there."""
    person_of(data)
    round_of(state, int(data["round"]))
    number = int(data["set"]["number"])
    if number != len(state.sets) + 1:
        raise Refused(f"the next data set version is {len(state.sets) + 1}")
    if not 0 <= int(data["seen"]) <= len(state.votes):
        raise Refused(f"{data['seen']} labels can't be in it: there are {len(state.votes)}")
    _there(state, unpack(data["set"]["items"]))


def trained(state: ProjectState, data: dict[str, Any]) -> None:
    """A run has ended: on a data set version, in a round, that are there."""
    person_of(data)
    round_of(state, int(data["round"]))
    if int(data["set"]) not in state.sets:
        raise Refused(f"there is no data set version {data['set']}: there are {len(state.sets)}")


def evaluated(state: ProjectState, data: dict[str, Any]) -> None:
    """Models were evaluated: in a round that is there."""
    person_of(data)
    round_of(state, int(data["round"]))


def bad_cases(state: ProjectState, data: dict[str, Any]) -> None:
    """Bad cases come into states: each item once, from where that is possible."""
    person_of(data)
    round_of(state, int(data["round"]))
    seen: set[int] = set()
    for name in BadCase:
        for number in _there(state, unpack(data.get(name.lower(), []))):
            case = state.cases.get(number)
            before = case.state if case is not None else None
            if number in seen or before not in NEXT_CASE[name]:
                raise Refused(f"item number {number} is {before or 'no bad case'}, so it can't become {name}")
            seen.add(number)


def stopped(state: ProjectState, data: dict[str, Any]) -> None:
    """There are to be no more rounds: where that isn't so already."""
    person_of(data)
    if state.stopped is not None:
        stop = state.stopped
        raise Refused(f"it is stopped already: {stop.why}", stop.by, stop.time)


def reopened(state: ProjectState, data: dict[str, Any]) -> None:
    """There may be rounds again: where there were to be none."""
    person_of(data)
    if state.stopped is None:
        raise Refused("it is not stopped")


def _there(state: ProjectState, numbers: Iterable[int]) -> list[int]:
    """Numbers of items, each of which is there.

    Raises:
        Refused: one isn't.
    """
    found = list(numbers)
    for number in found:
        if not 0 <= number < state.count:
            raise Refused(f"there is no item number {number}: there are {state.count}, from 0")
    return found


RULES: dict[str, Callable[[ProjectState, dict[str, Any]], None]] = {
    "added": added, "retired": retired, "restored": restored, "round_begun": round_begun, "round_ended": round_ended,
    "threshold": threshold, "taken": taken, "taken_back": taken_back, "sent": sent, "claimed": claimed,
    "labelled": labelled, "closed": closed, "set_written": set_written, "trained": trained, "evaluated": evaluated,
    "bad_cases": bad_cases, "stopped": stopped, "reopened": reopened,
}  # fmt: skip
"""By the kind of record; what has no rule may always come."""
