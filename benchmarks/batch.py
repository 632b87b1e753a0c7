"""Batch scoring beside ``automl predict``: rows a CPU second of whole processes, and memory with many rows.

python -m benchmarks.batch [--rows 500000] [--format csv]

Both score the same file by the same model (120 trees of LightGBM over 12 columns), once each and again, alternately, and
write the same columns; batch adds its three of lineage. CPU seconds: the machine may be busy. Memory is the largest
resident set that each process says it had.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COLUMNS, TREES, ROUNDS = 12, 120, 2


def make_model(folder: Path) -> None:
    """A model of a boosted table, trained in a process of its own."""
    program = (
        "import sys; import numpy as np; from automl_core.tabular import fit\n"
        f"rng = np.random.default_rng(0); x = rng.normal(size=(4000, {COLUMNS}))\n"
        "rows = {f'c{i}': x[:, i] for i in range(x.shape[1])}\n"
        "rows['y'] = np.where(x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(size=4000) > 0, 'yes', 'no')\n"
        "fit(rows, target='y', deadline='20s').save(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", program, str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})


def make_rows(path: Path, count: int) -> None:
    """A file of random rows with an id, written a piece at a time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    rng, sink = np.random.default_rng(1), None
    for start in range(0, count, 100_000):
        number = min(100_000, count - start)
        columns: dict[str, Any] = {"id": np.arange(start, start + number)}
        columns |= {f"c{i}": rng.normal(size=number).round(4) for i in range(COLUMNS)}
        table = pa.table(columns)
        if sink is None:
            writer = pa.csv.CSVWriter if path.suffix == ".csv" else pa.parquet.ParquetWriter
            sink = writer(path, table.schema)
        sink.write_table(table)
    assert sink is not None
    sink.close()


def cost(command: list[str], cwd: Path) -> tuple[float, float]:
    """CPU seconds and MB of the largest resident set of a command."""
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} ended with {status}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def batch_command(home: Path, model: Path, rows: Path, out: Path, folder: Path) -> list[str]:
    """The process that scores an interval, with its claim in a model's journal below the folder."""
    from automl_core.models.batch import Batch, Begun, interval_at
    from automl_core.models.batch.keys import FromKeys
    from automl_core.models.batch.order import ORDER_FILE
    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife, Person, Source
    from automl_core.storage import open_store

    storage, anna = f"file://{home / 'runs'}", Person("bench", "cli")
    life = ModelLife.open(open_store(storage), f"b{time.monotonic_ns()}")
    life.offer(Source("file://x", "x", "r"), (open_store(f"file://{model.parent}"), f"{model.name}/"), anna)
    digest = life.evaluated(1, {"version": 1, "champion": None, "verdict": {"ok": True}})
    life.accept(1, digest, anna)
    life.put_in_use(1, anna)
    body = {
        "kind": "model", "name": life.name, "output": {"storage": storage}, "candidates": {"experiments": ["x"]},
        "evaluate": {"data": str(rows)},
        "deploy": {"to": "batch", "data": str(rows), "out": str(out), "keep": ["id"], "proba": True},
    }  # fmt: skip
    from datetime import UTC, datetime

    batch = Batch(life, ModelFile.model_validate(body), FromKeys(home=str(home)), home)
    begun = batch.begin(interval_at(datetime.now(UTC)), "bench")
    assert isinstance(begun, Begun)
    (folder / ORDER_FILE).write_text(begun.order.to_json())
    return [sys.executable, "-m", "automl_core.models.batch", str(folder)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--format", choices=["csv", "parquet"], default="csv")
    parser.add_argument("--alone", action="store_true", help="batch alone, once: for its memory")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="automl-bench-batch-") as name:
        home = Path(name)
        model, rows = home / "model", home / f"rows.{given.format}"
        make_model(model)
        make_rows(rows, given.rows)
        print(f"{given.rows:,} rows, {rows.stat().st_size / 1e6:.0f} MB of {given.format}")
        found: dict[str, list[tuple[float, float]]] = {"automl predict": [], "batch": []}
        for number in range(1 if given.alone else ROUNDS):
            folder = home / f"process-{number}"
            folder.mkdir()
            out = home / f"batch-{number}.{given.format}"
            predict = [
                str(Path(sys.executable).with_name("automl")), "predict", str(model), str(rows), "--out",
                str(home / f"predict.{given.format}"), "--keep", "id", "--proba",
            ]  # fmt: skip
            if not given.alone:
                found["automl predict"].append(cost(predict, home))
            found["batch"].append(cost(batch_command(home, model, rows, out, folder), home))
        for what, each in found.items():
            if each:
                seconds, memory = min(each)
                print(f"{what}: {seconds:.1f} CPU s, {given.rows / seconds:,.0f} rows a CPU s, {memory:.0f} MB")


if __name__ == "__main__":
    main()
