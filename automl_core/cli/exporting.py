"""``automl export``: a run in the file layout of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Write a run in the file layout of another tool.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Write a run in the file layout of another tool."""


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
