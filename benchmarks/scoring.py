"""What a model's folder costs to use: its size, a process from its start to the first prediction, a row, many rows.

python -m benchmarks.scoring [--deadline 45s] [FOLDER …]

Without folders, models of four of scikit-learn's sets are made first. CPU seconds: the machine may be busy.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SETS = ("breast_cancer", "diabetes", "wine", "digits")
STARTS, ROWS, MANY = 9, 200, 5_000


def make(name: str, deadline: str, folder: Path) -> Path:
    """A model of one of scikit-learn's sets, in a process of its own: what that left must not count."""
    program = (
        "import sys; from sklearn import datasets; from automl_core.tabular import fit\n"
        "name, deadline, folder = sys.argv[1:]\n"
        "rows = getattr(datasets, 'load_' + name)(as_frame=True).frame\n"
        "fit(rows, target='target', deadline=deadline).save(folder)\n"
    )
    command = [sys.executable, "-c", program, name, deadline, str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return folder


def start(folder: Path, row: dict[str, Any]) -> float:
    """CPU seconds of ``python predict.py`` for one row: the median of some starts, after one that fills the cache."""
    found = []
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "row.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)
        for _ in range(STARTS + 1):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-I", folder / "predict.py", path], check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(found[1:])


def cpu(work: Callable[[int], object], times: int) -> float:
    """CPU seconds of a call, the least of three rounds."""
    work(0)
    rounds = []
    for _ in range(3):
        began = time.process_time()
        for each in range(times):
            work(each)
        rounds.append((time.process_time() - began) / times)
    return min(rounds)


def measure(folder: Path) -> str:
    """A line of the table."""
    from automl_core import modelfile

    model = modelfile.load(folder)
    rows = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["rows"]
    many = [rows[each % len(rows)] for each in range(MANY)]
    members = model.scorer.ensemble.members
    trees = sum(len(each.model.roots) for each in members if hasattr(each.model, "roots"))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    one = cpu(lambda each: model.scorer.outputs([rows[each % len(rows)]]), ROWS)
    batch = cpu(lambda _: model.scorer.outputs(many), 1) / MANY
    return (
        f"| {folder.name} | {len(members)} | {trees:,} | {size / 1e6:.2f} | {start(folder, rows[0]):.2f} "
        f"| {one * 1e3:.1f} | {batch * 1e6:.0f} |"
    )


def main() -> None:
    """Make models where none are named, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--deadline", default="45s")
    options = parser.parse_args()
    print(
        "| model | members | trees | folder MB | start to first prediction CPU s | one row CPU ms | of 5,000 CPU µs |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="automl-scoring-") as made:
        made_here = (make(name, options.deadline, Path(made) / name) for name in SETS)
        for folder in options.folders or made_here:
            print(measure(folder), flush=True)


if __name__ == "__main__":
    main()
