"""``automl template`` and ``automl new``: templates, and experiments made from them; without Airflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from automl_core.storage.credentials import Credentials
    from automl_core.templates.places import Places
    from automl_core.templates.pulling import Pulled
    from automl_core.templates.version import Template

template = typer.Typer(
    help="Templates: find, show, check, begin and fetch them.", no_args_is_help=True, add_completion=False
)

AsJson = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Into = Annotated[
    Path | None,
    typer.Option(
        "--into", metavar="FOLDER", help="Folder of templates; the first of AUTOML_TEMPLATES if none, or `templates`."
    ),
]
Named = Annotated[str, typer.Argument(metavar="NAME[@VERSION]", help="The latest version if none.", show_default=False)]


def _places() -> Places:
    from automl_core.cli.places import home
    from automl_core.templates.places import Places

    return Places.of(bundle=home())


def _find(named: str, places: Places) -> Template:
    """The version that is named; the latest where none is."""
    from automl_core.cli.places import UserError
    from automl_core.spec.errors import SpecError
    from automl_core.templates.places import Different, parse_reference
    from automl_core.templates.version import read_template

    try:
        return read_template(places.find(places.latest(parse_reference(named))))
    except SpecError:
        raise
    except (ValueError, Different) as error:
        raise UserError(str(error)) from None


@template.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the templates there are: those of AUTOML_TEMPLATES, beside the experiments, and that come with AutoML."""
    from rich.table import Table
    from rich.text import Text

    from automl_core.cli.output import console, print_json, tell
    from automl_core.templates.describing import listed

    places = _places()
    found, errors = listed(places)
    if as_json:
        wrong = [problem.to_json() for error in errors for problem in error.problems]
        print_json({"templates": found, "problems": wrong, "folders": [str(each) for each in places.folders]})
        return
    table = Table("template", "kind", "title", "versions", box=None, header_style="bold", pad_edge=False)
    for each in found:
        versions = ", ".join(map(str, each["versions"]))
        table.add_row(*(Text(cell) for cell in (each["template"], each["kind"], each["title"], versions)))
    if found:
        console().print(table)
    else:
        where = ", ".join(map(str, places.folders)) or "no folder: name one in AUTOML_TEMPLATES"
        print(f"there is no template in {where}")
    for error in errors:
        tell(str(error))


@template.command()
def show(named: Named, as_json: AsJson = False) -> None:
    """Show a template: what it needs, and of each parameter type, default, bounds, options, whether it is searched."""
    from rich.table import Table
    from rich.text import Text

    from automl_core.cli.output import console, print_json
    from automl_core.templates.describing import describe

    places = _places()
    found = describe(_find(named, places), places)
    if as_json:
        print_json(found)
        return
    print("\n".join(_lines(found)))
    table = Table("parameter", "type", "default", "may be", "search", "what it does", box=None, header_style="bold",
                  pad_edge=False)  # fmt: skip
    for each in found["parameters"]:
        searched = "yes" if each["search"] is True else str(each["search"])
        cells = (each["name"], str(each["type"]), _shown(each["default"]), _may_be(each), searched, each["help"])
        table.add_row(*(Text(cell, overflow="fold") for cell in cells))
    if found["parameters"]:
        console().print(table)
    more = found["more_parameters"]
    if more:
        named = "" if more is True else f", whose names begin with {' or '.join(more)}"
        print(f"  `space:` of an experiment may have parameters of its own{named}")


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['template']}: {found['title']} ({found['kind']})"]
    if found["description"]:
        lines.append(f"  {found['description']}")
    newer = f", so there is a newer one: {found['name']}@{found['newer']}" if found["newer"] else ""
    lines += [f"  folder       {found['folder']}", f"  digest       {found['digest']}",
              f"  versions     {', '.join(map(str, found['versions']))}{newer}"]  # fmt: skip
    if found["requires"]:
        lines.append(f"  requires     {', '.join(found['requires'])}")
    for key in ("data", "columns"):
        for name, each in (found[key] or {}).items():
            needed = "" if each["required"] else ", not needed"
            lines.append(f"  {key:<12} {name}{needed}{': ' if each['help'] else ''}{each['help']}")
    goal = found["goal"]
    if isinstance(goal, dict) and "metric" in goal:
        lines.append(f"  goal         {goal.get('direction', '')} {goal['metric']}")
    if isinstance(found["trials"], dict):
        lines.append(f"  trials       {found['trials'].get('max', 20)} at most")
    for where, tasks in found["tasks"].items():
        named = " → ".join(f"{each['name']} ({each['backend']})" for each in tasks)
        lines.append(f"  {where:<12} {named}")
    return lines


def _shown(value: Any) -> str:
    from automl_core.spec.errors import show

    return "" if value is None else ", ".join(map(_shown, value)) if isinstance(value, list) else show(value).strip("'")


