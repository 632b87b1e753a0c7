"""How many items of a batch are of the random stratum: as many as the file says until what stands on it has its labels.

Nothing is learned from the stratum, so each of its labels is one less that models learn from. What the promise and the
target take is known beforehand. Once that is in, or is no more to be had, a tenth of a batch keeps evaluation, the
audit and the learning curve going.

It follows from counts, and from whether a threshold stands; never from how right a model was on the stratum. Whoever
asks for more labels where the last ones were bad, and for fewer where they were good, has looked before the look that
counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from automl_core.annotation.agreement import plan
from automl_core.annotation.file.ahead import EVALUATING, least_for_promise, least_for_target, looks_ahead
from automl_core.annotation.selection import sizing

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile
    from automl_core.annotation.project import ProjectState
    from automl_core.annotation.rounds.answers import Answers


def drawn_share(state: ProjectState, file: AnnotationFile, answers: Answers) -> tuple[float, str]:
    """The share of a batch that is of the random stratum, and why it is less than `select.random_share`.

    Args:
        state: of the project.
        file: of it.
        answers: its labels.

    Returns:
        The share; the words are empty where it is what the file says.
    """
    share = file.select.random_share
    have = len(answers.sample.numbers)
    there = np.flatnonzero(answers.stratum).tolist()
    most = sum(number not in state.retired and number not in answers.gold for number in there)
    awaited = [_for_promise(state, file, have, most), _for_target(file, have, most)]
    if share <= EVALUATING or "" in awaited:
        return share, ""
    return EVALUATING, (
        f"{EVALUATING:.0%} of the batch are of the random stratum, not {share:.0%} (select.random_share): "
        f"{'; '.join(awaited)}; that is enough to go on judging models, and more labels are learned from"
    )


def _for_promise(state: ProjectState, file: AnnotationFile, have: int, most: int) -> str:
    """Why the promise awaits no labels of the stratum; empty where it does."""
    promise = file.promise
    if promise is None:
        return "models label nothing (agree: off)"
    if any(each.threshold is not None and not each.withdrawn for each in state.thresholds.values()):
        return "the promise is shown"
    least = least_for_promise(promise.accuracy, promise.confidence)
    if most < least:
        return f"the promise takes {least} labels at least, and the stratum has {most} items"
    try:
        advised = plan(promise.promise(), look=1).advised
    except ValueError:  # nobody can say how many are enough, so it is never known that they are in
        return ""
    return f"the promise takes {advised} labels, and {have} are there" if have >= advised else ""


def _for_target(file: AnnotationFile, have: int, most: int) -> str:
    """Why the target awaits none; empty where it does."""
    target, least = file.stop.target, least_for_target(file)
    if target is None or least is None:
        return "there is no target"
    if most < least:
        return f"the target takes {least} labels at least, and the stratum has {most} items"
    looks = 1 if file.stop.rounds is None else looks_ahead(file.stop.rounds)
    many = sizing(target, most, alpha=round(1 - file.stop.confidence, 12), looks=looks).many
    return f"the target takes {many} labels, and {have} are there" if have >= many else ""
