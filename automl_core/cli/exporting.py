"""``automl export``: a run as another tool keeps one: its files, or its server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Write a run as another tool keeps one.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Write a run as another tool keeps one."""


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
        str, typer.Argument(metavar="RUN", help="Folder or address of a run or experiment, or an experiment's name.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="URL", envvar="MLFLOW_TRACKING_URI", help="Address of the MLflow server.")
    ],
    experiment: Annotated[
        str | None,
        typer.Option("--experiment", metavar="NAME", help="Experiment of MLflow; the own name by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Write a run to an MLflow server, its trials as nested runs; again, to bring it up to date.

    Who asks is in MLFLOW_TRACKING_TOKEN, or in MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    """
    import os
    from dataclasses import asdict

    from automl_core.cli.output import plural, print_json
    from automl_core.cli.places import UserError, find_run
    from automl_core.results.reading import find_run as run_in
    from automl_core.storage import open_store
    from automl_core.study.journal import StudyJournal
    from automl_core.tracking import MlflowError, MlflowServer, track

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
    token, user, secret = (os.environ.get(f"MLFLOW_TRACKING_{key}", "") for key in ("TOKEN", "USERNAME", "PASSWORD"))
    try:
        with MlflowServer(to, token=token, username=user, password=secret) as server:
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
