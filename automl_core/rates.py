"""What counts say of a rate: how many of so many were hits (errors, wrong labels, right answers).

Exact bounds of one look at a random sample, bounds and evidence that may be looked at all the time, and how large a
sample must be before anything is shown. Each formula has its one place here; who counts what, and what follows, is the
caller's. numpy and scipy are loaded where they are used.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def check_count(hits: int, of: int) -> None:
    """Refuse what is no count.

    Raises:
        ValueError: fewer hits than none, or more than all.
    """
    if not 0 <= hits <= of:
        raise ValueError(f"{hits} of {of} is no count")


def tail(hits: int, of: int, rate: float) -> float:
    """The chance of at most so many hits where each has the given rate; 1 of none.

    The p-value of "the rate is at least this": exact and of one side.

    Raises:
        ValueError: no count.
    """
    from scipy.special import bdtr

    check_count(hits, of)
    return float(bdtr(hits, of, rate)) if of else 1.0


def highest_rate(hits: int, of: int, alpha: float) -> float:
    """The highest rate that one look at a random sample allows: below the true one with `alpha` at most.

    C. Clopper and E. Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, p. 404.

    Returns:
        A rate; 1 of none.

    Raises:
        ValueError: no count.
    """
    from scipy.special import betaincinv

    check_count(hits, of)
    return 1.0 if hits == of else float(betaincinv(hits + 1, of - hits, 1 - alpha))


def lowest_rate(hits: int, of: int, alpha: float) -> float:
    """The lowest rate that one look allows, see `highest_rate`; 0 of none."""
    from scipy.special import betaincinv

    check_count(hits, of)
    return 0.0 if not hits else float(betaincinv(hits, of - hits + 1, alpha))


def rate_interval(hits: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Lowest and highest rate, which together miss the true one with ``1 - confidence`` at most, each with half.

    Raises:
        ValueError: no count.
    """
    half = (1 - confidence) / 2
    return lowest_rate(hits, of, half), highest_rate(hits, of, half)


@lru_cache(maxsize=1024)
def highest_rate_ever(hits: int, of: int, alpha: float) -> float:
    """The highest rate that counts allow, at every look: it is ever below the true rate with `alpha` at most.

    All rates p are allowed whose likelihood p^x (1 - p)^(n - x) is above alpha times its mean over a prior, Beta(1/2,
    1/2): that ratio has the expectation 1 under p, so it ever reaches 1 / alpha with probability alpha at most (H.
    Robbins 1970, "Statistical methods related to the law of the iterated logarithm", Annals of Mathematical Statistics
    41, p. 1397; T. L. Lai 1976, "On confidence sequences", Annals of Statistics 4, p. 265).

    Returns:
        A rate; 1 of none.

    Raises:
        ValueError: no count.
    """
    from scipy.special import betaln

    check_count(hits, of)
    if hits == of:
        return 1.0
    least = float(betaln(hits + 0.5, of - hits + 0.5) - betaln(0.5, 0.5)) + math.log(alpha)
    low, high = hits / of, 1.0
    for _ in range(60):  # the likelihood falls from its top at hits / of on
        middle = (low + high) / 2
        found = (hits * math.log(middle) if hits else 0.0) + (of - hits) * math.log1p(-middle)
        low, high = (middle, high) if found > least else (low, middle)
    return high


def log_evidence(hits: int, of: int, limit: float, odds: Iterable[float]) -> NDArray[np.float64]:
    """Logarithms of evidence against "the rate is not above the limit", which may be looked at after every answer.

    For an odds ratio of w > 1 the likelihood ratio of w times the limit's odds against the limit p is, for x hits of n
    answers, w^x / (1 + p (w - 1))^n (A. Wald 1945, "Sequential tests of statistical hypotheses", Annals of Mathematical
    Statistics 16, p. 117, section 3; written with odds). Each answer's factor has the expectation
    (1 + q (w - 1)) / (1 + p (w - 1)) under a rate q: at most 1 where q is at most p. So the product ever reaches
    1 / alpha with probability alpha at most (Ville's inequality), whatever the rate below the limit, and so does the
    mean over several odds ratios (Robbins 1970, see `highest_rate_ever`). Only counts matter, never their order.

    Args:
        hits: of the answers.
        of: answers.
        limit: the rate p that is allowed, above 0 and at most 1.
        odds: ratios w that are noticed soonest, each above 1.

    Returns:
        One for each of `odds`; sums of them over parts with limits of their own are evidence, too.

    Raises:
        ValueError: no count, or no limit.
    """
    import numpy as np

    check_count(hits, of)
    if not 0 < limit <= 1:
        raise ValueError(f"a limit is above 0 and at most 1, not {limit}")
    ratios = np.asarray(tuple(odds), dtype=np.float64)
    return np.asarray(hits * np.log(ratios) - of * np.log1p(limit * (ratios - 1)))


