"""What the processes that fork have imported for those that they fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_SUGGESTS = """
import json, os, sys
from automl_airflow import bootstrap
sys.argv = ["airflow", "scheduler"]
bootstrap.preload()
before = set(sys.modules)
from automl_core import Optimizer
optimizer = Optimizer({"x": {"type": "uniform", "low": -1, "high": 1}, "n": {"type": "int", "low": 1, "high": 9}},
                      max_trials=14, seed=1)
while (trial := optimizer.ask()) is not None:
    optimizer.tell(trial, trial.params["x"] ** 2 + trial.params["n"])
more = [name for name in set(sys.modules) - before if name.partition(".")[0] in ("numpy", "scipy", "threadpoolctl")
        or name.startswith("automl_core.search")]
print(json.dumps(sorted(more)))
"""

_FORKS = """
import json, os, sys
from automl_airflow import bootstrap
sys.argv = ["airflow", "scheduler"]
bootstrap.preload()
import numpy
drawn = []
for _ in range(3):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, str(numpy.random.randint(2**31)).encode())
        os._exit(0)
    os.wait()
    drawn.append(int(os.read(reader, 99)))
print(json.dumps(drawn))
"""

_TRAINS = (Path(__file__).parent / "preloaded_trial.py").read_text()
_PARSES = (Path(__file__).parent / "preloaded_parse.py").read_text()


def _printed(program: str) -> list[object]:
    env = os.environ | {"AUTOML_PRELOAD_KUBERNETES": "0"}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    found: list[object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_forked_trial_imports_nothing_more_for_its_suggestion() -> None:
    """The packages import numpy and scipy when they are used: importing them alone brings nothing."""
    assert _printed(_SUGGESTS) == []


def test_forked_tasks_of_others_draw_numbers_of_their_own() -> None:
    """With numpy imported before the fork, each would go on with the same global state."""
    assert len(set(_printed(_FORKS))) == 3


def test_a_forked_trial_imports_and_builds_nothing_more_to_train() -> None:
    """Nor for its DAG: what each trial's process does again is what a short trial costs most."""
    assert _printed(_TRAINS) == []


def test_a_forked_look_at_a_file_imports_nothing_more() -> None:
    """The DAG processor reads each file in a process of its own, again and again."""
    assert _printed(_PARSES) == []
