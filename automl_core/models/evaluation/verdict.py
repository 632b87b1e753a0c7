"""What ``accept:`` says of evidence: better, not worse, or passing its tests; and where it can't be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.models.evaluation.document import Verdict

SEEN = 0.01
"""Share of the rows known from training from which on a difference proves nothing."""


SILENT = 0.01
"""Share of the rows with a label of which a challenger may say nothing: one could look good by what it leaves out."""


def conditions(evidence: Mapping[str, Any], accept: Any = None, least_rows: int | None = None) -> Verdict:
    """Judge evidence.

    * ``better``: the difference's interval lies wholly on the good side of the margin.
    * ``not_worse``: the interval's bad end is not beyond the margin on the bad side.
    * ``passes``: the tests that refuse have passed; nothing is asked of the difference.

    All three ask that no test that refuses has failed, and that the metric is known.

    Args:
        evidence: as `document` lays it out.
        accept: what has ``when`` and ``margin``, as attributes or keys; None: those of the evidence's own verdict.
        least_rows: with fewer it can't be told; None: the evidence's own.

    Returns:
        The verdict: ``ok`` None where it can't be told, with the reasons in words.
    """
    own = evidence.get("verdict") or {}
    when = str(_of(accept, "when", own.get("when", "better")))
    margin = float(_of(accept, "margin", own.get("margin", 0.0)) or 0.0)
    least = int(evidence["data"].get("least_rows", 0) if least_rows is None else least_rows)
    reasons: list[str] = []
    failed = [test for test in evidence.get("tests", ()) if test["severity"] == "refuse" and test["passed"] is False]
    untold = [test for test in evidence.get("tests", ()) if test["severity"] == "refuse" and test["passed"] is None]
    reasons += [f"the test {test['name']!r} failed: {test['why']}" for test in failed]
    reasons += [f"the test {test['name']!r} can't tell: {test['why']}" for test in untold]
    ok: bool | None = False if failed else None if untold else True
    found, why = _compared(evidence, when, margin, least)
    reasons.append(why)
    if found is False or ok is False:
        ok = False
    elif found is None:
        ok = None
    return {"when": when, "margin": margin, "ok": ok, "reasons": reasons}


def _compared(evidence: Mapping[str, Any], when: str, margin: float, least: int) -> tuple[bool | None, str]:
    metric, rows = evidence["metric"]["name"], int(evidence["data"]["scored"])
    if rows < least:
        return None, f"it can't be told: {rows:,} rows were scored, and {least:,} are asked for"
    if evidence["values"]["challenger"] is None:
        return None, f"it can't be told: {metric} is not defined on these rows"
    if evidence.get("champion") is None and evidence["values"].get("champion") is None:
        return True, "there is no champion to compare with"
    if when == "passes":
        return True, "nothing is asked of the difference"
    silent = int((evidence["data"].get("silent") or {}).get("challenger", 0))
    if silent > SILENT * (rows + silent):
        return None, (
            f"it can't be told: the challenger says nothing of {silent:,} rows that have a label, and nobody knows how "
            "wrong it would be there"
        )
    difference = evidence.get("difference")
    if difference is None or difference["gain_low"] is None or difference["gain_high"] is None:
        return None, f"it can't be told: the difference of {metric} has no interval on these rows"
    low, high = float(difference["gain_low"]), float(difference["gain_high"])
    said = _said(difference, metric)
    seen = evidence["data"].get("seen") or {}
    share = (seen.get("challenger") or {}).get("share")
    if when == "better":
        if low > margin:
            if difference.get("on") != "unseen" and share is not None and share > SEEN:
                return None, _leak(share, said)
            return True, f"better: {said}" + (f", beyond the margin of {margin:g}" if margin else "")
        if high < -margin or (high < 0 and margin == 0):
            return False, f"worse: {said}"
        return False, f"not shown to be better: {said}" + (f", and the margin is {margin:g}" if margin else "")
    if low >= -margin:
        if difference.get("on") != "unseen" and share is not None and share > SEEN:
            return None, _leak(share, said)
        return True, f"not worse: {said}, within the margin of {margin:g}"
    if high < -margin:
        return False, f"worse by more than the margin of {margin:g}: {said}"
    return False, f"it may be worse by more than the margin of {margin:g}: {said}"


def _leak(share: float, said: str) -> str:
    return (
        f"it can't be told: {share:.0%} of these rows are of the data that the challenger was trained from, and a "
        f"model looks better on what it has seen ({said})"
    )


def _said(difference: Mapping[str, Any], metric: str) -> str:
    return (
        f"{metric} differs by {difference['value']:+.4g} ({difference['confidence']:.0%} interval "
        f"{difference['low']:+.4g} to {difference['high']:+.4g})"
    )


def _of(accept: Any, name: str, default: Any) -> Any:
    if accept is None:
        return default
    if isinstance(accept, Mapping):
        return accept.get(name, default)
    return getattr(accept, name, default)
