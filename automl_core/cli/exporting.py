"""``automl export``: a run as another tool keeps one: its files, or its server; a model as SQL or ONNX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from automl_core.cli.remote import RunId

if TYPE_CHECKING:
    from automl_core.tracking import MlflowServer

app = typer.Typer(help="Write a run as another tool keeps one, or a model as SQL or ONNX.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Write a run as another tool keeps one, or a model as SQL or ONNX."""


@app.command("tao")
def tao(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="Folder or address of a run or experiment, or an experiment's name.")
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write; empty, or not there yet.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Write a run as NVIDIA TAO's AutoML leaves one: .automl/ of its package, and the layout of its document."""
    from dataclasses import asdict

    from automl_core.cli.output import plural, print_json
    from automl_core.cli.places import UserError, find_run
    from automl_core.tao.export import CannotExport, export

    named = "://" not in run and not Path(run).is_dir()
    try:
        done = export(find_run(run).folder if named else run, folder)
    except CannotExport as error:
        raise UserError(str(error)) from None
    if as_json:
        print_json(asdict(done) | {"folder": str(folder)})
        return
    best = "none has a value" if done.best is None else f"the best is {done.best}"
    settings = f'"session_id": "{done.session}", "metric": "{done.metric}", "direction": "{done.direction}"'
    print(
        f"{plural(done.recommendations, 'recommendation')}, {best}: {plural(len(done.files), 'file')} in {folder}\n"
        f'  read it    AutoML("{folder}", …, settings={{"algorithm": "bayesian", {settings}}}, resume=True)'
    )


@app.command("mlflow")
def mlflow(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="Folder or address of a run or experiment, or an experiment's name; with --model a model's.",
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="URL", envvar="MLFLOW_TRACKING_URI", help="Address of the MLflow server.")
    ],
    model: Annotated[
        bool, typer.Option("--model", help="A model's versions, with the aliases champion and challenger.")
    ] = False,
    registered: Annotated[
        str | None,
        typer.Option("--registered", metavar="NAME", help="Registered model of MLflow; the own name by default."),
    ] = None,
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", metavar="NAME", help="Experiment of MLflow; the own name by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Write a run to an MLflow server, its trials as nested runs, or a model's versions; again, to bring it up to date.

    Who asks is in MLFLOW_TRACKING_TOKEN, or in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    """
    if model:
        _registry(run, to, registered, as_json)
        return
    from dataclasses import asdict

    from automl_core.cli.output import plural, print_json
    from automl_core.cli.places import UserError, find_run
    from automl_core.results.reading import find_run as run_in
    from automl_core.storage import open_store
    from automl_core.study.journal import StudyJournal
    from automl_core.tracking import MlflowError, track

    named = "://" not in run and not Path(run).is_dir()
    place = find_run(run).folder if named else run
    store = open_store(place.rstrip("/"), None)
    try:
        prefix = run_in(store)
    except LookupError as error:
        raise UserError(str(error)) from None
    state = StudyJournal(store, prefix).refresh()
    if not state.created:
        raise UserError(f"{store.url}/{prefix}: a result without its journal can't be exported")
    try:
        with _mlflow(to) as server:
            done = track(server, store, prefix, state, name=experiment, said=lambda text: print(text, file=sys.stderr))
    except MlflowError as error:
        raise UserError(str(error)) from None
    if as_json:
        print_json(asdict(done) | {"server": server.url})
        return
    kept = f", {done.kept} stood there already" if done.kept else ""
    print(
        f"{plural(done.written, 'trial')} written{kept}: {server.url}/#/experiments/{done.experiment}/runs/{done.run}"
    )


def _registry(target: str, to: str, registered: str | None, as_json: bool) -> None:
    """The versions of a model, in MLflow's registry."""
    from dataclasses import asdict

    from automl_core.cli.models.desks import Here
    from automl_core.cli.models.places import find_model
    from automl_core.cli.output import print_json
    from automl_core.cli.places import UserError
    from automl_core.tracking import MlflowError, register
    from automl_core.tracking.registry import shown

    known = find_model(target)
    named = known.file.mlflow.name if known.file is not None and known.file.mlflow is not None else None
    life = Here(known).life
    try:
        with _mlflow(to) as server:
            done = register(server, life.state, known.name, life.store.url, name=registered or named)
    except MlflowError as error:
        raise UserError(str(error)) from None
    if as_json:
        print_json(asdict(done) | {"server": server.url})
        return
    print(f"{shown(done)}\n{server.url}/#/models/{done.name}")


def _mlflow(url: str) -> MlflowServer:
    """An MLflow server, and who asks it by the environment's words of MLflow."""
    import os

    from automl_core.tracking import MlflowServer

    token, user, secret = (os.environ.get(f"MLFLOW_TRACKING_{key}", "") for key in ("TOKEN", "USERNAME", "PASSWORD"))
    return MlflowServer(url, token=token, username=user, password=secret)


