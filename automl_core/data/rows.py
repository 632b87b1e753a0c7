"""How many rows text files have, where a bound of the search space asks for it: each file is read once."""

from __future__ import annotations

import csv
import io
from itertools import chain
from pathlib import Path

from automl_core.data.access import Access
from automl_core.data.csv_files import delimiter_of, opened
from automl_core.data.listing import formats_in, list_place
from automl_core.spec.places import DataPlace, Format, format_of


def rows_of(place: DataPlace, home: Path, access: Access, format: Format | None) -> int | None:
    """Rows of all files of a folder of this machine.

    Args:
        place: of a data set.
        home: AUTOML_HOME.
        access: opens it.
        format: where the file states one.

    Returns:
        None where the format has no rows that can be counted, the files lie in a bucket, or one can't be read.
    """
    if place.is_table or place.in_bucket:
        return None
    listing = list_place(place, home, access)
    format = format or formats_in(listing)
    if format not in ("csv", "tsv", "jsonl"):
        return None
    try:
        return sum(_rows(listing.key(file), format) for file in listing.files)
    except (ImportError, OSError, ValueError, csv.Error):
        return None  # whoever reads it says what is wrong with it


def _rows(path: str, format: Format) -> int:
    compression = format_of(path)[1]
    with open(path, "rb") if compression is None else opened(path, compression) as binary:
        text = io.TextIOWrapper(io.BufferedReader(binary), "utf-8-sig", newline="")
        if format == "jsonl":
            return sum(1 for line in text if line.strip())
        first = next((line for line in text if line.strip()), None)
        if first is None:
            return 0
        rows = csv.reader(chain([first], text), delimiter="\t" if format == "tsv" else delimiter_of(first))
        alone = len(next(rows)) == 1  # then an empty line is a row whose value is missing
        return sum(1 for row in rows if row or alone)
