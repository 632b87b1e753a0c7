"""What rows are answered with, by which versions, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from automl_core.models.traffic.split import taken
from automl_core.serving.following import Route
from automl_core.serving.wire import Answer


@dataclass(frozen=True, slots=True)
class Given:
    """What a request is answered with.

    Attributes:
        record: the rollout record under which it is.
        versions: (n,) which version said each row.
        predictions: (n,) classes as texts, or numbers.
        probabilities: (n, classes); None where numbers are predicted.
        classes: in the order of probabilities.
        fallen_back: the version in whose place the champion has answered; None where that was not so.
        seconds: that it took.
        rollout: number of the rollout that was open; None where none was.
    """

    record: int
    versions: list[int]
    predictions: list[str | float]
    probabilities: list[list[float]] | None
    classes: list[str]
    fallen_back: int | None
    seconds: float
    rollout: int | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What was said of a part of a request, and by whom: by the champion where a challenger could not."""

    version: int
    answer: Answer
    classes: list[str]


class BadRows(ValueError):
    """Rows that a version can't read; the message says which column and row."""


def version_of(route: Route, key: str) -> int:
    """The version that answers a key: the challenger has the keys below its share, the champion all others.

    Keys are drawn by the rollout: the 5 % of its first step are among the 25 % of its next one, and the same again
    after going back; another rollout, of the same version too, draws others.

    Raises:
        ValueError: the route has no champion.
    """
    if route.champion is None:
        raise ValueError(f"no version of {route.model} is in use")
    return _drawn(route, key, route.shares) or route.champion


def shadow_of(route: Route, key: str) -> int | None:
    """The version that is asked in the shadow for a key, after it was answered; None where none is."""
    return _drawn(route, key, route.shadow) if route.shadow else None


def _drawn(route: Route, key: str, shares: dict[int, float]) -> int | None:
    for version, share in shares.items():
        if version != route.champion and taken(key, route.model, f"rollout-{route.rollout}", share):
            return version
    return None


def in_order(
    answers: dict[int, Answer], classes: dict[int, list[str]], versions: list[int]
) -> tuple[list[str | float], list[list[float]] | None, list[str]]:
    """Predictions and probabilities of rows in their order, and the classes of all versions that answered."""
    if len(answers) == 1:
        version, only = next(iter(answers.items()))
        return list(only.predictions), only.probabilities, classes[version]
    every = list(dict.fromkeys(name for version in answers for name in classes[version]))
    at = {version: [every.index(name) for name in classes[version]] for version in answers}
    places = dict.fromkeys(answers, 0)
    predictions: list[str | float] = []
    probabilities: list[list[float]] | None = []
    for version in versions:
        answer, place = answers[version], places[version]
        places[version] += 1
        predictions.append(answer.predictions[place])
        if answer.probabilities is None:
            probabilities = None
        elif probabilities is not None:
            chances = [0.0] * len(every)  # of a class that only another version knows
            for where, chance in zip(at[version], answer.probabilities[place], strict=True):
                chances[where] = chance
            probabilities.append(chances)
    return predictions, probabilities, every
