"""A program of the user's own, asked about rows by files: a batch in, predictions out.

The program gets

* the rows, all columns but the target, in the order of the data: ``${rows}``, AUTOML_ROWS;
* the folder of the version's model: ``${model_dir}``, AUTOML_MODEL_DIR;
* where predictions go: ``${predictions}``, AUTOML_PREDICTIONS, a CSV; a file of the same name that ends in
``.parquet`` is taken too.

Predictions are as a trial leaves them (docs/metrics.md): ``prediction``, and of classes ``score_<class>`` or
``score``. They are in the order of the rows, one each, or have an ``id``: the row's number from 0, or its key where
the file of the model names one. It runs as a training task does: with a guard, the allowed part of the environment,
and a time limit. Evaluations ask so, and batch scoring does.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.models.evaluation.options import NotEvaluated, Program
from automl_core.models.evaluation.rows import Rows

SAID = 20
"""Last lines of a program's output that an error tells."""

ENDED_BY_OTHERS = (9, 15)
"""Signals by which others end a program: SIGKILL, as the kernel where memory runs out, and SIGTERM. Of a child of a
shell the exit code tells it, 128 more."""

_BREATH = 0.2
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_LINE = 500


class Ended(NotEvaluated):
    """Others have ended the program, so the same rows may be told tomorrow: it was killed, or memory ran out."""


def predictions_of(
    program: Program, model: Path, rows: Rows, name: str, *, target: str | None = None, key: str | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Rows:  # fmt: skip
    """What a program says of rows: its own columns, ``prediction`` among them, in the order of the rows.

    Args:
        program: it.
        model: folder of the version.
        rows: (n) of the data.
        name: what to call it in errors.
        target: column that it is not given; None where the rows have none.
        key: column that may stand in the predictions as ``id``.
        say: takes the lines that it prints.

    Raises:
        Ended: others have ended it.
        NotEvaluated: it failed, took too long, or what it left is not predictions for these rows.
    """
    with tempfile.TemporaryDirectory(prefix="automl-program-") as home:
        folder = Path(home)
        given = Rows(rows.n, {column: each for column, each in rows.columns.items() if column != target})
        source = write_rows(given, folder / f"rows.{program.format}")
        _run(program, model, source, folder, name, say)
        return _in_order(_left(folder, name), rows, key, name)


def _run(
    program: Program, model: Path, source: Path, folder: Path, name: str, say: Callable[[str], object]
) -> None:  # fmt: skip
    from automl_core.backends.base import Cause, StartError
    from automl_core.backends.local import LocalProcess

    places = {"rows": str(source), "predictions": str(folder / "predictions.csv"), "model_dir": str(model.resolve())}
    if program.folder is not None:
        places["file_dir"] = program.folder
    command = _command(program.command, places)
    variables = _environment(program, places)
    said: list[str] = []
    try:
        job = LocalProcess.of(command, variables, cwd=folder, timeout=program.timeout, label=name)
        with job:
            job.start()
            for lines in job.follow(interval=_BREATH):
                for line in lines:
                    say(line)
                said += lines
                del said[:-SAID]
            ended = job.poll()
    except StartError as error:
        raise NotEvaluated(f"{name} does not start: {error}") from None
    assert ended is not None
    if ended.cause is Cause.TIMEOUT:
        raise NotEvaluated(f"{name} took longer than {program.timeout:g} s{_last(said)}")
    if not ended.ok:
        kind = Ended if ended.code - 128 in ENDED_BY_OTHERS else NotEvaluated
        raise kind(f"{name} failed with exit code {ended.code} ({ended.reason}){_last(said)}")


def _left(folder: Path, name: str) -> Rows:
    from automl_core.data.access import DataError
    from automl_core.data.reading import read_table

    names = ("predictions.csv", "predictions.parquet")
    found = next((folder / each for each in names if (folder / each).is_file()), None)
    if found is None:
        raise NotEvaluated(f"{name} left no predictions (${{predictions}}, AUTOML_PREDICTIONS)")
    try:
        return Rows.of(read_table(found))
    except (DataError, OSError, ValueError) as error:
        raise NotEvaluated(f"{name} left predictions that can't be read: {error}") from None


def _in_order(table: Rows, rows: Rows, key: str | None, name: str) -> Rows:
    """Predictions in the order of the rows.

    Raises:
        NotEvaluated: they are not one for each row.
    """
    if "prediction" not in table.columns:
        raise NotEvaluated(f"{name} left no column prediction; there are: {', '.join(table.columns)}")
    if "id" not in table.columns:
        if table.n != rows.n:
            raise NotEvaluated(f"{name} left {table.n:,} predictions for {rows.n:,} rows, and no id to tell which")
        return table
    ids = table.coded("id").texts()
    wanted: list[str | None] = [str(k) for k in range(rows.n)]
    if key is not None and set(ids) != set(wanted):
        wanted = rows.coded(key).texts()
        if len(set(wanted)) < len(wanted):
            raise NotEvaluated(f"{name}: an id has to be the row's number from 0, since {key} comes more than once")
    places: dict[str | None, int] = {}
    for place, each in enumerate(ids):
        if places.setdefault(each, place) != place:
            raise NotEvaluated(f"{name} left two predictions with the id {each!r}")
    missing = [each for each in wanted if each not in places]
    if missing:
        raise NotEvaluated(
            f"{name} left no prediction for {len(missing):,} of {rows.n:,} rows, such as id {missing[0]!r}"
        )
    if len(places) > rows.n:
        strange = sorted(str(each) for each in places.keys() - set(wanted))
        raise NotEvaluated(f"{name} left {len(strange):,} predictions for no row, such as id {strange[0]!r}")
    return table.take(np.asarray([places[each] for each in wanted], dtype=np.int64))


def _command(command: Sequence[str] | str, places: Mapping[str, str]) -> list[str]:
    def filled(text: str, quoted: bool) -> str:
        def value(found: re.Match[str]) -> str:
            if found[1] not in places:
                raise NotEvaluated(
                    f"evaluate.program.command: ${{{found[1]}}} has no meaning here; allowed: "
                    + ", ".join(f"${{{name}}}" for name in places)
                )
            return shlex.quote(places[found[1]]) if quoted else places[found[1]]

        return _PLACEHOLDER.sub(value, text)

    if isinstance(command, str):
        return ["/bin/sh", "-c", filled(command, True)]
    return [filled(part, False) for part in command]


def _environment(program: Program, places: Mapping[str, str]) -> dict[str, str]:
    from automl_core.backends.environment import inherited

    found = {"PYTHONUNBUFFERED": "1", **inherited(os.environ)}
    own = os.path.dirname(sys.executable)
    if program.environment is not None:
        own = str(Path(program.environment) / "bin")
        found = {name: value for name, value in found.items() if not name.startswith("PYTHON")}
        found["VIRTUAL_ENV"] = program.environment
    found["PATH"] = os.pathsep.join(part for part in (own, found.get("PATH", os.defpath)) if part)
    found |= program.variables
    if "file_dir" in places:
        found["AUTOML_FILE_DIR"] = places["file_dir"]
    return found | {
        "AUTOML_ROWS": places["rows"], "AUTOML_PREDICTIONS": places["predictions"],
        "AUTOML_MODEL_DIR": places["model_dir"],
    }  # fmt: skip


def write_rows(rows: Rows, path: Path) -> Path:
    """Write rows as CSV, Parquet or lines of JSON, by the ending.

    Raises:
        NotEvaluated: another ending, or values that the format has no word for.
    """
    if path.suffix == ".csv":
        import csv

        from automl_core.modelfile.scoring.texts import text_of

        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(rows.columns)
            columns = [_listed(values) for values in rows.columns.values()]
            out.writerows([text_of(value) or "" for value in row] for row in zip(*columns, strict=True))
    elif path.suffix == ".jsonl":
        import json

        columns = [_listed(values) for values in rows.columns.values()]
        with path.open("w", encoding="utf-8") as file:
            for row in zip(*columns, strict=True):
                named = {name: None if each != each else each for name, each in zip(rows.columns, row, strict=True)}
                file.write(json.dumps(named, ensure_ascii=False, default=str) + "\n")
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            pq.write_table(pa.table({name: _arrow(values) for name, values in rows.columns.items()}), path)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise NotEvaluated(f"the rows can't be written as Parquet: {error}") from None
    else:
        raise NotEvaluated(f"format: found {path.suffix.removeprefix('.')!r}; allowed: csv, parquet, jsonl")
    return path


def _listed(values: Any) -> list[Any]:
    for way in ("to_pylist", "tolist"):
        if hasattr(values, way):
            return list(getattr(values, way)())
    return list(values)


def _arrow(values: Any) -> Any:
    import pyarrow as pa

    return values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)


def _last(said: Sequence[str]) -> str:
    lines = [line[:_LINE] for line in said if line.strip()]
    return ". Its last lines:\n" + "\n".join(lines) if lines else "; it said nothing"
