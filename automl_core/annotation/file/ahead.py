"""What a project will take, said before the first label is asked for: labels, rounds, money. By closed forms alone.

Whether a promise or a target can be shown at all is a matter of a logarithm: n labels without an error show that at
most a share of 1 - a is wrong with confidence c where ``a ** n <= 1 - c``. Airflow parses files all day, so nothing
here needs scipy; how many labels it takes with errors among them says `automl_core.annotation.file.forecast`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from automl_core.annotation.file.annotation import AnnotationFile

TESTING = 0.8
"""Share of the random sample that tests thresholds; the rest calibrates (`automl_core.annotation.agreement.plan`)."""

EVALUATING = 0.1
"""Share of a batch from the random stratum where neither promise nor target awaits its labels (`rounds.drawing`)."""

TAKEN = 0.5
"""Share of the items that models are supposed to take: of a random sample, so many lie above a threshold."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a round asks for, and how many there can be.

    Attributes:
        items: of a batch.
        random: of these, from the random stratum, until promise and target have their labels (`rounds.drawing`).
        answers: of people to a batch, where several label each item.
        cost: of these.
        rounds: that can come at most, by their number or by money; None where nothing bounds them.
        by: what bounds them: ``rounds`` or ``money``; empty where nothing does.
    """

    items: int
    random: int
    answers: int
    cost: float
    rounds: int | None
    by: str

    def most(self, price: float, money: float | None) -> int | None:
        """Answers of people in all rounds at most, None where nothing bounds them.

        Args:
            price: of an answer.
            money: that all may cost.
        """
        if self.rounds is None:
            return None
        paid = math.inf if money is None or price <= 0 else math.floor(round(money / price, 9))
        return int(min(self.answers * self.rounds, paid))

    @property
    def stratum(self) -> int | None:
        """Labels of the random stratum in all rounds together, None where nothing bounds them."""
        return None if self.rounds is None else self.random * self.rounds

    def after(self, labels: int) -> int:
        """The round after which the random stratum has so many labels."""
        return math.ceil(labels / self.random)


def ahead(file: AnnotationFile, items: int | None = None) -> Ahead:
    """What a project's rounds ask for.

    Args:
        file: a valid one.
        items: that there are, where that is known.
    """
    select, people, stop = file.select, file.people, file.stop
    answers = select.many * people.votes
    cost = answers * people.price
    rounds, by = stop.rounds, "rounds" if stop.rounds is not None else ""
    if stop.money is not None and cost > 0:
        paid = math.ceil(round(stop.money / cost, 9))
        if rounds is None or paid < rounds:
            rounds, by = paid, "money"
    stratum = math.inf if items is None else round(items * select.stratum_share)
    awaited = [least for least in (_least_for_promise(file), least_for_target(file)) if least is not None]
    awaits = any(least <= stratum for least in awaited)
    random = _random(file, select.random_share) if awaits else least_random(file)
    return Ahead(select.many, random, answers, cost, rounds, by)


def least_random(file: AnnotationFile) -> int:
    """Items of a batch from the random stratum where nothing awaits their labels.

    Args:
        file: a valid one.
    """
    return _random(file, min(EVALUATING, file.select.random_share))


def _random(file: AnnotationFile, share: float) -> int:
    return max(1, round(share * file.select.many))


def _least_for_promise(file: AnnotationFile) -> int | None:
    promise = file.promise
    return None if promise is None else least_for_promise(promise.accuracy, promise.confidence)


def faultless(accuracy: float, alpha: float) -> int:
    """The fewest labels that show an accuracy, all of them right: the smallest n with ``accuracy ** n <= alpha``.

    Args:
        accuracy: between 0 and 1.
        alpha: the chance of error.
    """
    return math.ceil(round(math.log(alpha) / math.log(accuracy), 9))


def first_search(confidence: float) -> float:
    """The chance of error of a project's first search for a threshold: half of all.

    A search is made again each round, and all together may err with the promise's alpha: the j-th has
    ``alpha / (j (j + 1))`` (`automl_core.annotation.agreement.bounds.alpha_of_look`).

    Args:
        confidence: of the promise.
    """
    return round(1 - confidence, 12) / 2


def least_for_promise(accuracy: float, confidence: float, taken: float = TAKEN) -> int:
    """The fewest labels of the random stratum by which a first search can show a promise, all of them right.

    Args:
        accuracy, confidence: of the promise.
        taken: share of the items that models are to take.
    """
    above = faultless(accuracy, first_search(confidence))
    return math.ceil(round(above / (TESTING * taken), 9))


def looks_ahead(rounds: int) -> int:
    """Looks that share the chance of error of a target: one a round, and one that is kept for what nobody has planned.

    Args:
        rounds: at most.
    """
    return rounds + 1


def least_for_target(file: AnnotationFile) -> int | None:
    """The fewest labels of the random stratum by which the target can be told, all right; None without a target.

    Where rounds are bounded, each has its equal share of the chance of error, as `automl_core.annotation.selection`
    gives it (`looks_ahead`); where they are not, that of the round in which there are labels enough.
    """
    stop = file.stop
    if stop.target is None:
        return None
    alpha, random = round(1 - stop.confidence, 12), _random(file, file.select.random_share)
    if stop.rounds is not None:
        return faultless(stop.target, alpha / looks_ahead(stop.rounds))
    look = 1
    while (needed := faultless(stop.target, alpha / (look * (look + 1)))) > look * random:
        look += 1
    return needed