@app.command("sql")
def sql(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", show_default=False,
            help="Folder of a model, here or in a store (s3://…), or an experiment whose best model is meant.",
        ),
    ],
    table: Annotated[str, typer.Option("--table", metavar="TABLE", help="The table whose rows are scored.")],
    dialect: Annotated[
        str, typer.Option("--dialect", metavar="NAME", help="maxcompute, ansi or duckdb.")
    ] = "maxcompute",
    into: Annotated[
        str | None, typer.Option("--into", metavar="TABLE", help="Make a table of the result; else it is a SELECT.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Drop the table of --into first.")] = False,
    keep: Annotated[
        list[str] | None, typer.Option("--keep", metavar="COLUMN", help="Copy a column of the rows; may be repeated.")
    ] = None,
    proba: Annotated[bool, typer.Option("--proba", help="The probability of each class as well.")] = False,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="COLUMN=TYPE", help="A column's type in the table, where training had another."),
    ] = None,
    absent: Annotated[
        list[str] | None,
        typer.Option("--absent", metavar="COLUMN", help="The table lacks this optional column; may be repeated."),
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", metavar="CONDITION", help="Which rows: a condition, such as a partition.")
    ] = None,
    most_bytes: Annotated[
        int | None, typer.Option("--most-bytes", metavar="N", min=10_000, help="Of a statement; more make several.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here, not to the terminal.")] = None,
    run_id: RunId = None,
) -> None:  # fmt: skip
    """Write a model as SQL that scores a table where it is: one statement, or several where they would be too large."""
    from automl_core.cli.output import plural, tell
    from automl_core.cli.places import UserError
    from automl_core.cli.predicting import folder_of
    from automl_core.extras import needed_by

    given = {}
    for each in types or ():
        name, equals, type_ = each.rpartition("=")
        if not equals or not name or not type_:
            raise UserError(f"--type {each}: give COLUMN=TYPE, such as age=bigint")
        given[name] = type_
    with needed_by("`automl export sql`", "sql"), folder_of(model, run_id) as folder:
        from automl_core.modelfile.model import read_info
        from automl_core.modelfile.sql.scoring import to_sql
        from automl_core.modelfile.writing import FORECASTING

        try:
            if read_info(folder)["problem"].get("kind") == FORECASTING:
                raise UserError(f"{folder} is a model of series, and only models of tables become SQL")
            script = to_sql(
                folder, table=table, dialect=dialect, keep=keep or (), into=into, replace=replace, types=given,
                output="probabilities" if proba else "prediction", where=where, most_bytes=most_bytes,
                absent=absent or (),
            )  # fmt: skip
        except (OSError, ValueError) as error:
            raise UserError(str(error)) from None
    for name, type_ in script.assumed.items():
        tell(
            f"note: {name} is a category of {type_}s, which training read from texts; {table}.{name} is taken for a "
            f"{type_.upper()}. Where it has texts, give --type {name}=STRING"
        )
    if out is None:
        print(script.text, end="")
        return
    out.write_text(script.text, encoding="utf-8")
    statements = len(script.steps) + len(script.cleanup)
    tell(
        f"{plural(statements, 'statement')} of {script.dialect} in {out}; reads {', '.join(script.reads) or 'nothing'}"
    )


@app.command("onnx")
def onnx(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", show_default=False,
            help="Folder of a model, here or in a store (s3://…), or an experiment whose best model is meant.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write.")] = Path("model.onnx"),
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="X", min=0.0, help="What outputs of golden rows may differ by.")
    ] = 1e-5,
    run_id: RunId = None,
) -> None:  # fmt: skip
    """Write a model of a table as ONNX, if onnxruntime says of its golden rows what the model says of them."""
    from automl_core.cli.output import tell
    from automl_core.cli.places import UserError
    from automl_core.cli.predicting import folder_of
    from automl_core.extras import needed_by

    with needed_by("`automl export onnx`", "onnx"), folder_of(model, run_id) as folder:
        from automl_core.modelfile.model import read_info
        from automl_core.modelfile.onnx.exporting import export
        from automl_core.modelfile.writing import FORECASTING

        try:
            if read_info(folder)["problem"].get("kind") == FORECASTING:
                raise UserError(f"{folder} is a model of series, and only models of tables become ONNX")
            done = export(folder, out, tolerance=tolerance)
        except (OSError, ValueError) as error:
            raise UserError(str(error)) from None
    tell(f"{done.path}: {', '.join(done.inputs)} → {', '.join(done.outputs)}; {done.compared}")
