"""Whether there is a next round: the target is met, no more is to be gained, or money, rounds or items are gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl_core.annotation.rounds.choosing import affordable
from automl_core.annotation.rounds.evaluating import best_of, hits_of
from automl_core.annotation.rounds.looks import share_now
from automl_core.annotation.selection import Round, judge

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import Project, ProjectState
    from automl_core.journal import Person


@dataclass(frozen=True)
class Verdict:
    """Whether it goes on.

    Attributes:
        why: what ended it: ``target``, ``money``, ``rounds``, ``flat``, ``items``, or words of a person; None: a next
            round is to come.
        reasons: for people: each rule, and where it stands.
    """

    why: str | None
    reasons: tuple[str, ...]

    @property
    def ended(self) -> bool:
        """Whether no further round is to come."""
        return self.why is not None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"why": self.why, "reasons": list(self.reasons)}


def rounds_of(state: ProjectState) -> list[Round]:
    """What each round came to, for `selection.judge`: those that have judged a model.

    The best model of each counts.
    """
    found = []
    for each in state.rounds.values():
        evaluation = each.evaluation
        best = best_of(evaluation.evidence) if evaluation is not None else None
        if evaluation is not None and best is not None:
            evidence = evaluation.evidence
            found.append(Round(int(evidence["labels"]), hits_of(best), float(evidence["cost"])))
    return found


def verdict(project: Project, file: AnnotationFile, number: int, by: Person) -> Verdict:
    """Judge a round by ``stop:``, and record where it ends. Asked again it is the same look.

    Of several models the best one counts, so each has its part of what the look may err with (`looks`).

    Args:
        project: it.
        file: of it.
        number: of the round.
        by: whose act.

    Raises:
        StorageError: the store is away.
    """
    project.refresh()
    state = project.state
    if state.stopped is not None:
        return Verdict(state.stopped.why, tuple(state.stopped.reasons))
    rounds = rounds_of(state)
    share, words = share_now(state, file)
    judged = judge(rounds, file.stop.stopping(), more=file.select.many, seed=file.select.seed, share=share)
    why: str | None = judged.why
    reasons = list(judged.reasons)
    if file.stop.target is not None and words:
        reasons.insert(1, words)
    if why is None and file.stop.rounds is not None and number >= file.stop.rounds:
        why = "rounds"
        reasons.append(f"round {number} of {file.stop.rounds}")
    if why is None and affordable(state, file) == 0:
        why = "money"
        reasons.append("there is no money left for one more item")
    if why is None and not _left(state):
        why = "items"
        reasons.append("no item is left to be labelled")
    if why is not None:
        project.stopped(number, why, reasons, by)
    return Verdict(why, tuple(reasons))


def _left(state: ProjectState) -> int:
    """Items that are open, or that people are asked about."""
    return state.count - len(state.closed()) + len(state.tasks)
