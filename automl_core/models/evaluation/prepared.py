"""From data to rows that both models can be measured on: what came, what is left out and why, what names a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import UnreadableValue
from automl_core.modelfile.scoring.texts import typed_text
from automl_core.modelfile.scoring.values import Field, Schema
from automl_core.models.evaluation.options import EvaluateOptions, NoLabels, NotEvaluated
from automl_core.models.evaluation.rows import Mask, Rows, digests
from automl_core.models.evaluation.subjects import Said

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Prepared:
    """Rows that both models are measured on.

    Attributes:
        rows: those.
        places: (n,) their places in the data.
        truth: (n,) positions of classes, or numbers.
        said: role → of these rows, in the order of `classes`.
        kind, target: of the problem.
        classes: of both models together.
        left_out: why rows are not among them, and how many.
        ids: (n,) what names each row, each once.
        by: ``key`` or ``row``.
        codes: (n,) the unit of each row, for draws; None where each row is one.
        silent: role → rows with a label that it could not read, or of which it says nothing.
        notes: what is to be said.
    """

    rows: Rows
    places: NDArray[np.intp]
    truth: NDArray[Any]
    said: dict[str, Said]
    kind: str
    target: str
    classes: tuple[str, ...]
    left_out: dict[str, int]
    ids: list[str]
    by: str
    codes: Codes | None
    silent: dict[str, int]
    notes: tuple[str, ...]


def kind_of(subjects: Sequence[Any], options: EvaluateOptions, rows: Rows | None = None) -> str:
    """What is predicted: binary, multiclass, regression or forecasting.

    Raises:
        NotEvaluated: the models predict different things, or nobody says what.
    """
    kinds = {subject.role: subject.kind for subject in subjects if subject.kind is not None}
    if not kinds:
        if options.kind is None:
            if rows is None:
                raise NotEvaluated("no model says what it predicts: give its kind")
            return _kind_of_labels(rows, options)
        return options.kind
    families = {"classes" if kind in ("binary", "multiclass") else kind for kind in kinds.values()}
    if len(families) > 1:
        raise NotEvaluated(
            "the models predict different things: "
            + ", ".join(f"the {role} is one of {kind}" for role, kind in kinds.items())
        )
    return "multiclass" if "multiclass" in kinds.values() else next(iter(kinds.values()))


FEW_CLASSES = 100
"""So many different whole numbers are classes where no model says what it predicts (as in files of predictions)."""


def _kind_of_labels(rows: Rows, options: EvaluateOptions) -> str:
    """What programs alone predict, by the labels: texts and truth values are classes, numbers where they are few."""
    if options.target is None:
        raise NotEvaluated("no model says which column it predicts: name the target")
    column = rows.column(options.target)
    if column.type == "number":
        values = np.asarray(column.numbers())
        there = values[np.isfinite(values)]
        if (there != np.floor(there)).any() or len(np.unique(there)) > FEW_CLASSES:
            return "regression"
    different = len(rows.coded(options.target).levels)
    if column.type == "integer" and different > FEW_CLASSES:
        return "regression"
    return "binary" if different <= 2 else "multiclass"


def prepare(rows: Rows, subjects: Sequence[Any], options: EvaluateOptions) -> Prepared:
    """Take the rows that can be measured, and have the models say what they make of them.

    Args:
        rows: the data.
        subjects: the challenger, and the champion if there is one; models of tables or programs.
        options: as given.

    Raises:
        NotEvaluated: a column is missing, or no row is left.
    """
    kind = kind_of(subjects, options, rows)
    target = options.target or next((subject.target for subject in subjects if subject.target), None)
    if target is None:
        raise NotEvaluated("no model says which column it predicts: name the target")
    left: dict[str, int] = {}
    kept = np.ones(rows.n, dtype=bool)

    def drop(why: str, mask: Mask) -> None:
        left[why] = int(np.count_nonzero(mask & kept))
        kept[mask] = False

    classes: tuple[str, ...] = ()
    notes: list[str] = []
    if kind == "regression":
        truth: NDArray[Any] = _numbers(rows, target, drop)
    else:
        texts = rows.coded(target)
        drop("without a label", texts.codes < 0)
        classes = _classes(subjects, texts.levels)
        written = {level: spelled(level, classes) for level in texts.levels}
        places = {each: k for k, each in enumerate(classes)}
        table = np.asarray([*(places.get(written[level], -1) for level in texts.levels), -1], dtype=np.int64)
        truth = table[texts.codes]
        strange = sorted(level for level in texts.levels if written[level] not in places)
        drop("with a label that is no class of a model", truth < 0)
        if strange and left["with a label that is no class of a model"]:
            shown = ", ".join(repr(each[:40]) for each in strange[:3]) + (", …" if len(strange) > 3 else "")
            known = ", ".join(repr(each[:40]) for each in classes[:10]) + (", …" if len(classes) > 10 else "")
            notes.append(
                f"{target}: no model knows the label{'s' if len(strange) > 1 else ''} {shown}; their classes: {known}"
            )
    if not kept.any():
        raise NoLabels(f"no row of the {rows.n:,} can be measured: {_why(left)}", notes)
    labelled, unread = kept.copy(), {}
    for subject in subjects:
        if hasattr(subject, "learn"):
            subject.learn(kind, target, classes)
        refused = subject.refused(rows)
        any_of = np.logical_or.reduce([np.zeros(rows.n, dtype=bool), *refused.values()])
        unread[subject.role] = int(np.count_nonzero(any_of & labelled))
        for why, mask in refused.items():
            drop(why, mask)
    if not kept.any():
        raise NotEvaluated(f"no row of the {rows.n:,} can be measured: {_why(left)}")
    at = np.flatnonzero(kept)
    taken = rows if len(at) == rows.n else rows.take(at)
    said = {subject.role: subject.say(taken) for subject in subjects}
    silent = np.zeros(taken.n, dtype=bool)
    quiet: dict[str, int] = {}
    for role, each in said.items():
        quiet[role] = int(np.count_nonzero(each.missing))
        left[f"of which the {role} says nothing"] = int(np.count_nonzero(each.missing & ~silent))
        silent |= each.missing
    if silent.any():
        if silent.all():
            raise NotEvaluated(f"no row of the {rows.n:,} can be measured: {_why(left)}")
        good = np.flatnonzero(~silent)
        at, taken = at[good], taken.take(good)
        said = {role: each.take(good) for role, each in said.items()}
    said = {role: each.aligned(classes) for role, each in said.items()}
    ids, by, codes, more = _named(taken, subjects[0], target, options)
    if kind != "regression":
        kind = "multiclass" if len(classes) > 2 else "binary"
    silent_of = {role: unread[role] + quiet[role] for role in said}
    return Prepared(
        taken, at, truth[at], said, kind, target, classes, left, ids, by, codes, silent_of, (*notes, *more)
    )  # fmt: skip


def _why(left: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {why}" for why, count in left.items() if count) or "there are none"


def _numbers(rows: Rows, target: str, drop: Any) -> NDArray[np.float64]:
    column = rows.column(target)
    try:
        found = column.numbers()
    except UnreadableValue:
        coded = rows.coded(target)
        numbers = np.full(len(coded.levels) + 1, np.nan)
        bad = np.zeros(len(coded.levels) + 1, dtype=bool)
        for k, level in enumerate(coded.levels):
            try:
                numbers[k] = float(level)
            except ValueError:
                bad[k] = True
        drop("with a label that is no number", bad[coded.codes])
        found = numbers[coded.codes]
    drop("without a label", np.isnan(found))
    drop("with a label that is not finite", np.isinf(found))
    return np.asarray(found, dtype=np.float64)


def _classes(subjects: Sequence[Any], levels: Sequence[str]) -> tuple[str, ...]:
    """Classes of all models, those of the challenger first; of programs, which name none, those of the data too."""
    from automl_core.tabular.problem import ordered

    known = list(dict.fromkeys(each for subject in subjects for each in subject.classes))
    if any(not subject.classes for subject in subjects):
        more = ordered(level for level in levels if spelled(level, known) not in known)
        known += more
    return tuple(known)


def spelled(level: str, classes: Sequence[str]) -> str:
    """A label as a model's classes write it: ``1.0`` and ``01`` are ``1`` among whole numbers, ``True`` is ``true``."""
    if level in classes:
        return level
    truth = level.lower() if level.lower() in ("true", "false") else None
    numbers = {"true": "1", "false": "0"}
    for found in (
        typed_text(level, "integer"),
        truth,
        numbers.get(truth or "") if set(classes) == {"0", "1"} else None,
    ):
        if found in classes:
            return str(found)
    return level


