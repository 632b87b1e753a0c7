"""What joining logged answers with their outcomes costs: CPU seconds and peak memory, beside pandas' merge.

python -m benchmarks.feedback [--answers 5000000] [--outcomes 1000000] [--features 10] [--format parquet] [--pandas]

Files of a day each, 60 days of answers; a fifth of the answers gets an outcome, of which 5 % come late, 5 % are
corrected, 5 % repeated and 5 % are of no answer. A join is in a process of its own, so the peak is its own alone;
making the files is not measured. What comes out is compared with what was put in.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

DAYS = 60
SECOND, DAY = 10**6, 86_400 * 10**6
BEGAN = 1_793_491_200 * SECOND  # 2026-11-01


def stamps(moments: np.ndarray) -> pa.Array:
    """Moments in UTC."""
    return pa.array(moments, pa.timestamp("us", "UTC"))


def peak_memory() -> float:
    """MB that this process has had at most. Not ru_maxrss: a child begins with its parent's, whatever it runs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def write(table: pa.Table, path: Path) -> None:
    """A file of the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        parquet.write_table(table, path)
    else:
        csv.write_csv(table, path)


def make(folder: Path, answers: int, outcomes: int, features: int, ending: str) -> dict[str, int]:
    """Write both data sets. Returns what the join has to find."""
    random = np.random.default_rng(1)
    at = np.sort(BEGAN + random.integers(0, DAYS * DAY, answers))
    keys = np.char.add("r-", np.char.zfill(random.permutation(answers).astype(str), 9))
    values = {f"f{column}": random.normal(size=answers).astype(np.float32) for column in range(features)}
    bounds = np.searchsorted(at, BEGAN + np.arange(DAYS + 1) * DAY)
    for day, (start, end) in enumerate(pairwise(bounds)):
        piece = slice(start, end)
        columns = {"request_id": keys[piece], "at": stamps(at[piece]), "model_version": np.ones(end - start, int)}
        write(pa.table(columns | {name: each[piece] for name, each in values.items()}),
              folder / "log" / f"day={day:02d}" / f"answers.{ending}")  # fmt: skip
    share = outcomes // 20
    known = random.choice(answers, outcomes - 3 * share, replace=False)
    moments = at[known] + random.integers(0, 29 * DAY, len(known))
    moments[:share] = at[known[:share]] + 31 * DAY
    rows = [(keys[known], moments, random.integers(0, 2, len(known)))]
    again = slice(share, 2 * share)
    rows.append((keys[known[again]], moments[again] + SECOND, rows[0][2][again]))
    other = slice(2 * share, 3 * share)
    rows.append((keys[known[other]], moments[other] + SECOND, 1 - rows[0][2][other]))
    rows.append((np.char.add("x-", np.arange(share).astype(str)), moments[:share], np.zeros(share, int)))
    order = random.permutation(outcomes)
    key, moment, value = (np.concatenate([each[place] for each in rows])[order] for place in range(3))
    for part in range(10):
        piece = slice(part * outcomes // 10, (part + 1) * outcomes // 10)
        columns = {"request_id": key[piece], "known": stamps(moment[piece]), "y": value[piece]}
        write(pa.table(columns), folder / "outcomes" / f"part-{part}.{ending}")
    return {"used": len(known) - share, "late": share, "repeated": share, "corrections": share, "unmatched": share}


def join(folder: Path) -> dict[str, int]:
    """Ours: file by file."""
    from automl_core.data.access import FromEnvironment
    from automl_core.models.feedback.gathering import Reach, gather
    from automl_core.models.file import ModelFile

    file = ModelFile.model_validate(
        {
            "kind": "model", "name": "bench", "candidates": {"experiments": ["bench"]},
            "evaluate": {"data": "feedback"},
            "feedback": {"data": "outcomes/", "answers": "log/", "outcome": "y", "time": "known", "answered": "at",
                         "within": "30d"},
        }
    )  # fmt: skip
    now = (BEGAN + DAYS * DAY) / SECOND  # nothing is older than what is looked at
    found = gather(file, None, Reach(FromEnvironment(), folder), now)
    told = found.counts.outcomes
    return {
        "used": found.counts.answers.used, "late": told.late, "repeated": told.repeated,
        "corrections": told.corrections, "unmatched": told.unmatched,
    }  # fmt: skip


def merge(folder: Path) -> dict[str, int]:
    """A merge of pandas, as one writes it by hand: whole tables, without any count."""
    import pandas

    reader = pandas.read_parquet if list(folder.rglob("*.parquet")) else pandas.read_csv
    both = [pandas.concat(map(reader, sorted((folder / name).rglob("*.*")))) for name in ("log", "outcomes")]
    merged = both[0].merge(both[1], on="request_id")
    moments = [pandas.to_datetime(merged[name]) for name in ("at", "known")]
    age = moments[1] - moments[0]
    inside = merged[(age >= pandas.Timedelta(0)) & (age <= pandas.Timedelta(days=30))]
    last = inside.sort_values("known").drop_duplicates(["request_id", "model_version"], keep="last")
    return {"used": len(last)}


def main() -> int:
    """Make, join, tell. Returns an exit code: 1 where a count is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=5_000_000)
    parser.add_argument("--outcomes", type=int, default=1_000_000)
    parser.add_argument("--features", type=int, default=10)
    parser.add_argument("--format", choices=["parquet", "csv"], default="parquet")
    parser.add_argument("--pandas", action="store_true", help="pandas' merge as well")
    parser.add_argument("--in", dest="folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--by", choices=["join", "merge"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.by:
        idle = peak_memory()
        began, clock = time.process_time(), time.monotonic()
        counts = {"join": join, "merge": merge}[given.by](given.folder)
        peak = peak_memory()
        print(json.dumps({"counts": counts, "cpu": time.process_time() - began, "wall": time.monotonic() - clock,
                          "peak": peak, "idle": idle}))  # fmt: skip
        return 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        wanted = make(folder, given.answers, given.outcomes, given.features, given.format)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(f"{given.answers:,} answers, {given.outcomes:,} outcomes, {given.format}, {size / 1e6:,.0f} MB")
        right = True
        for by in ("join", "merge") if given.pandas else ("join",):
            command = [sys.executable, "-m", "benchmarks.feedback", "--in", str(folder), "--by", by]
            run = subprocess.run(
                command, check=True, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
            )
            found = json.loads(run.stdout)
            differs = {name: (each, wanted[name]) for name, each in found["counts"].items() if each != wanted[name]}
            right = right and not differs
            print(f"{by}: {found['cpu']:.1f} CPU s ({found['wall']:.1f} s), {found['peak']:,.0f} MB at most "
                  f"({found['idle']:,.0f} MB before it began){f'; wrong: {differs}' if differs else ''}")  # fmt: skip
    return 0 if right else 1


if __name__ == "__main__":
    raise SystemExit(main())
