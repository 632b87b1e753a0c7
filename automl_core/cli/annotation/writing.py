"""``automl annotation new``: the file of a project, and those of its two experiments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from automl_core.annotation.file import AnnotationFile

_TEXT = """\
# Labels for {name}: docs/annotation-file.md says what each field does, `automl preview` what it all takes.
kind: annotation
name: {name}
output: {{storage: {storage}}}

items:
  data: {data}
{items}
labels:
  classes: {classes}
  # hints: {{{first}: "what people should know of it"}}

models:                          # two of different families: where both are sure and agree, their label is taken
{models}
agree: {agree}
people: {people}
stop: {stop}
"""

_EXPERIMENT = """\
# One of the models of the annotation project {project}, which trains it anew each round.
name: {name}

template: {template}
data: {{train: {newest}}}
columns: {columns}
set: {{folds: 3, repeats: 1, test_share: 0}}   # the project itself holds out what models are judged by
space: {{learner: {{values: {learners}}}}}       # families of its own, and none of the other model's

output: {{storage: {storage}}}
trials: {{max: 4, early_stopping: null}}
stop: {{deadline: 15m}}
"""

LEARNERS = {"trees": ["lightgbm", "extra_trees"], "linear": ["linear"]}
"""Ending of an experiment's name → the learners that it searches among: of one family, and none of the other's."""

_TEMPLATE = "table-classification"


def new(
    name: Annotated[str, typer.Argument(help="Of the project.", show_default=False)],
    data: Annotated[list[str], typer.Option("--data", "-d", metavar="PLACE", help="Where the items lie; several.")],
    classes: Annotated[list[str], typer.Option("--class", "-c", metavar="CLASS", help="A class; two at least.")],
    text: Annotated[
        str | None, typer.Option("--text", metavar="COLUMN", help="The column with the text, where items are texts.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", metavar="COLUMN", help="A column of rows; several. All if none.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="COLUMN", help="The source's own id.")] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="COLUMN", help="Labels that the data bring already.")
    ] = None,
    gold: Annotated[str | None, typer.Option("--gold", metavar="COLUMN", help="Known right answers.")] = None,
    experiment: Annotated[
        list[str] | None,
        typer.Option("--experiment", "-e", metavar="EXPERIMENT", help="Models' experiments; two are written if none."),
    ] = None,
    who: Annotated[list[str] | None, typer.Option("--who", metavar="USER", help="Who labels; several.")] = None,
    price: Annotated[float | None, typer.Option(min=0, help="What a label costs.")] = None,
    target: Annotated[str | None, typer.Option(metavar="SHARE", help="Accuracy at which it ends, such as 95%.")] = None,
    storage: Annotated[str, typer.Option(metavar="PATH", help="Model storage path.")] = "file://./runs",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="experiments/NAME.annotation.yaml if none.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Write the file of an annotation project: checked before it is written, and over no other file.

    Without --experiment, those of two models of different families are written beside it; they learn from what is
    labelled here.
    """
    from automl_core.annotation.file import parse_annotation_document
    from automl_core.annotation.file.checks import examine_annotation_file
    from automl_core.cli.new import write_file
    from automl_core.cli.places import FOLDER, UserError, home
    from automl_core.preview.checks import examine_text
    from automl_core.spec.kinds import ANNOTATION
    from automl_core.spec.names import name_taken, taken_message
    from automl_core.templates.places import Places

    if text is not None and column:
        raise UserError("--text and --column: one or the other; a text is one column")
    path = output or home() / FOLDER / f"{name}.annotation.yaml"
    experiments = experiment or [f"{name}_{ending}" for ending in LEARNERS]
    body = _project(
        name, data=data, classes=classes, columns=[text] if text is not None else column, is_text=text is not None,
        roles={"key": key, "label": label, "gold": gold}, experiments=experiments, who=who, price=price,
        target=target, storage=storage,
    )  # fmt: skip
    file = parse_annotation_document(body, str(path))[0]
    other = name_taken(path, name, kind=ANNOTATION)
    if other is not None:
        raise UserError(taken_message(other, path, name, kind=ANNOTATION))
    files = {path: body}
    if not experiment:
        files |= {path.parent / f"{each}.yaml": each_text for each, each_text in _experiments(file, path).items()}
    if not force:
        there = next((each for each in files if each.exists()), None)
        if there is not None:
            raise UserError(f"{there} is there already; --force writes over it, --output names another folder")
    for place, content in files.items():
        if place != path:
            examine_text(content, str(place), home(), place, Places.of(path))
    for place, content in files.items():
        write_file(place, content, force=force)
    print("\n".join(map(str, files)))
    for each in examine_annotation_file(path).warnings:
        print(each)
    print(f"  what it takes    automl preview {path}")


def _project(
    name: str, *, data: list[str], classes: list[str], columns: list[str] | None, is_text: bool,
    roles: dict[str, str | None], experiments: list[str], who: list[str] | None, price: float | None,
    target: str | None, storage: str,
) -> str:  # fmt: skip
    items: dict[str, Any] = {"kind": "text"} if is_text else {}
    items |= {"columns": columns} if columns else {}
    items |= {role: column for role, column in roles.items() if column is not None}
    people: dict[str, Any] = {"where": "page"}
    people |= {"who": who} if who else {}
    people |= {"price": price} if price else {}
    single = len(experiments) == 1
    stop: dict[str, Any] = {"target": target} if target is not None else {}
    return _TEXT.format(
        name=_flow(name), storage=_flow(storage), data=_flow(data[0] if len(data) == 1 else data),
        items="".join(f"  {key}: {_flow(value)}\n" for key, value in items.items()), classes=_flow(classes),
        first=_flow(classes[0]), agree="{accuracy: 97%, confidence: 95%}", people=_flow(people),
        models="".join(f"  - experiment: {_flow(each)}\n{'    families: 2' if single else ''}".rstrip() + "\n"
                       for each in experiments),
        stop=_flow({**stop, "rounds": 30}),
    )  # fmt: skip


def _experiments(file: AnnotationFile, path: Path) -> dict[str, str]:
    """Name → text of the two experiments of a project.

    Args:
        file: the project's.
        path: where that will lie: templates beside it go before those that come with the product.
    """
    from automl_core.templates.places import Places, parse_reference

    columns: dict[str, Any] = {"target": "label", "weight": "weight", "id": "item", "ignore": "source"}
    if file.items.kind == "text" and file.items.columns is not None:
        columns["text"] = file.items.columns[0]
    template = Places.of(path).latest(parse_reference(_TEMPLATE)).label
    return {
        f"{file.name}_{ending}": _EXPERIMENT.format(
            project=file.name, name=_flow(f"{file.name}_{ending}"), template=template, newest=_flow(file.newest),
            columns=_flow(columns), learners=_flow(learners), storage=_flow(file.output.storage),
        )
        for ending, learners in LEARNERS.items()
    }  # fmt: skip


def _flow(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if not isinstance(value, str):
        return json.dumps(value)
    plain = value.isascii() and all(each.isalnum() or each in "_./-%:" for each in value) and ": " not in value
    safe = plain and value[:1].isalnum() and not value.endswith(":") and not _is_no_text(value)
    return value if safe else json.dumps(value, ensure_ascii=False)


def _is_no_text(value: str) -> bool:
    """Whether YAML would read a plain word as something else than text."""
    from automl_core.spec.yaml_reader import read_yaml

    return bool(read_yaml(f"x: {value}", "").data != {"x": value})
