"""What two models may label in a round: earlier thresholds audited, a new one searched, items taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from automl_core.annotation.agreement import Agreement, Labeller, Promise, agree, plan
from automl_core.annotation.agreement.draws import drawn
from automl_core.annotation.agreement.families import SameFamily, check_different
from automl_core.annotation.agreement.pair import PURPOSE
from automl_core.annotation.agreement.plan import CALIBRATING
from automl_core.annotation.items import pack
from automl_core.annotation.project import Threshold
from automl_core.annotation.rounds import predictions as kept
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.rounds.audits import Watched, watched, would_take
from automl_core.annotation.rounds.mapping import NotUsable
from automl_core.annotation.rounds.predicting import Predicted

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project
    from automl_core.journal import Person


@dataclass
class Settled:
    """What came of it.

    Attributes:
        threshold: id of the one that was found in this round, None where none was.
        taken: items that models label by it.
        back: threshold → labels that were taken back.
        notes: for people.
    """

    threshold: int | None = None
    taken: int = 0
    back: dict[int, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "threshold": self.threshold, "taken": self.taken, "notes": list(self.notes),
            "back": {str(key): value for key, value in self.back.items()},
        }  # fmt: skip


def settle(project: Project, file: AnnotationFile, number: int, predicted: Predicted, by: Person) -> Settled:
    """Audit earlier thresholds and take back what they took where their promise is broken; then search and take.

    Of what an earlier threshold takes nothing counts in a later search: the pool has no such items any more, so the
    sample has none either. Each search that tests anything is a look of its own and spends its own part of the
    probability of error.

    Args:
        project: it.
        file: of it.
        number: of the round.
        predicted: what its models say.
        by: whose act.

    Raises:
        StorageError: the store is away.
    """
    project.refresh()
    done = Settled()
    answers = Answers.of(project, file)
    standing = _audited(project, answers, number, by, done)
    promise = file.promise
    if promise is None:
        done.notes.append("agree: off, so models label nothing")
        return done
    if predicted.key is None:
        look = len(project.state.thresholds) + 1
        done.notes.append(f"models label nothing yet; {plan(promise.promise(), look=look)}")
        return done
    predictions = kept.read(project.store, predicted.key)
    found = next(
        (each for each in project.state.found_in(number) if each.evidence.get("predictions") == predicted.key), None
    )
    if found is None and not project.state.rounds[number].open:
        done.notes.append(f"round {number} has ended: no threshold is searched in it any more")
        return done
    if found is None:
        found = _searched(
            project, file, number, predicted.key, predictions, answers, standing, promise.promise(), by, done
        )
    if found is None:
        return done
    done.threshold = found.id
    done.notes.append(str(found.evidence["reason"]))
    if found.threshold is not None and not found.withdrawn:
        _take(project, found, predictions, answers, by)
        done.taken = len(project.state.taken_by(found.id))
    return done


def _audited(project: Project, answers: Answers, number: int, by: Person, done: Settled) -> list[Watched]:
    """Take back what broke its promise; what still stands is returned."""
    standing = []
    earlier = [each for each in project.state.thresholds.values() if each.round < number]
    for each in watched(project, answers, earlier, done.notes):
        id = each.threshold.id
        if each.audit.failed:
            many = len(project.state.taken_by(id))
            project.take_back(id, None, each.audit.reason, by)
            done.back[id] = many
            done.notes.append(f"threshold {id} is taken back with {many} labels: {each.audit.reason}")
            continue
        standing.append(each)
        wrong = [
            item
            for item, label in project.state.taken_by(id).items()
            if item in answers.known and answers.known[item].label != label
        ]
        if wrong:
            ids = project.catalog.ids_of(wrong)
            project.take_back(id, ids, "people say otherwise", by)
            done.back[id] = len(wrong)
            done.notes.append(f"threshold {id}: {len(wrong)} labels are taken back, people say otherwise")
    return standing


def _searched(
    project: Project, file: AnnotationFile, number: int, key: str, predictions: kept.Predictions, answers: Answers,
    standing: list[Watched], promise: Promise, by: Person, done: Settled,
) -> Threshold | None:  # fmt: skip
    try:
        first, second = _two(predictions)
    except NotUsable as error:
        done.notes.append(f"models label nothing in this round: {error}")
        return None
    numbers, sample = _pool(project, predictions, answers, standing, file.select.seed)
    gone = sum(any(item in each.would for each in standing) for item in answers.sample.numbers)
    if gone:
        done.notes.append(
            f"{gone} labels of the random sample are of what an earlier threshold takes: they watch that one, and "
            "count nothing in a new search, whose pool has no such items"
        )
    look = len(project.state.thresholds) + 1
    ids = project.catalog.ids_of(numbers)
    result = _agreed(first, second, predictions, numbers, ids, sample, promise, file.select.seed, look)
    if not result.found.tested:
        done.notes.append(f"models label nothing yet: {result.found.reason}; {plan(promise, look=look)}")
        return None
    evidence = _evidence(result, key, predictions, [each for each in numbers if each in sample])
    names = [str(each["name"]) for each in predictions.models[:2]]
    id = project.found_threshold(
        number, names, result.found.threshold, look, {"accuracy": promise.accuracy, "confidence": promise.confidence},
        evidence, by,
    )  # fmt: skip
    return project.state.thresholds[id]


def _two(predictions: kept.Predictions) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The two models that may label.

    Raises:
        NotUsable: there are no two, one may have learned from what it is asked, or both are of one family.
    """
    if len(predictions.models) < 2:
        only = predictions.models[0]["name"] if predictions.models else "none"
        raise NotUsable(f"two models have to agree, and only {only} is there")
    first, second = predictions.models[:2]
    for each in (first, second):
        if each["set"] is None:
            raise NotUsable(f"{each['name']} was trained on other data and may have seen what it is asked")
    try:
        check_different(first["families"], second["families"], names=(first["name"], second["name"]))
    except SameFamily as error:
        raise NotUsable(str(error)) from None
    return first, second