def _named(
    rows: Rows, challenger: Any, target: str, options: EvaluateOptions
) -> tuple[list[str], str, Codes | None, tuple[str, ...]]:
    """What names each row, and which belong together."""
    notes: list[str] = []
    # a program may read all but the target
    schema = challenger.schema or Schema(Field(name, "category") for name in rows.columns if name != target)
    codes: Codes | None = None
    if options.key is not None:
        keys = rows.coded(options.key)
        missing = np.flatnonzero(keys.codes < 0)
        ids = [text if text is not None else "" for text in keys.texts()]
        if len(missing):
            said = digests(schema.read(rows.take(missing).columns))
            for place, digest in zip(missing.tolist(), said, strict=True):
                ids[place] = f"row:{digest}"
            notes.append(f"{len(missing):,} rows have no {options.key}: they are named by what they hold")
        by = "key"
    else:
        ids, by = digests(schema.read(rows.columns)), "row"
    unit = options.group or options.key
    if unit is not None:
        texts = rows.coded(unit).codes.astype(np.int64)
        alone = texts < 0
        texts[alone] = texts.max(initial=-1) + 1 + np.arange(np.count_nonzero(alone))  # each is one of its own
        found = np.unique(texts, return_inverse=True)[1].astype(np.int64)
        if int(found.max(initial=-1)) + 1 < rows.n:
            codes = found
    return _each_once(ids), by, codes, tuple(notes)


def _each_once(ids: list[str]) -> list[str]:
    """Ids with a number behind those that come again: the second row of a key is ``KEY#2``."""
    seen: dict[str, int] = {}
    found = []
    for each in ids:
        number = seen[each] = seen.get(each, 0) + 1
        found.append(each if number == 1 else f"{each}#{number}")
    return found
