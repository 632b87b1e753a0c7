"""Whether a model is worse than when it was accepted: judged by the interval of the difference, never by its point.

The two values are of different rows (those of the evaluation then, those that have labels now), so their difference has
an interval of its own. It is made of both intervals by the method of variance estimates recovery (MOVER): G. Y. Zou and
A. Donner, Construction of confidence limits about effect measures: a general approach, Statistics in Medicine 27
(2008), pages 1693-1702, equations 3 and 4. That needs neither rows nor draws, and takes intervals that are not
symmetric.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from automl_core.models.drift.rates import per_look

if TYPE_CHECKING:
    from automl_core.models.file.watch import Watch

State: TypeAlias = Literal["holds", "worse", "cant_tell"]

HOLDS: State = "holds"
WORSE: State = "worse"
CANT_TELL: State = "cant_tell"


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the acceptance rests on.

    Attributes:
        evidence: its digest.
        metrics: name → ``{value, low, high}`` of the version itself.
        metric: the one that counted.
        confidence: of the intervals.
    """

    evidence: str
    metrics: Mapping[str, Mapping[str, Any]]
    metric: str
    confidence: float = 0.95

    @classmethod
    def of(cls, digest: str, evidence: Mapping[str, Any]) -> Accepted:
        """From an evidence, as `automl_core.models.evaluation.document` lays it out; the version was its challenger."""
        difference = evidence.get("difference") or {}
        metrics = {
            name: each["challenger"] for name, each in (evidence.get("metrics") or {}).items() if each.get("challenger")
        }
        return cls(digest, metrics, str(evidence["metric"]["name"]), float(difference.get("confidence") or 0.95))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a look comes to.

    Attributes:
        state: ``holds``: not so much worse; ``worse``: it is; ``cant_tell``: the rows don't tell.
        metric: by which.
        loss: how much worse, in the metric's unit, above 0 where it is worse: ``{value, low, high}``; each may be None.
        limit: how much is too much, in the same unit; None where the file says nothing.
        accepted: the value that it is compared with.
        why: in words, the number first.
        reasons: what else a reader must know.
    """

    state: State
    metric: str
    loss: Mapping[str, float | None]
    limit: float | None
    accepted: float | None
    why: str
    reasons: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "state": self.state, "metric": self.metric, "loss": dict(self.loss), "limit": self.limit,
            "accepted": self.accepted, "why": self.why, "reasons": list(self.reasons),
        }  # fmt: skip


FEW_KEPT = 1_000
"""Rows of the evidence below which the interval of an estimate is known to be too narrow: stated at 95 %, it held in 76
to 82 % of cases with 310 to 333 rows (benchmarks/README.md, "A metric without labels")."""

_NOTHING: dict[str, float | None] = {"value": None, "low": None, "high": None}


def judge(
    now: Mapping[str, Any], accepted: Accepted | None, *, limit: Any = None, metric: str | None = None
) -> Judgement:
    """Judge a champion by its newest evaluation.

    Args:
        now: its evidence on the latest data, it alone.
        accepted: what its acceptance rests on; None where nothing is left of that.
        limit: `automl_core.models.file.values.Loss`, how much worse is too much; None where nobody has said it.
        metric: by which; that of the evaluation when None.
    """
    name = metric or str(now["metric"]["name"])
    rows, least = int(now["data"]["scored"]), int(now["data"].get("least_rows") or 0)
    here = (now.get("metrics") or {}).get(name)
    if rows < least:
        return _cant(name, f"{rows:,} rows have labels, and {least:,} are asked for")
    if here is None or here["challenger"] is None or here["challenger"]["value"] is None:
        return _cant(name, f"{name} is not defined on these {rows:,} rows")
    found = here["challenger"]
    then = accepted.metrics.get(name) if accepted is not None else None
    if then is None or then["value"] is None:
        return _cant(name, f"{name} was not measured when it was accepted", f"now {name} is {found['value']:.4g}")
    maximize = here["direction"] == "maximize"
    loss = _loss(then, found, maximize)
    allowed = limit.of(float(then["value"])) if limit is not None else None
    said = _said(name, then, found, loss, rows)
    reasons = [] if _exact(then) is False else [f"{name} of the acceptance has no interval, and is taken as exact"]
    if loss["low"] is None or loss["high"] is None:
        return Judgement(CANT_TELL, name, loss, allowed, float(then["value"]), f"{said}; it has no interval here",
                         tuple(reasons))  # fmt: skip
    state = _state(float(loss["low"]), float(loss["high"]), allowed)
    return Judgement(state, name, loss, allowed, float(then["value"]), said + _end(state, allowed), tuple(reasons))


def nothing_there(metric: str) -> Judgement:
    """A look at data of which no row has a label yet.

    Args:
        metric: by which it would be judged; empty where that isn't known.
    """
    return _cant(metric, "no row has a label yet")


def difference(
    one: Mapping[str, Any], other: Mapping[str, Any]
) -> tuple[float, float | None, float | None]:  # fmt: skip
    """The difference of two values of different rows, with its interval.

    Args:
        one, other: ``{value, low, high}``; without an interval a value is taken as exact.

    Returns:
        Difference, lower and upper end; the ends None where neither has an interval.
    """
    first, second = float(one["value"]), float(other["value"])
    if _exact(one) and _exact(other):
        return first - second, None, None
    low1, high1 = _ends(one)
    low2, high2 = _ends(other)
    value = first - second
    low = value - math.hypot(first - low1, high2 - second)
    high = value + math.hypot(high1 - first, second - low2)
    return value, low, high


def _loss(then: Mapping[str, Any], now: Mapping[str, Any], maximize: bool) -> dict[str, float | None]:
    value, low, high = difference(then, now) if maximize else difference(now, then)
    if _exact(now):
        low = high = None  # what is measured now has to say how sure it is
    return {"value": value, "low": low, "high": high}


def _state(low: float, high: float, limit: float | None) -> State:
    """Worse where the whole interval lies beyond the limit, holds where none of it does."""
    if low > (0.0 if limit is None else limit):
        return WORSE
    return CANT_TELL if limit is not None and high > limit else HOLDS


def _ends(interval: Mapping[str, Any]) -> tuple[float, float]:
    value = float(interval["value"])
    low, high = interval.get("low"), interval.get("high")
    return (value, value) if low is None or high is None else (min(float(low), value), max(float(high), value))


def _exact(interval: Mapping[str, Any]) -> bool:
    return interval.get("low") is None or interval.get("high") is None


def _cant(metric: str, why: str, *more: str) -> Judgement:
    return Judgement(CANT_TELL, metric, _NOTHING, None, None, f"it can't be told: {why}", more)


def _said(
    name: str, then: Mapping[str, Any], now: Mapping[str, Any], loss: Mapping[str, float | None], rows: int
) -> str:
    value = loss["value"] or 0.0
    share = f" ({abs(value) / abs(then['value']):.1%})" if then["value"] else ""
    word = "worse" if value > 0 else "better"
    ends = f", interval {loss['low']:+.4g} to {loss['high']:+.4g}" if loss["low"] is not None else ""
    return (
        f"{name} is {now['value']:.4g} on {rows:,} rows, and was {then['value']:.4g}: {word} by "
        f"{abs(value):.4g}{share}{ends}"
    )


def _end(state: State, limit: float | None) -> str:
    if limit is None:
        return {"worse": "; it is worse", "holds": "; no loss is shown", "cant_tell": ""}[state]
    told = {
        "worse": "that is more than",
        "holds": "that is not more than",
        "cant_tell": "it can't be told whether that is more than",
    }
    return f"; {told[state]} {limit:.4g}"


def judge_estimate(estimate: Mapping[str, Any], accepted: Accepted | None, *, limit: Any = None) -> dict[str, Any]:
    """What an estimate without labels comes to, as `automl_core.models.watching.series` lays it out.

    Where rows with labels contradict it, it is not believed: what labels depend on has changed, which no probability
    shows.

    Args:
        estimate: of an evaluation (`automl_core.models.evaluation.unlabelled`).
        accepted: what the acceptance rests on; None where nothing is left of that.
        limit: see `judge`.
    """
    name = str(estimate.get("metric") or "")
    found: dict[str, Any] = {
        **estimate, "accepted": None, "loss": dict(_NOTHING), "limit": None, "worse": None, "words": "",
    }  # fmt: skip
    if estimate["state"] != "estimated":
        words = f"{name or 'the metric'} is not estimated: {estimate['why']}"
        return found | {"words": words if estimate["state"] == "cant_tell" else ""}
    here = {each: float(estimate[each]) for each in ("value", "low", "high")}
    said = (
        f"{name} is estimated at {here['value']:.4g} ({here['low']:.4g} to {here['high']:.4g}) on "
        f"{estimate['rows']:,} rows without a label"
    )
    kept = int((estimate.get("calibration") or {}).get("rows") or FEW_KEPT)
    if kept < FEW_KEPT:
        said += f" (the evidence kept {kept:,} rows, and with so few such an interval is too narrow)"
    checked = estimate.get("checked")
    if checked is not None and not checked["within"]:
        return found | {
            "words": f"{said}; labels contradict that: on {checked['rows']:,} rows that have some it was estimated at "
            f"{checked['estimated']:.4g} ({checked['low']:.4g} to {checked['high']:.4g}) and is "
            f"{checked['measured']:.4g}, so the labels may depend on the columns in another way than before"
        }  # fmt: skip
    then = accepted.metrics.get(name) if accepted is not None else None
    if then is None or then["value"] is None:
        return found | {"words": f"{said}; {name} was not measured when it was accepted"}
    loss = _loss(then, here, estimate["direction"] == "maximize")
    allowed = limit.of(float(then["value"])) if limit is not None else None
    state = _state(float(loss["low"] or 0.0), float(loss["high"] or 0.0), allowed)
    word = "worse" if (loss["value"] or 0.0) > 0 else "better"
    return found | {
        "accepted": float(then["value"]), "loss": loss, "limit": allowed,
        "worse": {WORSE: True, HOLDS: False, CANT_TELL: None}[state],
        "words": f"{said}, and was {then['value']:.4g}: {word} by {abs(loss['value'] or 0.0):.4g}, interval "
        f"{loss['low']:+.4g} to {loss['high']:+.4g}{_end(state, allowed)}",
    }  # fmt: skip


MONTH = 30 * 86400.0
"""Seconds in which a watch may say once, by chance, that columns have drifted."""


def alarms_of(watch: Watch | None) -> float:
    """The rate of false alarms of one look, so that a month has one at most and on average.

    Args:
        watch: of the model's file; None, and a cron line, count as a look each hour.
    """
    every = watch.seconds if watch is not None else None
    return per_look(max(1.0, MONTH / (every or 3600.0)))
