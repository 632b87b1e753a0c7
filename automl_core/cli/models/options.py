"""Options that the commands of ``automl model`` share, and how they write times."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

import typer

from automl_core.cli.places import UserError

Target = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", show_default=False,
        help="Model's name or file, or its folder's address: s3://bucket/runs/_models/churn.",
    ),
]  # fmt: skip
Number = Annotated[int, typer.Argument(metavar="VERSION", min=1, help="Number of the version.", show_default=False)]
Airflow = Annotated[
    bool | None,
    typer.Option(
        "--airflow/--bucket",
        help="Ask Airflow, or the bucket; if not given, Airflow where AIRFLOW_API_URL is set or has the keys alone.",
        show_default=False,
    ),
]
By = Annotated[
    str | None,
    typer.Option("--by", metavar="NAME", help="On the bucket: who you are; the user of this machine if not given."),
]
Note = Annotated[str, typer.Option("--note", help="Why, for those who read the history.")]


def moment_of(text: str) -> float:
    """A moment that a person writes: a date, a date with a time (UTC where it says no offset), or how long ago (`2d`).

    Raises:
        UserError: it is neither.
    """
    from automl_core.spec import dates
    from automl_core.spec.units import parse_duration

    try:
        return dates.moment_of(text).timestamp()
    except ValueError as error:
        try:
            return time.time() - parse_duration(text)
        except ValueError:
            raise UserError(f"{error}, or how long ago: 90m, 2d") from None


def moment(seconds: float | None) -> str:
    """A time for people, in UTC; ``–`` where there is none."""
    return "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def listed(texts: Iterable[str], none: str = "–") -> str:
    """Texts with commas between."""
    return ", ".join(texts) or none
