"""Evidence on models of series: metrics of each series at each origin, paired, drawn by series or by origins."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.metrics import Metric, MetricError, coverage, find
from automl_core.models.evaluation.comparing import ROLES, Drawn, told_of
from automl_core.models.evaluation.document import MOST_CASES, evidence_of, interval, left_out, rows_of
from automl_core.models.evaluation.options import EvaluateOptions, NotEvaluated
from automl_core.models.evaluation.resampling import Draws, seed_of
from automl_core.models.evaluation.series import Rolled, SeriesSubject, roll
from automl_core.models.evaluation.slices import Part, judged
from automl_core.models.evaluation.speed import by_turns, size
from automl_core.models.evaluation.statistics import Means
from automl_core.models.evaluation.tests import GoldenTest, MetricTest
from automl_core.models.evaluation.verdict import conditions

Floats = NDArray[np.float64]

METRICS = ("mase", "rmsse", "smape", "mae", "rmse")
"""Told beside the one that counts."""

FEW_SERIES = 10
"""Series below which origins are drawn instead: a few series can't stand for others."""


class _Units:
    """What is compared: a series at an origin, where something came.

    Attributes:
        names, origins: (n,) of each.
        values: metric → role → (n,).
        codes: (n,) what is drawn together: a series, or an origin.
        by: ``series`` or ``origins``.
    """

    def __init__(self, rolled: Rolled, metrics: Sequence[Metric], roles: Sequence[str]) -> None:
        self.names: list[str] = []
        self.origins: list[str] = []
        held: dict[str, dict[str, list[Floats]]] = {each.name: {role: [] for role in roles} for each in metrics}
        for window in rolled.windows:
            came = np.flatnonzero(~np.isnan(window.actual).all(axis=1))
            self.names += [window.names[k] for k in came]
            self.origins += [window.origin] * len(came)
            for metric in metrics:
                for role in roles:
                    found = metric.per_series(window.actual, window.values[role], window.history, window.season)
                    held[metric.name][role].append(found[came])
        self.values = {
            name: {role: np.concatenate(parts) if parts else np.empty(0) for role, parts in by_role.items()}
            for name, by_role in held.items()
        }
        many = len(set(self.names)) >= FEW_SERIES
        self.by = "series" if many else "origins"
        self.codes = _codes(self.names if many else self.origins)

    def __len__(self) -> int:
        return len(self.names)

    def drawn(
        self, metric: Metric, count: int, confidence: float, seed: tuple[int, ...], places: Any = None
    ) -> Drawn:  # fmt: skip
        """A metric of some units, where every model has one."""
        at = np.arange(len(self)) if places is None else places
        values = {role: each[at] for role, each in self.values[metric.name].items()}
        there = np.logical_and.reduce([np.isfinite(each) for each in values.values()])
        codes = _codes([str(code) for code in self.codes[at][there]])
        draws = Draws(int(np.count_nonzero(there)), codes, count, seed)
        parts = {role: Means(each[there][:, None], lambda m: m[:, 0]) for role, each in values.items()}
        gathered: dict[str, list[Floats]] = {role: [] for role in parts}
        if there.any():
            for block in draws.blocks():
                for role, part in parts.items():
                    gathered[role].append(part.again(block))
        return Drawn(
            metric,  # type: ignore[arg-type]  # what is used of it, metrics of forecasts have too
            {role: float(each[there].mean()) if there.any() else math.nan for role, each in values.items()},
            {role: np.concatenate(each) if each else np.empty(0) for role, each in gathered.items()},
            draws.units if there.any() else 0,
            confidence,
        )


def _codes(texts: Sequence[str]) -> NDArray[np.int64]:
    places: dict[str, int] = {}
    return np.asarray([places.setdefault(each, len(places)) for each in texts], dtype=np.int64)


