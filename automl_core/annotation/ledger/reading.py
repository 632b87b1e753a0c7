"""From a project's state to the facts that its ledger is worked out of. Reads no store: what items say is not in it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from automl_core.annotation.items import unpack
from automl_core.annotation.ledger.facts import (
    Answer,
    Case,
    DataSet,
    Facts,
    Fate,
    Judged,
    RoundFacts,
    Suspect,
    Threshold,
    Training,
)
from automl_core.annotation.project.consensus import consensus
from automl_core.annotation.project.labels import Source, Vote

if TYPE_CHECKING:
    from automl_core.annotation.project import ProjectState
    from automl_core.annotation.project.entities import Round
    from automl_core.annotation.project.entities import Threshold as Found

AT_RANDOM = frozenset({"stratum", "audit"})
"""Kinds of tasks whose items were drawn at random: answers to them alone judge what models took."""


class Trained(Mapping[int, str]):
    """Labels of a data set by item: two bytes an item, since there may be a hundred versions of 100,000 items."""

    def __init__(self, classes: Sequence[str], places: array[int]) -> None:
        """Made of a class's place + 1 for each item, 0 for items that are not in it."""
        self._classes, self._places = classes, places

    def __getitem__(self, item: int) -> str:
        place = self._places[item] if 0 <= item < len(self._places) else 0
        if not place:
            raise KeyError(item)
        return self._classes[place - 1]

    def get(self, item: int, default: Any = None) -> Any:
        """Without the cost of an exception: a ledger asks a million times."""
        place = self._places[item] if 0 <= item < len(self._places) else 0
        return self._classes[place - 1] if place else default

    def __iter__(self) -> Iterator[int]:
        return (item for item, place in enumerate(self._places) if place)

    def __len__(self) -> int:
        return sum(1 for place in self._places if place)


def facts_of(state: ProjectState) -> Facts:
    """Take everything out of a state that its ledger needs. The state may move on afterwards.

    Args:
        state: of the project.
    """
    told = {number: (each.label, each.probability, each.votes) for number, each in consensus(state).items()}
    document = state.document
    people, stop = document.get("people") or {}, document.get("stop") or {}
    gold = state.gold()
    takes = list(_takes(state))
    of_models = [each for _, each in takes]
    sets, trainings = _sets(state, of_models, gold), []
    for each in state.rounds.values():
        trainings += [
            Training(each.number, found.set, found.experiment, found.run, found.outcome, found.model, found.time)
            for found in each.trainings
        ]
    return Facts(
        name=str(document.get("name", "")),
        currency=str(people.get("currency") or ""),
        classes=tuple(str(each) for each in (document.get("labels") or {}).get("classes") or ()),
        items=state.count,
        answers=sorted([*_given(state), *of_models], key=lambda each: each.time),
        rounds=[_round(state, each) for each in state.rounds.values()],
        sets=sets,
        trainings=trainings,
        thresholds=[_threshold(state, each, takes) for each in state.thresholds.values()],
        retired={number: state.retirements[place].why for number, place in state.retired.items()},
        stratum=frozenset(state.stratum()),
        gold=gold,
        consensus=told,
        suspects=_suspects(state),
        cases=[
            Case(each.item, str(each.state).lower(), [(m.round, m.model, str(m.state).lower()) for m in each.moves])
            for _, each in sorted(state.cases.items())
        ],
        asked=frozenset(state.tasks),
        least_right=float(people.get("least_right") or 0.8),
        votes=int(people.get("votes") or 1),
        budget=_number(stop.get("money")),
        target=_number(stop.get("target")),
        seq=state.seq,
    )


def _number(given: Any) -> float | None:
    return float(given) if isinstance(given, int | float) else None