def mean_evidence(logs: NDArray[np.float64]) -> float:
    """The mean of evidence that is given in logarithms; at most some 1e304, so that it stays a number in JSON, too."""
    import numpy as np

    top = float(logs.max())
    return math.exp(min(top, 700.0)) * float(np.exp(logs - top).mean())


def sample_needed(hits: int, limit: float, alpha: float) -> int:
    """The fewest answers that show "the rate is below the limit" where so many of them turn out to be hits.

    99 without a hit for 3 % at 5 %, 299 for 1 %: the smallest n with ``(1 - limit) ** n <= alpha``.

    Raises:
        ValueError: fewer hits than none, or numbers outside of 0 to 1.
    """
    import numpy as np

    if hits < 0:
        raise ValueError(f"{hits} hits is no count")
    return int(_samples(np.array([hits]), limit, alpha)[0])


def hits_allowed(of: int, limit: float, alpha: float) -> int:
    """How many of so many answers may be hits for "the rate is below the limit" to be shown; -1 where none may be."""
    from scipy.special import bdtr

    if not of or float(bdtr(0, of, limit)) > alpha:
        return -1
    low, high = 0, of  # shown with `low`, not with `high`: all answers hits show nothing
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if float(bdtr(middle, of, limit)) <= alpha else (low, middle)
    return low


def sample_for(limit: float, supposed: float, alpha: float, chance: float, *, most: int = 10**9) -> int | None:
    """The fewest answers that show "the rate is below the limit" with a chance, where the rate is what is supposed.

    The chance jumps up where one hit more is allowed (`sample_needed` of it) and falls from there to the next one, so
    the fewest answers are at one of these jumps.

    Args:
        limit: the rate that is not to be reached, between 0 and 1.
        supposed: the rate as it is, from 0 to below the limit.
        alpha: chance at most of showing it where it is not so.
        chance: with which it is to be shown.
        most: answers beyond which none are looked for.

    Returns:
        Answers; None where more than `most` are needed.

    Raises:
        ValueError: numbers outside of their ranges.
    """
    import numpy as np
    from scipy.special import bdtr

    if not (0 <= supposed < limit and 0 < chance < 1):
        raise ValueError(f"supposed {supposed} is from 0 to below the limit {limit}, chance {chance} between 0 and 1")
    begin, many = 0, 16
    while True:
        hits = np.arange(begin, begin + many)
        samples = _samples(hits, limit, alpha)
        shown = bdtr(hits, samples, supposed) >= chance
        found = int(samples[int(np.argmax(shown))]) if shown.any() else None
        if found is not None or samples[-1] > most:
            return found if found is not None and found <= most else None
        begin, many = begin + many, many * 2


def _samples(hits: NDArray[np.int64], limit: float, alpha: float) -> NDArray[np.int64]:
    """`sample_needed` for each number of hits: halved down to, all at once."""
    import numpy as np
    from scipy.special import bdtr

    if not (0 < limit < 1 and 0 < alpha < 1):
        raise ValueError(f"limit and alpha are between 0 and 1, not {limit} and {alpha}")
    low = hits.astype(np.int64)  # all answers hits: shows nothing
    high = np.ceil((hits + 1) / limit).astype(np.int64)
    while (short := bdtr(hits, high, limit) > alpha).any():
        low, high = np.where(short, high, low), np.where(short, high * 2, high)
    while (high - low > 1).any():
        middle = (low + high) // 2
        short = bdtr(hits, middle, limit) > alpha
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray(high)
