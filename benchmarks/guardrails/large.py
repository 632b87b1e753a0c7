"""A model of a table that does not fit into memory.

`python -m benchmarks.guardrails.large --folder DIR [--rows 20000000]`.

Makes a Parquet file of twenty columns (3 GB at twenty million rows) below ``--folder``, fits a model in a process of
its own with ``memory`` set, and says how long it took, how much memory that process and the largest of its lanes had at
their peaks, and how good the model is on the test part. Linux alone: it reads ``VmHWM``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

COLUMNS = 20


def make(path: Path, rows: int, seed: int = 0) -> None:
    """A table in pieces of 250,000 rows: numbers, counts, categories, gaps, and a class that twelve columns tell."""
    import pyarrow as pa
    from pyarrow import parquet

    random = np.random.default_rng(seed)
    cities = np.array([f"city {place:04d}" for place in range(800)])
    effect = random.normal(size=800)
    writer = None
    for start in range(0, rows, 250_000):
        count = min(250_000, rows - start)
        numbers = random.normal(size=(count, 16))
        numbers[random.random((count, 16)) < 0.02] = np.nan
        known = np.nan_to_num(numbers)
        city = random.integers(0, 800, count)
        kind = random.integers(0, 6, count)
        visits = random.poisson(2.0, count)
        score = known[:, 0] + known[:, 1] * known[:, 2] + np.abs(known[:, 3]) + 0.7 * effect[city] + 0.3 * (kind == 2)
        score += 0.2 * visits * (known[:, 4] > 0) + random.logistic(size=count)
        columns = {f"x{place}": numbers[:, place] for place in range(16)}
        columns |= {"city": cities[city], "kind": np.array(list("abcdef"))[kind], "visits": visits, "y": score > 1.2}
        table = pa.table(columns)
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


PROGRAM = """
import json, resource, sys
from automl_core.tabular import fit
path, memory, deadline, workers = sys.argv[1:5]
model = fit(path, "y", memory=memory, deadline=float(deadline), workers=int(workers))
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
print(json.dumps({
    "peak": int(status["VmHWM"].split()[0]) / 2**20, "test": model.report["test"]["metrics"],
    "lane": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20,
    "notes": model.report["notes"], "large": [each for each in model.report["guardrails"] if each["kind"] == "large"],
    "trials": len(model.leaderboard),
}))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--folder", required=True, help="where the file and the model's rows lie; 9 GB at 20 million")
    parser.add_argument("--memory", default="4Gi")
    parser.add_argument("--deadline", type=float, default=3600)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    folder = Path(options.folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{options.rows}.parquet"
    if not path.exists():
        began = time.monotonic()
        make(path, options.rows)
        print(f"{path}: {path.stat().st_size / 1e9:.2f} GB made in {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    environment = {**os.environ, "TMPDIR": str(folder)}
    arguments = [str(path), options.memory, str(options.deadline), str(options.workers)]
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], check=True, stdout=subprocess.PIPE, text=True, env=environment
    )
    told = json.loads(found.stdout.strip().splitlines()[-1])
    took = time.monotonic() - began
    print(f"{options.rows:,} rows × {COLUMNS} columns: {took:.0f} s, {told['peak']:.2f} + {told['lane']:.2f} GiB")
    print(json.dumps(told, indent=1))
    if not options.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
