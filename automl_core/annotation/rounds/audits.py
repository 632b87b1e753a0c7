"""Thresholds as the journal has them: what each takes, and whether what people say since still keeps its promise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from automl_core.annotation.agreement import Audit, Promise
from automl_core.annotation.agreement.comparing import apply, compare
from automl_core.annotation.items import unpack
from automl_core.annotation.project import Source, Threshold
from automl_core.annotation.rounds import predictions as kept
from automl_core.annotation.rounds.answers import AUDIT, Answers
from automl_core.storage.base import NotFound

if TYPE_CHECKING:
    from automl_core.annotation.project import Project, ProjectState


@dataclass(frozen=True)
class Watched:
    """A threshold and its audit.

    Attributes:
        threshold: it.
        audit: rebuilt from the journal.
        would: number → label of all that it takes or would have taken, of the items that there were.
    """

    threshold: Threshold
    audit: Audit
    would: Mapping[int, str]


def would_take(predictions: kept.Predictions, threshold: Threshold) -> dict[int, str]:
    """Number → label of all items that a threshold takes, whatever became of them: what both models never learned from.

    Args:
        predictions: those that it was found with.
        threshold: its calibrations and its number count.
    """
    if threshold.threshold is None or len(predictions.outputs) < 2:
        return {}
    usable = predictions.usable()[:2].all(axis=0)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return {}
    first, second = (
        apply(each, predictions.outputs[place][rows])
        for place, each in enumerate(threshold.evidence["calibrations"])
    )  # fmt: skip
    compared = compare(first, second)
    taken = np.flatnonzero(compared.sure >= threshold.threshold)
    numbers = predictions.numbers[rows]
    return {int(numbers[place]): predictions.classes[int(compared.label[place])] for place in taken}


def watched(project: Project, answers: Answers, thresholds: Iterable[Threshold], notes: list[str]) -> list[Watched]:
    """The audits of thresholds that count, rebuilt from what the journal and people say.

    Judged are items of the random stratum that were labelled since the threshold was found and that it would have
    taken, and items that were drawn of what it took (`choosing`). What people looked at because somebody chose it
    counts nothing here.

    Args:
        project: it.
        answers: its labels.
        thresholds: which.
        notes: takes what people should know.
    """
    found = []
    for each in thresholds:
        if each.threshold is None or each.withdrawn:
            continue
        try:
            predictions = kept.read(project.store, str(each.evidence["predictions"]))
        except NotFound:
            notes.append(f"threshold {each.id}: the predictions that it was found with are gone, so its audit rests")
            continue
        would = would_take(predictions, each)
        audit = Audit.of(
            Promise(**each.promise), {each.round: [str(number) for number in project.state.taken_by(each.id)]},
            {str(number): right for number, right in _judged(project.state, answers, each, would).items()},
        )  # fmt: skip
        found.append(Watched(each, audit, would))
    return found


def _judged(state: ProjectState, answers: Answers, threshold: Threshold, would: Mapping[int, str]) -> dict[int, bool]:
    before = set(unpack(threshold.evidence.get("sample") or []))
    judged = {
        number: answers.sample.labels.get(number) == would[number]
        for number in answers.sample.numbers
        if number in would and number not in before
    }
    for number in threshold.ever:  # what went back alone since was judged all the same: else nothing wrong would count
        asked = any(vote.kind == AUDIT and vote.source is Source.PERSON for vote in state.answers(number))
        if asked and number in would:
            known = answers.known.get(number)
            judged[number] = known is not None and known.label == would[number]
    return judged
