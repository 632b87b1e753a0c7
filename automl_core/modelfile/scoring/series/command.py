"""``python predict.py new.csv``: forecasts without this product, with numpy alone."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from ..csv_rows import pieces
from ..golden import Differs
from ..texts import text_of
from .forecaster import Forecaster
from .golden import check
from .rows import read
from .table import columns
from .update import check as news_of
from .update import future


def main(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Read a CSV of newer rows where there is one, write forecasts as one.

    Args:
        folder: the model's.
        arguments: of the command line; those of the process when None.

    Returns:
        The exit status: 0, or 1 after a sentence on standard error.
    """
    parser = argparse.ArgumentParser(prog="predict.py", description=f"Forecasts of the series in {folder}.")
    parser.add_argument("rows", nargs="?", help="CSV with newer rows, by which the model is run on first; and with "
                        "rows without a value for the steps ahead, where it has columns that are known")  # fmt: skip
    parser.add_argument("--out", help="file to write; standard output if not given")
    parser.add_argument("--horizon", type=int, help="steps ahead; those that the model was made for if not given")
    parser.add_argument("--series", action="append", metavar="NAME", help="only this one; may be repeated")
    parser.add_argument("--levels", help="of the intervals, as 0.8,0.95")
    parser.add_argument("--check", action="store_true", help="forecast the golden series instead")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            print(check(folder))
            return 0
        table, notes = _forecast(folder, options)
        if options.out:
            with open(options.out, "w", encoding="utf-8", newline="") as file:
                _write(table, file)
        else:
            _write(table, sys.stdout)
        for text in notes:
            print(f"note – {text}", file=sys.stderr)
    except (Differs, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _forecast(folder: Path, options: argparse.Namespace) -> tuple[dict[str, list[Any]], list[str]]:
    model = Forecaster.load(folder)
    levels = None if options.levels is None else [float(each) for each in options.levels.split(",")]
    rows = None
    notes: list[str] = []
    if options.rows:
        held = list(pieces(options.rows))
        rows = read(model, {name: [value for piece in held for value in piece[name]] for name in held[0]})
        found = news_of(model, rows)
        model.run_on(found.news)
        notes += found.notes
    places = model.places(options.series)
    horizon = model.horizon if options.horizon is None else options.horizon
    known = future(model, rows, places, horizon) if horizon > 0 else None
    forecast = model.forecast(horizon, known=known, places=places, levels=levels)
    return columns(model, forecast), [*notes, *forecast.notes]


def _write(table: dict[str, list[Any]], file: TextIO) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*([text_of(each) or "" for each in values] for values in table.values()), strict=True))
