"""A table made ready: read, its problem settled, checked, split; what every trial works on, and conclude after them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import Source
from automl_core.modelfile.scoring.values import Coded, Field, Frame, Schema, read_column
from automl_core.tabular import beside, columns, documents, frames, meaning, roles, validation
from automl_core.tabular.guardrails import equal_rows
from automl_core.tabular.metrics import Metric, find
from automl_core.tabular.options import Options
from automl_core.tabular.problem import Problem
from automl_core.tabular.structure import Structure, detect
from automl_core.tabular.taking import frame_of, table_of
from automl_core.tabular.validation import Fold, Rows, Split
from automl_core.training.problems import TrainingError

FORMAT = 1
"""Of a saved preparation. Another is refused: it lives as long as its run."""


@dataclass(frozen=True)
class Panel:
    """Groups that were found, rows of which may be asked for again (`automl_core.tabular.effects`).

    Attributes:
        field: the column that names them; the frame has it as a category, the schema has it not.
        order: (n,) numbers that grow with time, NaN for unknown; None where nothing puts a group's rows in order.
    """

    field: Field
    order: NDArray[np.float64] | None


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
        panel: groups that were found, where there are any and they are used.
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

    @cached_property
    def digest(self) -> str:
        """Of all that a fold's value depends on beside its pipeline: values, columns, options and folds."""
        said = [self.fingerprint, self.schema.to_json(), self.options.as_json(), self.problem.as_json()]
        found = hashlib.sha256(json.dumps(said, ensure_ascii=False, sort_keys=True).encode())
        for fold in self.split.folds:
            for rows in (fold.train, fold.valid):
                found.update(len(rows).to_bytes(8, "little") + np.ascontiguousarray(rows, dtype="<i8").tobytes())
        return f"sha256:{found.hexdigest()}"

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
        if self.panel is not None and self.panel.order is not None:
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
            arrays = documents.arrays_of(home / "prepared.npz")
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
        found = found.counting(arrays.get("weights"))
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
            Panel(Field.from_json(document["panel"]), arrays.get("order")) if document.get("panel") else None,
        )


def prepare(
    source: Any, options: Options, *, valid: Any = None, test: Any = None,
    usual_share: Callable[[int], float] | None = None,
) -> Prepared:  # fmt: skip
    """Make a table ready for trials.

    Args:
        source: rows: a table of PyArrow, a frame of pandas or polars, columns or rows as plain data, or the place of a
            file.
        options: what the user says of them.
        valid: the user's own validation set, of the same columns.
        test: the user's own test set.
        usual_share: of so many rows with a target the share that is kept for the end where nothing is said of that, and
            the rows allow it; None: nothing is kept.

    Raises:
        TrainingError: what the user said doesn't fit the data, in words.
    """
    options.agree()
    meaning.own_sets(options, valid, test)
    table = table_of(source)
    notes: list[str] = []
    weights = roles.weights_of(table, options.weight)
    target = roles.target_of(table, options, weights)
    meaning.fitting(options, target.problem)
    if target.why:
        notes.append(f"{target.problem.kind}: {target.why}")
    schema = _schema(table, options, weights, notes)
    meaning.columned(options, schema, table.names)
    frame = frame_of(schema, table)
    y, known = target.y, target.known
    meaning.measurable(target.problem, y, np.flatnonzero(known))
    groups, times = roles.groups_of(table, options.group), roles.times_of(table, options.time)
    if weights is not None:
        known = known & np.isfinite(weights)
    if not known.all():
        notes.append(f"{int((~known).sum()):,} of {frame.n:,} rows have no target and teach nothing")
    own, tested = np.empty(0, np.int64), np.empty(0, np.int64)
    rows = np.flatnonzero(known)
    problem = target.problem
    moments = times
    structure = _structure(frame, schema, y, problem, weights, rows, options, test, valid)
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
        more = table_of(part)
        added = frame_of(schema, more, role)
        try:
            its_y, its_known = roles.y_of(more, problem)
            its_weights = roles.weights_of(more, options.weight) if weights is not None else None
        except TrainingError as error:
            raise TrainingError(f"{role}: {error}") from None
        start = frame.n
        frame = frames.joined(frame, added)
        y = np.concatenate([y, its_y])
        weights = None if weights is None or its_weights is None else np.concatenate([weights, its_weights])
        groups = None if groups is None else beside.joined(table, more, structure.group, groups)
        moments = None if moments is None else np.concatenate([moments, np.full(added.n, np.nan)])
        if not its_known.any():
            raise TrainingError(f"{role}: no row has a target that training knows")
        if role == "validation":
            own = start + np.flatnonzero(its_known)
        else:
            tested = start + np.flatnonzero(its_known)
    if not len(tested):
        asked = options.test_share
        usual = 0.0 if usual_share is None else usual_share(len(rows))
        share = usual if asked is None else asked
        rest, tested = validation.held_back(problem, y, rows, share, options, groups=groups, times=moments)
        why = "" if asked is not None else validation.too_dear(problem, y, rows, (rest, tested), share, groups, moments)
        if why:
            notes.append(f"no rows are kept for a test: {why}; test_share keeps some all the same")
            rest, tested, share = rows, rows[:0], 0.0
        rows = rest
        options = options if asked is not None or not usual else options.replaced(test_share=share)
    notes += meaning.unused(options, moments is not None)
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
    found, drop = _guardrails(
        frame, schema, y, problem, weights, rows, tested, options, structure, own=valid is not None
    )
    if valid is not None:
        found += beside.told(table, table_of(valid), structure, split, rows, groups)
    drop = meaning.wanted(options, found, drop, notes)
    if drop:
        notes.extend(f"column {name!r} is not learned from: see the guardrails" for name in sorted(drop))
        schema = Schema(each for each in schema if each.name not in drop)
        frame = frame.select(schema.names)
    options = meaning.left(options, schema)
    panel = _panel(frame, kinds, structure, problem, options) if valid is None and test is None else None
    if panel is not None:
        names = read_column(table.column(panel.field.name), panel.field)
        frame = Frame(frame.n, {**frame.columns, panel.field.name: names})
    problem = replace(problem, metric=problem.metric.counting(weights))
    return Prepared(
        options, problem, schema, frame, y, weights, rows, tested, split, groups, moments, structure.as_json(), found,
        notes, _fingerprint(frame, y, weights), panel,
    )  # fmt: skip


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


