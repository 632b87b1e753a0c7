#!/usr/bin/env bash
# fastparquet 2026.9.0, pandas 3.1.1: times that are written as INT96 are taken for nanoseconds, whatever their unit is.
#
# Expected: `write(…, times="int96")`, the form that Spark and Hive read, keeps a time of any unit, as `times="int64"` does.
# Seen: 29 November 2026 in microseconds, the unit that pandas 3 gives times by itself, comes back as 21 January 1970, in
# milliseconds as the first half hour of that year; in nanoseconds it comes back as it was. fastparquet itself reads the
# wrong time too: it is wrong in the file. No error and no warning.
#
# https://fastparquet.readthedocs.io/en/latest/api.html#fastparquet.write
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check fastparquet==2026.9.0 pandas==3.1.1 numpy==2.4.6 cramjam==2.14.0
"$folder/venv/bin/python" - "$folder/times.parquet" <<'PYTHON'
import sys

import fastparquet
import pandas as pd

there = pd.Timestamp("2026-11-29 10:00")
assert pd.to_datetime(["2026-11-29 10:00"]).unit == "us", "pandas gives times another unit by itself now"
back = {}
for unit in ("us", "ms", "ns"):
    for times in ("int64", "int96"):
        fastparquet.write(sys.argv[1], pd.DataFrame({"t": pd.DatetimeIndex([there]).as_unit(unit)}), times=times)
        back[unit, times] = fastparquet.ParquetFile(sys.argv[1]).to_pandas()["t"].iloc[0]
        print(f"{unit} as {times}: {there} is read as {back[unit, times]}")
assert all(back[unit, "int64"] == there for unit in ("us", "ms", "ns")), "INT64 does not keep them either now"
assert back["ns", "int96"] == there, "INT96 does not keep nanoseconds either now"
assert back["us", "int96"].year == back["ms", "int96"].year == 1970, "INT96 keeps other units now"
PYTHON
echo "as described"
