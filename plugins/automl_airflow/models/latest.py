"""The latest data of a model on this machine: those that a version is evaluated on.

Data sets as experiments have them: files of buckets are fetched into the machine's cache, tables of MaxCompute are
copied there, files of a folder are read where they lie. The keys come from Airflow's connections.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.models.file import ModelFile
    from automl_core.models.life import Life
    from automl_core.spec.datasets import DataSet


@dataclass(frozen=True, slots=True)
class Latest:
    """Data on this machine.

    Attributes:
        path: of a file or a folder of rows.
        format: where the names of the files don't say it.
        place: where they lie, dates filled in.
        fingerprint: what they were, plain JSON.
        target, key: columns with what came and with what names a row, where the data say that and not the file.
        rows: how many, where that is known.
        counts: what became of answers and outcomes, where they were joined; plain JSON.
        notes: what is to be said of them.
    """

    path: Path
    format: str | None
    place: str
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    target: str | None = None
    key: str | None = None
    rows: int | None = None
    counts: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()


def dates_of(context: Any) -> dict[str, str]:
    """The dates of a run by their names; of one without a logical date, those of the moment that it was to run after.

    A run that an asset or another run has started has no logical date in Airflow 3, and the latest data are those of
    the day on which it runs.
    """
    from automl_core.spec.dates import RECORDED, recorded_dates, run_dates

    run = context["dag_run"]
    moments = {name: getattr(run, name, None) for name in RECORDED}
    if moments.get("logical_date") is None:
        moments["logical_date"] = getattr(run, "run_after", None)
    return run_dates(recorded_dates(moments))


@contextmanager
def latest_of(
    file: ModelFile, life: Life, context: Any, *, say: Callable[[str], None] = lambda _: None,
    wanted: Callable[[], bool] = lambda: True,
) -> Iterator[Latest]:  # fmt: skip
    """Have the data that ``evaluate.data`` names on this machine: a place, or answers with the outcomes that came.

    Args:
        file: the model's.
        life: its state.
        context: of the task.
        say: is told of what takes time.
        wanted: whether anybody still waits for it.

    Raises:
        DataError: there is nothing, or it can't be read.
        StorageError: where it lies can't be asked now.
    """
    from automl_airflow.compat import bundle_folder

    bundle = bundle_folder(context)
    if not file.evaluate.by_feedback:
        with brought(
            file, file.data_set(file.evaluate.data), dates_of(context), bundle, say=say, wanted=wanted
        ) as found:
            yield found
        return
    with tempfile.TemporaryDirectory(prefix="automl-feedback-") as folder:
        yield _answered(file, life, bundle, Path(folder), say)


def _answered(file: ModelFile, life: Life, bundle: Path | None, folder: Path, say: Callable[[str], None]) -> Latest:
    """Answers with their outcomes, as a file of a folder."""
    from automl_airflow.data_access import FromConnections
    from automl_airflow.session import home
    from automl_core.models.feedback.gathering import Reach, gather

    assert file.feedback is not None
    found = gather(file, life, Reach(FromConnections(), home(), str(bundle or home()), say), time.time())
    for words in (*found.counts.words(), *found.notes):
        say(f"feedback: {words}")
    path = folder / "rows.parquet"
    found.write(path)
    return Latest(
        path, "parquet", found.place, found.fingerprint, target=file.feedback.outcome,
        key=file.evaluate.key or file.feedback.key, rows=found.table.num_rows, counts=found.counts.to_json(),
        notes=(*found.counts.words(), *found.notes),
    )  # fmt: skip


@contextmanager
def brought(
    file: ModelFile, data_set: DataSet, dates: Mapping[str, str], bundle: Path | None, *,
    say: Callable[[str], None] = lambda _: None, wanted: Callable[[], bool] = lambda: True,
) -> Iterator[Latest]:  # fmt: skip
    """Have a data set of a model's file on this machine, for as long as it is read.

    Args:
        file: the model's.
        data_set: with its connection (`ModelFile.data_set`).
        dates: of the run, by their names.
        bundle: folder of the DAG bundle that the file comes from.
        say: is told of what takes time.
        wanted: whether anybody still waits for it.

    Raises:
        DataError: there is nothing, it can't be read, or the dates make no place of it.
        StorageError: where it lies can't be asked now.
    """
    from automl_airflow.data_access import FromConnections
    from automl_airflow.session import home
    from automl_core.data.access import DataError, absolute
    from automl_core.data.cache import Cache
    from automl_core.data.fingerprint import of_listing, take
    from automl_core.data.listing import list_place
    from automl_core.data.table_copies import hold
    from automl_core.spec.datasets import place_of
    from automl_core.spec.places import BadPlace

    try:
        place = place_of(data_set, dates, str(bundle or home()))
    except BadPlace as error:
        raise DataError(f"evaluate.data: {error}") from None
    access, connection, format = FromConnections(), data_set.connection, data_set.format
    if place.is_table:
        found = take(place, home(), access, connection, format)
        held = hold(Cache.of(home()), place, access, connection, say=say, wanted=wanted)
        try:
            yield Latest(held.path, None, place.text, found.to_json())
        finally:
            held.release()
        return
    if not place.in_bucket:
        found = take(place, home(), access, connection, format)
        yield Latest(absolute(place, home()), format, place.text, found.to_json())
        return
    listing = list_place(place, home(), access, connection)
    found = of_listing(place, listing, format)
    held = Cache.of(home()).hold(
        place, listing, found.digest, say=say, wanted=wanted,
        unchanged=lambda: list_place(place, home(), access, connection).files == listing.files,
    )  # fmt: skip
    try:
        yield Latest(held.path, format, place.text, found.to_json())
    finally:
        held.release()
