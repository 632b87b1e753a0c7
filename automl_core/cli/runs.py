"""``automl follow`` and ``automl compare``: runs as AutoML's REST API has them, wherever their journals lie."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from automl_core.cli.remote import AsJson, Name, RunId

_MOST = 5
"""Runs that the API compares at once."""


def follow(name: Name, run_id: RunId = None, as_json: AsJson = False) -> None:
    """Follow a run to its end: a line at each change. The exit code is 0 where it found what it was for."""
    import json

    from automl_core.cli import remote
    from automl_core.cli.follow import GOOD_ENDS
    from automl_core.cli.output import tell

    with remote.connect() as automl:
        run = automl.run(name, run_id)
        state = run.state
        try:
            for event in run.follow():
                state = str(event["state"])
                if as_json:
                    print(json.dumps(event), flush=True)
                elif event["event"] == "changed":
                    print(_line(event), flush=True)
        except KeyboardInterrupt:
            tell(f"no longer following; {name} goes on")
            raise
        if not as_json:
            print(_end(run, state))
    raise typer.Exit(0 if state in GOOD_ENDS else 1)


def _line(event: dict[str, Any]) -> str:
    from automl_core.cli.output import number, plural

    best = f", best {number(event['best'])}" if event["best"] is not None else ""
    cost = f", cost {event['cost']:.4g}" if event["cost"] else ""
    return f"{event['state']}: {event['fraction']:.0%}, {plural(event['done'], 'trial')} done{best}{cost}"


def _end(run: Any, state: str) -> str:
    """How it ended, with the reason where there is one to be had."""
    from automl_core.client.errors import NotKnown

    try:
        reason = str(run.overview()["reason"])
    except NotKnown:
        reason = "it ended before its search began; the log of its first task in Airflow says why"
    return f"{run.experiment} · {run.run_id}: {state}{f' ({reason})' if reason else ''}"


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME[/RUN]…", help="Two to five runs; of an experiment alone, its newest.", show_default=False
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Compare up to five runs: their best trials side by side."""
    from rich.table import Table
    from rich.text import Text

    from automl_core.cli import remote
    from automl_core.cli.output import console, print_json
    from automl_core.cli.places import UserError

    if not 2 <= len(runs) <= _MOST:
        raise UserError(f"two to {_MOST} runs can be compared, not {len(runs)}")
    with remote.connect() as automl:
        named = (text.partition("/") for text in runs)
        found = automl.compare(*(automl.run(name, run_id or None) for name, _, run_id in named))
    if as_json:
        print_json(found)
        return
    sides = found["runs"]
    headers = (f"{each['summary']['experiment']}/{each['summary']['run']}" for each in sides)
    table = Table("", box=None, header_style="bold", pad_edge=False)
    for header in headers:
        table.add_column(Text(header), overflow="fold")
    for label, *cells in _rows(found):
        table.add_row(label, *map(Text, cells))
    console().print(table)
    if not found["comparable"]:
        print(f"their values can't be compared: {found['why_not']}")


def _rows(found: dict[str, Any]) -> list[list[str]]:
    from automl_core.cli.output import number
    from automl_core.spec.units import format_duration

    sides = found["runs"]
    bests = [each["best"] or {} for each in sides]
    rows = [
        ["state", *(each["summary"]["state"] for each in sides)],
        ["best", *(number(best.get("value")) for best in bests)],
        ["trial", *(str(best.get("trial", "–")) for best in bests)],
        ["algorithm", *(each["summary"]["algorithm"] or "–" for each in sides)],
        *_templates(sides),
        ["trials", *(f"{each['summary']['done'] or 0} of {each['summary']['trials'] or '–'}" for each in sides)],
        ["time", *(_time(each["summary"]["elapsed"], format_duration) for each in sides)],
        ["cost", *(number(each["summary"]["cost"]) for each in sides)],
        ["why", *(each["problem"] or each["summary"]["reason"] or "–" for each in sides)],
    ]
    from automl_core.space import brief

    for name in found["parameters"]:
        values = [best.get("params", {}).get(name) for best in bests]
        rows.append([name, *("–" if v is None else brief(v, 6) for v in values)])
    return rows


def _templates(sides: list[dict[str, Any]]) -> list[list[str]]:
    """A row with the template versions, where there are any."""
    found = [each.get("template") for each in sides]
    labels = [f"{each['name']}@{each['version']}" if each else "–" for each in found]
    return [["template", *labels]] if any(found) else []


def _time(seconds: float | None, shown: Any) -> str:
    return "–" if seconds is None else str(shown(seconds))
