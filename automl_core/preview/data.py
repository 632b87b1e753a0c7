"""The data sets of an experiment before it runs: where they lie, and what is there as far as this machine can see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl_core.data.access import FromEnvironment, absolute
from automl_core.data.details import rows_and_columns
from automl_core.data.fingerprint import take, told
from automl_core.data.inputs import DataOfRun
from automl_core.data.listing import formats_in, list_place
from automl_core.space.counts import with_counts
from automl_core.spec.counts import wanted_counts
from automl_core.spec.datasets import data_set_of, place_of
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.errors import Problem, did_you_mean
from automl_core.spec.models import Experiment
from automl_core.spec.placeholders import placeholders
from automl_core.spec.places import BadPlace
from automl_core.spec.stages import task_places
from automl_core.storage.base import StorageError

_ELSEWHERE = frozenset({"kubernetes", "custom_resource"})


def data_preview(
    experiment: Experiment, dates: Mapping[str, str], home: Path, bundle: Path | None = None
) -> Iterator[dict[str, Any]]:
    """Each data set as a run of these dates would find it. Only folders of this machine are looked into.

    Args:
        experiment: its file.
        dates: of the run, by their names.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the file comes from.

    Returns:
        Name, place and connection; ``found`` in words, or ``problem``; both None for what lies elsewhere.
    """
    for name, given in experiment.data.items():
        data_set = data_set_of(given)
        entry: dict[str, Any] = {
            "name": name, "place": data_set.place, "connection": data_set.connection, "found": None, "problem": None,
        }  # fmt: skip
        try:
            place = place_of(data_set, dates, str(bundle or home))
            entry["place"] = place.text
            if place.scheme == "file":
                entry["found"] = told(take(place, home, FromEnvironment(), format=data_set.format).to_json())
        except (BadPlace, StorageError) as error:
            entry["problem"] = str(error)
        yield entry


def counted_here(
    experiment: Experiment, dates: Mapping[str, str], home: Path, bundle: Path | None = None
) -> Experiment:
    """An experiment with what its bounds ask of the data, as far as all of that is known on this machine.

    Args:
        experiment: its file.
        dates: of the run, by their names.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the file comes from.

    Returns:
        The experiment as it is, where a number is known only when a run begins: the data lie elsewhere, or ``prepare``
        makes them.

    Raises:
        SpecError: a number leaves a bounded parameter no room, or can't be had of data that lie here.
    """
    wanted = {name for name, _ in wanted_counts(experiment)}
    if not wanted:
        return experiment
    found: dict[str, Any] = {}
    data = DataOfRun(experiment, dates, home, bundle)
    for name in wanted:
        stated = data_set_of(experiment.data[name]).rows
        try:
            place = data.place(name)
            if place.scheme == "file":
                found[name] = data.fingerprint(name).to_json()
        except StorageError:
            pass
        if name not in found and (stated is None or (name, "files") in wanted_counts(experiment)):
            return experiment
    return with_counts(experiment, found)


def column_warnings(experiment: Experiment, home: Path, bundle: Path | None = None) -> Iterator[Problem]:
    """Columns that no data set has. It reads first lines and footers on this machine: not for the parsing of DAG files.

    Nothing is said where the columns of any data set that may be a table aren't known here, or ``prepare`` makes them.

    Args:
        experiment: its file.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the file comes from.
    """
    if experiment.prepare or not experiment.columns:
        return
    known: set[str] = set()
    for given in experiment.data.values():
        found = _columns_here(given, home, bundle)
        if found is None:
            return
        known |= found
    for role, named in experiment.columns.items():
        for column in [named] if isinstance(named, str) else named:
            if known and column not in known:
                guess = did_you_mean(column, known)
                tables = f"data.{next(iter(experiment.data))} has" if len(experiment.data) == 1 else "the data have"
                yield Problem(
                    f"{tables} no column {column!r}", ("columns", role), found=column, suggestion=guess,
                    allowed=tuple(sorted(known)) if len(known) <= _MOST_NAMED else (), severity="warning",
                )  # fmt: skip


_MOST_NAMED = 40
"""Columns of data that a warning lists."""


def _columns_here(given: Any, home: Path, bundle: Path | None) -> set[str] | None:
    """Columns of a data set; none of what is no table; None where they are not known on this machine."""
    data_set = data_set_of(given)
    try:
        place = place_of(data_set, {}, str(bundle or home))
        if place.scheme != "file":
            return None
        listing = list_place(place, home, FromEnvironment())
    except (BadPlace, StorageError):
        return None  # it lies nowhere yet, or its place is another one each day
    format = data_set.format or formats_in(listing)
    if format is None:
        return set()
    columns = rows_and_columns(listing, format)[1]
    partitions = {part.partition("=")[0] for part in listing.files[0].name.split("/")[:-1] if "=" in part}
    return {name for name, _ in columns} | partitions if columns else None


def data_warnings(experiment: Experiment, home: Path, bundle: Path | None) -> Iterator[Problem]:
    """Data sets that are not on this machine, or that a training which runs elsewhere doesn't see.

    Nothing is read and nothing listed: DAG files are parsed all day.

    Args:
        experiment: its file.
        home: AUTOML_HOME.
        bundle: folder of the DAG bundle that the file comes from.
    """
    tasks = (task for _, task in task_places(experiment))
    elsewhere = next((task.name for task in tasks if getattr(task, "backend", "") in _ELSEWHERE), None)
    for name, given in experiment.data.items():
        text = data_set_of(given).place
        if any(named in RUN_DATES for named, _ in placeholders(text)):
            continue  # another place each day
        try:
            place = place_of(data_set_of(given), {}, str(bundle or home))
        except BadPlace:
            continue
        if place.scheme != "file":
            continue
        field = ("data", name) if isinstance(given, str) else ("data", name, "place")
        folder = absolute(replace(place, path=place.fixed or ".") if place.is_pattern else place, home)
        if not folder.exists() and not experiment.prepare:  # it may be what prepare makes
            yield Problem(f"there is no file or folder {folder} on this machine", field)
        elif elsewhere is not None:
            yield Problem(
                f"{elsewhere} runs elsewhere, and gets the path {place.text} as it stands on this machine", field,
                suggestion="Mount it there under the same path, or put the data into a bucket",
            )  # fmt: skip
