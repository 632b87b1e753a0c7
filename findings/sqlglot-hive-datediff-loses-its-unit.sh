#!/usr/bin/env bash
# sqlglot 30.30.0 (Python 3.11).
#
# Expected: DATEDIFF with a unit as its third argument, read as Hive's (MaxCompute has one: 'mi', 'ff3'), is refused, warned
# of, or written with that unit.
# Seen: read="hive" takes the third argument without a word and writes days.
#     hive   -> duckdb: DATE_DIFF('DAY', …)
#     so a difference in minutes becomes one in days, in SQL that runs.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet sqlglot==30.30.0
"$place/venv/bin/python" - <<'PYTHON'
import sys

import sqlglot

found = sqlglot.transpile("SELECT DATEDIFF(a, b, 'mi') FROM t", read="hive", write="duckdb")[0]
print("hive   -> duckdb:", found)
sys.exit(0 if "'DAY'" in found and "mi" not in found.lower() and "minute" not in found.lower() else 1)
PYTHON
