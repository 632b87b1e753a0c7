"""What the processes that fork have imported for those that they fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_EACH_FROM_A_FORK = """
import json, os, sys, traceback
from automl_airflow import bootstrap
programs = json.load(sys.stdin)
sys.argv = ["airflow", "scheduler"]
bootstrap.preload()
printed = {}
for name, program in programs.items():
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.dup2(writer, 1)
        try:
            exec(compile(program, name, "exec"), {"__name__": "__main__"})
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with open(reader) as output:
        printed[name] = output.read()
    assert os.waitpid(child, 0)[1] == 0, name
print(json.dumps(printed))
"""
"""A preloaded process, which is a second's work, from which each of several programs is forked: none sees another."""

_SUGGESTS = """
import json, sys
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
import json, os
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


_PROGRAMS = {"suggests": _SUGGESTS, "forks": _FORKS, "trains": _TRAINS}


@pytest.fixture(scope="module")
def printed() -> dict[str, object]:
    """What each program printed last."""
    env = os.environ | {"AUTOML_PRELOAD_KUBERNETES": "0"}
    done = subprocess.run(
        [sys.executable, "-c", _EACH_FROM_A_FORK], input=json.dumps(_PROGRAMS), env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    all_of_it = json.loads(done.stdout.splitlines()[-1])
    return {name: json.loads(output.splitlines()[-1]) for name, output in all_of_it.items()}


def test_a_forked_trial_imports_nothing_more_for_its_suggestion(printed: dict[str, object]) -> None:
    """The packages import numpy and scipy when they are used: importing them alone brings nothing."""
    assert printed["suggests"] == []


def test_forked_tasks_of_others_draw_numbers_of_their_own(printed: dict[str, object]) -> None:
    """With numpy imported before the fork, each would go on with the same global state."""
    drawn = printed["forks"]
    assert isinstance(drawn, list)
    assert len(set(drawn)) == 3


def test_a_forked_trial_imports_and_builds_nothing_more_to_train(printed: dict[str, object]) -> None:
    """Nor for its DAG: what each trial's process does again is what a short trial costs most."""
    assert printed["trains"] == []


def test_a_forked_look_at_a_file_imports_nothing_more() -> None:
    """The DAG processor reads each file in a process of its own, again and again; it has no trials' imports."""
    env = os.environ | {"AUTOML_PRELOAD_KUBERNETES": "0"}
    done = subprocess.run([sys.executable, "-c", _PARSES], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == []
