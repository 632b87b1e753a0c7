"""Load the table that experiments/table_maxcompute.yaml trains from and scores into a MaxCompute project.

    ODPS_ACCESS_ID=… ODPS_ACCESS_KEY=… ODPS_PROJECT=… ODPS_ENDPOINT=… python examples/table_maxcompute_load.py

The tumours of examples/data/breast_cancer.csv in two partitions: 400 to learn from, 169 of a day later to score.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from odps import ODPS

TABLE = "tumours"
FILE = Path(__file__).parent / "data" / "breast_cancer.csv"
DAYS = {"20261101": slice(0, 400), "20261102": slice(400, None)}
TARGET = "diagnosis"


def main() -> None:
    """Create the table anew and fill it."""
    odps = ODPS(
        os.environ["ODPS_ACCESS_ID"],
        os.environ["ODPS_ACCESS_KEY"],
        project=os.environ["ODPS_PROJECT"],
        endpoint=os.environ["ODPS_ENDPOINT"],
        tunnel_endpoint=os.environ.get("ODPS_TUNNEL_ENDPOINT"),
    )
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    features = [name for name in rows[0] if name != TARGET]
    columns = ", ".join(["id bigint", f"{TARGET} string", *(f"{name} double" for name in features)])
    odps.delete_table(TABLE, if_exists=True)
    table = odps.create_table(TABLE, (columns, "ds string"), lifecycle=30)
    numbered = [[number, row[TARGET], *(float(row[name]) for name in features)] for number, row in enumerate(rows, 1)]
    for day, some in DAYS.items():
        with table.open_writer(partition=f"ds={day}", create_partition=True) as writer:
            writer.write(numbered[some])
    print(f"{len(numbered)} rows in {odps.project}.{TABLE}")


if __name__ == "__main__":
    main()
