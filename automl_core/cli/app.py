"""The commands of ``automl`` put together, and what becomes of their errors."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import typer
from typer.main import get_command_name, get_group

from automl_core.cli import (
    annotation,
    audit,
    details,
    exporting,
    files,
    gc,
    importing,
    look,
    models,
    new,
    predicting,
    remote,
    results,
    run,
    runs,
    serve,
    serving,
    status,
    templates,
    trying,
)

if TYPE_CHECKING:
    from typer.core import TyperGroup
    from typer.models import CommandInfo

app = typer.Typer(
    name="automl",
    help="Find the best hyperparameters: experiment files, their runs in Airflow, and their results.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(templates.template, name="template")
app.add_typer(models.app, name="model")
app.add_typer(annotation.app, name="annotation")
app.command()(new.new)
app.command()(files.validate)
app.command()(files.schema)
app.command()(look.preview)
app.command("try")(trying.try_)
app.command()(look.algorithms)
app.command()(run.run)
app.command()(status.status)
app.command()(results.results)
app.command()(status.stop)
app.command()(remote.experiments)
app.command()(remote.trials)
app.command()(details.details)
app.command()(predicting.predict)
app.command()(serve.serve)
app.add_typer(serving.app, name="serving")
app.command()(runs.follow)
app.command()(runs.compare)
app.command()(remote.edit)
app.command()(remote.extend)
app.command()(remote.rerun)
app.command()(remote.cancel)
app.command()(remote.clone)
app.command()(gc.gc)
app.command()(audit.audit)
app.add_typer(importing.app, name="import")
app.add_typer(exporting.app, name="export")

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: its name and arguments; those of the process when left out.

    Returns:
        0 when all went well, 1 when not, 2 for a wrong call, 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        _commands(arguments[0] if arguments and arguments[0] in _names() else None)(args=arguments, prog_name="automl")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `automl results … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        from automl_core.extras import advice

        said = advice(error, f"`automl {' '.join((argv or sys.argv[1:])[:1])}`")
        if said is None and not _is_for_people(error):
            raise
        print(said or error, file=sys.stderr)
        return 1
    return 0


@cache
def _commands(name: str | None) -> TyperGroup:
    """The commands as typer makes them of their functions' signatures: all, or the one that a line begins with.

    To make the seventy takes a third of a second of CPU, which each call of one of them would wait for.
    """
    if name is None:
        return get_group(app)
    one = copy.copy(app)
    one.registered_commands = [each for each in app.registered_commands if _name(each) == name]
    one.registered_groups = [each for each in app.registered_groups if each.name == name]
    return get_group(one)


@cache
def _names() -> frozenset[str]:
    """What a line may begin with."""
    return frozenset([*map(_name, app.registered_commands), *(str(each.name) for each in app.registered_groups)])


def _name(command: CommandInfo) -> str:
    assert command.callback is not None
    return command.name or get_command_name(command.callback.__name__)


def _is_for_people(error: Exception) -> bool:
    """Whether an error's text says all that its reader needs; any other is a defect and keeps its traceback."""
    from automl_core.cli.places import UserError
    from automl_core.client.errors import ClientError
    from automl_core.importing.trials import CannotImport
    from automl_core.models.evaluation.options import NotEvaluated
    from automl_core.models.life.refusals import NotOffered, Refused
    from automl_core.spec.errors import SpecError
    from automl_core.storage.base import StorageError

    return isinstance(
        error,
        SpecError
        | ClientError
        | StorageError
        | UserError
        | CannotImport
        | LookupError
        | Refused
        | NotOffered
        | NotEvaluated,
    ) and not isinstance(error, KeyError | IndexError)
