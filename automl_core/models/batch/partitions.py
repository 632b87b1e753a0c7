"""Partitions that are there: a place with dates, read backwards from what a listing of its store has.

Events of assets get lost (two within a second, any while a DAG is paused: Airflow 3.3.2), so which partitions there are
is asked of the store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from automl_core.data.access import Access, DataError
from automl_core.data.listing import list_place
from automl_core.models.batch.intervals import Interval, interval_at
from automl_core.spec.dates import RUN_DATES
from automl_core.spec.placeholders import PLACEHOLDER
from automl_core.spec.places import DataPlace, parse_place

_SHAPES = {
    "ds": (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"),
    "ds_nodash": (r"\d{8}", "%Y%m%d"),
    "ts_nodash": (r"\d{8}T\d{6}", "%Y%m%dT%H%M%S"),
}
"""Name of a date → how it looks, and how it is read. Others are ISO 8601."""

_ISO = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:\+\d{2}:\d{2}|Z)"


def found_partitions(text: str, home: Path, access: Access, connection: str | None = None) -> list[Interval]:
    """The intervals whose partitions are there, oldest first.

    Args:
        text: the place as the file has it, with ``${ds}`` or another date in it.
        home: AUTOML_HOME.
        access: opens it.
        connection: with its keys.

    Returns:
        None at all for a place without dates.

    Raises:
        StorageError: the place can't be asked now.
        BadPlace: it is none.
    """
    pattern, wild = _pattern(text)
    if pattern is None:
        return []
    place = parse_place(wild)
    names = _of_table(place, access, connection) if place.is_table else _of_files(place, home, access, connection)
    found: dict[str, Interval] = {}
    for name in names:
        match = pattern.match(name)
        moment = _moment(match.groupdict()) if match is not None else None
        if moment is not None:
            each = interval_at(moment)
            found[each.key] = each
    return sorted(found.values(), key=lambda each: each.at or 0.0)


def moment_of_extra(extra: Mapping[str, Any]) -> datetime | None:
    """The logical date that an asset event's extra names: ``{"ds": "2026-11-01"}``, or ``logical_date``; None if none.

    Whoever produces the data writes it; anything else there is passed over.
    """
    for name in ("logical_date", "ts", "ds", "ds_nodash", "ts_nodash", "partition"):
        value = extra.get(name)
        if not isinstance(value, str):
            continue
        text = value.rpartition("=")[2]
        for shape, form in (*_SHAPES.values(), (_ISO, None)):
            if re.fullmatch(shape, text):
                try:
                    return _read(text, form)
                except ValueError:
                    break
    return None


def _pattern(text: str) -> tuple[re.Pattern[str] | None, str]:
    """A regular expression of the place's text up to its last date, and the place with stars in place of dates."""
    regex, wild, end, count = "", "", 0, 0
    for match in PLACEHOLDER.finditer(text):
        between, end, name = text[end : match.start()], match.end(), match[1]
        regex, wild = regex + re.escape(between), wild + between
        if name not in RUN_DATES:
            regex, wild = regex + re.escape(match[0]), wild + match[0]
            continue
        regex, wild = f"{regex}(?P<{name}_{count}>{_SHAPES.get(name, (_ISO, None))[0]})", wild + "*"
        count += 1
    if not count:
        return None, text
    rest = text[end:]
    if text.startswith("odps://"):  # what a listing of files has matched already
        return re.compile(f"{regex}{re.escape(rest.rstrip('/'))}(?:/.*)?$"), wild + rest
    # what lies deeper than the folder of the last date belongs to the same partition
    behind = rest.partition("/")[0]
    return re.compile(regex + ("" if re.search(r"[*?\[]", behind) else re.escape(behind))), wild + rest


def _of_files(place: DataPlace, home: Path, access: Access, connection: str | None) -> list[str]:
    """The files that a place with stars matches, as texts that begin as the place does."""
    wild = place if not place.path.endswith("/") else _deeper(place)
    found: list[str] = []
    for each in (wild, _deeper(place)) if wild is place else (wild,):
        try:
            listing = list_place(each, home, access, connection)
        except DataError:  # there is nothing (yet)
            continue
        # the text before the pattern is the place's own, so that what a path is relative to doesn't matter
        head = place.text[: place.text.index(place.path)] + (f"{place.fixed}/" if place.fixed else "")
        found += [f"{head}{file.name}" for file in listing.files]
    return found


def _deeper(place: DataPlace) -> DataPlace:
    """All files in the folders that a place with stars matches."""
    return parse_place(f"{place.text.rstrip('/')}/**/*")


def _of_table(place: DataPlace, access: Access, connection: str | None) -> list[str]:
    """The partitions of a table, as texts of places."""
    client = access.tables(place.root, connection)
    head = place.text.partition("://")[2].split("/")
    named = "/".join(head[: 3 if head[1:2] == ["tables"] else 2])
    try:
        table = client.get_table(place.path, project=place.root)
        partitions = [str(each.partition_spec).replace("'", "").replace(",", "/") for each in table.partitions]
    except Exception as error:
        raise DataError(f"{place.text}: its partitions can't be listed: {error}") from error
    return [f"odps://{named}/{each.replace(' ', '')}" for each in partitions]


def _moment(found: Mapping[str, str]) -> datetime | None:
    """The logical date that the dates in a name are of; None where they contradict each other, or are none."""
    moments = []
    for name, text in found.items():
        kind = name.rpartition("_")[0]
        try:
            moments.append((kind, _read(text, _SHAPES.get(kind, (_ISO, None))[1])))
        except ValueError:
            return None
    finest = max(moments, key=lambda each: (each[0] not in ("ds", "ds_nodash"), each[1]))[1]
    fits = all(
        moment == (finest.replace(hour=0, minute=0, second=0, microsecond=0) if kind in ("ds", "ds_nodash") else finest)
        for kind, moment in moments
    )
    return finest if fits else None


def _read(text: str, form: str | None) -> datetime:
    if form is not None:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
