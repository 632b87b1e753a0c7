"""What became of each answer: in which data sets and models it was used, or why in none. Each has one standing.

An answer was used in a version of the data set that has its item under its label, where it had been given before that
version was written and still stood then. So an answer that its author changed afterwards has been used, and its money
was not for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from automl_core.annotation.ledger.facts import Answer, DataSet, Facts


class Standing(StrEnum):
    """What became of an answer. The first that holds, in this order."""

    TRAINED = "trained"
    """It stands in a version of the data set."""
    REPLACED = "replaced"
    """Its author gave another one before any version of the data set had it."""
    TAKEN_BACK = "taken back"
    """Models had given it, and their threshold, or this label, was taken back before it was used."""
    SKIPPED = "skipped"
    """"Can't tell": there is no label to train."""
    EVALUATES = "evaluates"
    """Its item is of the random stratum, which is held out: it says how good models are."""
    GOLD = "gold"
    """Its item has a known label: it says how good its author is."""
    RETIRED = "retired"
    """Its item is out."""
    OUTVOTED = "outvoted"
    """Others' answers to the same item won."""
    WAITS = "waits"
    """It is newer than the newest version of the data set."""
    LEFT_OUT = "left out"
    """A version was written since, and has its item not: one of the stratum whose label was imported, say."""


USED = (Standing.TRAINED, Standing.EVALUATES, Standing.GOLD)
"""Those whose labels were of use; `WAITS` may become so."""

MEANS: dict[Standing, str] = {
    Standing.TRAINED: "stands in a version of the data set that models learn from",
    Standing.REPLACED: "its author gave another answer before it was used",
    Standing.TAKEN_BACK: "given by models, and taken back before it was used",
    Standing.SKIPPED: "somebody looked and could not tell: paid, and nothing to learn from",
    Standing.EVALUATES: "of the random stratum, held out: it says how good models are",
    Standing.GOLD: "of an item whose label is known: it says how good its author is",
    Standing.RETIRED: "its item is out: its content was changed, or somebody retired it",
    Standing.OUTVOTED: "others' answers to the same item won",
    Standing.WAITS: "newer than the newest version of the data set",
    Standing.LEFT_OUT: "a version was written since, and has its item not: it is held out, or has no label that counts",
}  # fmt: skip
"""What each means, for people."""


@dataclass(frozen=True, slots=True)
class Use:
    """Of one answer.

    Attributes:
        standing: what became of it.
        sets: numbers of the versions of the data set that it was used in.
    """

    standing: Standing
    sets: tuple[int, ...] = ()


def uses(facts: Facts) -> list[Use]:
    """What became of each answer, in the order of `Facts.answers`."""
    sets = sorted(facts.sets, key=lambda each: each.number)
    newest = sets[-1] if sets else None
    same: dict[tuple[int, ...], tuple[int, ...]] = {}  # 100,000 answers share some few combinations
    found = []
    for each in facts.answers:
        used = _used_in(each, sets)
        used = same.setdefault(used, used)
        found.append(Use(Standing.TRAINED if used else _why_not(each, facts, newest), used))
    return found


def _used_in(answer: Answer, sets: Sequence[DataSet]) -> tuple[int, ...]:
    if answer.label is None:
        return ()
    return tuple(
        each.number for each in sets if each.trained.get(answer.item) == answer.label and each.counted(answer)
    )  # fmt: skip


def _why_not(answer: Answer, facts: Facts, newest: DataSet | None) -> Standing:
    if answer.fate:
        return Standing.REPLACED if answer.fate == "replaced" else Standing.TAKEN_BACK
    if answer.label is None:
        return Standing.SKIPPED
    if answer.item in facts.stratum and answer.source == "person":
        return Standing.EVALUATES
    if answer.item in facts.gold:
        return Standing.GOLD
    if answer.item in facts.retired:
        return Standing.RETIRED
    trained = _label_of(answer.item, facts)
    if trained is not None and trained != answer.label:
        return Standing.OUTVOTED
    return Standing.WAITS if newest is None or not newest.knew(answer) else Standing.LEFT_OUT


def _label_of(item: int, facts: Facts) -> str | None:
    """What the item is held to be: by the newest data set, else by consensus."""
    for each in reversed(facts.sets):
        if item in each.trained:
            return each.trained[item]
    known = facts.consensus.get(item)
    return known[0] if known is not None else None