def _structure(
    frame: Frame, schema: Schema, y: NDArray[Any], problem: Problem, weights: NDArray[np.float64] | None, rows: Rows,
    options: Options, test: Any, valid: Any,
) -> Structure:  # fmt: skip
    """How rows belong together: by what the user says, else by what the data themselves say."""
    if options.group or options.time:
        said = " and ".join(f"{role} {name}" for role in ("group", "time") if (name := getattr(options, role)))
        kind: Any = "time" if options.time else "group"
        return Structure(kind, group=options.group, time=options.time, why=f"as asked: {said}")
    if not options.structure or options.validation != "auto" or not schema.fields:
        return Structure(why="groups and time were not looked for")
    asked = valid if test is None else test  # who gives rows to judge by says what will be asked for
    there = None if asked is None else frame_of(schema, table_of(asked), "validation" if test is None else "test")
    kept = None if weights is None else weights[rows]
    return detect(
        frame.take(rows), schema, y[rows], problem, test=there, weights=kept,
        said="rows to predict" if test is not None else "rows of the validation set",
    )  # fmt: skip


def _panel(frame: Frame, schema: Schema, structure: Structure, problem: Problem, options: Options) -> Panel | None:
    """Groups that were found (a user who names them says that new ones come), each row counting once.

    Where probabilities are to be calibrated, or classes to weigh the same, residuals are not what is asked for; nor
    where costs of more than two classes are given: an edge moves small probabilities, which large costs weigh.
    """
    name = structure.group
    if structure.kind != "group" or name is None or name not in structure.drop:
        return None
    if options.weight or name not in schema:
        return None
    if problem.classes and (options.balance != "none" or options.calibrate is True):
        return None
    if len(problem.classes) > 2 and options.costs:
        return None
    moments, of = frame.columns.get(structure.order or ""), schema[name]
    ordered = moments is not None and not isinstance(moments, Coded)
    return Panel(
        Field(name, "category", of.type, distinct=of.distinct, optional=True),
        np.asarray(moments, dtype=np.float64) if ordered else None,
    )


def _guardrails(
    frame: Frame, schema: Schema, y: NDArray[Any], problem: Problem, weights: NDArray[np.float64] | None, rows: Rows,
    test: Rows, options: Options, structure: Structure, *, own: bool = False,
) -> tuple[list[dict[str, Any]], set[str]]:  # fmt: skip
    if not schema.fields or len(rows) < 2:
        return [], set()
    from automl_core.tabular.guardrails import drops, examine

    said = {role: name for role in ("group", "time", "weight") if (name := getattr(options, role)) is not None}
    findings = examine(
        frame.take(rows), schema, y[rows], problem, weights=None if weights is None else weights[rows],
        test=frame.take(test) if len(test) else None, roles=said, structure=structure, own=own,
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
