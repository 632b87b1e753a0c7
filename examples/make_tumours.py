"""Make the tables of experiments/tumours.model.yaml out of breast_cancer.csv: what was known, came since, is new.

``python examples/make_tumours.py`` writes ``train.csv`` and ``latest.csv``, which are shipped; with dates after it, it
writes a partition of new rows for each of them too, as a nightly export would: rows whose diagnosis nobody knows yet.
The rows are those of the table, in an order that is drawn once; nothing is made up.

``export_train.csv`` and ``export_latest.csv`` are the rows as a report has them, the latter with those that were new
and have their diagnosis by now: with a column more, which the report computes and no request has. What is trained on
it looks well on paper, and can answer nobody.
"""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

DATA = Path(__file__).parent / "data"
FOLDER = DATA / "tumours"
TARGET, GROWTH = "diagnosis", "radius_growth"

TRAIN, LATEST = 260, 200
"""Rows that models learn from, and rows that came later with their diagnosis; the others are new."""


def tables() -> tuple[list[str], list[list[str]], list[list[str]], list[list[str]]]:
    """The columns, and the rows of train, latest and new, each with an id before it."""
    with (DATA / "breast_cancer.csv").open(newline="") as file:
        columns, *rows = csv.reader(file)
    random.Random(7).shuffle(rows)
    named = [[f"T{number:03d}", *row] for number, row in enumerate(rows)]
    return ["id", *columns], named[:TRAIN], named[TRAIN : TRAIN + LATEST], named[TRAIN + LATEST :]


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    """Write a table; the file is there whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    with partial.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    partial.replace(path)
    return path


def arrive(date: str, folder: Path = FOLDER) -> Path:
    """Write the partition of a date: the new rows, without their diagnosis.

    Args:
        date: such as 2026-11-29.
        folder: in which ``new/`` lies.
    """
    columns, _, _, new = tables()
    place = columns.index(TARGET)
    kept = [[value for at, value in enumerate(row) if at != place] for row in new]
    return write(folder / "new" / f"ds={date}" / "rows.csv", [name for name in columns if name != TARGET], kept)


def exported(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """Rows as the report has them: with how much larger the worst cells are, before the diagnosis."""
    worst, mean, place = (columns.index(name) for name in ("worst_radius", "mean_radius", TARGET))
    names = [*columns[:place], GROWTH, *columns[place:]]
    return names, [[*row[:place], f"{float(row[worst]) / float(row[mean]):.4f}", *row[place:]] for row in rows]


def main(dates: Sequence[str]) -> None:
    """Write what is shipped, and the partitions of some dates."""
    columns, train, latest, new = tables()
    print(write(FOLDER / "train.csv", columns, train), write(FOLDER / "latest.csv", columns, latest), sep="\n")
    for name, rows in (("train", train), ("latest", [*latest, *new])):
        print(write(FOLDER / f"export_{name}.csv", *exported(columns, rows)))
    for date in dates:
        print(arrive(date))


if __name__ == "__main__":
    main(sys.argv[1:])
