#!/usr/bin/env bash
# mlserver 1.7.1 (Python 3.11) with pandas 2.3.3 and 3.1.1; it asks for "pandas" of any version and gets 3.
#
# Expected: PandasCodec writes a table with a text column as a request of the V2 protocol (an input for each column, BYTES
# for texts), as its documentation shows, and so it does with pandas 2.
# Seen: with pandas 3, where a column of texts has the type `str` and not `object` any more, KeyError: 'O'. The codec looks a
# column's type up by its name, then by its kind, in a list of numpy's types, which has `object` and not `O`. On a server the
# same happens to a model that answers a table with texts. `frame.astype({"city": object})` before it goes as with pandas 2,
# but not where a text is missing: with either pandas that is a TypeError, since each value is asked whether it is NaN.
#     pandas 2.3.3: text BYTES ['Bonn', 'Ulm']; as object BYTES ['Bonn', 'Ulm']; one missing, as object: TypeError
#     pandas 3.1.1: text KeyError: 'O'; as object BYTES ['Bonn', 'Ulm']; one missing, as object: TypeError
#
# https://mlserver.readthedocs.io/en/latest/user-guide/content-type.html#pandas-dataframe
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
cat > "$place/write.py" <<'PYTHON'
import sys

import pandas as pd
from mlserver.codecs import PandasCodec


def written(cities, text=None):
    frame = pd.DataFrame({"city": pd.Series(cities, dtype=text), "age": [30, 41]})
    try:
        column = PandasCodec.encode_request(frame, use_bytes=False).inputs[0]
    except (KeyError, TypeError) as error:
        return f"KeyError: {error}" if isinstance(error, KeyError) else "TypeError"
    return f"{column.datatype} {column.data.root}"


found = written(["Bonn", "Ulm"]), written(["Bonn", "Ulm"], object), written(["Bonn", None], object)
print("pandas {}: text {}; as object {}; one missing, as object: {}".format(pd.__version__, *found))
good = "BYTES ['Bonn', 'Ulm']"
sys.exit(0 if found == ("KeyError: 'O'" if pd.__version__[0] == "3" else good, good, "TypeError") else 1)
PYTHON
unset PYTHONPATH
for version in 2.3.3 3.1.1; do
    "$place/venv/bin/pip" install --quiet --quiet --no-compile mlserver==1.7.1 "pandas==$version" numpy==2.4.6
    "$place/venv/bin/python" -W ignore "$place/write.py"
done
