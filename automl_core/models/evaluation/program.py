"""Models that aren't ours, scored by a program of the user's own: a batch of rows in, predictions out.

The protocol is files. The program gets

* the rows, all columns but the target, in the order of the data: ``${rows}``, AUTOML_ROWS;
* the folder of the version's model: ``${model_dir}``, AUTOML_MODEL_DIR;
* where predictions go: ``${predictions}``, AUTOML_PREDICTIONS, a CSV; a file of the same name that ends in
``.parquet`` is taken too.

Predictions are as a trial leaves them (docs/metrics.md): ``prediction``, and of classes ``score_<class>`` or
``score``. They are in the order of the rows, one each, or have an ``id``: the row's number from 0, or its key where
the file of the model names one. It runs as a training task does: with a guard, the allowed part of the environment,
and a time limit.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import UnreadableValue
from automl_core.models.evaluation.options import EvaluateOptions, NotEvaluated, Program
from automl_core.models.evaluation.rows import Mask, Rows
from automl_core.models.evaluation.subjects import Said

SAID = 20
"""Last lines of a program's output that an error tells."""

_BREATH = 0.2
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_LINE = 500


class Scored:
    """A model that a program scores.

    Attributes:
        folder, role: as `subjects.Subject` has them.
        kind, target, classes: as it was told by `learn`; the program's folder says nothing of them.
    """

    def __init__(self, folder: Path, role: str, options: EvaluateOptions) -> None:
        if options.program is None:
            raise NotEvaluated(f"the {role} needs a program that scores it")
        self.folder, self.role, self.program, self._key = folder, role, options.program, options.key
        self.kind: str | None = None
        self.target: str | None = None
        self.classes: tuple[str, ...] = ()
        self.metric: str | None = None
        self.columns: tuple[str, ...] = ()
        self.schema = None
        self.took: float | None = None

    def learn(self, kind: str, target: str, classes: tuple[str, ...]) -> None:
        """What is predicted, as the other model, the options or the data say."""
        self.kind, self.target, self.classes = kind, target, classes

    def refused(self, rows: Rows) -> dict[str, Mask]:
        """None: what it can't score it says nothing of."""
        return {}

    def say(self, rows: Rows) -> Said:
        """What the program says of rows.

        Raises:
            NotEvaluated: it failed, took too long, or what it left is not predictions for these rows.
        """
        with tempfile.TemporaryDirectory(prefix="automl-evaluation-") as home:
            folder = Path(home)
            given = Rows(rows.n, {name: each for name, each in rows.columns.items() if name != self.target})
            source = write_rows(given, folder / f"rows.{self.program.format}")
            began = time.monotonic()
            self._run(source, folder)
            self.took = time.monotonic() - began
            table = self._left(folder)
            return self._read(_in_order(table, rows, self._key, self._name))

    @property
    def _name(self) -> str:
        return f"the program that scores the {self.role}"

    def _run(self, source: Path, folder: Path) -> None:
        from automl_core.backends.base import Cause, StartError
        from automl_core.backends.local import LocalProcess

        places = {
            "rows": str(source), "predictions": str(folder / "predictions.csv"), "model_dir": str(self.folder.resolve())
        }  # fmt: skip
        if self.program.folder is not None:
            places["file_dir"] = self.program.folder
        command = _command(self.program.command, places)
        variables = _environment(self.program, places)
        said: list[str] = []
        try:
            job = LocalProcess.of(
                command, variables, cwd=folder, timeout=self.program.timeout, label=f"program of the {self.role}"
            )
            with job:
                job.start()
                for lines in job.follow(interval=_BREATH):
                    said += lines
                    del said[:-SAID]
                ended = job.poll()
        except StartError as error:
            raise NotEvaluated(f"{self._name} does not start: {error}") from None
        assert ended is not None
        if ended.cause is Cause.TIMEOUT:
            raise NotEvaluated(f"{self._name} took longer than {self.program.timeout:g} s{_last(said)}")
        if not ended.ok:
            raise NotEvaluated(f"{self._name} failed with exit code {ended.code} ({ended.reason}){_last(said)}")

    def _left(self, folder: Path) -> Rows:
        from automl_core.data.access import DataError
        from automl_core.data.reading import read_table

        names = ("predictions.csv", "predictions.parquet")
        found = next((folder / name for name in names if (folder / name).is_file()), None)
        if found is None:
            raise NotEvaluated(f"{self._name} left no predictions (${{predictions}}, AUTOML_PREDICTIONS)")
        try:
            return Rows.of(read_table(found))
        except (DataError, OSError, ValueError) as error:
            raise NotEvaluated(f"{self._name} left predictions that can't be read: {error}") from None

    def _read(self, table: Rows) -> Said:
        if self.kind == "regression":
            try:
                return Said(np.asarray(table.column("prediction").numbers(), dtype=np.float64), None, ())
            except UnreadableValue as error:
                raise NotEvaluated(f"{self._name}: {error.value!r} in row {error.row} is no number") from None
        from automl_core.models.evaluation.prepared import spelled

        coded = table.coded("prediction")
        known = {each: k for k, each in enumerate(self.classes)}
        written = [spelled(level, self.classes) for level in coded.levels]
        strange = next((level for level, text in zip(coded.levels, written, strict=True) if text not in known), None)
        if strange is not None:
            raise NotEvaluated(
                f"{self._name} says {strange!r}, which is none of the classes {', '.join(self.classes[:10])}"
            )
        labels = np.asarray([*(known[text] for text in written), -1], dtype=np.int64)[coded.codes]
        return Said(self._scores(table, labels), labels, self.classes)

    def _scores(self, table: Rows, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, K) probabilities, (n, 0) where it says none."""
        from automl_core.models.evaluation.prepared import spelled

        columns = {
            spelled(name.removeprefix("score_"), self.classes): name
            for name in table.columns
            if name.startswith("score_")
        }
        try:
            if columns:
                missing = [each for each in self.classes if each not in columns]
                if len(missing) == 1 and len(self.classes) == 2:  # the other one's is the rest
                    other = np.asarray(table.column(next(iter(columns.values()))).numbers(), dtype=np.float64)
                    parts = [1.0 - other if each in missing else other for each in self.classes]
                elif missing:
                    raise NotEvaluated(f"{self._name} left no column score_{missing[0]}")
                else:
                    parts = [
                        np.asarray(table.column(columns[each]).numbers(), dtype=np.float64) for each in self.classes
                    ]
                found = np.column_stack(parts)
            elif "score" in table.columns and len(self.classes) == 2:
                score = np.asarray(table.column("score").numbers(), dtype=np.float64)
                second = _second(score, labels)
                found = np.column_stack([1.0 - second, second])
            else:
                return np.empty((table.n, 0))
        except UnreadableValue as error:
            raise NotEvaluated(f"{self._name}: a score of {error.value!r} in row {error.row} is no number") from None
        there = found[np.isfinite(found)]
        if there.size and (there.min() < 0 or there.max() > 1 + 1e-9):
            raise NotEvaluated(
                f"{self._name} left scores of {there.min():g} … {there.max():g}; allowed: probabilities, 0 … 1"
            )
        return found


def _second(score: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """The second class's probability of one score a row: a confidence where none is below ½, else that of one class."""
    if not (score < 0.5).any():
        return np.where(labels == 1, score, 1.0 - score)
    one, other = score[labels == 1], score[labels == 0]
    turned = len(one) and len(other) and np.nanmean(one) < np.nanmean(other)
    return 1.0 - score if turned else score


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
