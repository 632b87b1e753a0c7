"""Regression tests, run on a model and the rows of the latest data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.golden import FILE, largest
from automl_core.modelfile.scoring.sources import UnreadableValue
from automl_core.modelfile.scoring.texts import text_of
from automl_core.modelfile.scoring.values import nearest
from automl_core.models.evaluation.document import TestResult
from automl_core.models.evaluation.options import NotEvaluated
from automl_core.models.evaluation.prepared import Prepared, spelled
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.statistics import given_of
from automl_core.models.evaluation.subjects import Said
from automl_core.models.evaluation.tests import (
    Case,
    CasesTest,
    GoldenTest,
    InvariantTest,
    MetricTest,
    MonotoneTest,
    RegressionTest,
)
from automl_core.tabular.metrics import MetricError, find

MOST_EXAMPLES = 20
"""Rows that are shown of a test that failed."""

ROUNDING = 1e-12
"""What two scorings of the same row may differ by."""


@dataclass
class _Found:
    """What a test found; `failed` None: it could not be tried, for the reason in `why`."""

    checked: int = 0
    failed: int | None = 0
    why: str = ""
    passed: bool | None = None
    examples: list[dict[str, Any]] = field(default_factory=list)


def run_tests(
    tests: Sequence[RegressionTest], subject: Any, prepared: Prepared, seed: Sequence[int]
) -> tuple[list[TestResult], dict[str, list[dict[str, Any]]]]:
    """Run tests on a model.

    A test that can't be tried (a column is missing, too few rows) neither passes nor fails, and says why.

    Args:
        tests: as the file has them.
        subject: the challenger.
        prepared: the rows, with what it says of them.
        seed: of what is drawn.

    Returns:
        A result each, and examples of what failed by the test's name.
    """
    results: list[TestResult] = []
    examples: dict[str, list[dict[str, Any]]] = {}
    for number, test in enumerate(tests):
        name = test.title()
        if name in {each["name"] for each in results}:
            name = f"{name} ({number + 1})"
        try:
            found = _RUN[type(test)](test, subject, prepared, (*seed, number))
        except NotEvaluated as error:
            found = _Found(failed=None, why=str(error))
        passed = found.passed
        if passed is None and found.failed is not None:
            passed = found.failed == 0
        results.append(
            {
                "name": name, "kind": test.test, "severity": test.severity, "passed": passed, "checked": found.checked,
                "failed": found.failed or 0, "why": found.why,
            }
        )  # fmt: skip
        if found.examples:
            examples[name] = found.examples[:MOST_EXAMPLES]
    return results, examples


def _cases(test: CasesTest, subject: Any, prepared: Prepared, seed: tuple[int, ...]) -> _Found:
    found = _Found(checked=len(test.cases))
    first = ""
    for number, case in enumerate(test.cases):
        try:
            said: Said = subject.say(Rows.of([case.row]))
            wrong = _wrong(case, said)
        except NotEvaluated as error:
            wrong = ("a row that the model can score", str(error))
        if wrong is not None:
            found.failed = (found.failed or 0) + 1
            first = first or f"case {number + 1}: {wrong[0]} was wanted, found {wrong[1]}"
            found.examples.append({"id": f"case {number + 1}", "row": case.row, "wanted": wrong[0], "found": wrong[1]})
    if found.failed:
        found.why = f"{found.failed} of {found.checked} cases; {first}"
    return found


def _wrong(case: Case, said: Said) -> tuple[str, str] | None:
    """What was wanted and what was found, where these differ."""
    if said.labels is None:
        value = float(said.outputs[0])
        if case.least or case.most:
            return "a probability", "a number"
        if case.expect is not None:
            try:
                wanted = float(case.expect)
            except ValueError:
                return repr(case.expect), f"{value:.6g}"
            if not abs(value - wanted) <= case.tolerance + ROUNDING * max(1.0, abs(wanted)):
                return f"{wanted:.6g} ± {case.tolerance:g}", f"{value:.6g}"
        if case.between is not None and not case.between[0] <= value <= case.between[1]:
            return f"{case.between[0]:g} … {case.between[1]:g}", f"{value:.6g}"
        return None
    label = said.classes[said.labels[0]] if said.labels[0] >= 0 else "nothing"
    if case.between is not None:
        return f"a number of {case.between[0]:g} … {case.between[1]:g}", f"the class {label}"
    if case.expect is not None and (wanted_text := spelled(text_of(case.expect) or "", said.classes)) != label:
        return wanted_text, label
    for bounds, word, good in (
        (case.least, "at least", np.greater_equal), (case.most, "at most", np.less_equal)
    ):  # fmt: skip
        for name, bound in bounds.items():
            own = spelled(name, said.classes)
            if own not in said.classes:
                return f"a probability of {name}", f"classes {', '.join(said.classes[:10])}"
            if not said.outputs.shape[1]:
                return f"a probability of {name}", "a class alone"
            chance = float(said.outputs[0, said.classes.index(own)])
            if not good(chance, bound):
                return f"{name} with {word} {bound:g}", f"{chance:.6g}"
    return None


def _invariant(test: InvariantTest, subject: Any, prepared: Prepared, seed: tuple[int, ...]) -> _Found:
    column = test.column
    if subject.columns and column not in subject.columns:
        known = column in prepared.rows.columns
        if not known:
            raise NotEvaluated(f"there is no column {column!r}{nearest(column, prepared.rows.columns)}")
        return _Found(why="the model does not read it")
    prepared.rows.column(column)  # which says the nearest where there is none
    random = np.random.default_rng(list(seed))
    places = _some(prepared.rows.n, test.rows, random)
    rows = prepared.rows.take(places)
    before = subject.say(rows)
    if test.values is None:
        mixed = prepared.rows.take(random.permutation(prepared.rows.n)[: rows.n])
        changes: list[tuple[str, Any]] = [("values of other rows", mixed.columns[column])]
    else:
        changes = [(f"{column} = {value}", [value] * rows.n) for value in test.values]
    worst, what = np.zeros(rows.n), np.zeros(rows.n, dtype=np.int64)
    for number, (_, values) in enumerate(changes):
        moved = _moved(before, subject.say(rows.with_column(column, values)))
        what = np.where(moved > worst, number, what)
        worst = np.maximum(worst, moved)
    bad = np.flatnonzero(worst > test.tolerance + ROUNDING)
    bad = bad[np.argsort(-worst[bad], kind="stable")]
    found = _Found(checked=rows.n, failed=len(bad), passed=len(bad) <= test.share * rows.n)
    if len(bad):
        found.why = f"{len(bad)} of {rows.n} rows changed, one by {worst[bad[0]]:.4g} with {changes[what[bad[0]]][0]}"
    found.examples = [
        _example(
            prepared, subject, int(places[k]), f"no change with {changes[what[k]][0]}", f"changed by {worst[k]:.4g}"
        )
        for k in bad[:MOST_EXAMPLES]
    ]
    return found


def _moved(before: Said, after: Said) -> NDArray[np.float64]:
    """(n,) by how much outputs differ; of classes alone 1 where the class changes."""
    if before.labels is not None and not before.outputs.shape[1]:
        return np.asarray(before.labels != after.labels, dtype=np.float64)
    moved = np.abs(before.outputs - after.outputs)
    return np.asarray(np.nan_to_num(moved if moved.ndim == 1 else moved.max(axis=1), nan=np.inf))


def _monotone(test: MonotoneTest, subject: Any, prepared: Prepared, seed: tuple[int, ...]) -> _Found:
    column = test.column
    try:
        numbers = prepared.rows.column(column).numbers()
    except UnreadableValue as error:
        raise NotEvaluated(f"column {column!r} holds {error.value!r}, which is no number") from None
    if subject.columns and column not in subject.columns:
        return _Found(why="the model does not read it")
    there = numbers[np.isfinite(numbers)]
    grid = np.unique(np.quantile(there, np.linspace(0, 1, test.points), method="nearest")) if len(there) else there
    if len(grid) < 2:
        raise NotEvaluated(f"column {column!r} has one value alone")
    whole = prepared.rows.column(column).type == "integer"
    places = _some(prepared.rows.n, test.rows, np.random.default_rng(list(seed)))
    rows = prepared.rows.take(places)
    values = [int(each) if whole else float(each) for each in grid]
    said = np.column_stack([_one(subject.say(rows.with_column(column, [value] * rows.n)), test.of) for value in values])
    steps = np.diff(said, axis=1) * (1.0 if test.direction == "increasing" else -1.0)
    worst = np.asarray(np.nan_to_num(steps, nan=-np.inf).min(axis=1))
    bad = np.flatnonzero(worst < -test.tolerance - ROUNDING)
    bad = bad[np.argsort(worst[bad], kind="stable")]
    found = _Found(checked=rows.n, failed=len(bad), passed=len(bad) <= test.share * rows.n)

    def step(k: int) -> str:
        at = int(np.argmin(steps[k]))
        way = "falls" if test.direction == "increasing" else "rises"
        return f"{way} by {-worst[k]:.4g} from {column} = {values[at]:g} to {values[at + 1]:g}"

    if len(bad):
        found.why = f"{len(bad)} of {rows.n} rows: it {step(int(bad[0]))}"
    found.examples = [
        _example(prepared, subject, int(places[k]), f"{test.direction} in {column}", f"it {step(int(k))}")
        for k in bad[:MOST_EXAMPLES]
    ]
    return found


def _one(said: Said, wanted: str | None) -> NDArray[np.float64]:
    """(n,) the number that grows: the prediction, or the probability of a class.

    Raises:
        NotEvaluated: there is none.
    """
    if said.labels is None:
        if wanted is not None:
            raise NotEvaluated(f"of: the model predicts numbers, and has no class {wanted!r}")
        return np.asarray(said.outputs)
    if not said.outputs.shape[1]:
        raise NotEvaluated("the model says classes, and no probabilities")
    if wanted is None:
        if len(said.classes) != 2:
            raise NotEvaluated(f"of: name one of the {len(said.classes)} classes")
        return np.asarray(said.outputs[:, 1])
    own = spelled(wanted, said.classes)
    if own not in said.classes:
        raise NotEvaluated(f"of: there is no class {wanted!r}{nearest(wanted, said.classes)}")
    return np.asarray(said.outputs[:, said.classes.index(own)])


def _golden(test: GoldenTest, subject: Any, prepared: Prepared, seed: tuple[int, ...]) -> _Found:
    path = subject.folder / FILE
    if not hasattr(subject, "model") or not path.is_file():
        raise NotEvaluated("the model has no golden rows")
    golden = json.loads(path.read_text(encoding="utf-8"))
    rows, expected = golden["rows"], np.asarray(golden["outputs"], dtype=np.float64)
    if not rows:
        raise NotEvaluated("the model has no golden rows")
    outputs = subject.model.scorer.outputs(rows)
    apart = [largest(one, other) for one, other in zip(outputs, expected, strict=True)]
    bad = [k for k, each in enumerate(apart) if not each <= test.tolerance]
    found = _Found(checked=len(rows), failed=len(bad))
    if bad:
        found.why = f"{len(bad)} of {len(rows)} golden rows, one by {max(apart):.3g}"
    found.examples = [
        {"id": f"golden row {k + 1}", "row": rows[k], "wanted": str(expected[k].tolist()),
         "found": str(outputs[k].tolist())}
        for k in bad[:MOST_EXAMPLES]
    ]  # fmt: skip
    return found


def _metric(test: MetricTest, subject: Any, prepared: Prepared, seed: tuple[int, ...]) -> _Found:
    mask = np.ones(prepared.rows.n, dtype=bool)
    for column, value in test.slice.items():
        coded = prepared.rows.coded(column)
        wanted = text_of(value)
        code = -1 if wanted is None else next((k for k, each in enumerate(coded.levels) if each == wanted), -2)
        mask &= coded.codes == code
    rows = int(np.count_nonzero(mask))
    if rows < test.least_rows:
        raise NotEvaluated(f"{rows} rows, and {test.least_rows} are asked for")
    said = prepared.said["challenger"]
    try:
        metric = find(test.metric, prepared.kind, classes=prepared.classes)
    except MetricError as error:
        raise NotEvaluated(str(error)) from None
    if prepared.kind == "regression":
        metric = metric.scaled(prepared.truth)
    given = given_of(metric, said)
    if given is None:
        raise NotEvaluated(f"the model says no {metric.needs}")
    value = metric.score(prepared.truth[mask], given[mask])
    if not np.isfinite(value):
        raise NotEvaluated(f"{metric.name} is not defined on these {rows} rows")
    low = test.at_least is not None and value < test.at_least
    high = test.at_most is not None and value > test.at_most
    why = f"{metric.name} is {value:.6g} on {rows:,} rows"
    return _Found(checked=rows, failed=int(low or high), why=why)


def _some(rows: int, most: int, random: np.random.Generator) -> NDArray[np.intp]:
    return np.arange(rows) if rows <= most else np.sort(random.choice(rows, most, replace=False))


def _example(prepared: Prepared, subject: Any, place: int, wanted: str, found: str) -> dict[str, Any]:
    row = prepared.rows.shown(place, subject.columns)
    return {"id": prepared.ids[place], "row": row, "wanted": wanted, "found": found}


_RUN: Mapping[type, Callable[[Any, Any, Prepared, tuple[int, ...]], _Found]] = {
    CasesTest: _cases, InvariantTest: _invariant, MonotoneTest: _monotone, GoldenTest: _golden, MetricTest: _metric
}  # fmt: skip
