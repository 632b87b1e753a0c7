"""What an evaluation tells beside how good models are: labels that are probably wrong, and how thresholds keep."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from automl_core.annotation.items import pack
from automl_core.annotation.project.acting import LARGEST
from automl_core.annotation.rounds import predictions as kept
from automl_core.annotation.rounds.answers import Answers
from automl_core.annotation.rounds.audits import watched
from automl_core.annotation.rounds.choosing import suspected

if TYPE_CHECKING:
    from automl_core.annotation.project import Project

MOST_SUSPECTS = 200
"""Suspects that an evidence names, at most: it is part of a record."""


def suspects_of(predictions: kept.Predictions | None, answers: Answers) -> list[dict[str, Any]] | None:
    """Labels that are held to be wrong, the most suspected first; None where nothing can be said of any."""
    found = suspected(predictions, answers) if predictions is not None else None
    if found is None or predictions is None:
        return None
    numbers, table = found
    flagged = [int(place) for place in table.order if table.flagged[place]][:MOST_SUSPECTS]
    return [
        {
            "item": numbers[place], "label": answers.known[numbers[place]].label,
            "suggested": predictions.classes[int(table.suggested[place])], "wrong": round(float(table.wrong[place]), 4),
        }
        for place in flagged
    ]  # fmt: skip


def fitting(evidence: dict[str, Any], notes: list[str], most: int = LARGEST) -> dict[str, Any]:
    """An evidence that a record holds, as much of it as that is: what the loop decides by stays to the last.

    Args:
        evidence: of an evaluation.
        notes: takes what was left out.
        most: bytes of its JSON.
    """
    best = evidence.get("best")

    def short(name: str, value: Any, words: str) -> None:
        if len(json.dumps(evidence)) <= most:
            return
        if name == "suspects":
            evidence[name] = evidence.get(name, [])[:value]
        else:
            for place, model in enumerate(evidence["models"]):
                if place != best or name == "classes":
                    model[name] = value
        notes.append(f"the evaluation is too large for a record: {words}")

    short("suspects", 20, "it names 20 suspects alone")
    short("hits", {}, "which items each was right on is told of the best model alone")
    short("classes", {}, "classes are not told one by one")
    return evidence


def audits_of(project: Project, answers: Answers, notes: list[str]) -> list[dict[str, Any]]:
    """The judged items of each threshold that counts: what `settle` decides by.

    Args:
        project: it.
        answers: its labels.
        notes: takes what people should know.
    """
    found = []
    for each in watched(project, answers, project.state.thresholds.values(), notes):
        judged = {
            right: pack(int(i) for i, good in each.audit.judged.items() if good is right) for right in (True, False)
        }
        found.append({"threshold": each.threshold.id, "right": judged[True], "wrong": judged[False]})
    return found
