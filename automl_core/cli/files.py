"""``automl validate`` and ``automl schema``: files of experiments, models and annotation projects, without Airflow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from automl_core.spec.errors import Problem


class Kind(StrEnum):
    """What a file is about."""

    EXPERIMENT = "experiment"
    MODEL = "model"
    ANNOTATION = "annotation"


def validate(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE…",
            help="Files of experiments, models and annotation projects, or folders of such.",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Write problems, warnings and notes as JSON.")] = False,
) -> None:
    """Check files, whatever their kind: every problem with its line, what is allowed, and the nearest right name.

    Warnings are of what is valid but may do something else than was meant, notes of what is worth knowing; the exit
    code is 0 with them.
    """
    from automl_core.cli.output import print_json
    from automl_core.spec.errors import SpecError
    from automl_core.spec.names import dag_ids, experiment_files, stated_kind

    problems: list[Problem] = []
    names: dict[str, Path] = {}
    for path in [each for given in files for each in (experiment_files(given) if given.is_dir() else [given])]:
        try:
            kind = stated_kind(path)
            name, warnings = _examine(path, kind)
            taken = [names.setdefault(dag, path) for dag in dag_ids(kind, name)]
            first = next((other for other in taken if other != path), None)
            if first is not None:
                raise SpecError([_name_problem(path, name, first, kind)])
        except SpecError as error:
            problems.extend(error.problems)
        else:
            problems.extend(warnings)
            to_look_at = sum(each.severity == "warning" for each in warnings)
            if not as_json:
                print(f"{path}: valid{f', with {to_look_at} to look at' if to_look_at else ''}")
    if as_json:
        print_json([problem.to_json() for problem in problems])
    else:
        for problem in problems:
            print(problem)
    raise typer.Exit(1 if any(problem.severity == "error" for problem in problems) else 0)


def _examine(path: Path, kind: str) -> tuple[str, Sequence[Problem]]:
    """The name of a valid file, and what in it may be a slip or is worth knowing.

    Raises:
        SpecError: anything in it is wrong.
    """
    from automl_core.cli.places import home
    from automl_core.spec.bundles import bundle_of
    from automl_core.spec.kinds import ANNOTATION, MODEL

    if kind == MODEL:
        from automl_core.models.file.checks import examine_model_file

        found = examine_model_file(path)
        return found.file.name, found.warnings
    if kind == ANNOTATION:
        from automl_core.annotation.file.checks import examine_annotation_file
        from automl_core.annotation.file.here import items_here
        from automl_core.cli.annotation_file import columns_of

        project = examine_annotation_file(path)
        columns = columns_of(project.file, path, items_here(project.file, home(), bundle_of(path)))
        return project.file.name, [*project.warnings, *columns]
    from automl_core.preview.checks import examine_file

    examined = examine_file(path, home())
    return examined.experiment.name, examined.warnings


def _name_problem(path: Path, name: str, other: Path, kind: str) -> Problem:
    from automl_core.annotation.file import checks as annotations
    from automl_core.models.file import checks as models
    from automl_core.preview import checks as experiments
    from automl_core.spec.kinds import ANNOTATION, MODEL

    whose = {MODEL: models.name_problem, ANNOTATION: annotations.name_problem}.get(kind, experiments.name_problem)
    return whose(path, name, other)


def schema(
    kind: Annotated[
        Kind,
        typer.Argument(metavar="[KIND]", help="Of which files: experiment, model or annotation.", show_default=True),
    ] = Kind.EXPERIMENT,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; the terminal if none.")] = None,
) -> None:
    """Write the JSON Schema of files of one kind, for editors.

    In such a file, this line makes editors with the YAML language server use it:
    # yaml-language-server: $schema=experiment.schema.json
    """
    if kind is Kind.MODEL:
        from automl_core.models.file.schema import model_schema as made
    elif kind is Kind.ANNOTATION:
        from automl_core.annotation.file.schema import annotation_schema as made
    else:
        from automl_core.spec.schema import experiment_schema as made

    text = json.dumps(made(), indent=2, ensure_ascii=False)
    if output is None:
        print(text)
        return
    from automl_core.cli.places import UserError

    try:
        output.write_text(text + "\n")
    except OSError as error:
        raise UserError(f"{output} can't be written: {error.strerror}") from None
