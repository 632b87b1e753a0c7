"""The commands of ``automl annotation`` put together."""

from __future__ import annotations

import typer

from automl_core.cli.annotation import files, labelling, looking, writing

app = typer.Typer(help="Annotation projects: labels of people and of models.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Annotation projects: labels of people and of models, what they cost, and what they bring.

    Straight on a project's storage: whoever has its keys reads its items and writes its labels.
    """


app.command()(writing.new)
app.command()(looking.check)
app.command("list")(looking.list_)
app.command()(looking.status)
app.command()(files.export)
app.command("import")(files.import_)
app.command()(labelling.label)
app.command()(labelling.retire)
app.command()(looking.ledger)