def _may_be(each: dict[str, Any]) -> str:
    """Limits, options and constraints of a parameter in a few words."""
    parts = []
    if "values" in each:
        weights = each.get("weights") or [None] * len(each["values"])
        parts.append(", ".join(
            _shown(value) + (f" (weight {weight:g})" if weight is not None else "")
            for value, weight in zip(each["values"], weights, strict=False)
        ))  # fmt: skip
    elif "low" in each:
        searched = f"{_shown(each['low'])} to {_shown(each.get('high'))}"
        wider = _sides(each["bounds"]) if "bounds" in each else ""
        parts.append(wider if wider and each["search"] == "never" else searched)
        if wider and each["search"] != "never":
            parts.append(f"may be widened to {wider}")
    elif "free" in each:
        from automl_core.templates.model import FREE

        parts.append(FREE[each["free"]])
    elif "mu" in each:
        parts.append(f"around {_shown(each['mu'])} ± {_shown(each.get('sigma'))}")
    for key, words in (("q", "steps of"), ("multiple_of", "a multiple of"), ("power_of", "a power of"),
                       ("at_least", "at least"), ("at_most", "at most"), ("above", "above"), ("below", "below"),
                       ("min", "members at least:"), ("max", "members at most:"), ("length", "how many:"),
                       ("min_length", "numbers at least:"), ("max_length", "numbers at most:")):  # fmt: skip
        if key in each:
            parts.append(f"{words} {_shown(each[key])}")
    for parent, values in (each.get("when") or {}).items():
        parts.append(f"only with {parent} {_shown(values)}")
    return "; ".join(parts)


def _sides(bounds: dict[str, Any]) -> str:
    """Bounds of which a side may be open."""
    if len(bounds) == 2:
        return f"{_shown(bounds['low'])} to {_shown(bounds['high'])}"
    return "any number" if not bounds else " ".join(
        f"{'at least' if key == 'low' else 'at most'} {_shown(side)}" for key, side in bounds.items()
    )  # fmt: skip


@template.command()
def check(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER…", help="Folders of versions: NAME/VERSION.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Check versions of templates: their file, each parameter, their tasks, and the experiments that they make."""
    from automl_core.cli.output import print_json
    from automl_core.preview.template_checks import examine_template
    from automl_core.templates.digest import FILE

    problems = []
    for given in folders:
        folder = given.parent if given.name == FILE else given
        checked = examine_template(folder)
        problems += checked.problems
        if not as_json and not checked.problems and checked.template is not None:
            print(f"{folder}: {checked.template.label} is valid, {checked.template.reference().digest}")
    if as_json:
        print_json([problem.to_json() for problem in problems])
    else:
        for problem in problems:
            print(problem)
    raise typer.Exit(1 if problems else 0)


@template.command("new")
def new_template(
    name: Annotated[str, typer.Argument(help="Of the template.", show_default=False)],
    into: Into = None,
    as_json: AsJson = False,
) -> None:
    """Begin a template of your own: a version that checks and trains, to be changed into what is wanted."""
    from automl_core.cli.output import print_json
    from automl_core.cli.places import UserError
    from automl_core.templates.scaffold import Refused, make_template

    try:
        folder = make_template(_into(into), name)
    except (Refused, OSError) as error:
        raise UserError(str(error)) from None
    if as_json:
        print_json({"template": f"{name}@1", "folder": str(folder)})
        return
    print(f"{folder}: a version that trains; what comes next stands in {folder.parent / 'README.md'}")


@template.command()
def pull(
    address: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS", help="s3://bucket/templates/NAME/VERSION, or tao/NETWORK[@VERSION]", show_default=False
        ),
    ],
    into: Into = None,
    schema: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Make tao/NETWORK from this schema of a TAO deployment.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help="Of a bucket that is not AWS's.")] = None,
    region: Annotated[str | None, typer.Option(help="Of the bucket.")] = None,
    profile: Annotated[str | None, typer.Option(help="Of the shared AWS configuration file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch a version from a bucket or folder into a folder of templates, checked; keys come from the environment.

    tao/NETWORK is made instead: from NVIDIA's package nvidia-tao-automl (the extra tao), or from a schema file.
    """
    from automl_core.cli.output import print_json
    from automl_core.cli.places import UserError
    from automl_core.storage.credentials import Credentials
    from automl_core.tao.pulling import is_network, pull_network
    from automl_core.templates.digest import BadFolder
    from automl_core.templates.places import Different, parse_reference

    if schema is not None and not is_network(address):
        raise UserError("--schema goes with the name of a network: tao/NETWORK")
    try:
        if is_network(address):
            done = pull_network(parse_reference(address), _into(into), schema)
        else:
            given = Credentials(endpoint_url=endpoint, region=region, profile=profile)
            done = _fetched(address, given if endpoint or region or profile else None, _into(into))
    except (ValueError, BadFolder, Different, OSError) as error:
        raise UserError(str(error)) from None
    if as_json:
        print_json({"template": done.label, "folder": str(done.folder), "digest": done.digest, "new": done.new})
        return
    print(f"{done.label} {'lies' if done.new else 'lay already'} in {done.folder}, {done.digest}")


def _fetched(address: str, given: Credentials | None, into: Path) -> Pulled:
    from automl_core.storage import open_store
    from automl_core.templates.pulling import pull as fetch
    from automl_core.templates.pulling import split_address

    base, name, version = split_address(address)
    return fetch(open_store(base, given, base=Path.cwd()), name, version, into)


def _into(stated: Path | None) -> Path:
    """The folder that versions are put in."""
    import os

    from automl_core.cli.places import home
    from automl_core.templates.places import FOLDER, VARIABLE

    if stated is not None:
        return stated
    named = [each for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
    return Path(named[0]).expanduser() if named else home() / FOLDER
