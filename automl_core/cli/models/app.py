"""The commands of ``automl model`` put together."""

from __future__ import annotations

import typer

from automl_core.cli.models import acting, evaluating, looking, rolling, writing

app = typer.Typer(help="The life of a model: its versions, their evidence, what is in use.", no_args_is_help=True)


@app.callback()
def main() -> None:
    """The life of a model: its versions, their evidence, what is in use and was, and what people decide."""


app.command("list")(looking.list_)
app.command()(looking.show)
app.command()(looking.history)
app.command()(looking.evidence)
app.command()(looking.efficiency)
app.command()(looking.pull)
app.command()(writing.new)
app.command()(writing.check)
app.command()(acting.offer)
app.command()(evaluating.evaluate)
app.command()(acting.accept)
app.command()(acting.reject)
app.command("take-back")(acting.take_back)
app.command()(rolling.rollout)
app.command()(rolling.step)
app.command()(rolling.hold)
app.command()(rolling.release)
app.command()(acting.retire)
app.command()(acting.retrain)
app.command()(acting.score)
