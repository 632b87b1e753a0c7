"""What scoring by SQL on DuckDB costs beside the numpy scorer: 1,000 rows of 500 trees.

    python -m benchmarks.sql [--rows 1000] [--trees 500] [--leaves 31] [--columns 20] [--repeats 9]

Both in one process, in turns, by CPU time of all threads: DuckDB has one, numpy uses one. A statement's time is all of
it: parsing, planning, running, fetching; DuckDB keeps no plan from one `execute` to the next. numpy's is from a table
of PyArrow to its predictions. Writing the SQL, once a model, is given by itself, and so is the form that other dialects
have (CASE within CASE), run on DuckDB as well.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import duckdb
import lightgbm
import numpy as np
import pyarrow as pa

from automl_core.modelfile.exporting.lightgbm import from_lightgbm
from automl_core.modelfile.scoring.scorer import Scorer
from automl_core.modelfile.scoring.values import Field
from automl_core.modelfile.sql import to_sql


def model(trees: int, leaves: int, columns: int) -> dict[str, Any]:
    """A boosted regression of random numbers, with gaps in every column."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(8000, columns))
    y = x[:, 0] * x[:, 1] + np.sin(3 * x[:, 2]) + 0.3 * x[:, 3:].sum(axis=1) + rng.normal(size=len(x))
    x[rng.random(x.shape) < 0.05] = np.nan
    settings = {"objective": "regression", "num_leaves": leaves, "learning_rate": 0.05, "verbose": -1, "num_threads": 1}
    exported = from_lightgbm(lightgbm.train(settings, lightgbm.Dataset(x, y), trees))
    names = [f"x{each}" for each in range(columns)]
    features = [{"step": "numbers", "columns": names, "fill": np.full(columns, np.nan)}]
    return {
        "format": 1,
        "problem": {"kind": "regression", "target": "y", "classes": []},
        "schema": [Field(name, "number", "number").to_json() for name in names],
        "members": [{"features": features, "model": exported.model, "link": exported.link}],
    }


def main() -> None:
    """Print one line for numpy, one for each form of SQL."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 1000), ("trees", 500), ("leaves", 31), ("columns", 20), ("repeats", 9)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    document = model(given.trees, given.leaves, given.columns)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(given.rows, given.columns))
    x[rng.random(x.shape) < 0.05] = np.nan
    table = pa.table({f"x{each}": x[:, each] for each in range(given.columns)})
    scorer = Scorer(document)
    connection = duckdb.connect(config={"threads": 1})
    connection.register("given", table)
    connection.execute("CREATE TABLE t AS SELECT * FROM given")
    scripts, writing = {}, {}
    for dialect in ("duckdb", "ansi"):
        start = time.process_time()
        scripts[dialect] = to_sql(document, table="t", dialect=dialect).steps[0].sql
        writing[dialect] = time.process_time() - start
    seconds: dict[str, list[float]] = {"numpy": [], "duckdb": [], "ansi": []}
    found: dict[str, Any] = {}
    for repeat in range(given.repeats):
        for name, times in seconds.items():
            if name == "ansi" and repeat >= 2:
                continue  # takes seconds
            start = time.process_time()
            if name == "numpy":
                found[name] = scorer.outputs(table)[:, 0]
            else:
                found[name] = connection.execute(scripts[name]).fetchnumpy()["prediction"]
            times.append(time.process_time() - start)
    base = statistics.median(seconds["numpy"])
    print(
        f"{given.rows:,} rows, {given.trees} trees of {given.leaves} leaves, {given.columns} columns: "
        "median CPU seconds"
    )
    for name, times in seconds.items():
        middle = statistics.median(times)
        more = ""
        if name != "numpy":
            far = float(np.abs(found[name] - found["numpy"]).max())
            size = len(scripts[name]) / 1e6
            more = f"  differs by {far:.1e}, {size:.2f} MB of SQL written in {writing[name]:.2f} s"
        print(f"{name:8} {middle:8.4f}  {middle / base:6.2f} x numpy{more}")


if __name__ == "__main__":
    main()
