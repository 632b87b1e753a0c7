"""``automl new``: the file of an experiment from a template."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from automl_core.templates.version import Template
    from automl_core.templates.writing import NewExperiment


def new(
    name: Annotated[str, typer.Argument(help="Of the experiment.", show_default=False)],
    template: Annotated[
        str,
        typer.Option("--template", "-t", metavar="NAME[@VERSION]", help="Its template; the latest version if none."),
    ],
    data: Annotated[
        list[str] | None, typer.Option("--data", "-d", metavar="NAME=PLACE", help="A data set; PLACE alone is `train`.")
    ] = None,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="As --column target=COLUMN.")] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", metavar="ROLE=COLUMN", help="A column; a role may be given several times."),
    ] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Trials at most; the template's if none.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Trials at the same time.")] = None,
    deadline: Annotated[str | None, typer.Option(metavar="TIME", help="For everything, such as 20m.")] = None,
    add: Annotated[list[str] | None, typer.Option(metavar="PARAMETER", help="Search this one too.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="PARAMETER", help="Don't search this one.")] = None,
    value: Annotated[
        list[str] | None, typer.Option("--set", "-s", metavar="PARAMETER=VALUE", help="Set it; it is not searched.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="experiments/NAME.yaml if none.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """Write an experiment file from a template: checked before it is written, and over no other file."""
    from automl_core.cli.conf import parse_values
    from automl_core.cli.output import print_json
    from automl_core.cli.places import FOLDER, UserError, home
    from automl_core.preview.checks import examine_text
    from automl_core.spec.names import name_taken, taken_message
    from automl_core.templates.places import Places
    from automl_core.templates.writing import NewExperiment, experiment_text

    path = output or home() / FOLDER / f"{name}.yaml"
    places = Places.of(path)
    found = _template(template, places)
    wanted = NewExperiment(
        name=name,
        data={key: _place(place) for key, place in _data(data).items()},
        columns=_columns(target, column),
        trials={key: each for key, each in (("max", trials), ("concurrency", concurrency)) if each is not None},
        stop={"deadline": deadline} if deadline is not None else {},
        add=tuple(add or ()), remove=tuple(remove or ()),
        values=parse_values(value, "PARAMETER=VALUE is wanted, such as epochs=50"),
    )  # fmt: skip
    _check_needs(found, wanted)
    text = experiment_text(found, wanted)
    _check_left_open(found, path, text)
    examined = examine_text(text, str(path), home(), path, places, columns=True)
    other = name_taken(path, name)
    if other is not None:
        raise UserError(taken_message(other, path, name))
    write_file(path, text, force=force)
    if as_json:
        warnings = [each.to_json() for each in examined.warnings]
        print_json({"file": str(path), "template": found.label, "text": text, "warnings": warnings})
        return
    print(f"{path}: {name}, from {found.label}")
    for each in examined.warnings:
        print(each)
    print(f"next: automl try {path}   or   automl run {path}")


def _template(named: str, places: Any) -> Template:
    from automl_core.cli.templates import _find

    return _find(named, places)


def _check_needs(template: Template, wanted: NewExperiment) -> None:
    """See that everything is given that the template needs, in the words of this command."""
    from automl_core.cli.places import UserError
    from automl_core.templates.writing import missing

    def option(key: str, name: str) -> str:
        if key == "data":
            return f"--data {name}=PLACE"
        return "--target COLUMN" if name == "target" else f"--column {name}=COLUMN"

    lacking = [f"{option(key, name)}{f' ({words})' if words else ''}" for key, name, words in missing(template, wanted)]
    if lacking:
        raise UserError(f"{template.label} needs {' and '.join(lacking)}")


def _check_left_open(template: Template, path: Path, text: str) -> None:
    """See that the template leaves nothing to the file that this command has no words for."""
    from automl_core.cli.places import UserError
    from automl_core.templates.writing import left_open

    lacking = left_open(template)
    if lacking:
        keys = " and ".join(lacking)
        raise UserError(
            f"{template.label} leaves {keys} to the experiment, and this command doesn't ask for that. Write {path} by "
            f"hand, beginning with\n\n{text}" + "".join(f"{key}: …\n" for key in lacking)
        )


def _data(given: list[str] | None) -> dict[str, str]:
    """``name=place`` entries; a place alone is that of ``train``."""
    from automl_core.cli.places import UserError

    found: dict[str, str] = {}
    for entry in given or ():
        name, equals, text = entry.partition("=")
        if not equals or "/" in name or ":" in name:
            name, text = "train", entry  # a place may have a = of its own: s3://lake/day=1/
        if not name or not text:
            raise UserError(f"--data {entry}: NAME=PLACE is wanted")
        if name in found:
            raise UserError(f"--data {entry}: {name} is given twice")
        found[name] = text
    return found


def _columns(target: str | None, given: list[str] | None) -> dict[str, str | list[str]]:
    """Columns by role; a role that is given several times has several."""
    from automl_core.cli.places import UserError

    found: dict[str, list[str]] = {"target": [target]} if target is not None else {}
    for entry in given or ():
        role, _, name = entry.partition("=")
        if not role or not name:
            raise UserError(f"--column {entry}: ROLE=COLUMN is wanted")
        found.setdefault(role, []).append(name)
    return {role: names[0] if len(names) == 1 else names for role, names in found.items()}


def _place(place: str) -> str:
    """A place as the file states it: a path of this machine whole, since the file may be read from elsewhere."""
    if "://" in place or Path(place).is_absolute():
        return place
    here = Path(place).expanduser()
    return str(here.absolute()) if here.exists() or list(Path().glob(place)) else place


def write_file(path: Path, text: str, *, force: bool) -> None:
    """Write an experiment file, over no other one unless that is wanted."""
    from automl_core.cli.places import UserError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UserError(f"{path} is there already; --force writes over it, --output names another file") from None
    except OSError as error:
        raise UserError(f"{path} can't be written: {error.strerror}") from None
