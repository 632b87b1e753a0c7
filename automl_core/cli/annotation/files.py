"""``automl annotation export`` and ``import``: items out, labels in, as JSON lines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from automl_core.cli.annotation.places import By, Target
from automl_core.cli.remote import AsJson

TOLD = 20
"""Problems that are written one by one; how many there are besides is told."""


def export(
    target: Target,
    batch: Annotated[
        int | None, typer.Option("--batch", metavar="N", min=1, help="One batch; all that are open if not given.")
    ] = None,
    opinions: Annotated[
        bool, typer.Option("--opinions", help="With what a model thinks, for items that measure nobody.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Standard output if not given.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write the items that people are asked about as JSON lines, the most useful first."""
    from automl_core.annotation.exchange import Opinion, export_tasks
    from automl_core.annotation.exchange.opinions import opinions_of
    from automl_core.cli.annotation.places import find_project, open_project
    from automl_core.cli.new import write_file
    from automl_core.cli.output import plural, tell

    project = open_project(find_project(target))
    thought: dict[str, Opinion] = {}
    numbers = [each.number for each in project.state.open_batches()] if batch is None else [batch]
    for number in numbers if opinions else ():
        if number in project.state.batches:
            thought |= opinions_of(project, number)
    lines = list(export_tasks(project, batch, opinions=thought))
    if output is None:
        for line in lines:
            print(line)
    else:
        write_file(output, "".join(f"{line}\n" for line in lines), force=force)
    where = f" in {output}" if output is not None else ""
    tell(f"{plural(len(lines), 'item')}{where}" if lines else f"{project.name}: nothing is asked of anybody now")


def import_(
    target: Target,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines; - for standard input.", show_default=False)],
    author: Annotated[
        str | None,
        typer.Option("--author", metavar="NAME", help="Of lines that name none; who brings them if not given."),
    ] = None,
    imported: Annotated[
        bool, typer.Option("--imported", help="They are from elsewhere: nobody looked at these items for this project.")
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Take in labels from JSON lines: those of `export`, filled in, or simply what is shown and a label.

    The same file again adds nothing. What is wrong is told with its line and field, and keeps nothing else out; then
    the exit code is 1.
    """
    import sys

    from automl_core.annotation.exchange import import_labels
    from automl_core.annotation.project import Source
    from automl_core.cli.annotation.places import find_project, open_project, person
    from automl_core.cli.output import print_json, tell
    from automl_core.cli.places import UserError

    who = person(by)
    name = author or ("" if imported else who.name)
    if imported and not name:
        raise UserError("--author: say where they are from: the name stands at each label")
    project = open_project(find_project(target))
    source = Source.IMPORTED if imported else Source.PERSON
    try:
        if str(file) == "-":
            told = import_labels(project, sys.stdin.buffer, who, source, author=name, file="standard input")
        else:
            with file.open("rb") as lines:
                told = import_labels(project, lines, who, source, author=name, file=str(file))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror or error}") from None
    made = told.labelled
    if as_json:
        print_json({
            "new": made.new, "changed": made.changed, "same": made.same, "unanswered": told.unanswered,
            "refused": len(told.refused), "problems": [each.to_json() for each in told.problems],
        })  # fmt: skip
    else:
        for each in told.problems[:TOLD]:
            tell(str(each))
        if len(told.problems) > TOLD:
            tell(f"… and {len(told.problems) - TOLD:,} more; --json has them all")
        print(told)
    if told.refused:
        raise typer.Exit(1)