def _pool(
    project: Project, predictions: kept.Predictions, answers: Answers, standing: list[Watched], seed: int
) -> tuple[list[int], dict[int, str | None]]:
    """Numbers of the pool, and those of the sample with their labels; None: people could not tell, which is wrong.

    Skipped items calibrate nothing: those that the draw puts there are left out.
    """
    usable = np.all(predictions.usable()[:2], axis=0).tolist()
    there = {int(number) for number, good in zip(predictions.numbers, usable, strict=True) if good}
    gone = {number for each in standing for number in each.would}
    sample: dict[int, str | None] = {
        number: answers.sample.labels.get(number)
        for number in answers.sample.numbers
        if number in there and number not in gone
    }
    skipped = [number for number, label in sample.items() if label is None]
    ids = project.catalog.ids_of(skipped)
    for number, calibrates in zip(skipped, drawn(ids, CALIBRATING, seed=seed, purpose=PURPOSE), strict=True):
        if calibrates:
            del sample[number]
    closed = project.state.closed()
    open_items = [each for each in there if each not in closed and not answers.stratum[each] and each not in gone]
    return sorted([*open_items, *sample]), sample


def _agreed(
    first: Mapping[str, Any], second: Mapping[str, Any], predictions: kept.Predictions, numbers: list[int],
    ids: list[str], sample: Mapping[int, str | None], promise: Promise, seed: int, look: int,
) -> Agreement:  # fmt: skip
    rows = np.asarray([predictions.rows[each] for each in numbers], dtype=np.int64)
    one, other = (predictions.outputs[place][rows].astype(np.float64) for place in (0, 1))
    places = {name: place for place, name in enumerate(predictions.classes)}
    at = {number: place for place, number in enumerate(numbers)}
    labels = {}
    for number, label in sample.items():
        # what people could not tell is wrong whatever models say: the class that they hold to be least likely
        # and so is what they say since the file has a class more than the models were asked about
        place = places[label] if label in places else int((one + other)[at[number]].argmin())
        labels[ids[at[number]]] = place
    return agree(
        Labeller(str(first["name"]), first["families"], one), Labeller(str(second["name"]), second["families"], other),
        ids, labels, promise, seed=seed, look=look,
    )  # fmt: skip


def _evidence(result: Agreement, key: str, predictions: kept.Predictions, sample: list[int]) -> dict[str, Any]:
    found = result.found
    return {
        "predictions": key, "calibrations": list(result.calibrations), "sample": pack(sample), "reason": found.reason,
        "takes": found.takes, "labels": found.labels, "wrong": found.wrong, "highest": found.highest,
        "calibrating": result.calibrating, "testing": result.testing, "agreement": result.compared.agreement,
        "tested": [
            {"threshold": each.threshold, "items": each.items, "labels": each.labels, "wrong": each.wrong,
             "p_value": each.p_value, "shown": each.shown}
            for each in found.tested
        ],
        "models": [dict(each) for each in predictions.models[:2]],
    }  # fmt: skip


def _take(project: Project, threshold: Threshold, predictions: kept.Predictions, answers: Answers, by: Person) -> None:
    """Take what the threshold takes and nobody else has: the same after any number of tries."""
    state = project.state
    closed, back = state.closed(), state.taken_back(threshold.id)
    wanted = {
        number: label
        for number, label in would_take(predictions, threshold).items()
        if number not in closed and number not in back and not answers.stratum[number]
    }
    if wanted:
        ids = project.catalog.ids_of(wanted)
        project.take(threshold.id, dict(zip(ids, wanted.values(), strict=True)), by)