def evaluate_series(
    subjects: Sequence[SeriesSubject], table: Any, options: EvaluateOptions, earlier: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """`evaluating.evaluate` of models of series.

    Raises:
        NotEvaluated: models or data can't be compared, or there is no such metric.
    """
    try:
        metric = find(options.metric)
    except MetricError as error:
        raise NotEvaluated(f"metric: {error}") from None
    metrics = [metric, *(find(name) for name in METRICS if name != metric.name)]
    roles = [subject.role for subject in subjects]
    keys = subjects[0].model.forecaster.keys
    wrong = next((name for name in options.slices if name not in keys), None)
    if wrong is not None:
        raise NotEvaluated(
            f"slices: {wrong!r} is no column that tells series apart (allowed: {', '.join(keys) or 'none'})"
        )
    speeds = _latency(subjects) if options.latency else None  # as the models were, before they are run on
    rolled = roll(table, subjects, options)
    units = _Units(rolled, metrics, roles)
    rows = rolled.rows[roles[0]]
    seed = seed_of(options.fingerprint.get("digest", ""), len(rows.slot))
    found = [units.drawn(each, options.draws, options.confidence, seed) for each in metrics]
    came = sum(int(np.count_nonzero(~np.isnan(window.actual))) for window in rolled.windows)
    cases, shown = _cases(units, metric, roles, options, earlier)
    evidence = evidence_of(
        version=options.version,
        champion=options.champion,
        problem={"kind": "forecasting", "target": subjects[0].target, "classes": []},
        data={
            "place": options.place, "fingerprint": dict(options.fingerprint), "rows": len(rows.slot), "scored": came,
            "least_rows": options.least_rows, "key": None, "keys": len(set(units.names)), "clustered": True,
            "left_out": left_out(rolled.left_out), "series": len(set(units.names)), "origins": len(rolled.windows),
            "horizon": rolled.horizon, "silent": {},
            "seen": {
                role: {"share": 0.0, "rows": 0, "how": "after the ends of both models", "note": ""} for role in roles
            },
        },
        metric={"name": metric.name, "direction": metric.direction},
        values={role: found[0].values.get(role) for role in ROLES},
        difference=_difference(found[0], units),
        metrics={each.metric.name: each.as_json() for each in found},
        slices=_slices(units, subjects[0], metric, options, seed),
        calibration={role: _coverage(rolled, role) if role in roles else None for role in ROLES},
        latency={"champion": None} | speeds if speeds is not None else None,
        size={"champion": None} | size(subjects),
        tests=[_test(test, subjects[0], units, metrics, rolled) for test in options.tests],
        cases=cases,
        notes=[*rolled.notes, f"{metric.name} is the mean over series and origins"],
    )  # fmt: skip
    evidence["verdict"] = conditions(evidence, options)
    return evidence, rows_of(shown)


def _difference(of: Drawn, units: _Units) -> dict[str, Any] | None:
    told = of.difference
    if told is None or told["value"] is None:
        return None
    own, other = (units.values[of.metric.name][role] for role in ROLES)
    if np.array_equal(own, other, equal_nan=True):
        return told_of(of, interval(0.0, 0.0, 0.0), "both forecast the same", 1.0, 0)
    draws = int(np.isfinite(of.draws["challenger"] - of.draws["champion"]).sum())
    return told_of(of, told, f"paired bootstrap of {units.by}, expanded percentiles", of.chance, draws)


def _coverage(rolled: Rolled, role: str) -> dict[str, Any]:
    """Level → share of what came that the interval held."""
    held: dict[float, list[tuple[Floats, Floats, Floats]]] = {}
    for window in rolled.windows:
        for level, (low, high) in window.levels[role].items():
            held.setdefault(level, []).append((window.actual, low, high))
    return {
        "levels": {
            f"{level:g}": coverage(*(np.concatenate([each[k].ravel() for each in parts]) for k in range(3)))
            for level, parts in sorted(held.items())
        }
    }


def _slices(
    units: _Units, subject: SeriesSubject, metric: Metric, options: EvaluateOptions, seed: tuple[int, ...]
) -> list[dict[str, Any]]:
    model = subject.model.forecaster
    found = []
    for column in options.slices:
        texts = model.key_values[list(model.keys).index(column)]
        of = dict(zip(model.names, texts, strict=True))
        mine = np.asarray([str(of[name]) for name in units.names], dtype=object)
        for value in sorted(set(mine)):
            places = np.flatnonzero(mine == value)
            part = Part(column, value, None, None, places)
            each = units.drawn(
                metric, min(options.draws, 500), options.confidence,
                (*seed, zlib.crc32(f"{column}\x1f{value}".encode("utf-8", "surrogatepass"))), places,
            )  # fmt: skip
            found.append((part, each, each.units))
    return judged(found, options.confidence)


def _latency(subjects: Sequence[SeriesSubject]) -> dict[str, Any]:
    """Of models without known columns, which the data alone could give."""
    if any(subject.model.forecaster.known for subject in subjects):
        return {subject.role: None for subject in subjects} | {"how": "models with known columns are not timed"}
    names = [name for name in subjects[0].names() if all(name in subject.names() for subject in subjects)][:50]
    if not names:
        return {subject.role: None for subject in subjects} | {"how": "no series is known to both"}
    singles = {each.role: [partial(each.model.forecast, series=name) for name in names] for each in subjects}
    batches = {each.role: partial(each.model.forecast, series=names) for each in subjects}
    told = by_turns(singles, batches, len(names))
    return told | {"how": f"one process, forecasts of one series or of {len(names)}, the two models by turns"}


def _test(
    test: Any, subject: SeriesSubject, units: _Units, metrics: Sequence[Metric], rolled: Rolled
) -> dict[str, Any]:  # fmt: skip
    checked, passed, why = 0, None, "it is for models of tables"
    if isinstance(test, GoldenTest):
        checked, passed, why = _golden(subject)
    elif isinstance(test, MetricTest):
        checked, passed, why = _limits(test, units, rolled)
    return {
        "name": test.title(), "kind": test.test, "severity": test.severity, "passed": passed, "checked": checked,
        "failed": int(passed is False), "why": why,
    }  # fmt: skip


def _golden(subject: SeriesSubject) -> tuple[int, bool | None, str]:
    from automl_core.modelfile.scoring.golden import FILE, Differs
    from automl_core.modelfile.scoring.series.golden import check

    count = len(json.loads((subject.folder / FILE).read_text(encoding="utf-8"))["series"])
    try:
        check(subject.folder)
    except Differs as error:
        return count, False, str(error)
    return count, True, ""


def _limits(test: MetricTest, units: _Units, rolled: Rolled) -> tuple[int, bool | None, str]:
    if test.slice:
        return 0, None, "a slice of series is told by its own metric, not by a test"
    try:
        metric = find(test.metric)
    except MetricError as error:
        return 0, None, str(error)
    own = _Units(rolled, [metric], ["challenger"])
    values = own.values[metric.name]["challenger"]
    values = values[np.isfinite(values)]
    came = sum(int(np.count_nonzero(~np.isnan(window.actual))) for window in rolled.windows)
    if came < test.least_rows or not len(values):
        return came, None, f"{came} values came, and {test.least_rows} are asked for"
    value = float(values.mean())
    low = test.at_least is not None and value < test.at_least
    high = test.at_most is not None and value > test.at_most
    return came, not (low or high), f"{metric.name} is {value:.6g} on {came:,} values"


def _cases(
    units: _Units, metric: Metric, roles: Sequence[str], options: EvaluateOptions, earlier: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Series at origins that were forecast badly."""
    from automl_core.models.evaluation.cases import STATES, Judged, states_of

    values = units.values[metric.name]
    basis = values["champion" if "champion" in roles else "challenger"]
    losses = {role: np.asarray([metric.as_loss(each) for each in values[role]]) for role in roles}
    known_basis = np.asarray([metric.as_loss(each) for each in basis[np.isfinite(basis)]])
    threshold = options.threshold
    if threshold is None:
        threshold = float(np.quantile(known_basis, 1 - options.worst)) if len(known_basis) else math.inf
    ids = [f"{name} @ {origin}" for name, origin in zip(units.names, units.origins, strict=True)]
    known = {str(case["id"]): case for case in earlier}
    with np.errstate(invalid="ignore"):
        judged_by = {role: Judged(each > threshold, each) for role, each in losses.items()}
    states = states_of(judged_by, ids, known)
    here = set(ids)
    gone = [case for name, case in known.items() if name not in here and case.get("state", "bad") == "bad"]
    counts = {state: int(np.count_nonzero(states == k + 1)) for k, state in enumerate(STATES)} | {"unseen": len(gone)}
    lists: dict[str, list[str]] = {"unseen": [str(case["id"]) for case in gone[:MOST_CASES]]}
    rows: list[dict[str, Any]] = []
    for k, state in enumerate(STATES[:-1]):
        whose = "champion" if state == "fixed" else "challenger"
        places = np.flatnonzero(states == k + 1)
        places = places[np.argsort(-losses[whose][places], kind="stable")][:MOST_CASES] if len(places) else places
        lists[state] = [ids[place] for place in places.tolist()]
        rows += [
            {
                "id": ids[place], "state": state,
                "since": (known.get(ids[place]) or {}).get("since")
                or (options.champion if state in ("fixed", "still") else options.version),
                "seen": True, "truth": None,
                **{
                    role: {"prediction": None, "loss": losses[role][place]} if role in roles else None
                    for role in ROLES
                },
                "row": {"series": units.names[place], "origin": units.origins[place]},
            }
            for place in places.tolist()
        ]  # fmt: skip
    rows += [
        {"id": str(case["id"]), "state": "unseen", "since": case.get("since"), "seen": False, "truth": None,
         "challenger": None, "champion": None, "row": case.get("row")}
        for case in gone[:MOST_CASES]
    ]  # fmt: skip
    rule = f"{metric.name} of a series at an origin is beyond {threshold:.6g}"
    return {"by": "series", "rule": rule, "threshold": threshold, "counts": counts, **lists, "most": MOST_CASES}, rows
