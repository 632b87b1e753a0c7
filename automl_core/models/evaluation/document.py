"""How evidence is laid out: plain JSON, no row of data in it; `digest_of` names it.

``evidence``::

    format, release         of this layout, and the release that wrote it
    version, champion       numbers; champion is null where there is none
    problem                 {kind: binary|multiclass|regression|forecasting, target, classes: [..]}
    data                    {place, fingerprint: {..}, rows, scored, key, keys, clustered, left_out: [{why, rows}],
                            least_rows, silent: {challenger: rows, champion: rows},
                             seen: {challenger: Seen, champion: Seen|null}}
                             rows: of the data; scored: those that both models were measured on; keys: different keys
                             among them; clustered: whether intervals go by keys, since some have several rows
    metric                  {name, direction: maximize|minimize}
    values                  {challenger: number|null, champion: number|null}, of the metric
    difference              {value, low, high, gain, gain_low, gain_high, method, confidence, draws, p_value, on} or
                             null value = challenger - champion in the metric's unit; gain: the same, above 0 where
                             the challenger is better; on: ``all`` rows or ``unseen`` ones
    metrics                 {NAME: {direction, challenger: Interval, champion: Interval|null, difference:
    Interval|null}} slices                  [{column, value, low, high, rows, challenger: Interval, champion,
                             difference: Interval|null, p_value, p_holm, state: better|worse|same|few|alone, why}]
                             value: as text, or the band's name; low, high: of a band of numbers
    calibration             classifiers: {challenger: {ece, brier, bins: [{rows, low, high, said, was}]}, champion:
                             ..|null} series: {challenger: {levels: {"0.8": share}}, champion: ..|null}; else null
    latency                 {challenger: {single_ms: {median, p95}, batch: {rows, rows_per_second}}, champion:
    ..|null, how} size                    {challenger: {bytes, files, open_ms}, champion: ..|null}
    tests                   [{name, kind, severity: refuse|warn, passed: true|false|null, checked, failed, why}]
    cases                   {by: key|row, rule, threshold, counts: {fixed, still, new, regressed, unseen}, fixed:
                             [ID..], still: [ID..], new: [ID..], regressed: [ID..], unseen: [ID..], most}
                             counts are exact, lists have `most` at most, the worst first; regressed are those of the
                             new ones that an earlier version had mended
    notes                   [text..]: what a reader must know
    verdict                 {when, margin, ok: true|false|null, reasons: [text..]}; null: it can't be told

Interval is ``{value, low, high}``, each a number or null. Seen is ``{share, rows, how: fingerprint|rows|unknown,
note}``: which share of the rows is known to be in what the model was trained from.

``rows`` (an object of its own, with a right of its own)::

    format
    cases                   [{id, state: fixed|still|new|regressed|unseen, since, seen, truth, challenger:
                             {prediction, loss, score?}, champion: {..}|null, row: {COLUMN: value}}]
    tests                   {NAME: [{id, row, wanted, found}]}: examples of what failed
    columns                 how columns were distributed (`drift.reference`); not of models that aren't ours
    answers                 what the challenger said and what came (`estimating.kept`); of classifiers
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

FORMAT = 1
"""Version of both objects."""

MOST_CASES = 1000
"""Bad cases that are kept of each state."""

Direction = Literal["maximize", "minimize"]


class Interval(TypedDict):
    """A figure with its interval; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None


class Verdict(TypedDict):
    """What ``accept.when`` says of evidence; `ok` None: it can't be told."""

    when: str
    margin: float
    ok: bool | None
    reasons: list[str]


class TestResult(TypedDict):
    """What became of one regression test; `passed` None: it could not be tried."""

    name: str
    kind: str
    severity: str
    passed: bool | None
    checked: int
    failed: int
    why: str


