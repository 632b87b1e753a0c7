"""``automl results``: the leaderboard."""

from __future__ import annotations

from typing import Annotated

import typer


def results(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="Folder or address of a run or experiment, a controller.json, or an experiment's name."
        ),
    ],
    top: Annotated[int | None, typer.Option("--top", "-n", min=1, help="Trials to show; all if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV, each metric and parameter a column.")] = False,
) -> None:
    """Show the leaderboard of an experiment, published or still running."""
    from pathlib import Path

    from automl_core.cli.output import console, print_json
    from automl_core.cli.places import UserError, find_run, from_here_or_server
    from automl_core.results.leaderboard import Leaderboard, leaderboard

    if as_json and as_csv:
        raise typer.BadParameter("--json and --csv exclude each other")
    named = "://" not in path and not Path(path).is_dir() and not path.endswith(".json")

    def here() -> Leaderboard:
        try:
            return leaderboard(find_run(path).folder if named else path)
        except ValueError as error:
            raise UserError(str(error)) from None

    board = from_here_or_server(path, None, here, lambda served: served.leaderboard()) if named else here()
    if as_json:
        print_json(board.to_json(top))
    elif as_csv:
        print(board.to_csv(top), end="")
    else:
        console().print(board.to_table(top))
        print(board.head())
