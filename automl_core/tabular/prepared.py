"""A table made ready: read, its problem settled, checked, split; what every trial works on, and conclude after them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import Source, source_of
from automl_core.modelfile.scoring.values import Coded, Field, Frame, Schema, SchemaError, read_column
from automl_core.tabular import columns, frames, plan, roles, threshold, validation
from automl_core.tabular.guardrails import equal_rows
from automl_core.tabular.metrics import Metric, find
from automl_core.tabular.options import Options
from automl_core.tabular.problem import Problem
from automl_core.tabular.structure import Structure, detect
from automl_core.tabular.validation import Fold, Rows, Split
from automl_core.training.problems import TrainingError, nearest

FORMAT = 1
"""Of a saved preparation. Another is refused: it lives as long as its run."""


@dataclass(frozen=True)
class Panel:
    """Groups that are followed in time, by what the data say (`automl_core.tabular.effects`).

    Attributes:
        field: the column that names them; the frame has it as a category, the schema has it not.
        order: (n,) numbers that grow with time, NaN for unknown.
    """

    field: Field
    order: NDArray[np.float64]


@dataclass(frozen=True)
class Prepared:
    """A table ready for trials.

    Attributes:
        options: what the user said.
        problem: what is predicted.
        schema: the columns that are learned from.
        frame: all rows that take part: to search on, of the user's own validation set, and to test on.
        y: (n,) positions of classes, or numbers.
        weights: (n,) or None.
        rows: those that the search may use, the user's own validation set not among them.
        test: those that no search sees.
        split: how trials are validated.
        groups: (n,) codes or None.
        times: (n,) moments or None.
        structure: what was found about groups and time, and why, for the report.
        findings: what the guardrails say, as plain data.
        notes: what was decided and done, in words.
        fingerprint: of all values: the same text, the same data.
        panel: groups that are followed in time, where there are any and they are used.
    """

    options: Options
    problem: Problem
    schema: Schema
    frame: Frame
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    rows: Rows
    test: Rows
    split: Split
    groups: NDArray[np.int64] | None = None
    times: NDArray[np.float64] | None = None
    structure: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[str] = ()
    fingerprint: str = ""
    panel: Panel | None = None

    def weights_of(self, rows: Rows) -> NDArray[np.float64]:
        """(len(rows),) weights, 1 where there are none."""
        return np.ones(len(rows)) if self.weights is None else self.weights[rows]

    def learned(self, rows: Rows) -> Rows:
        """Those of some rows that teach: with a weight."""
        return rows if self.weights is None else rows[self.weights[rows] > 0]

    @property
    def learnable(self) -> bool:
        """Whether there is anything to search: a column, two rows, two classes or a target that varies."""
        rows = self.learned(self.rows)
        return bool(self.schema.fields) and len(rows) >= 4 and len(np.unique(self.y[rows])) > 1

    def save(self, folder: str | Path) -> None:
        """Keep it as JSON and arrays; nothing in it is code."""
        home = Path(folder)
        home.mkdir(parents=True, exist_ok=True)
        parts, arrays = frames.as_arrays(self.frame)
        arrays |= {"y": self.y, "rows": self.rows, "test": self.test}
        for name in ("weights", "groups", "times"):
            if (values := getattr(self, name)) is not None:
                arrays[name] = values
        if self.panel is not None:
            arrays["order"] = self.panel.order
        for number, fold in enumerate(self.split.folds):
            arrays[f"train_{number}"], arrays[f"valid_{number}"] = fold.train, fold.valid
        metric = self.problem.metric
        document = {
            "format": FORMAT,
            "options": self.options.as_json(),
            "problem": {**self.problem.as_json(), "low": metric.low, "high": metric.high},
            "schema": self.schema.to_json(),
            "n": self.frame.n,
            "columns": parts,
            "split": {"kind": self.split.kind, "why": self.split.why, "repeats": self.split.repeats,
                      "folds": len(self.split.folds)},
            "structure": dict(self.structure),
            "findings": [dict(each) for each in self.findings],
            "notes": list(self.notes),
            "fingerprint": self.fingerprint,
            "panel": None if self.panel is None else self.panel.field.to_json(),
        }  # fmt: skip
        np.savez(home / "prepared.npz", **arrays)
        (home / "prepared.json").write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path, *, metric: Metric | None = None, learners: Sequence[Any] = ()) -> Prepared:
        """What `save` left.

        Args:
            folder: where.
            metric: the user's own, where it is a function without a place to import it from.
            learners: of the user's own.

        Raises:
            TrainingError: the folder holds none, or one of another release.
        """
        home = Path(folder)
        try:
            document = json.loads((home / "prepared.json").read_text(encoding="utf-8"))
            with np.load(home / "prepared.npz", allow_pickle=False) as held:
                arrays = dict(held)
        except (OSError, ValueError) as error:
            raise TrainingError(f"no prepared table can be read from {home}: {error}") from None
        if document.get("format") != FORMAT:
            raise TrainingError(f"{home} holds a table prepared by another release (format {document.get('format')!r})")
        said = dict(document["options"])
        if learners or "learners" in said:
            said["learners"] = tuple(learners)
        options = Options.from_json(said)
        problem = document["problem"]
        classes = tuple(problem["classes"])
        found = metric or find(
            options.metric or problem["metric"], problem["kind"], classes=classes, direction=options.direction,
            needs=options.needs,
        )  # fmt: skip
        if problem["low"] is not None:
            found = found.scaled(np.array([problem["low"], problem["high"]]))
        split = document["split"]
        folds = tuple(Fold(arrays[f"train_{each}"], arrays[f"valid_{each}"]) for each in range(split["folds"]))
        return cls(
            options,
            Problem(problem["kind"], problem["target"], classes, found),
            Schema.from_json(document["schema"]),
            frames.from_arrays(document["n"], document["columns"], arrays),
            arrays["y"],
            arrays.get("weights"),
            arrays["rows"],
            arrays["test"],
            Split(split["kind"], folds, split["why"], split["repeats"]),
            arrays.get("groups"),
            arrays.get("times"),
            document["structure"],
            document["findings"],
            document["notes"],
            document["fingerprint"],
            Panel(Field.from_json(document["panel"]), arrays["order"]) if document.get("panel") else None,
        )


def prepare(source: Any, options: Options, *, valid: Any = None, test: Any = None) -> Prepared:
    """Make a table ready for trials.

    Args:
        source: rows: a table of PyArrow, a frame of pandas or polars, columns or rows as plain data, or the place of a
            file.
        options: what the user says of them.
        valid: the user's own validation set, of the same columns.
        test: the user's own test set.

    Raises:
        TrainingError: what the user said doesn't fit the data, in words.
    """
    _own_sets(options, valid, test)
    table = _source(source)
    notes: list[str] = []
    weights = roles.weights_of(table, options.weight)
    target = roles.target_of(table, options, weights)
    fitting(options, target.problem)
    if target.why:
        notes.append(f"{target.problem.kind}: {target.why}")
    schema = _schema(table, options, weights, notes)
    columned(options, schema, table.names)
    frame = _read(schema, table)
    y, known = target.y, target.known
    measurable(target.problem, y, np.flatnonzero(known))
    groups, times = roles.groups_of(table, options.group), roles.times_of(table, options.time)
    if weights is not None:
        known = known & np.isfinite(weights)
    if not known.all():
        notes.append(f"{int((~known).sum()):,} of {frame.n:,} rows have no target and teach nothing")
    own, tested = np.empty(0, np.int64), np.empty(0, np.int64)
    rows = np.flatnonzero(known)
    problem = target.problem
    moments = times
    structure = _structure(frame, schema, y, problem, weights, rows, options, test)
    dropped = set(structure.drop)
    kinds = schema
    if structure.kind == "group" and groups is None:
        groups = roles.groups_of(table, structure.group)
    if structure.kind == "time" and times is None and structure.moments is not None:
        moments = np.full(frame.n, np.nan)
        moments[rows] = structure.moments
    if dropped:
        schema = Schema(each for each in schema if each.name not in dropped)
        frame = frame.select(schema.names)
    for part, role in ((valid, "validation"), (test, "test")):
        if part is None:
            continue
        more = _source(part)
        added = _read(schema, more)
        its_y, its_known = roles.y_of(more, problem)
        its_weights = roles.weights_of(more, options.weight) if weights is not None else None
        start = frame.n
        frame = frames.joined(frame, added)
        y = np.concatenate([y, its_y])
        weights = None if weights is None or its_weights is None else np.concatenate([weights, its_weights])
        groups = None if groups is None else np.concatenate([groups, -1 - np.arange(added.n)])
        moments = None if moments is None else np.concatenate([moments, np.full(added.n, np.nan)])
        if not its_known.any():
            raise TrainingError(f"{role}: no row has a target that training knows")
        if role == "validation":
            own = start + np.flatnonzero(its_known)
        else:
            tested = start + np.flatnonzero(its_known)
    if not len(tested):
        share = validation.held_share(len(rows), options)
        rows, tested = validation.held_back(problem, y, rows, share, options, groups=groups, times=moments)
    split = validation.split(
        problem, y, rows, options, groups=groups, times=moments, own=own if len(own) else None
    ) if len(rows) >= 2 else Split("none", (), "one row can't be split")  # fmt: skip
    copied = equal_rows.copies(frame, schema.names, np.concatenate([rows, tested]))
    if copied is not None:
        # what no search sees must not have been learned as a copy; a test part of the user's own is left as it is
        apart = tested if test is not None else equal_rows.without(tested, rows, copied)
        tested = apart if len(apart) else tested
        folds = tuple(Fold(equal_rows.without(each.train, each.valid, copied), each.valid) for each in split.folds)
        if all(len(each.train) for each in folds):
            split = replace(split, folds=folds)
    found, drop = _guardrails(frame, schema, y, problem, weights, rows, tested, options, structure)
    drop = _wanted(options, found, drop, notes)
    if drop:
        notes.extend(f"column {name!r} is not learned from: see the guardrails" for name in sorted(drop))
        schema = Schema(each for each in schema if each.name not in drop)
        frame = frame.select(schema.names)
    options = _left(options, schema)
    panel = _panel(frame, kinds, structure, problem, options) if valid is None and test is None else None
    if panel is not None:
        names = read_column(table.column(panel.field.name), panel.field)
        frame = Frame(frame.n, {**frame.columns, panel.field.name: names})
    return Prepared(
        options, problem, schema, frame, y, weights, rows, tested, split, groups, moments, structure.as_json(), found,
        notes, _fingerprint(frame, y, weights), panel,
    )  # fmt: skip


def _own_sets(options: Options, valid: Any, test: Any) -> None:
    """See that sets of the user's own and what is said of drawn ones don't contradict each other.

    Raises:
        TrainingError: they do; names both.
    """
    if valid is not None:
        said = [name for name in ("folds", "repeats", "valid_share") if getattr(options, name) not in (None, 1)]
        if options.validation not in ("auto", "own"):
            said.insert(0, f"validation: {options.validation}")
        if said:
            raise TrainingError(f"{said[0]}: there is a validation set of your own, which all pipelines are judged by")
    if test is not None and options.test_share:
        raise TrainingError("test_share: there is a test set of your own, so no part of the rows is kept for it")


def columned(options: Options, schema: Schema, names: Sequence[str]) -> None:
    """See that what is said of columns one by one is possible for them: once, not in every trial.

    Args:
        options: as said.
        schema: of the columns that are learned from.
        names: of all columns of the table.

    Raises:
        TrainingError: there is no such column, it has another role, or its kind has no such features.
    """
    if isinstance(options.featurization, str):
        return
    for name, ways in options.featurization.items():
        if name not in names:
            raise TrainingError(f"featurization: the rows have no column {name!r}{nearest(name, names)}")
        if name not in schema:
            raise TrainingError(
                f"featurization: {name!r} is not learned from: it is the target, a weight, a group, an id or ignored"
            )
        plan.check_ways(f"featurization: {name}", ways, schema[name].kind)


def _wanted(options: Options, found: list[dict[str, Any]], drop: set[str], notes: list[str]) -> set[str]:
    """What the guardrails take out, less the columns whose features the user names: those are wanted.

    Args:
        options: as said.
        found: the guardrails' findings; those about wanted columns say what was done.
        drop: what they take out.
        notes: what is done is added.
    """
    if isinstance(options.featurization, str):
        return drop
    wanted = {name for name, ways in options.featurization.items() if ways not in ("drop", ["drop"])} & drop
    for each in found:
        if set(each["columns"]) & wanted:
            each["done"] = "it is learned from all the same: featurization says what becomes of it"
            each["drop"] = [name for name in each["drop"] if name not in wanted]
    notes.extend(f"column {name!r} is learned from in spite of the guardrails: see featurization" for name in wanted)
    return drop - wanted


def _left(options: Options, schema: Schema) -> Options:
    """Options that say nothing more of columns that the guardrails, or a group that was found, took out."""
    if isinstance(options.featurization, str) or all(name in schema for name in options.featurization):
        return options
    kept = {name: ways for name, ways in options.featurization.items() if name in schema}
    return options.replaced(featurization=kept or "auto")


def fitting(options: Options, problem: Problem) -> None:
    """See that what was said has a meaning for what is predicted: before the search, not after it.

    Raises:
        TrainingError: it has none; says what to do.
    """
    classes = problem.classes
    if not classes:
        for name, given in (
            ("costs", bool(options.costs)),
            ("balance: balanced", options.balance != "none"),
            (f"threshold: {options.threshold}", options.threshold in ("metric", "costs")),
            ("calibrate: true", options.calibrate is True),
        ):
            if given:
                raise TrainingError(
                    f"{name} is for classes, and {problem.target} is a number: leave it out, or say "
                    "task: classification"
                )
        return
    if options.threshold == "metric" and (len(classes) > 2 or problem.metric.needs != "labels"):
        raise TrainingError(
            f"threshold: metric is for two classes and a metric of labels (accuracy, f1, …); {problem.target} has "
            f"{len(classes)} classes and is judged by {problem.metric.name}; allowed here: auto, "
            f"{'costs, ' if options.costs else ''}none"
        )
    if options.costs:
        try:
            (threshold.for_costs if len(classes) == 2 else threshold.matrix_of_costs)(options.costs, classes)
        except ValueError as error:
            raise TrainingError(str(error)) from None


def measurable(problem: Problem, y: NDArray[Any], rows: Rows, most: int = 1_000) -> None:
    """See that the metric can be computed: of predictions that are right, for rows of every class.

    Args:
        problem: whose metric; that of a function of the user's own may raise anything.
        y: (n,) of the whole table.
        rows: those with a target.
        most: rows that are measured, and one of each class.

    Raises:
        TrainingError: it can't be, with the function's own reason.
    """
    taken = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(np.int64)]
    metric, classes = problem.metric, len(problem.classes)
    if classes:
        taken = np.unique(np.concatenate([taken, rows[np.unique(y[rows], return_index=True)[1]]]))
    truth = y[taken]
    right = np.eye(problem.outputs)[truth] if metric.needs == "probabilities" else truth
    try:
        metric.score(truth, right, np.ones(len(taken)))
    except Exception as error:
        raise TrainingError(
            f"metric: {metric.name} can't measure right predictions of this table: {type(error).__name__}: {error}"
        ) from error


def _source(source: Any) -> Source:
    if isinstance(source, str | Path):
        from automl_core.data.access import DataError
        from automl_core.data.reading import read_table

        try:
            source = read_table(source)
        except DataError as error:
            raise TrainingError(str(error)) from None
    try:
        found = source_of(source)
    except ValueError as error:
        raise TrainingError(f"data: {error}") from None
    if found.rows == 0:
        raise TrainingError("data: there is no row")
    return found


def _schema(table: Source, options: Options, weights: NDArray[np.float64] | None, notes: list[str]) -> Schema:
    """Kinds of the columns that may be learned from; names that occur twice can't be told apart, so none of them."""
    twice = {name for name in table.names if table.names.count(name) > 1} - {options.target}
    if twice:
        notes.append(f"columns of one name can't be told apart and are left out: {', '.join(sorted(twice))}")
    for name in (*options.ids, *options.ignore, *options.kinds):
        if name not in table.names:
            roles.require(table, name, "ids, ignore or kinds")
    wanted = [name for name in table.names if name not in options.unlearned and name not in twice]
    if not wanted:
        notes.append("there is no column to learn from")
        return Schema(())
    kinds = {name: kind for name, kind in options.kinds.items() if name in wanted}
    # rows of weight 0 say nothing of a column: neither its kind nor its range
    taught = None if weights is None or (weights > 0).all() else np.flatnonzero(weights > 0)
    return columns.learn_schema(roles.narrowed(table, wanted, taught), kinds=kinds)


