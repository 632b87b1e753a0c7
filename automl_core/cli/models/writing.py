"""``automl model new`` and ``check``: the file of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from automl_core.cli.remote import AsJson

_TEXT = """\
# The life of the model {name}: docs/models.md says what each group does, `automl model check` what is wrong in it.
kind: model
name: {name}
output: {{storage: {storage}{connection}}}

candidates: {{experiments: [{experiment}]}}   # what {experiment} publishes becomes a version

evaluate:
  data: {data}                    # the latest rows with their outcome, that no version was trained on
{target}
accept:
  when: better                   # or not_worse, or passes (the regression tests alone)
  by: {by}                     # or a list of users; nobody: by itself, where `when` holds
  within: 3d                     # nobody's silence accepts
{deploy}"""

_UNKNOWN = "  # target: outcome              # with `program`, of models that this product has not trained\n"

_PROGRAM = "  program: {{command: {command}}}   # scores models that this product has not trained\n"

_DEPLOY = """
deploy:                          # what is in use scores a new partition every night
  to: batch
  data: {rows}
  out: {out}
  schedule: "@daily"
{keep}"""


def new(
    name: Annotated[str, typer.Argument(help="Of the model.", show_default=False)],
    experiment: Annotated[
        str, typer.Option("--experiment", "-e", metavar="EXPERIMENT", help="Whose results become versions.")
    ],
    data: Annotated[
        str, typer.Option("--data", "-d", metavar="PLACE", help="The latest rows with their outcome, for evaluations.")
    ],
    rows: Annotated[
        str | None, typer.Option("--score", metavar="PLACE", help="New rows to score: s3://lake/rows/ds=${ds}.")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="PLACE", help="Where their scores go.")] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="COLUMN", help="What names a row.")] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COLUMN", help="What is predicted; else as the experiment says.")
    ] = None,
    program: Annotated[
        str | None,
        typer.Option("--program", metavar="COMMAND", help="Scores models that this product has not trained."),
    ] = None,
    by: Annotated[list[str] | None, typer.Option("--by", metavar="USER", help="Who may accept; several.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="experiments/NAME.model.yaml if none.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write the file of a model for an experiment: checked before it is written, and over no other file."""
    from automl_core.cli.new import write_file
    from automl_core.cli.places import FOLDER, UserError, find_experiment, home
    from automl_core.models.file import parse_model_document
    from automl_core.spec.kinds import MODEL
    from automl_core.spec.names import name_taken, taken_message
    from automl_core.templates import load_experiment

    path = output or home() / FOLDER / f"{name}.model.yaml"
    if (rows is None) != (out is None):
        raise UserError("--score and --out: both, or neither")
    found, where = find_experiment(experiment)
    storage, connection = "file://./runs", None
    if where is not None:
        spec = load_experiment(where)
        storage, connection = spec.output.storage, spec.output.connection
        named = spec.columns.get("target")
        target = target or (named if isinstance(named, str) else None)
    text = _TEXT.format(
        name=name, storage=_quoted(storage), experiment=found, data=_quoted(data),
        connection=f", connection: {_quoted(connection)}" if connection else "",
        target=_measured(target, key, program),
        by=f"[{', '.join(by)}]" if by else "anybody",
        deploy=_DEPLOY.format(
            rows=_quoted(rows), out=_quoted(out),
            keep=f"  keep: [{key}]                  # columns that stay\n" if key else "",
        ) if rows is not None else "",
    )  # fmt: skip
    parse_model_document(text, str(path))
    other = name_taken(path, name, kind=MODEL)
    if other is not None:
        raise UserError(taken_message(other, path, name, kind=MODEL))
    write_file(path, text, force=force)
    print(f"{path}\n  check it     automl model check {path}\n  offer it     automl model offer {name} {found}")


def _measured(target: str | None, key: str | None, program: str | None) -> str:
    """Lines of ``evaluate`` below its data."""
    lines = [f"  {field}: {_quoted(value)}\n" for field, value in (("target", target), ("key", key)) if value]
    if program is not None:
        lines.append(_PROGRAM.format(command=_quoted(program)))
    elif target is None:
        lines.append(_UNKNOWN)
    return "".join(lines)


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Model's file.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Check the file of a model: every problem with its line, then what may be a slip."""
    from automl_core.cli.output import print_json
    from automl_core.models.file.checks import examine_model_file
    from automl_core.models.file.rolling import served_line

    examined = examine_model_file(file)
    found, notes = examined.file, [str(each) for each in examined.warnings]
    body: dict[str, Any] = {
        "model": found.name, "dags": list(found.dag_ids),
        "candidates": [each.experiment for each in found.sources], "warnings": notes,
    }  # fmt: skip
    if as_json:
        print_json(body)
        return
    people = ", ".join(found.accept.people) or str(found.accept.by)
    print(f"{found.name}: {', '.join(found.dag_ids)}")
    print(f"  versions    what {', '.join(body['candidates'])} publishes")
    print(f"  accepted by {people}, where it is {found.accept.when.replace('_', ' ')}")
    if found.batch is not None:
        print(f"  scores      {found.batch.data} into {found.batch.out}")
    if found.served is not None:
        print(f"  answers     {served_line(found.served)}")
    for note in notes:
        print(note)


def _quoted(text: str | None) -> str:
    """A text as YAML has it, quoted where it must be."""
    import json

    assert text is not None
    plain = text.isascii() and all(each.isalnum() or each in "_./-" for each in text) and text[:1].isalpha()
    return text if plain else json.dumps(text, ensure_ascii=False)
