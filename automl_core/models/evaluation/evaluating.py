"""`evaluate`: two models on the same rows of the latest data become evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.models.evaluation.cases import bad_cases
from automl_core.models.evaluation.columns import columns_of
from automl_core.models.evaluation.comparing import ROLES, Sample, difference_of, drawn
from automl_core.models.evaluation.document import evidence_of, left_out, rows_of
from automl_core.models.evaluation.options import EvaluateOptions, NoLabels, NotEvaluated
from automl_core.models.evaluation.prepared import Prepared, kind_of, prepare
from automl_core.models.evaluation.reliability import reliability
from automl_core.models.evaluation.resampling import seed_of
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.seen import seen
from automl_core.models.evaluation.slices import slices
from automl_core.models.evaluation.speed import latency, size
from automl_core.models.evaluation.subjects import opened
from automl_core.models.evaluation.testing import run_tests
from automl_core.models.evaluation.unlabelled import drift_and_estimate, kept_answers
from automl_core.models.evaluation.verdict import SEEN, conditions
from automl_core.tabular.metrics import Metric, MetricError, find, usual


def evaluate(
    challenger: str | Path,
    champion: str | Path | None,
    table: Any,
    options: EvaluateOptions,
    *,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Measure a challenger, and the champion beside it, on the same rows.

    Args:
        challenger: folder of the model.
        champion: folder of the model in use; None where there is none.
        table: the latest data: a table of PyArrow, a frame, a dict of columns, a list of dicts.
        options: what is measured, and how.
        earlier: bad cases that are followed, as `document.earlier_of` gives them of the champion's own evaluation.

    Returns:
        The evidence and the rows of data that belong to it (`document`). Where no row has a label it says that nothing
        can be told.

    Raises:
        NotEvaluated: a model can't be opened or scored, a column is missing, no row can be measured, there is no such
            metric. What is wrong, where, and what is allowed.
    """
    subjects = [opened(challenger, "challenger", options)]
    if champion is not None:
        subjects.append(opened(champion, "champion", options))
    if kind_of(subjects, options, None if all(each.kind for each in subjects) else Rows.of(table)) == "forecasting":
        from automl_core.models.evaluation.series_evidence import evaluate_series

        return evaluate_series(subjects, table, options, earlier)
    rows = Rows.of(table)
    for column in (*options.slices, *(name for name in (options.key, options.group, options.target) if name)):
        rows.column(column)  # before anything is computed: it says the nearest where there is none
    try:
        prepared = prepare(rows, subjects, options)
    except NoLabels as error:
        from automl_core.models.evaluation.unmeasured import unmeasured

        evidence = unmeasured(challenger, options, rows.n, error.notes, why=str(error))
        told = drift_and_estimate(subjects[0], rows, options)
        return evidence | told, rows_of([], columns=columns_of(subjects[0], rows))
    metric, others = _metrics(prepared, subjects, options)
    seed = seed_of(options.fingerprint.get("digest", ""), rows.n)
    sample = Sample(prepared.truth, prepared.said, prepared.codes, seed)
    found = drawn(sample, [metric, *others], options.draws, options.confidence)
    told, mask, notes = seen(prepared, subjects, options)
    difference = difference_of(sample, found[0])
    if difference is not None and mask is not None and mask.mean() > SEEN:
        rest = sample.take(np.flatnonzero(~mask), 1)
        if len(rest) >= max(options.least_rows, 2):
            again = drawn(rest, [metric], options.draws, options.confidence)[0]
            difference = difference_of(rest, again, "unseen") or difference
            notes.append(f"the difference is that of the {len(rest):,} rows that no model is known to have seen")
    tests, examples = run_tests(options.tests, subjects[0], prepared, seed)
    cases, shown = bad_cases(prepared, subjects, options, earlier)
    calibration = None
    if prepared.kind != "regression":
        calibration = {
            role: reliability(prepared.truth, prepared.said[role]) if role in prepared.said else None for role in ROLES
        }
    evidence = evidence_of(
        version=options.version,
        champion=options.champion,
        problem={"kind": prepared.kind, "target": prepared.target, "classes": prepared.classes},
        data=_data(rows, prepared, options, told),
        metric={"name": metric.name, "direction": metric.direction},
        values={role: found[0].values.get(role) for role in ROLES},
        difference=difference,
        metrics={each.metric.name: each.as_json() for each in found if each.values},
        slices=slices(prepared.rows, sample, metric, options),
        calibration=calibration,
        latency={"champion": None} | latency(subjects, prepared.rows) if options.latency else None,
        size={"champion": None} | size(subjects),
        tests=tests,
        cases=cases,
        notes=[*prepared.notes, *notes],
    )
    evidence |= drift_and_estimate(
        subjects[0], rows, options, prepared=prepared, metric=metric, measured=found[0].values.get("challenger")
    )  # fmt: skip
    evidence["verdict"] = conditions(evidence, options)
    kept = kept_answers(subjects[0], prepared, seed, options.fingerprint.get("digest", ""))
    return evidence, rows_of(shown, examples, columns_of(subjects[0], rows), kept)


def _metrics(prepared: Prepared, subjects: Sequence[Any], options: EvaluateOptions) -> tuple[Metric, list[Metric]]:
    """The metric that counts, and those that are shown beside it.

    Raises:
        NotEvaluated: there is no such metric, or not for this problem.
    """
    asked = options.metric or next((each.metric for each in subjects if each.metric and ":" not in each.metric), None)
    try:
        metric = find(asked, prepared.kind, classes=prepared.classes)
    except MetricError as error:
        if options.metric is not None:
            raise NotEvaluated(f"metric: {error}") from None
        metric = find(None, prepared.kind, classes=prepared.classes)  # the model's was a function that isn't here
    names = [*usual(prepared.kind)] + (["brier_score"] if prepared.kind != "regression" else [])
    others = [find(name, prepared.kind, classes=prepared.classes) for name in names if name != metric.name]
    if prepared.kind == "regression":
        metric, others = metric.scaled(prepared.truth), [each.scaled(prepared.truth) for each in others]
    return metric, others


def _data(rows: Rows, prepared: Prepared, options: EvaluateOptions, told: Mapping[str, Any]) -> dict[str, Any]:
    codes = prepared.codes
    return {
        "place": options.place, "fingerprint": dict(options.fingerprint), "rows": rows.n, "scored": prepared.rows.n,
        "least_rows": options.least_rows, "key": options.key,
        "keys": prepared.rows.n if codes is None else int(np.max(codes)) + 1, "clustered": codes is not None,
        "left_out": left_out(prepared.left_out), "seen": told, "silent": prepared.silent,
    }  # fmt: skip
