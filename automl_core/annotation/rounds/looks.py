"""Looks at the target: what each of them may err with, as the journal has it.

Whoever looks at the random stratum often enough finds it good once by chance, so all looks of a project share the
chance of error of `stop.confidence`. A look is an evaluation of a round's models on one state of the labels. What it
may err with is worked out once, of what those before have left over, and stands in the journal beside what was seen:
it is the same whatever the file says later. An evaluation that is repeated on the same labels is the same look; one
with other labels is another look and is paid for.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from automl_core.annotation.selection.stopping import share_of_look

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import ProjectState

KEY = "look"
"""Of an evaluation's evidence: ``seen`` (digest of what was looked at) and ``share`` (what it may err with)."""


class Look(NamedTuple):
    """A look that was taken.

    Attributes:
        round: in which.
        seen: digest of what was looked at: models, and on which items each is right; empty where an earlier release
            looked, which did not say.
        share: what it may err with, all its models together.
    """

    round: int
    seen: str
    share: float


def next_look(
    state: ProjectState, file: AnnotationFile, number: int, judged: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """The look that an evaluation is, as its evidence has it.

    Args:
        state: of the project.
        file: of it.
        number: of the round.
        judged: models of the evidence, none shortened.

    Returns:
        None where nothing is tested: no model was judged, or a later round has begun, which ends by its own look.
    """
    seen = _digest(judged)
    taken = looks_of(state, file)
    same = next((each for each in taken if (each.round, each.seen) == (number, seen)), None)
    if same is not None:
        return {"seen": seen, "share": same.share}
    if not judged or number < len(state.rounds):
        return None
    rounds = file.stop.rounds
    left = None if rounds is None else rounds - number + 1
    spent = math.fsum(each.share for each in taken)
    return {"seen": seen, "share": share_of_look(file.stop.stopping().alpha, spent, len(taken) + 1, left)}


def looks_of(state: ProjectState, file: AnnotationFile) -> list[Look]:
    """All looks that were taken, each once, in their order.

    Earlier releases did not record what a look may err with: each had an equal share of the rounds that the file
    allows. That is what is reckoned for theirs.

    Args:
        state: of the project.
        file: of it.
    """
    found: dict[tuple[int, str], Look] = {}
    for look in _told(state, file):
        found.setdefault((look.round, look.seen), look)
    return list(found.values())


def _told(state: ProjectState, file: AnnotationFile) -> Iterator[Look]:
    alpha, rounds = file.stop.stopping().alpha, file.stop.rounds
    for each in state.rounds.values():
        for evaluation in each.evaluations:
            told = evaluation.evidence.get(KEY)
            if told is not None:
                yield Look(each.number, str(told["seen"]), float(told["share"]))
            elif KEY not in evaluation.evidence and evaluation.evidence.get("best") is not None:
                yield Look(each.number, "", alpha / rounds if rounds else alpha / (each.number * (each.number + 1)))


def share_now(state: ProjectState, file: AnnotationFile) -> tuple[float, str]:
    """What the look at the newest round that was judged may err with, for each of its models; and words about it.

    It is what was worked out when that was taken, and less where `stop.confidence` has been raised since.

    Args:
        state: of the project.
        file: of it.

    Returns:
        0 where nothing of the chance of error is left; the words say how much there was.
    """
    newest = None
    for each in state.rounds.values():
        if each.evaluation is not None and each.evaluation.evidence.get("best") is not None:
            newest = each
    if newest is None or newest.evaluation is None:
        return 0.0, ""
    evidence, alpha, looks = newest.evaluation.evidence, file.stop.stopping().alpha, looks_of(state, file)
    told = evidence.get(KEY)
    seen = "" if told is None else str(told["seen"])
    this = next((each for each in looks if (each.round, each.seen) == (newest.number, seen)), None)
    spent = math.fsum(each.share for each in looks if each is not this)
    share = min(0.0 if this is None else this.share, max(0.0, alpha - spent))
    words = (
        f"look {len(looks)} at the random stratum, which may err with {share:.2%} of the {alpha:.2%} that all may; "
        f"{spent:.2%} were spent on others"
    )
    if share <= 0:
        words += ": nothing is left, so the target can't be told to be met"
    return share / max(1, len(evidence["models"])), words


def _digest(judged: Sequence[Mapping[str, Any]]) -> str:
    what = [[each["name"], each["labeller"], each["run"], each["set"], each["hits"]] for each in judged]
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()[:20]