def _given(state: ProjectState) -> Iterator[Answer]:
    """Answers of people and imported ones. Of one author on one item the one that was given last stands."""
    last: dict[tuple[int, str], int] = {}  # → place of the one that stands, as far as votes were read
    until: dict[int, int] = {}
    for place, vote in enumerate(state.votes):
        key = vote.item, vote.author
        before = last.get(key)
        if before is None or vote.time >= state.votes[before].time:
            last[key] = place
            if before is not None:
                until[before] = place
        else:  # brought after a newer one
            until[place] = place
    for place, vote in enumerate(state.votes):
        end, ended = until.get(place), None
        if end is not None:
            ended = state.votes[end if end != place else last[vote.item, vote.author]].time
        yield Answer(
            vote.item, None if vote.skipped else vote.label, vote.author, str(vote.source), vote.seconds, vote.price,
            vote.time, vote.round, vote.kind, vote.where, "" if end is None else "replaced", ended,
            "" if end is None else f"{vote.author} gave another answer", place, end,
        )  # fmt: skip


def _takes(state: ProjectState) -> Iterator[tuple[int, Answer]]:
    """(threshold, label) of all that models gave, until it was taken back: no threshold takes an item twice."""
    for each in state.thresholds.values():
        author = " + ".join(each.models)
        backs = [(back.time, back.why, set(back.numbers)) for back in each.back]
        for take in each.takes:
            for label, packed in take.labels.items():
                for number in unpack(packed):
                    back = next((b for b in backs if number in b[2]), None)
                    fate: Fate = "" if back is None else "taken back"
                    ended, why = (None, "") if back is None else back[:2]
                    given = Answer(
                        number, label, author, str(Source.MODELS), None, 0.0, take.time, take.round, "", "models",
                        fate, ended, why,
                    )  # fmt: skip
                    yield each.id, given


def _sets(state: ProjectState, takes: Sequence[Answer], gold: Mapping[int, str]) -> list[DataSet]:
    """Versions of the data set with the labels that they have: those that counted when each was written.

    The rule is that of `automl_core.annotation.project.consensus`: gold, else people, else what was imported, else
    models. Where answers differ, the version says which label won.
    """
    classes: dict[str, int] = {}
    names = _Names(classes)
    found, read = [], 0
    current: dict[int, dict[str, Vote]] = {}  # item → author → answer, as far as votes were read
    settled: dict[int, str | None] = {}
    by_models: dict[int, list[Answer]] = {}
    for each in takes:
        by_models.setdefault(each.item, []).append(each)
    for data_set in state.sets.values():
        for vote in state.votes[read : data_set.seen]:
            held = current.setdefault(vote.item, {})
            if vote.author not in held or vote.time >= held[vote.author].time:
                held[vote.author] = vote
            settled.pop(vote.item, None)
        read = max(read, data_set.seen)
        places = array("H", bytes(2 * state.count))
        decided = {number: label for label, packed in data_set.decided.items() for number in unpack(packed)}
        for number in data_set.numbers:
            if number not in settled:
                settled[number] = gold.get(number) or _counted(current.get(number, {}).values())
            label = decided.get(number) or settled[number]
            if label is None and number in by_models:
                label = next((a.label for a in reversed(by_models[number]) if _stood(a, data_set.time)), None)
            if label is not None and 0 <= number < state.count:
                places[number] = classes.setdefault(label, len(classes)) + 1
        found.append(
            DataSet(
                data_set.number, data_set.round, data_set.time, data_set.prefix, data_set.fingerprint, data_set.rows,
                Trained(names, places), data_set.seen,
            )
        )  # fmt: skip
    return found


class _Names(Sequence[str]):
    """Classes by place, while more of them come."""

    def __init__(self, places: dict[str, int]) -> None:
        self._places, self._names = places, list(places)

    def __getitem__(self, at: Any) -> Any:
        if len(self._names) < len(self._places):
            self._names = list(self._places)
        return self._names[at]

    def __len__(self) -> int:
        return len(self._places)


def _stood(answer: Answer, time: float) -> bool:
    return answer.time <= time and (answer.ended is None or answer.ended > time)


def _counted(votes: Iterable[Vote]) -> str | None:
    """What most say of those whose word counts: people, else what was imported. None where nobody says anything.

    Args:
        votes: one of each author.
    """
    for source in (Source.PERSON, Source.IMPORTED):
        given = [vote.label for vote in votes if vote.source == source and not vote.skipped]
        if given:
            return max(dict.fromkeys(given), key=given.count)  # of equal ones the first
    return None


