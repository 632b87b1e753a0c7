"""``python predict.py rows.csv``: predictions without this product, with numpy alone."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from .csv_rows import pieces
from .golden import Differs, check
from .models import NotExplained
from .review import Tally
from .scorer import Scorer
from .texts import text_of
from .values import Frame, SchemaError


def main(folder: Path, arguments: Sequence[str] | None = None) -> int:
    """Read a CSV, write predictions as one.

    Args:
        folder: the model's.
        arguments: of the command line; those of the process when None.

    Returns:
        The exit status: 0, or 1 after a sentence on standard error.
    """
    parser = argparse.ArgumentParser(prog="predict.py", description=f"Predictions of the model in {folder}.")
    parser.add_argument("rows", nargs="?", help="CSV with the model's columns, found by name")
    parser.add_argument("--out", help="file to write; standard output if not given")
    parser.add_argument("--proba", action="store_true", help="a probability of each class beside the prediction")
    parser.add_argument("--explain", action="store_true", help="what each column adds to what the model says")
    parser.add_argument("--keep", action="append", default=[], metavar="COLUMN", help="copy a column of the input")
    parser.add_argument("--check", action="store_true", help="score the golden rows instead")
    options = parser.parse_args(arguments)
    if not options.check and not options.rows:
        parser.error("give a CSV, or --check")
    try:
        scorer = Scorer.load(folder)
        if options.check:
            print(check(scorer, folder))
            return 0
        if options.out:
            with open(options.out, "w", encoding="utf-8", newline="") as file:
                _predict(scorer, options, file)
        else:
            _predict(scorer, options, sys.stdout)
    except (SchemaError, Differs, NotExplained, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _predict(scorer: Scorer, options: argparse.Namespace, file: TextIO) -> None:
    tally = Tally()
    notes: dict[str, None] = {}
    writer = csv.writer(file, lineterminator="\n")
    kept: list[str] = options.keep
    optional = {each.name for each in scorer.schema if each.optional and each.name not in kept}
    for number, piece in enumerate(pieces(options.rows, (*scorer.schema.names, *kept), optional=optional)):
        frame = scorer.schema.read(piece)
        tally.add(scorer.schema, frame)
        for name in kept:
            if name not in piece:
                raise SchemaError(f"there is no column {name!r} to keep")
        table = {name: piece[name] for name in kept}
        found, said = predictions(scorer, frame, proba=options.proba, explained=options.explain)
        table |= found
        notes |= dict.fromkeys(said)
        if number == 0:
            writer.writerow(table)
        writer.writerows(zip(*map(_texts, table.values()), strict=True))
    for text in (*tally.texts(), *notes):
        print(f"note – {text}", file=sys.stderr)


def predictions(
    scorer: Scorer, frame: Frame, *, proba: bool = False, explained: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """What is written for rows: names of columns → values, in their order; and what is to be said about it, in words.

    Args:
        scorer: the model.
        frame: rows, read by its schema.
        proba: with ``probability_CLASS``, for each class; nothing more for numbers.
        explained: with ``base`` and ``adds_COLUMN``, the contributions to what ``explained`` names: of more than two
            classes those to the predicted one.

    Raises:
        NotExplained: no part of the model has exact contributions.
    """
    outputs = scorer.outputs(frame)
    decided = scorer.decide(outputs)
    table: dict[str, Any] = {"prediction": decided.tolist()}
    notes = []
    if proba:
        table |= {f"probability_{name}": outputs[:, place] for place, name in enumerate(scorer.classes)}
    if explained:
        found = scorer.explain(frame)
        if len(found.outputs) > 1:
            where = {name: place for place, name in enumerate(found.outputs)}
            of = np.asarray([where[each] for each in decided], dtype=np.int64)
        else:
            of = np.zeros(frame.n, dtype=np.int64)
        rows = np.arange(frame.n)
        table["explained"] = [f"{found.scale} of {found.outputs[each]}" for each in of]
        table["base"] = found.base[of]
        added = found.contributions[rows, :, of]
        table |= {f"adds_{name}": added[:, place] for place, name in enumerate(found.columns)}
        if found.left_out:
            why = "; ".join(found.left_out)
            notes.append(f"contributions are of members with {found.weight:.0%} of the ensemble's weight: {why}")
    return table, notes


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        text = text_of(value)
        yield "" if text is None else text
