"""``automl audit``: who took what out of a closed environment, and which data were read in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from datetime import datetime

_SHOWN = 3
"""Files of one download that a table names."""


def audit(
    target: Annotated[
        str, typer.Argument(metavar="STORAGE", help="Model storage path, or an experiment's name.", show_default=False)
    ],
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="A duration before now (7d), or a date (2026-11-01).")
    ] = None,
    what: Annotated[
        Literal["download", "read_data"] | None, typer.Option("--what", help="Only downloads, or only data read.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> None:
    """List the audit records of a model storage path, oldest first.

    The exit code is 1 where an object in their folder is none.
    """
    from automl_core.audit import read_records
    from automl_core.cli.gc import store_of
    from automl_core.cli.output import console, plural, print_json, tell

    store, name = store_of(target)
    problems: list[str] = []
    begin = since_of(since) if since is not None else None
    found = [
        each
        for each in read_records(store, begin, what, problems)
        if name is None or each.more.get("experiment") == name
    ]
    if as_json:
        print_json({"records": [each.to_json() for each in found], "problems": problems})
        raise typer.Exit(1 if problems else 0)
    if found:
        from rich.table import Table
        from rich.text import Text

        table = Table("when", box=None, header_style="bold", pad_edge=False)
        for column in ("what", "who", "from", "of"):
            table.add_column(column, overflow="fold")
        for each in found:
            body = each.to_json()
            cells = (f"{each.at:%Y-%m-%d %H:%M:%S}", each.what, each.by, str(body.get("address") or ""), _of(body))
            table.add_row(*map(Text, cells))
        console().print(table)
    print(plural(len(found), "record"))
    for problem in problems:
        tell(problem)
    raise typer.Exit(1 if problems else 0)


def since_of(text: str) -> datetime:
    """The moment that an option names: a duration before now, or a date or time in UTC where it names no zone.

    Raises:
        BadParameter: it is neither.
    """
    from datetime import UTC, datetime, timedelta

    from automl_core.spec.units import parse_duration

    try:
        return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--since {text}: a duration such as 7d, or a date such as 2026-11-01") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _of(body: dict[str, Any]) -> str:
    """What a record is of, in a line."""
    if "data" in body:
        return f"{body['data']}: {body.get('place', '')} ({str(body.get('fingerprint', ''))[:16]})"
    files = body.get("files") or []
    more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return f"{body.get('experiment')}@{body.get('run')}: {', '.join(files[:_SHOWN])}{more}"
