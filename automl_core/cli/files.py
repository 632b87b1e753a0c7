"""``automl validate`` and ``automl schema``: experiment files, without Airflow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def validate(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Experiment files, or folders of such.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Write the problems as JSON.")] = False,
) -> None:
    """Check experiment files: every problem with its line, what is allowed, and the nearest right name."""
    from automl_core.cli.output import print_json
    from automl_core.preview.checks import check_file, name_problem
    from automl_core.preview.notes import notes_on
    from automl_core.spec.errors import Problem, SpecError
    from automl_core.spec.loader import read_text
    from automl_core.spec.names import experiment_files

    problems: list[Problem] = []
    names: dict[str, Path] = {}
    for path in [each for given in files for each in (experiment_files(given) if given.is_dir() else [given])]:
        try:
            experiment = check_file(path)
            first = names.setdefault(experiment.name, path)
            if first != path:
                raise SpecError([name_problem(path, experiment.name, first)])
        except SpecError as error:
            problems.extend(error.problems)
        else:
            if not as_json:
                print(f"{path}: valid")
                for note in notes_on(read_text(path), str(path)):
                    print(note)
    if as_json:
        print_json([problem.to_json() for problem in problems])
    else:
        for problem in problems:
            print(problem)
    raise typer.Exit(1 if problems else 0)


def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; the terminal if none.")] = None,
) -> None:
    """Write the JSON Schema of experiment files, for editors.

    In an experiment file, this line makes editors with the YAML language server use it:
    # yaml-language-server: $schema=experiment.schema.json
    """
    from automl_core.spec.schema import experiment_schema

    text = json.dumps(experiment_schema(), indent=2, ensure_ascii=False)
    if output is None:
        print(text)
        return
    from automl_core.cli.places import UserError

    try:
        output.write_text(text + "\n")
    except OSError as error:
        raise UserError(f"{output} can't be written: {error.strerror}") from None