def _read(schema: Schema, table: Source) -> Frame:
    try:
        found = schema.read(table)
    except SchemaError as error:
        raise TrainingError(f"data: {error}") from None
    return Frame(table.rows, found.columns)


def _structure(
    frame: Frame, schema: Schema, y: NDArray[Any], problem: Problem, weights: NDArray[np.float64] | None, rows: Rows,
    options: Options, test: Any,
) -> Structure:  # fmt: skip
    """How rows belong together: by what the user says, else by what the data themselves say."""
    if options.group or options.time:
        said = " and ".join(f"{role} {name}" for role in ("group", "time") if (name := getattr(options, role)))
        kind: Any = "time" if options.time else "group"
        return Structure(kind, group=options.group, time=options.time, why=f"as asked: {said}")
    if not options.structure or options.validation != "auto" or not schema.fields:
        return Structure(why="groups and time were not looked for")
    there = None if test is None else schema.read(_source(test))
    kept = None if weights is None else weights[rows]
    return detect(frame.take(rows), schema, y[rows], problem, test=there, weights=kept)


def _panel(frame: Frame, schema: Schema, structure: Structure, problem: Problem, options: Options) -> Panel | None:
    """Groups that were found (a user who names them says that new ones come), of numbers, each row counting once."""
    name, order = structure.group, structure.order
    if structure.kind != "group" or name is None or order is None or name not in structure.drop:
        return None
    if problem.kind != "regression" or options.weight or name not in schema or order not in frame.columns:
        return None
    moments = frame.columns[order]
    if isinstance(moments, Coded):
        return None
    of = schema[name]
    return Panel(Field(name, "category", of.type, distinct=of.distinct), np.asarray(moments, dtype=np.float64))


