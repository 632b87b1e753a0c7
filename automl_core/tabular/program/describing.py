"""Write template.yaml of the templates for tables: ``python -m automl_core.tabular.program.describing templates``.

The engine knows the space of learners and features; a template has all of it in its file, so that people see it, narrow
it and set it. The file is written from the engine, and a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_core.tabular.learners import registry
from automl_core.tabular.learners.of_file import OWN as MINE
from automl_core.tabular.metrics import names
from automl_core.tabular.options import BALANCES, FINALS, THRESHOLDS, VALIDATIONS
from automl_core.tabular.program.said import OWN
from automl_core.tabular.program.words import HELP, OPTION_HELP, TITLES
from automl_core.tabular.shape import Shape
from automl_core.tabular.space import portfolio, space
from automl_core.training.template_files import flow, group, lines, requires_of, stage, task

UNUSUAL = ("catboost",)
"""Learners whose library is an extra of its own: of weight 0 in a template, the search takes them when asked to."""

VERSION = 1
PRELOAD = "automl_core.tabular.program.preload"


@dataclass(frozen=True)
class Kind:
    """One of the two templates.

    Attributes:
        name: of it.
        title, description: for people.
        problem: what a metric has to be for.
        shapes: tables for which first trials are chosen; the first has the whole space.
    """

    name: str
    title: str
    description: str
    problem: str
    shapes: tuple[Shape, ...]


def _shape(kind: str, classes: int) -> Shape:
    """A table for which every learner and every feature is offered."""
    return Shape(rows=2000, columns=100, categories=20, texts=2, times=2, classes=classes, kind=kind, levels=1000)


CLASSIFICATION = Kind(
    "table-classification", "Tables: classes",
    "From a table to a model that lasts, without training code: the data are looked through, pipelines of eleven "
    "learners searched by cross-validation, the best put together, judged once on rows that no search has seen. A "
    "report is left beside the model.",
    "binary", (_shape("binary", 2), _shape("multiclass", 3)),
)  # fmt: skip

REGRESSION = Kind(
    "table-regression", "Tables: numbers",
    "From a table to a model of a number that lasts, without training code: as table-classification.", "regression",
    (_shape("regression", 0),),
)  # fmt: skip

KINDS = (CLASSIFICATION, REGRESSION)


@contextmanager
def _all_learners() -> Iterator[None]:
    """Every learner counts as installed: what a template says does not depend on where it was written."""
    real = registry.installed
    registry.installed = registry.names
    try:
        yield
    finally:
        registry.installed = real


def pipeline_parameters(kind: Kind) -> dict[str, dict[str, Any]]:
    """The engine's whole space, with what only a template says of a parameter."""
    with _all_learners():
        found = space(kind.shapes[0])
    learner = found["learner"]
    learner["weights"] = [
        0.0 if name in UNUSUAL else float(weight)
        for name, weight in zip(learner["values"], learner["weights"], strict=True)
    ]  # fmt: skip
    for parameter in found.values():  # what every learner has of features, the user's own has too
        when = parameter.get("when", {})
        if set(when.get("learner", ())) == set(learner["values"]):
            when["learner"] = [*when["learner"], MINE]
    learner["values"], learner["weights"] = [*learner["values"], MINE], [*learner["weights"], 0.0]
    return {name: _told(name, parameter) for name, parameter in found.items()}


def _told(name: str, parameter: Mapping[str, Any]) -> dict[str, Any]:
    own, _, of = name.rpartition(".")
    words = HELP.get(name) or HELP.get(of) or of.replace("_", " ")
    text = f"{TITLES.get(own, own)}: {words[0].lower()}{words[1:]}" if own in TITLES else words
    return {**parameter, "search": True, "help": text}


def first_trials(kind: Kind) -> list[dict[str, Any]]:
    """The portfolios of all shapes, in turns; each combination once."""
    usual = [name for name in registry.names() if name not in (*UNUSUAL, "constant")]
    with _all_learners():
        lists = [portfolio(shape, allowed=usual) for shape in kind.shapes]
    found: list[dict[str, Any]] = []
    for place in range(max(map(len, lists))):
        for each in lists:
            if place < len(each) and each[place] not in found:
                found.append(each[place])
    return found


