"""Write template.yaml of the template for series: ``python -m automl_core.forecasting.program.describing templates``.

The engine knows the space of learners; the template has all of it in its file, so that people see it, narrow it and set
it. The file is written from the engine, and a test compares the two.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, get_args

from automl_core.forecasting.learners import registry
from automl_core.forecasting.learners.shape import Shape
from automl_core.forecasting.metrics import DEFAULT, names
from automl_core.forecasting.options import LEVELS
from automl_core.forecasting.program.words import HELP, OPTION_HELP
from automl_core.forecasting.reading import Duplicates
from automl_core.forecasting.space import FIRST, portfolio, space
from automl_core.training.template_files import flow, group, lines, requires_of, stage, task

NAME, VERSION = "series-forecasting", 1
PRELOAD = "automl_core.forecasting.program.preload"
LOCK = "requirements.txt"

SHAPES = (
    Shape(series=50, shortest=60, median=200, longest=400, horizon=12, seasons=(12,), known=1, intermittent=0.2),
    Shape(series=50, shortest=20, median=40, longest=60, horizon=6),
    Shape(series=50, shortest=60, median=200, longest=400, horizon=14, seasons=(7,), positive=False, intermittent=0.8),
    Shape(series=5, shortest=2000, median=3000, longest=4000, horizon=48, seasons=(24, 168)),
)  # fmt: skip
"""Series for which learners' spaces are put together and first trials chosen: with a season, without one, with mostly
zeros, with two seasons."""

MORE_TRIALS = 8
"""Trials that the search may ask for, beside those that are tried first."""


def learners() -> list[Any]:
    """All learners, whether or not their libraries are here: what a template says does not depend on that."""
    known = registry.names()
    return [registry.find(name) for name in sorted(known, key=lambda name: FIRST.index(name) if name in FIRST else 99)]


def learner_parameters() -> dict[str, dict[str, Any]]:
    """The engine's whole space, with what only a template says of a parameter."""
    chosen = learners()
    found = _whole_space(chosen)
    learner = found["learner"]
    learner["weights"] = [0.0 if each.optional else 1.0 for each in chosen]
    return {name: _told(name, parameter) for name, parameter in found.items()}


def _whole_space(chosen: list[Any]) -> dict[str, dict[str, Any]]:
    """Parameters that learners have for any of `SHAPES`: some exist only where there is no season, say."""
    found: dict[str, dict[str, Any]] = {}
    for shape in SHAPES:
        for name, parameter in space(shape, chosen).items():
            found.setdefault(name, parameter)
    order = [each.name for each in chosen]
    rank = {name: -1 if name == "learner" else order.index(name.partition(".")[0]) for name in found}
    return dict(sorted(found.items(), key=lambda item: rank[item[0]]))


def _told(name: str, parameter: dict[str, Any]) -> dict[str, Any]:
    own, _, of = name.rpartition(".")
    titles = {each.name: each.title for each in learners()}
    words = HELP.get(name) or HELP.get(of) or of.replace("_", " ")
    text = f"{titles[own]}: {words[0].lower()}{words[1:]}" if own in titles else words
    return {**parameter, "search": True, "help": text}


def first_trials() -> list[dict[str, Any]]:
    """The portfolios of all shapes, in turns; each combination once."""
    usual = [each for each in learners() if not each.optional]
    parameters = _whole_space(usual)
    lists = [portfolio(shape, [each for each in usual if each.suits(shape)], parameters) for shape in SHAPES]
    found: list[dict[str, Any]] = []
    for place in range(max(map(len, lists))):
        for each in lists:
            if place < len(each):
                whole = _whole(each[place], parameters)
                if whole not in found:
                    found.append(whole)
    return found