def _guardrails(
    frame: Frame, schema: Schema, y: NDArray[Any], problem: Problem, weights: NDArray[np.float64] | None, rows: Rows,
    test: Rows, options: Options, structure: Structure,
) -> tuple[list[dict[str, Any]], set[str]]:  # fmt: skip
    if not schema.fields or len(rows) < 2:
        return [], set()
    from automl_core.tabular.guardrails import drops, examine

    said = {role: name for role in ("group", "time", "weight") if (name := getattr(options, role)) is not None}
    findings = examine(
        frame.take(rows), schema, y[rows], problem, weights=None if weights is None else weights[rows],
        test=frame.take(test) if len(test) else None, roles=said, structure=structure,
    )  # fmt: skip
    return [each.as_json() for each in findings], set(drops(findings)) & set(schema.names)


def _fingerprint(frame: Frame, y: NDArray[Any], weights: NDArray[np.float64] | None) -> str:
    """SHA-256 over names, values and texts in their order."""
    digest = hashlib.sha256()
    parts, arrays = frames.as_arrays(frame)
    digest.update(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode())
    for values in (*arrays.values(), y, *(() if weights is None else (weights,))):
        digest.update(np.ascontiguousarray(values).tobytes())
    return f"sha256:{digest.hexdigest()}"
