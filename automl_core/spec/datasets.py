"""``data:`` and ``columns:`` of an experiment file: what the trainings read, and what its columns are for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from automl_core.spec.base import Model
from automl_core.spec.bundles import BUNDLE_DIR
from automl_core.spec.datanames import DATA, variable_of
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.errors import Path, Problem
from automl_core.spec.placeholders import placeholders
from automl_core.spec.places import BadPlace, DataPlace, Format, parse_place

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment

NAME = r"[A-Za-z_][A-Za-z0-9_]{0,49}"
"""What a data set or a role may be called: it becomes part of an environment variable."""

IN_PLACES = (*RUN_DATES, BUNDLE_DIR)
"""What ``${…}`` may name in a place."""


def place_problem(text: str) -> str | None:
    """What is wrong with the text of a place, None where nothing is."""
    known = dict.fromkeys(IN_PLACES, "x")
    for name, closed in placeholders(text):
        if not closed:
            return f"'${{{name}' has no closing brace"
        if name not in known:
            return (
                f"${{{name}}} has no meaning in a place of data, which is the same for all trials; allowed: "
                f"{', '.join(IN_PLACES)}"
            )
    try:
        parse_place(filled(text, known))
    except BadPlace as error:
        return str(error)
    return None


class DataSet(Model):
    """One data set: where it lies and how it is reached."""

    place: str = Field(
        description="A file, folder or pattern (path relative to AUTOML_HOME, file://, s3://, oss://), or a table of "
        "MaxCompute (odps://project/table/partition). ${ds} and the other dates of the run, and ${bundle_dir}, may "
        "stand in it."
    )
    connection: str | None = Field(
        None,
        description="Airflow connection with the keys and the end point. Left out for a bucket: that of `output`, "
        "where output.storage has the same scheme.",
    )
    format: Format | None = Field(
        None, description="csv, tsv, parquet or jsonl, where the names of the files don't say it."
    )
    rows: int | None = Field(
        None,
        ge=1,
        description="How many samples there are, for bounds (data.NAME.rows); left out: counted when a run begins.",
    )


def filled(text: str, values: Mapping[str, str]) -> str:
    """A place with its ``${…}`` replaced.

    Args:
        text: as in the file.
        values: by name.

    Raises:
        KeyError: a name has no value.
    """
    from automl_core.spec.placeholders import PLACEHOLDER

    return PLACEHOLDER.sub(lambda match: "${" if match[1] is None else values[match[1]], text)


def data_set_of(given: str | DataSet) -> DataSet:
    """A data set as the file has it, in full."""
    return given if isinstance(given, DataSet) else DataSet(place=given)


def place_of(data_set: DataSet, dates: Mapping[str, str], bundle: str = "") -> DataPlace:
    """Where a data set lies in a run.

    Args:
        data_set: it.
        dates: of the run, by their names (`automl_core.spec.dates.run_dates`).
        bundle: folder of the DAG bundle that the experiment file comes from.

    Raises:
        BadPlace: the dates make of it what is no place, or the run has no such date.
    """
    from automl_core.spec.dates import missing

    values = {**dates, BUNDLE_DIR: bundle or "."}
    for name, _ in placeholders(data_set.place):
        if name not in values:
            raise BadPlace(missing(name))
    return parse_place(filled(data_set.place, values))


def data_problems(data: Mapping[str, Any], columns: Mapping[str, Any]) -> list[str]:
    """What is wrong with the names of data sets and columns; each problem begins with its field's path.

    Args:
        data, columns: what stands under these keys.
    """
    found, seen = [], dict[str, str]()
    for key, names in (("data", data), ("columns", columns)):
        found += [
            f"{key}: {name!r} can't be a name here: a letter or '_' first, then letters, digits and '_' (50 at most)"
            for name in names
            if not re.fullmatch(NAME, name)
        ]
    for name, given in data.items():
        whole = isinstance(given, str)
        text: Any = given.get("place") if isinstance(given, Mapping) else getattr(given, "place", given)
        wrong = place_problem(text) if isinstance(text, str) else None
        if wrong:
            found.append(f"data.{name}{'' if whole else '.place'}: {wrong}")
        other = seen.setdefault(variable_of(name), name)
        if other != name:
            found.append(f"data.{name}: {other!r} and {name!r} would have the same variable {variable_of(name)}")
    for role, named in columns.items():
        if isinstance(named, list) and len(set(map(str, named))) < len(named):
            found.append(f"columns.{role}: a column is named twice")
        if named in ("", []):
            found.append(f"columns.{role}: no column is named")
    return found


def sql_problems(data: Mapping[str, Any], tasks: Sequence[Any], where: str) -> Iterator[Problem]:
    """Partitions that SQL would read as whole tables: ``FROM ${data.train}`` has no place for a partition.

    Args:
        data: what stands under ``data:``.
        tasks: plain data of training tasks.
        where: the list that they stand in.
    """
    from automl_core.spec.placeholders import texts_of

    known = dict.fromkeys(IN_PLACES, "x")
    partitions = {}
    for name, data_set in data.items():
        text = data_set.get("place") if isinstance(data_set, Mapping) else data_set
        try:
            place = parse_place(filled(str(text), known))
        except (BadPlace, KeyError):
            continue
        if place.partition:
            partitions[f"{DATA}{name}"] = place
    for index, task in enumerate(tasks):
        if not isinstance(task, Mapping) or task.get("backend") != "maxcompute":
            continue
        for path, text in texts_of(task, (where, index)):
            for name in dict.fromkeys(name for name, _ in placeholders(text)):
                if name in partitions:
                    yield _partition_problem(name, path, partitions[name])


def _partition_problem(name: str, path: Path, place: DataPlace) -> Problem:
    column = place.partition.partition("=")[0]
    return Problem(
        f"${{{name}}} is one partition of {place.table}, and SQL would read the whole table",
        path,
        found=f"${{{name}}}",
        suggestion=f"Give `data` the table (odps://{place.root}/{place.path}), and write WHERE {column} = … here",
    )


def dates_in_places(experiment: Experiment) -> Iterator[tuple[str, Path]]:
    """The dates of the run that places of data name, each with the field in which it stands."""
    from automl_core.spec.predictions import predict_texts

    for where, text in predict_texts(experiment):
        for date, _ in placeholders(text):
            if date in RUN_DATES:
                yield date, where
    for name, given in experiment.data.items():
        place: Path = ("data", name) if isinstance(given, str) else ("data", name, "place")
        for date, _ in placeholders(data_set_of(given).place):
            if date in RUN_DATES:
                yield date, place
