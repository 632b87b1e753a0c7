"""The commands of ``automl annotation`` put together."""

from __future__ import annotations

import typer

from automl_core.cli.annotation import files, labelling, looking

app = typer.Typer(help="Annotation projects: what they ask, what people have said, what it cost.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """Annotation projects, straight on their storage: whoever has its keys reads its items and writes its labels."""


app.command("list")(looking.list_)
app.command()(looking.status)
app.command()(looking.check)
app.command()(looking.ledger)
app.command()(files.export)
app.command("import")(files.import_)
app.command()(labelling.label)
app.command()(labelling.retire)
