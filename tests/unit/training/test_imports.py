from __future__ import annotations

import subprocess
import sys

from tests.sources import ROOT

LIGHTGBM = """
import sys
from automl_core.training.imports import without
with without("pandas", "sklearn"):
    import lightgbm
assert not {"pandas", "sklearn"} & set(sys.modules), "nothing is left behind"
import numpy, pandas
data = lightgbm.Dataset(numpy.arange(200.0).reshape(-1, 2), numpy.arange(100.0))
booster = lightgbm.train({"verbosity": -1}, data, 2)
assert booster.num_trees() == 2
"""


def test_optional_libraries_are_hidden_and_come_back() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHTGBM], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
