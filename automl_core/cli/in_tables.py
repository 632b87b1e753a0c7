"""``automl predict`` of a table in MaxCompute: by SQL into another, or its rows through the tunnel."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.backends.maxcompute.client import Client
    from automl_core.batch import Scoring
    from automl_core.batch.scoring import Done
    from automl_core.modelfile.model import Model

SCHEME = "odps://"

PATIENCE = 1800.0
"""Seconds that MaxCompute may be away while a table is scored."""

FIRST_LOOK, LAST_LOOK = 0.5, 15.0
"""Seconds between two looks at what runs: at first, and after a while."""


def score(model: Model, rows: str, out: str, *, keep: tuple[str, ...], proba: bool) -> None:
    """Score a table by SQL, and wait for it.

    Raises:
        UserError: it can't be done; the message says why.
    """
    from automl_core.backends.base import BackendError
    from automl_core.batch import BatchFailed, CantScore, Scoring, Wanted
    from automl_core.cli.output import plural, tell
    from automl_core.cli.places import UserError
    from automl_core.extras import needed_by

    try:
        wanted = Wanted.of(rows, out, keep=keep, proba=proba)
        with needed_by("scoring by SQL", "sql"):
            done = _wait(Scoring(_client(wanted.out.root), model, wanted))
    except (CantScore, BatchFailed, BackendError) as error:
        raise UserError(str(error)) from None
    tell(f"{plural(done.rows, 'row')} of {rows} scored into {done.out}: {', '.join(done.columns)}")


def _client(project: str) -> Client:
    """A client with the keys of the environment; statements run in its project, else in the one that is written to.

    Raises:
        BackendError: something is missing; names it.
    """
    from automl_core.backends.maxcompute.access import VARIABLES, access_from_environment
    from automl_core.backends.maxcompute.client import Client

    return Client(access_from_environment({VARIABLES["project"]: project, **os.environ}))


def _wait(scoring: Scoring) -> Done:
    from automl_core.backends.remote import Unreachable
    from automl_core.cli.output import tell
    from automl_core.cli.places import UserError

    pause, away = FIRST_LOOK, 0.0
    try:
        while True:
            try:
                over = scoring.advance()
                away = 0.0
            except Unreachable as error:
                over, away = False, away or time.monotonic()
                if time.monotonic() - away > PATIENCE:
                    raise UserError(f"MaxCompute can't be asked: {error}") from None
            notes, scoring.notes = scoring.notes, []
            for note in notes:
                tell(f"note – {note}")
            if over:
                assert scoring.done is not None
                return scoring.done
            time.sleep(pause)
            pause = FIRST_LOOK if notes else min(LAST_LOOK, pause * 1.3)
    except KeyboardInterrupt:
        if scoring.running is not None:
            tell(f"the instance {scoring.running} runs on; the same command goes on with it")
        raise


def pieces(place: str, columns: tuple[str, ...], moments: bool = False) -> Iterator[dict[str, list[Any]]]:
    """The rows of a table, a piece at a time, through the tunnel.

    Args:
        place: ``odps://…``.
        columns: those that are wanted where the table has them.
        moments: whether times that are moments say so (a DATETIME is one, in UTC): for models of series, whose clock
            may be another.
    """
    from automl_core.cli.places import UserError
    from automl_core.data.access import NOT_READ, FromEnvironment
    from automl_core.data.odps_tables import open_rows
    from automl_core.data.written import by_name
    from automl_core.extras import needed_by
    from automl_core.spec.places import BadPlace, parse_place

    try:
        where = parse_place(place)
    except BadPlace as error:
        raise UserError(str(error)) from None
    try:
        with needed_by("tables of MaxCompute", "tables"), open_rows(where, FromEnvironment()) as rows:
            known = {name.lower(): name for name in rows.schema.names}
            wanted = {name: known[name.lower()] for name in columns if name.lower() in known}
            for batch in rows.read(list(dict.fromkeys(wanted.values()))):
                found = by_name(batch, moments)
                yield {name: found[there].to_pylist() for name, there in wanted.items()}
    except NOT_READ as error:
        raise UserError(str(error)) from None


def is_table(text: str | Path | None) -> bool:
    """Whether a place is a table of MaxCompute."""
    return text is not None and str(text).startswith(SCHEME)
