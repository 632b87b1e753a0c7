"""The commands of ``automl annotation`` put together."""

from __future__ import annotations

import typer

from automl_core.cli.annotation import writing

app = typer.Typer(help="Annotation projects: labels of people and of models.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Annotation projects: labels of people and of models, what they cost, and what they bring."""


app.command()(writing.new)
