"""``automl details``: what a model gets right and wrong, of a trial in Airflow or of a file of predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from automl_core.cli.remote import AsJson, RunId

if TYPE_CHECKING:
    from rich.table import Table

MOST_CLASSES = 25
"""Classes that are listed; --json has more."""

MOST_PAIRS = 8


def details(
    target: Annotated[
        str,
        typer.Argument(metavar="NAME|FILE", help="Experiment's name, or a file of predictions.", show_default=False),
    ],
    trial: Annotated[
        int | None, typer.Argument(metavar="TRIAL", min=0, help="Number of the trial; the best if not given.")
    ] = None,
    run_id: RunId = None,
    rows: Annotated[bool, typer.Option("--rows", help="The worst errors with their rows.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a model gets right and wrong: per class, what is taken for what, the worst errors; how it fits."""
    from automl_core.cli.output import console, print_json

    summary, worst, fits = _of_file(Path(target)) if _is_file(target) else _of_trial(target, trial, run_id, rows)
    if as_json:
        print_json({"details": summary, "fits": fits, **({"rows": worst} if rows else {})})
        return
    for line in _head(summary, fits):
        print(line)
    for table in _tables(summary):
        console().print(table)
    if rows:
        for table in _rows(worst):
            console().print(table)


def _is_file(target: str) -> bool:
    return target.endswith((".parquet", ".csv"))


Told = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]
"""Summary, worst errors, how it fits."""


def _of_file(path: Path) -> Told:
    """Sum up a file on this machine: what a training would be shown with, before it runs anywhere.

    Raises:
        UserError: there is no such file, it is not what it should be, or pyarrow is missing.
    """
    from automl_core.cli.places import UserError
    from automl_core.details import BadPredictions

    if not path.is_file():
        raise UserError(f"there is no file {path}")
    try:
        from automl_core.details.make import details_of
    except ImportError as error:
        raise UserError(f"files of predictions are read by pyarrow ({error}): pip install pyarrow") from None
    try:
        return (*details_of(path), [])
    except BadPredictions as error:
        raise UserError(str(error)) from None


def _of_trial(name: str, number: int | None, run_id: str | None, rows: bool) -> Told:
    """Ask the server.

    Raises:
        ClientError: it can't be asked, or there are no details.
        UserError: no trial has a value yet.
    """
    from automl_core.cli import remote
    from automl_core.cli.places import UserError
    from automl_core.client.errors import NotKnown

    with remote.connect() as automl:
        run = automl.run(name, run_id)
        if number is None:
            best = run.best
            if best is None:
                raise UserError(f"{name}: no trial has a value yet; name one: automl details {name} 0")
            number = int(best["trial"])
        trial = run.trial(number)
        fits = trial.fit()
        try:
            summary = trial.details()
        except NotKnown:
            if rows or not fits:
                raise
            summary = {"kind": None}
        worst = run.get(f"trials/{number}/details/rows") if rows else {}
        return {"trial": number, **summary}, worst, fits


def _head(summary: Mapping[str, Any], fits: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    from automl_core.cli.output import number

    if "trial" in summary:
        yield f"trial {summary['trial']}"
    if summary["kind"] is not None:
        left = "".join(f"; {count:,} {why}" for why, count in summary["left_out"].items())
        counted = f"{summary['counted']:,} of {summary['rows']:,} rows{', weighted' if summary['weighted'] else ''}"
        yield f"{summary['file']}: {summary['kind']}, {counted}{left}"
        yield "  ".join(f"{name} {number(value)}" for name, value in summary["overall"].items())
        scores = summary.get("scores")
        for curve in scores["curves"] if scores else ():
            areas = f"ROC AUC {number(curve['roc_auc'])}, average precision {number(curve['average_precision'])}"
            yield f"{curve['class']} against the rest: {areas}"
        if scores and scores["calibration"]:
            yield f"expected calibration error {number(scores['calibration']['expected_error'])}"
    else:
        yield "no predictions were left: predictions.parquet or predictions.csv in the model folder"
    for each in fits:
        yield each["text"]


def _tables(summary: Mapping[str, Any]) -> Iterator[Table]:
    from automl_core.cli.output import number

    if summary["kind"] == "classification":
        columns = summary["per_class"]
        names = ("class", "support", "predicted", "precision", "recall", "f1")
        shown = list(zip(*(columns[name] for name in names), strict=True))
        title = f"{MOST_CLASSES} of {summary['classes']} classes" if len(shown) > MOST_CLASSES else None
        yield _table(names, [[row[0], *map(number, row[1:])] for row in shown[:MOST_CLASSES]], title)
        pairs = summary["most_confused"][:MOST_PAIRS]
        if pairs:
            rows = [[each["truth"], each["prediction"], number(each["rows"]), number(each["share"])] for each in pairs]
            yield _table(("truth", "taken for", "rows", "of its class"), rows)
    elif summary["kind"] == "regression":
        quantiles = summary["quantiles"]
        rows = [
            [f"{share:.0%}", number(error), number(size)]
            for share, error, size in zip(*(quantiles[k] for k in ("share", "residual", "absolute")), strict=True)
        ]
        yield _table(("quantile", "prediction - truth", "absolute"), rows)


def _rows(worst: Mapping[str, Any]) -> Iterator[Table]:
    from automl_core.cli.output import number

    third = "error" if worst["kind"] == "regression" else "confidence"
    for group in worst["groups"]:
        title = None if group["class"] is None else f"{group['class']}: {group['wrong']:,} wrong"
        head = ("id", "truth", "prediction", third, *worst["columns"])
        rows = [
            [
                row["id"] if row["id"] is not None else f"row {row['row']}",
                _cell(row["truth"]), _cell(row["prediction"]), number(row[third]),
                *(_cell(row["values"][name]) for name in worst["columns"]),
            ]
            for row in group["rows"]
        ]  # fmt: skip
        yield _table(head, rows, title)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title and Text(title), title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in head:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*map(Text, row))
    return table