def _whole(params: dict[str, Any], parameters: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """With the defaults of what the learner takes and the portfolio says nothing of: a first trial has every value."""
    own = f"{params['learner']}."
    whole = {"learner": params["learner"]}
    for name, parameter in parameters.items():
        conditions = parameter.get("when", {})
        if name.startswith(own) and all(whole.get(each) in values for each, values in conditions.items()):
            whole[name] = params.get(name, parameter.get("default"))
    return whole


def option_parameters() -> dict[str, dict[str, Any]]:
    """The engine's options that a file sets and no search changes; one without a default is decided by the data."""

    def choice(values: Any, default: Any = None) -> dict[str, Any]:
        told: dict[str, Any] = {"type": "choice", "values": list(values)}
        return told if default is None else {**told, "default": default}

    def whole(low: int, high: int, default: int | None = None) -> dict[str, Any]:
        told: dict[str, Any] = {"type": "int", "low": low, "high": high}
        return told if default is None else {**told, "default": default}

    def free(kind: str, value: Any = "auto") -> dict[str, Any]:
        return {"type": "fixed", "value": value, "free": kind}

    metrics = [each for each in names() if "(" not in each]
    found = {
        "horizon": whole(1, 100_000), "frequency": free("text"), "season": free("any"), "zone": free("text"),
        "metric": choice([*metrics, "pinball"], DEFAULT),
        "quantile": {"type": "uniform", "low": 0.01, "high": 0.99}, "levels": free("list", list(LEVELS)),
        "duplicates": choice(get_args(Duplicates), "refuse"), "unusable": choice(("refuse", "leave_out"), "refuse"),
        "nonnegative": choice((True, False)), "origins": whole(1, 1000), "step": whole(1, 100_000),
        "test": choice((True, False)), "ensemble": whole(1, 100, 6), "threads": whole(1, 256, 1),
        "seed": whole(0, 1_000_000, 0),
    }  # fmt: skip
    return {name: {**parameter, "search": "never", "help": OPTION_HELP[name]} for name, parameter in found.items()}


def document(requires: list[str]) -> str:
    """The whole template.yaml.

    Args:
        requires: what the extra `series` brings.
    """
    first = first_trials()
    parts = [
        "# Written by `python -m automl_core.forecasting.program.describing templates` from what the engine searches.",
        lines({
            "template": NAME, "version": VERSION, "title": "Series: forecasts",
            "description": "From a table of series (sales, load, visits) to forecasts with intervals, without training "
            "code: gaps, short series and clock changes are looked for, learners judged by rolling origins, the best "
            "put together, judged once on what came last. A report is left beside the model.",
            "kind": "forecasting", "requires": requires,
        }),
        group("data", {
            "train": {"required": True, "help": "A row a series and time: csv, tsv, Parquet, JSON lines, or a table"},
        }),
        group("columns", {
            "time": {"required": True, "help": "When: dates, times, months, or whole numbers"},
            "target": {"required": True, "help": "The column to forecast"},
            "series": {"help": "Columns that tell series apart: a shop, a shop and an article; without: one series"},
            "known": {"help": "Columns whose future is known: holidays, prices. Rows after the end have them"},
            "ignore": {"help": "Columns that are not read, and about which nothing is said"},
        }),
        group("parameters", learner_parameters() | option_parameters()),
        "more_parameters: false",
        "goal: {metric: loss, direction: minimize, final: last}    # the metric, turned so that lower is better",
        f"trials: {{max: {len(first) + MORE_TRIALS}, concurrency: 2, "
        "early_stopping: {rule: median, delay: 2, min_trials: 5, proportion: 0.2}}",
        "spec_file: {format: yaml}",
        f"environment: {{lock: {LOCK}}}    # statsforecast needs an older pandas than Airflow has",
        stage("prepare", "prepare", PRELOAD),
        "tasks:\n" + task("train", "trial", PRELOAD, step="origin"),
        stage("conclude", "conclude", PRELOAD),
        "search:\n  algorithm: tpe\n  warm_start:    # each is tried first\n"
        + "".join(f"    - {flow(each)}\n" for each in first),
    ]  # fmt: skip
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def main() -> None:
    """Write the file."""
    folder = Path(sys.argv[1])
    file = folder / NAME / str(VERSION) / "template.yaml"
    file.write_text(document(requires_of(folder.resolve().parent / "pyproject.toml", "series")), encoding="utf-8")
    print(file)


if __name__ == "__main__":
    main()