def _round(state: ProjectState, found: Round) -> RoundFacts:
    evidence = found.evaluation.evidence if found.evaluation is not None else {}
    models = evidence.get("models") or []
    best, stopped = evidence.get("best"), state.stopped
    return RoundFacts(
        number=found.number, begun=found.begun, ended=found.ended, by=str(found.by),
        labels=int(evidence["labels"]) if evidence.get("labels") is not None else None,
        models=[_judged(each) for each in models],
        best=str(models[best]["name"]) if isinstance(best, int) and best < len(models) else "",
        outcome=found.outcome,
        stopped=stopped.why if stopped is not None and stopped.round == found.number else "",
    )  # fmt: skip


def _judged(model: Mapping[str, Any]) -> Judged:
    """A model as the evidence of an evaluation has it (`automl_core.annotation.rounds.evaluating`)."""
    held = model.get("hits") or {}
    hits: dict[int, bool | None] = {}
    for name, value in (("right", True), ("wrong", False), ("unanswered", None)):
        hits.update(dict.fromkeys(unpack(held.get(name) or []), value))
    classes = {str(name): (int(each["right"]), int(each["of"])) for name, each in (model.get("classes") or {}).items()}
    return Judged(str(model["name"]), hits, classes)


def _threshold(state: ProjectState, found: Found, takes: Sequence[tuple[int, Answer]]) -> Threshold:
    taken = {each.item: each.label for id, each in takes if id == found.id and each.label is not None}
    told = _audit(state, found.id)
    judged = told if told is not None else _looked_at(state, taken)
    promise = found.promise if isinstance(found.promise, Mapping) else {}
    return Threshold(
        id=found.id, round=found.round, models=found.models, value=found.threshold,
        accuracy=float(promise.get("accuracy", 0.97)), confidence=float(promise.get("confidence", 0.95)),
        time=found.time, taken=taken, judged=judged, back=frozenset(state.taken_back(found.id)),
        why_back=found.back[-1].why if found.back else "",
    )  # fmt: skip


def _audit(state: ProjectState, threshold: int) -> dict[int, bool] | None:
    """What the newest evaluation that has audited a threshold found; None where none has."""
    for each in reversed(state.rounds.values()):
        evidence = each.evaluation.evidence if each.evaluation is not None else {}
        for audit in evidence.get("audits") or ():
            if audit["threshold"] == threshold:
                wrong = dict.fromkeys(unpack(audit["wrong"]), False)
                return dict.fromkeys(unpack(audit["right"]), True) | wrong
    return None


def _looked_at(state: ProjectState, taken: Mapping[int, str]) -> dict[int, bool]:
    """What people who were asked at random say of labels that were taken, where no evaluation tells."""
    judged: dict[int, bool] = {}
    for number in taken.keys() & set(state.labelled()):
        answers = [
            vote
            for vote in state.answers(number)
            if vote.source is Source.PERSON and vote.kind in AT_RANDOM and not vote.skipped
        ]
        label = _counted(answers)
        if label is not None:
            judged[number] = label == taken[number]
    return judged


def _suspects(state: ProjectState) -> list[Suspect]:
    """Those of the newest evaluation that has looked for them."""
    for each in reversed(state.rounds.values()):
        found = each.evaluation.evidence.get("suspects") if each.evaluation is not None else None
        if found is not None:
            return [
                Suspect(
                    int(one["item"]), str(one["label"]), str(one["suggested"]), float(one["wrong"]),
                    _author(state, one), int(one["item"]) in state.tasks,
                )
                for one in found
            ]  # fmt: skip
    return []


def _author(state: ProjectState, suspect: Mapping[str, Any]) -> str:
    """Whose label it is, where one author alone gave it."""
    authors = {each.author for each in state.answers(int(suspect["item"])) if each.label == suspect["label"]}
    return next(iter(authors)) if len(authors) == 1 else ""