def option_parameters(kind: Kind) -> dict[str, dict[str, Any]]:
    """The engine's options that a file sets and no search changes; one without a default is decided by the data."""

    def choice(values: Any, default: Any) -> dict[str, Any]:
        return {"type": "choice", "values": list(values), "default": default}

    def whole(low: int, high: int, default: int | None = None) -> dict[str, Any]:
        told: dict[str, Any] = {"type": "int", "low": low, "high": high}
        return told if default is None else {**told, "default": default}

    def real(low: float, high: float) -> dict[str, Any]:
        return {"type": "uniform", "low": low, "high": high}

    numbers = kind.problem == "regression"
    metrics = [name for name in names(kind.problem) if "QUANTILE" not in name]
    found: dict[str, dict[str, Any]] = {}
    if numbers:
        found["task"] = choice(["regression"], "regression")
    else:
        found["task"] = choice(["classification", "binary", "multiclass"], "classification")
    found["metric"] = choice(["auto", *metrics, *(["pinball"] if numbers else []), OWN], "auto")
    if numbers:
        found["quantile"] = real(0.01, 0.99)
    found |= {
        "validation": choice([each for each in VALIDATIONS if each != "own"], "auto"),
        "folds": whole(2, 100), "repeats": whole(1, 100), "valid_share": real(0.01, 0.89),
        "test_share": real(0.0, 0.89), "structure": choice([True, False], True),
        "any_size": choice([False, True], False), "ensemble": whole(1, 100, 8), "final": choice(FINALS, "auto"),
        "row_seconds": {"type": "loguniform", "low": 1e-7, "high": 1000.0},
        "memory": {"type": "loguniform", "low": 1e6, "high": 1e15},
    }  # fmt: skip
    if not numbers:
        found |= {
            "balance": choice(BALANCES, "none"), "threshold": choice(THRESHOLDS, "auto"),
            "calibrate": {"type": "choice", "values": [True, False]},
        }  # fmt: skip
    found |= {
        "threads": whole(1, 256, 1), "seed": whole(0, 1_000_000, 0), "allow_pickle": choice([False, True], False),
    }  # fmt: skip
    return {
        name: {**parameter, "search": "never", "help": OPTION_HELP[name]} for name, parameter in found.items()
    }  # fmt: skip


def document(kind: Kind, requires: list[str]) -> str:
    """The whole template.yaml.

    Args:
        kind: which.
        requires: what the extra `tabular` brings.
    """
    parts = [
        "# Written by `python -m automl_core.tabular.program.describing templates` from what the engine searches.",
        lines({
            "template": kind.name, "version": VERSION, "title": kind.title, "description": kind.description,
            "kind": "regression" if kind.problem == "regression" else "classification", "requires": requires,
        }),
        group("data", {
            "train": {"required": True, "help": "Rows to learn from: csv, tsv, Parquet, JSON lines, or a table"},
            "valid": {"help": "Rows to judge pipelines by, in place of folds"},
            "test": {"help": "Rows for the one look at the end; without it, a part of data.train is kept for that"},
            "metric": {"help": "A .py file with a function of your own: metric(truth, prediction)"},
            "learner": {
                "help": "A .py file with a learner of your own: learner, a class with fit and predict",
                "when": {"learner": [MINE]},
            },
        }),
        group("columns", {
            "target": {"required": True, "help": "The column to predict"},
            "features": {"help": "Columns to learn from; all that have no other role"},
            "ignore": {"help": "Columns that nothing is learned from"},
            "id": {"help": "Columns that name rows; nothing is learned from them"},
            "group": {"help": "Rows of a group are never divided by a split: those of one customer, say"},
            "time": {"help": "The past predicts the future: validation and test come after what was learned from"},
            "weight": {"help": "How much a row counts; 0: not at all"},
            "categorical": {"help": "Columns with numbers that are names"},
            "numeric": {"help": "Columns of text that are numbers"},
            "text": {"help": "Columns of free text"},
            "date": {"help": "Columns of times"},
        }),
        group("parameters", pipeline_parameters(kind) | option_parameters(kind)),
        f"more_parameters: {flow({f'{MINE}.': {'learner': [MINE]}})}    # what is searched of a learner of your own",
        "goal: {metric: loss, direction: minimize, final: last}    # the metric, turned so that lower is better",
        "trials: {max: 100, concurrency: 2, early_stopping: {rule: median, delay: 3, min_trials: 5, proportion: 0.2}}",
        "spec_file: {format: yaml}",
        stage("prepare", "prepare", PRELOAD),
        "tasks:\n" + task("train", "trial", PRELOAD, step="fold"),
        stage("conclude", "conclude", PRELOAD),
        "search:\n  algorithm: tpe\n  warm_start:    # good on other tables; each is tried first\n"
        + "".join(f"    - {flow(each)}\n" for each in first_trials(kind)),
    ]  # fmt: skip
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def main() -> None:
    """Write both files."""
    folder = Path(sys.argv[1])
    requires = requires_of(folder.resolve().parent / "pyproject.toml", "tabular")
    for kind in KINDS:
        file = folder / kind.name / str(VERSION) / "template.yaml"
        file.write_text(document(kind, requires), encoding="utf-8")
        print(file)


if __name__ == "__main__":
    main()
