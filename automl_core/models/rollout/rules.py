"""What a rollout is judged by: safeguards, patience, and how its tests share one probability of a false alarm."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from automl_core.models.file.values import Loss
from automl_core.models.rollout.measures import check_measure
from automl_core.structs import known

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile

FIXED_SHARE = 0.1
"""Of a safeguard's alpha: for the last step, in which the challenger has all and is held to a fixed rate."""

SLOW = 0.01
"""The share of answers that may take longer than ``p99``: what a 99th percentile is."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of late labels.

    Attributes:
        name: one of `automl_core.models.rollout.measures.MEASURES`.
        worse_by: how much worse is too much.
        every: seconds between two measurements.
    """

    name: str
    worse_by: Loss
    every: float = 300.0


@dataclass(frozen=True, slots=True)
class Ab:
    """Two versions held until one of them is shown to be better, or the time is over.

    Attributes:
        within: seconds.
        otherwise: who has all where the time is over.
        metric: by what; None: by errors.
    """

    within: float = 14 * 86400.0
    otherwise: Literal["champion", "challenger"] = "champion"
    metric: Metric | None = None


@dataclass(frozen=True, slots=True)
class Alphas:
    """How the rollout's alpha is shared. All tests together ever decide wrongly with the whole of it at most.

    Attributes:
        compared: of each of errors and slow answers, where both versions answer.
        alone: of each of them, in a step where one version has all.
        bound: of each of them, for the champion's rate that is then the limit; 0 where no rate is needed.
        metric: of the safeguard by late labels.
        better: of the decision that the challenger is the better one (`Ab`).
    """

    compared: float
    alone: float
    bound: float
    metric: float
    better: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What a rollout is judged by.

    Attributes:
        errors: how much more of the challenger's answers may be errors than of the champion's, as a share; None: any.
        p99: seconds that 99 of 100 answers may take; None: any.
        metric: of late labels; None: none.
        alpha: probability at most that anything is ever decided by chance alone, in the whole rollout.
        least: answers of the challenger in a step before the next one.
        within: seconds after which a step that could not be passed takes it back.
        ab: set where two versions are held instead.
    """

    errors: float | None = 0.01
    p99: float | None = None
    metric: Metric | None = None
    alpha: float = 0.05
    least: int = 100
    within: float = 7 * 86400.0
    ab: Ab | None = None

    def __post_init__(self) -> None:
        """Check what was given.

        Raises:
            ValueError: alpha is no probability, or another number not above 0.
        """
        if not 0 < self.alpha < 1:
            raise ValueError(f"alpha is between 0 and 1, not {self.alpha}")
        if self.least < 1 or self.within <= 0 or (self.errors is not None and not 0 < self.errors < 1):
            raise ValueError("least is 1 at the least, within above 0, errors a share between 0 and 1")
        for each in self.metrics.values():
            check_measure(each.name)

    def alphas(self, shares: list[float]) -> Alphas:
        """How alpha is shared.

        Each safeguard, and "better" in an A/B, gets the same part of it (Bonferroni's inequality). Where the rollout
        ends in a step in which the challenger has all, a tenth of a safeguard's part is kept for that step, half of it
        for not knowing the champion's rate; where it has no other step, that step gets all.

        Args:
            shares: of the rollout's steps; 0 for a shadow, in which both answer too.
        """
        units = [self.errors is not None, self.p99 is not None, self.metric is not None, self.ab is not None]
        each = self.alpha / max(1, sum(units))
        ends_alone = bool(shares) and shares[-1] >= 1 and self.ab is None
        if not ends_alone:
            return Alphas(each, each, 0.0, each, each)
        if min(shares) >= 1:
            return Alphas(each, each, 0.0, each, each)
        kept = each * FIXED_SHARE
        return Alphas(each - kept, kept / 2, kept / 2, each, each)

    @classmethod
    def of(cls, file: ModelFile) -> Rules:
        """The rules of a model's file.

        Raises:
            ValueError: its model is not served, or a metric is named that can't be followed.
        """
        served = file.served
        if served is None:
            raise ValueError(f"{file.name} is not served: nothing of it is rolled out step by step")
        guard, ab = served.safeguard, served.ab
        metric = guard.metric
        return cls(
            errors=guard.errors, p99=guard.p99,
            metric=Metric(metric.name, metric.loss, metric.every) if metric is not None else None,
            alpha=guard.alpha, least=served.least, within=served.within,
            ab=Ab(
                ab.within, ab.otherwise,
                None if ab.metric == "errors" else Metric(ab.metric.name, Loss(0.0, relative=False), ab.metric.every),
            ) if ab is not None else None,
        )  # fmt: skip

    def of_kind(self, kind: str) -> Rules:
        """These rules for a rollout of a kind: that stands in the journal, and the file may say another one since.

        Args:
            kind: ``steps`` or ``ab``.
        """
        return self if kind == "ab" or self.ab is None else replace(self, ab=None)

    @property
    def metrics(self) -> dict[str, Metric]:
        """The metrics of late labels, by name."""
        found = [self.metric, self.ab.metric if self.ab is not None else None]
        return {each.name: each for each in found if each is not None}


known(Rules)