def known(value: float | None) -> float | None:
    """A number as JSON has it: None where it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


def interval(value: float | None, low: float | None = None, high: float | None = None) -> Interval:
    """A figure with its interval."""
    return {"value": known(value), "low": known(low), "high": known(high)}


def left_out(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    """Why rows were not measured, and how many; what left out none is not told."""
    return [{"why": why, "rows": int(rows)} for why, rows in counts.items() if rows]


def evidence_of(
    *,
    version: int | None,
    champion: int | None,
    problem: Mapping[str, Any],
    data: Mapping[str, Any],
    metric: Mapping[str, Any],
    values: Mapping[str, float | None],
    difference: Mapping[str, Any] | None,
    metrics: Mapping[str, Any],
    slices: Sequence[Mapping[str, Any]] = (),
    calibration: Mapping[str, Any] | None = None,
    latency: Mapping[str, Any] | None = None,
    size: Mapping[str, Any] | None = None,
    tests: Sequence[Mapping[str, Any]] = (),
    cases: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
    verdict: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Evidence of its parts, as the module's docstring lays it out: plain JSON, without what JSON has no word for."""
    from automl_core.release import RELEASE

    found: dict[str, Any] = plain(
        {
            "format": FORMAT, "release": RELEASE, "version": version, "champion": champion, "problem": problem,
            "data": data, "metric": metric, "values": values, "difference": difference, "metrics": metrics,
            "slices": slices, "calibration": calibration, "latency": latency, "size": size, "tests": tests,
            "cases": cases, "notes": notes, "verdict": verdict,
        }
    )  # fmt: skip
    return found


def rows_of(
    cases: Sequence[Mapping[str, Any]], tests: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    columns: Mapping[str, Any] | None = None, answers: Mapping[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The object with rows of data, of its parts; how their columns are distributed names values of theirs, too."""
    told = {name: each for name, each in (("columns", columns), ("answers", answers)) if each is not None}
    found: dict[str, Any] = plain({"format": FORMAT, "cases": cases, "tests": tests or {}, **told})
    return found


def digest_of(evidence: Mapping[str, Any]) -> str:
    """The name of evidence: SHA-256, hexadecimal, of its canonical JSON (sorted keys, no spaces, UTF-8).

    Raises:
        ValueError: it is no plain JSON.
    """
    text = json.dumps(evidence, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def summary_of(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What a list of versions shows of evidence: few enough bytes for a record."""
    difference, tests = evidence.get("difference"), evidence.get("tests") or ()
    failed = [test for test in tests if test["passed"] is False]
    return {
        "metric": evidence["metric"]["name"],
        "values": evidence["values"],
        "difference": None if difference is None else {name: difference[name] for name in ("value", "low", "high")},
        "rows": evidence["data"]["scored"],
        "tests": {"failed": len(failed), "all": len(tests)},
        "cases": dict((evidence.get("cases") or {}).get("counts") or {}),
        "ok": evidence["verdict"]["ok"] if evidence.get("verdict") else None,
    }


def earlier_of(rows: Mapping[str, Any] | None, *, of_challenger: bool = True) -> list[dict[str, Any]]:
    """The bad cases that a model was left with, of the rows' object of its own evaluation: `evaluate`'s ``earlier``.

    Args:
        rows: as `rows_of` made it when the model was the challenger.
        of_challenger: False: those of the champion of that evaluation.
    """
    bad = {"still", "new", "regressed", "unseen"} if of_challenger else {"still", "fixed", "unseen"}
    found = []
    for case in (rows or {}).get("cases", ()):
        state = "fixed" if of_challenger and case["state"] == "fixed" else "bad"
        if case["state"] in bad or state == "fixed":
            found.append({"id": case["id"], "state": state, "since": case.get("since"), "row": case.get("row")})
    return found


def plain(value: Any) -> Any:
    """Plain JSON: numbers of numpy as Python's, what is not finite as null, sets and tuples as lists."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # numpy's
        return plain(value.tolist())
    return str(value)
