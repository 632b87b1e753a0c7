"""When there are labels enough: the target is met, more would bring nothing, or money or rounds are used up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from automl_core.annotation.selection.curve import Curve, fit
from automl_core.annotation.selection.rounds import Round
from automl_core.rates import highest_rate, lowest_rate

Why = Literal["target", "money", "rounds", "flat"]


@dataclass(frozen=True, slots=True)
class Stopping:
    """What ends it; each that is None ends nothing.

    Attributes:
        target: accuracy on the random stratum, whose interval must lie above it.
        alpha: chance at most of ever saying that the target is met while it is not, over all rounds together.
        flat: gain of accuracy, such as 0.005: it ends where the most that one more round would bring is below.
        money: that labels may cost.
        rounds: at most.
    """

    target: float | None = None
    alpha: float = 0.05
    flat: float | None = None
    money: float | None = None
    rounds: int | None = None

    def __post_init__(self) -> None:
        """Check each.

        Raises:
            ValueError: a number outside of its range. The message names the rule.
        """
        for rule in ("target", "alpha", "flat"):
            given = getattr(self, rule)
            if given is not None and not 0 < given < 1:
                raise ValueError(f"{rule}: {given}, and it is between 0 and 1")
        if self.money is not None and not self.money >= 0:
            raise ValueError(f"money: {self.money}, and it is 0 or more")
        if self.rounds is not None and self.rounds < 1:
            raise ValueError(f"rounds: {self.rounds}, and it is 1 or more")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether to go on.

    Attributes:
        why: what ended it, None to go on. Where several do, the first of target, money, rounds, flat.
        reasons: for people: each rule, where it stands and what more labels would bring.
        interval: accuracy of the last round's model on the random stratum, lowest and highest.
        curve: None before there are rounds enough.
    """

    why: Why | None
    reasons: tuple[str, ...]
    interval: tuple[float, float]
    curve: Curve | None = None

    @property
    def ended(self) -> bool:
        """Whether no further round is to come."""
        return self.why is not None


def accuracy(right: int, of: int, alpha: float) -> tuple[float, float]:
    """The exact interval of a share (`rates`): each side misses with alpha at most.

    Raises:
        ValueError: more right ones than there are.
    """
    return lowest_rate(right, of, alpha), highest_rate(right, of, alpha)


def share_of_look(alpha: float, spent: float, look: int, left: int | None) -> float:
    """What one look may err with, so that all together err with alpha at most (the union bound).

    Each round has another model, so there is no one accuracy that an interval could close in on from round to round;
    each look has its own share, a part of what those before have left over. So the rules may change between two looks,
    and a look may come that nobody had planned: whatever comes, the shares never sum to more than alpha.

    - Where rounds are bounded: equal shares for those that are left, and for one look more than these. What that one
      keeps is there for a look that is repeated, and for rounds that are added later.
    - Where they are not: of what is left the (look + 1)-th part. Alone that is alpha / (look × (look + 1)).

    Args:
        alpha: of all looks.
        spent: by the looks before this one.
        look: 1 is the first.
        left: rounds that are still to come, this one among them; None where there is no bound.
    """
    parts = look if left is None else max(left, 1)
    return max(0.0, alpha - spent) / (parts + 1)


def shares_of_looks(alpha: float, looks: int, rounds: int | None) -> list[float]:
    """The shares of so many looks, one in each round, by rules that have not changed (`share_of_look`).

    Args:
        alpha: of all looks.
        looks: how many.
        rounds: at most, None where there is no bound.
    """
    found: list[float] = []
    for look in range(1, looks + 1):
        left = None if rounds is None else rounds - look + 1
        found.append(share_of_look(alpha, math.fsum(found), look, left))
    return found


def judge(
    rounds: Sequence[Round], stopping: Stopping, *, more: int | None = None, seed: int = 0, share: float | None = None
) -> Verdict:
    """Look at all rounds so far; safe to ask after each one, and asking twice is the same look.

    Args:
        rounds: in their order, none left out.
        stopping: the rules.
        more: labels that one more round would have; as many as the last one where None.
        seed: of the curve's bootstrap.
        share: what the look at the last round may err with (`share_of_look`), to be given where the rules have changed
            since the first look, or a round was looked at twice with other labels. None: each round had one look, by
            these rules.
    """
    if not rounds:
        return Verdict(None, ("nothing was labelled yet",), (0.0, 1.0))
    last = rounds[-1]
    if share is None:
        share = shares_of_looks(stopping.alpha, len(rounds), stopping.rounds)[-1]
    interval = accuracy(last.right, len(last.hits), share) if share > 0 else (0.0, 1.0)
    curve = fit(rounds, seed=seed)
    if more is None:
        more = last.labels - (rounds[-2].labels if len(rounds) > 1 else 0)
    found: list[Why] = []
    reasons = [_target(last, interval, stopping, found)]
    if stopping.money is not None:
        if last.cost >= stopping.money:
            found.append("money")
        reasons.append(f"labels cost {last.cost:g} of {stopping.money:g}")
    if stopping.rounds is not None:
        if len(rounds) >= stopping.rounds:
            found.append("rounds")
        reasons.append(f"round {len(rounds)} of {stopping.rounds}")
    reasons.append(_gain(curve, more, stopping, found, last.cost / last.labels if last.labels else math.nan))
    return Verdict(found[0] if found else None, tuple(reasons), interval, curve)


def _target(last: Round, interval: tuple[float, float], stopping: Stopping, found: list[Why]) -> str:
    of = len(last.hits)
    said = (
        f"right on {last.right} of {of} items of the random stratum: accuracy {interval[0]:.1%} to {interval[1]:.1%}"
        if of
        else "no item of the random stratum is labelled, so nothing is known of the accuracy"
    )
    unanswered = sum(each is None for each in last.hits.values())
    if unanswered:
        said += f" ({unanswered} without an answer count as wrong)"
    if stopping.target is None:
        return said
    if interval[0] >= stopping.target:
        found.append("target")
        return f"{said}; the target of {stopping.target:.1%} is met"
    return f"{said}; the target of {stopping.target:.1%} is not met yet"


def _gain(curve: Curve | None, more: int, stopping: Stopping, found: list[Why], price: float) -> str:
    if curve is None:
        return "too few rounds to say what more labels would bring"
    said = curve.in_words(more)
    best, _, high = curve.gain(more)
    if price > 0 and best > 0:
        said += f", at some {price * more / (100 * best):.3g} a point"
    if stopping.flat is None:
        return said
    if high < stopping.flat:
        found.append("flat")
        return f"{said}: less than {100 * stopping.flat:g} points, so the curve is flat"
    return f"{said}: it may be {100 * stopping.flat:g} points or more, so the curve is not flat yet"
