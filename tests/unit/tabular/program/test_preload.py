"""What is loaded before trials are forked: all that they import, and no thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

LOOK = """\
import json, os, sys
from automl_core.tabular.program import preload
threads = len(os.listdir("/proc/self/task"))
before = set(sys.modules)
import numpy as np
from automl_core.tabular.learners import registry
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import prepare
from automl_core.tabular.trial import run_trial
from automl_core.tabular.program.trial import refuse  # what a trial's program itself needs
rng = np.random.default_rng(0)
rows = {"a": rng.normal(size=60).tolist(), "b": rng.choice(["u", "v"], 60).tolist()}
rows["y"] = ["yes" if value > 0 else "no" for value in rows["a"]]
prepared = prepare(rows, Options.of(target="y", validation="k-fold", folds=2, repeats=1, test_share=0))
before |= {name for name in sys.modules if name.startswith("automl_core.tabular.structure")}
states = {}
for learner in registry.installed():
    states[learner] = run_trial(prepared, {"learner": learner}).reason
heavy = ("sklearn", "scipy", "lightgbm", "xgboost", "pandas", "pyarrow")
late = sorted(name for name in set(sys.modules) - before if name.split(".")[0] in heavy)
print(json.dumps({"threads": threads, "late": late, "states": states, "pandas": "pandas" in sys.modules}))
"""


def test_forks_find_all_libraries_loaded_and_no_thread_was_started() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, check=False, env={**os.environ, **THREADS}
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["threads"] == 1
    assert not found["pandas"], "a second of CPU, and nobody needs it"
    assert [name for name, reason in found["states"].items() if reason] == []
    assert found["late"] == [], "each fork would pay for it anew"
