"""What people are asked about in a round: chosen for money that is there, and sent once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_core.annotation.file.ahead import looks_ahead
from automl_core.annotation.quality import suspects, worth
from automl_core.annotation.rounds import predictions as kept
from automl_core.annotation.rounds.answers import AUDIT, BAD, GOLD, SUSPECT, Answers
from automl_core.annotation.rounds.drawing import drawn_share
from automl_core.annotation.rounds.predicting import Predicted
from automl_core.annotation.rounds.reach import Reach
from automl_core.annotation.rounds.shape import Shape
from automl_core.annotation.rounds.working import selected
from automl_core.annotation.selection import Choice, sizing
from automl_core.annotation.selection.batch import Kind
from automl_core.annotation.selection.stratum import places_of

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Batch, Project, ProjectState
    from automl_core.annotation.project.choices import Choice as ToSend
    from automl_core.journal import Person

SUSPECTS_SHARE = 0.25
"""Of a batch at most, labels that are probably wrong: new ones come all the same."""

MOST_RANDOM = 0.95
"""Of what is chosen anew, from the random stratum at most."""

LOOKS = 2
"""Answers of people from which on an item is no longer shown again as a suspect or a bad case."""


@dataclass
class Chosen:
    """What came of it.

    Attributes:
        batch: its number; None where nothing was sent.
        items: how many.
        kinds: why how many are there.
        why: nothing was sent: ``money``, ``items`` or ``over`` (the round has ended); empty else.
        notes: for people.
    """

    batch: int | None = None
    items: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    why: str = ""
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


def spent(state: ProjectState, until: int | None = None) -> float:
    """What labels have cost so far, answers that were changed later among them.

    Args:
        state: of the project.
        until: a round: those of later ones are left out.
    """
    return math.fsum(vote.price for vote in state.votes if until is None or vote.round <= until)


def committed(state: ProjectState) -> float:
    """What answers may still cost that people are asked for now."""
    return math.fsum(
        batch.price * max(0, batch.votes - len(state.given(number, batch.number)))
        for batch in state.open_batches()
        for number in batch.items
        if state.tasks.get(number) == batch.number
    )


def affordable(state: ProjectState, file: AnnotationFile) -> int:
    """Items that there is money for, with as many answers each as the file asks for."""
    price = file.people.price * file.people.votes
    if file.stop.money is None or price <= 0:
        return file.select.many
    left = file.stop.money - spent(state) - committed(state)
    return max(0, min(file.select.many, math.floor(left / price + 1e-9)))


def choose(
    project: Project, file: AnnotationFile, number: int, predicted: Predicted, reach: Reach, folder: Path, by: Person,
    *, until: float | None = None,
) -> Chosen:  # fmt: skip
    """Choose what people label, and send it.

    First what was looked at and is in doubt: open bad cases and suspects; then what `selection.select` chooses of the
    open items, the random stratum among them; where that has too few left, items that models have labelled, drawn at
    random for the audit; gold items are mixed in, and look like all others.

    A round sends one batch. Where it is sent already, it is told again; where its sender died in the middle, the same
    choices are sent to the end.

    Args:
        project: it.
        file: of it.
        number: of the round.
        predicted: what models say.
        reach: how selection runs.
        folder: for files, on this machine.
        by: whose act.
        until: when waiting for answers ends, seconds since 1970; ``people.within`` from now on where None.

    Raises:
        NotDone: selection came to nothing.
        StorageError: the store is away.
    """
    project.refresh()
    state = project.state
    done = Chosen()
    batch = state.batch_of(number)
    if batch is not None:
        if not batch.complete:
            batch = _send(project, file, number, project.choices(batch.number), by, batch.until)
        return _told(batch, done)
    if not state.rounds[number].open:
        done.why = "over"
        done.notes.append(f"round {number} has ended without a batch: nobody is asked in it any more")
        return done
    many = affordable(state, file)
    if many == 0:
        done.why = "money"
        done.notes.append(_money(state, file))
        return done
    if many < file.select.many:
        done.notes.append(f"{many} items instead of {file.select.many}: {_money(state, file)}")
    if number == 1 and file.stop.target is not None:
        looks = 1 if file.stop.rounds is None else looks_ahead(file.stop.rounds)
        done.notes.append(sizing(file.stop.target, state.count, alpha=1 - file.stop.confidence, looks=looks).words)
    predictions = kept.read(project.store, predicted.key) if predicted.key is not None else None
    choices = _Choosing(project, file, number, predictions, reach, folder, done).choices(many)
    if not choices:
        done.why = "items"
        done.notes.append("nothing is left to be labelled")
        return done
    ends = until if until is not None else project.right_now() + float(file.people.within)
    return _told(_send(project, file, number, choices, by, ends), done)


def _send(
    project: Project, file: AnnotationFile, number: int, choices: Sequence[ToSend], by: Person, until: float | None
) -> Batch:
    people = file.people
    return project.send(number, choices, people.where, people.votes, by, until, people.price)


def _told(batch: Batch, done: Chosen) -> Chosen:
    done.batch, done.items = batch.number, len(batch.items)
    for kind in batch.kinds.values():
        done.kinds[kind] = done.kinds.get(kind, 0) + 1
    return done


def _money(state: ProjectState, file: AnnotationFile) -> str:
    asked = committed(state)
    said = f"labels cost {spent(state):g} of {file.stop.money:g} {file.people.currency}"
    if asked:
        said += f", and {asked:g} more is asked for"
    return f"{said}; one more item costs {file.people.price * file.people.votes:g}"


@dataclass
class _Choosing:
    project: Project
    file: AnnotationFile
    number: int
    predictions: kept.Predictions | None
    reach: Reach
    folder: Path
    done: Chosen

    def __post_init__(self) -> None:
        self.state = self.project.state
        self.answers = Answers.of(self.project, self.file)
        self.used: set[int] = set(self.state.tasks) | set(self.state.retired)

    def choices(self, many: int) -> list[Choice]:
        gold = self._gold(many)
        left = many - len(gold)
        again = self._bad(many, left)
        again += self._suspects(many, left - len(again))
        share, why = drawn_share(self.state, self.file, self.answers)
        wanted = max(1, round(share * many))
        self.done.notes += [why] if why else []
        fresh = self._fresh(left - len(again), wanted)
        short = wanted - sum(each.evaluates for each in fresh)
        audits = self._audits(min(short, left - len(again)))
        for each in reversed(fresh.copy()):  # they take the place of the least useful
            if len(again) + len(audits) + len(fresh) <= left:
                break
            if not each.evaluates:
                fresh.remove(each)
        return self._mixed([*again, *audits, *fresh], gold)

    def _gold(self, many: int) -> list[Choice]:
        wanted = round(self.file.people.gold * many)
        asked: dict[int, int] = {}
        for batch in self.state.batches.values():
            for number in batch.of_kind(GOLD):
                asked[number] = asked.get(number, 0) + 1
        there = [number for number in self.answers.gold if number not in self.used]
        # those that were asked least often first, so nobody learns them by heart; then by lot, another one each round
        order = sorted(
            zip(self._lots(there, GOLD), there, strict=True), key=lambda each: (asked.get(each[1], 0), *each)
        )
        return self._choose(
            (number for _, number in order[:wanted]), GOLD, "its answer is known: it measures annotators"
        )

    def _bad(self, many: int, left: int) -> list[Choice]:
        """Open bad cases whose label one person alone has given: another look says who is wrong."""
        found = [
            number
            for number in self.state.cases_in("OPEN", "REGRESSED")
            if number not in self.used and not self.answers.stratum[number] and number not in self.answers.gold
            and self._looked(number) < LOOKS
        ]  # fmt: skip
        most = min(left, math.floor(self.file.select.bad_share * many))
        if len(found) > most:
            self.done.notes.append(f"{len(found)} open bad cases, and {most} of {many} items may be (bad_share)")
        order = [number for _, number in sorted(zip(self._lots(found, BAD), found, strict=True))]
        return self._choose(order[:most], BAD, "bad case: a model was wrong on it")

    def _suspects(self, many: int, left: int) -> list[Choice]:
        """Labels that are probably wrong, where another look is worth more than a new label."""
        if not self.file.suspects.back or self.predictions is None:
            return []
        found = suspected(self.predictions, self.answers)
        if found is None:
            self.done.notes.append("no label is suspected: there are no predictions by models that had not seen it")
            return []
        numbers, table = found
        again = worth(table.wrong, classes=len(self.file.labels.classes), noise=min(table.share, 0.5))
        order = [
            int(place)
            for place in table.order
            if again.first[place] and table.flagged[place] and numbers[place] not in self.used
            and self._looked(numbers[place]) < LOOKS
        ]  # fmt: skip
        most = max(0, min(left - 1, math.floor(SUSPECTS_SHARE * many)))
        chosen = [numbers[place] for place in order[:most]]
        return self._choose(chosen, SUSPECT, "its label is probably wrong")

    def _fresh(self, many: int, random: int) -> list[Choice]:
        """What `select` chooses of the open items, so many of the random stratum among them."""
        if many < 1:
            return []
        closed = self.state.closed()
        numbers = [number for number in range(self.state.count) if number not in closed and number not in self.used]
        if not numbers:
            return []
        ids = self.project.catalog.ids_of(numbers)
        shape = Shape.of(self.project, self.file)
        outputs = self._outputs(numbers)
        rule = self.file.select
        rules: dict[str, Any] = {
            "by": rule.by, "diversity": rule.diversity, "cold": rule.cold, "multiple": rule.multiple,
            "random_share": min(MOST_RANDOM, random / many), "stratum_share": rule.stratum_share, "bad_share": 0.0,
        }  # fmt: skip
        if outputs is None or len(outputs) < 2:
            if outputs is not None and rules["by"] in ("vote", "disagreement"):
                self.done.notes.append(f"select.by: {rules['by']} needs two models, and one is there: by margin")
            rules["by"] = rules["by"] if rules["by"] in ("margin", "entropy") else "margin"
        batch = selected(
            ids, self.project.catalog.contents(ids), outputs, many=max(2, many), seed=self.file.select.seed,
            rules=rules, columns=shape.columns, kind=shape.kind, classes=self.file.labels.classes,
            reach=self.reach, folder=self.folder,
        )  # fmt: skip
        self.done.notes += batch.notes
        chosen = list(batch.choices)[:many]
        self.used |= {self.project.catalog.number_of(each.item) for each in chosen}
        return chosen

    def _outputs(self, numbers: list[int]) -> Any:
        """(models, n, classes) of the open items; what a model has learned from has none, and none is open."""
        if self.predictions is None:
            return None
        table = np.full(
            (len(self.predictions.outputs), len(numbers), len(self.predictions.classes)), np.nan, np.float32
        )
        rows = self.predictions.rows
        at = [(place, rows[number]) for place, number in enumerate(numbers) if number in rows]
        if at:
            to, of = (np.asarray(each) for each in zip(*at, strict=True))
            table[:, to] = self.predictions.outputs[:, of]
        silent = np.all(np.any(np.isnan(table), axis=2), axis=1)
        return None if silent.all() else table[~silent]

    def _audits(self, many: int) -> list[Choice]:
        """Labels by models that were drawn at random, in place of a stratum that is used up."""
        if many < 1:
            return []
        there = [
            number
            for number, taken in self.state.taken.items()
            if number not in self.used and number not in self.answers.known and number not in self.answers.skipped
            and not self.state.thresholds[taken.threshold].withdrawn
        ]  # fmt: skip
        order = [number for _, number in sorted(zip(self._lots(there, AUDIT), there, strict=True))]
        return self._choose(order[:many], AUDIT, "drawn at random of what models have labelled")

    def _looked(self, number: int) -> int:
        return sum(vote.source == "person" for vote in self.state.history(number))

    def _lots(self, numbers: list[int], purpose: str) -> list[float]:
        """A lot for each item: by seed, round and id alone, so a second try draws the same."""
        ids = self.project.catalog.ids_of(numbers)
        return [float(each) for each in places_of(ids, self.file.select.seed, f"{purpose} {self.number}")]

    def _choose(self, numbers: Iterable[int], kind: Kind, reason: str) -> list[Choice]:
        found = list(numbers)
        self.used.update(found)
        return [
            Choice(id, number, 0, kind, reason)
            for id, number in zip(self.project.catalog.ids_of(found), found, strict=True)
        ]

    def _mixed(self, choices: list[Choice], gold: list[Choice]) -> list[Choice]:
        """Gold items in between, at places drawn by lot: whoever labels can't tell them by their place."""
        lots = self._lots([self.project.catalog.number_of(each.item) for each in gold], f"{GOLD} place")
        found = list(choices)
        for lot, each in sorted(zip(lots, gold, strict=True), key=lambda pair: pair[0]):
            found.insert(math.floor(lot * (len(found) + 1)), each)
        return [replace(each, priority=place) for place, each in enumerate(found, 1)]


def suspected(predictions: kept.Predictions, answers: Answers) -> tuple[list[int], Any] | None:
    """(numbers, `quality.Suspects`) of labels that models have an opinion on without having learned from them.

    The mean of the models that have one counts. None where there are none.
    """
    usable = predictions.usable(how=(kept.DIRECT, kept.HELD_OUT))
    places = {name: place for place, name in enumerate(predictions.classes)}
    numbers, labels, lines = [], [], []
    for row in np.flatnonzero(usable.any(axis=0)):
        number = int(predictions.numbers[row])
        known = answers.known.get(number)
        if known is None or answers.stratum[number] or number in answers.gold or known.label not in places:
            continue
        line = predictions.outputs[usable[:, row], row].astype(np.float64).mean(axis=0)
        numbers.append(number)
        labels.append(places[known.label])
        lines.append(line / line.sum())
    return (numbers, suspects(np.asarray(labels), np.stack(lines))) if numbers else None
