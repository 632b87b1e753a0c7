"""What is promised of labels that models gave, and what it takes in labels of people to show it (`rates`)."""

from __future__ import annotations

from dataclasses import dataclass

from automl_core.rates import hits_allowed, sample_needed


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of labels that models gave and nobody has looked at.

    Attributes:
        accuracy: at least this share of them is right.
        confidence: how surely; one run in ``1 / (1 - confidence)`` may break the promise at most.
    """

    accuracy: float = 0.97
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Check what was given.

        Raises:
            ValueError: a share that is not between 0 and 1.
        """
        for name in ("accuracy", "confidence"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ValueError(
                    f"{name} is between 0 and 1 and neither of both, not {value}: "
                    "no sample can show that everything is right, or show anything for certain"
                )

    @property
    def allowed(self) -> float:
        """The share that may be wrong."""
        return 1 - self.accuracy

    @property
    def alpha(self) -> float:
        """The probability with which the promise may be broken."""
        return 1 - self.confidence

    def __str__(self) -> str:
        return f"{self.accuracy:.4g} right with confidence {self.confidence:.4g}"


def alpha_of_look(promise: Promise, look: int) -> float:
    """The probability of error of the so-manieth search for a threshold in one project.

    A search that is repeated with each round until it succeeds is a search that may err each time; the parts
    ``alpha / (j (j + 1))`` sum to alpha over all searches there may ever be.

    Raises:
        ValueError: searches are counted from 1.
    """
    if look < 1:
        raise ValueError(f"searches for a threshold are counted from 1, not {look}")
    return promise.alpha / (look * (look + 1))


def labels_needed(promise: Promise, wrong: int = 0) -> int:
    """How many labels a sample needs to show the promise, where so many of them turn out to be wrong.

    99 faultless ones for 97 % with 95 % confidence, 299 for 99 %.

    Raises:
        ValueError: fewer than no wrong ones.
    """
    return sample_needed(wrong, promise.allowed, promise.alpha)


def wrong_allowed(promise: Promise, labels: int, alpha: float | None = None) -> int:
    """How many of so many labels may be wrong for the promise to be shown; -1 where even none is too few labels.

    Args:
        promise: what is to be shown.
        labels: in the sample.
        alpha: another one than the promise's, where several tests share it.
    """
    return hits_allowed(labels, promise.allowed, promise.alpha if alpha is None else alpha)
