"""Failures of programs in any language: the same is known again, and one that all trials share ends the experiment."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.base import Cause, Exit, StartError
from automl_core.metrics.errors import (
    AmbiguousMetric,
    DamagedMetrics,
    MetricError,
    MissingMetric,
    NotFinite,
    PatternTooSlow,
    UnreadableMetrics,
)
from automl_core.running.attempt import not_started
from automl_core.running.failures import (
    digest_of_end,
    lies_in_the_command,
    names_a_value,
    started_by_combination,
)
from automl_core.running.watch import Watch
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding
from automl_core.study.answers import UNSURE
from tests.unit.running.attempts import Bench
from tests.unit.running.test_attempt import CRASH, Scene

PARAMS: dict[str, Any] = {"lr": 0.25, "solver": "adam"}


def digest(*lines: str, code: int = 1, params: dict[str, Any] | None = None, **more: Any) -> str:
    return digest_of_end(Exit(Cause.EXITED, code, None, f"exit code {code}", **more), lines, params or PARAMS)


ALIKE = [
    ("t.py: error: unrecognized arguments: --lr 0.25", "t.py: error: unrecognized arguments: --lr 1e-05"),
    ("2026-11-29 02:22:19,123 FATAL no data", "2026-12-01 14:00:01,007 FATAL no data"),
    ("segfault at 0x7f3a00 in worker 3", "segfault at 0x11aab0 in worker 12"),
    ("fatal: /tmp/run_1/a.bin is torn", "fatal: ./other/b.bin is torn"),
    ("job 3f2a9c41d0 failed", "job 77be01c2aa failed"),
    ("Error in f(x): object 'y' not found", "Error in f(x): object 'zz' not found"),
    ("SyntaxError: invalid syntax", "SyntaxError: invalid syntax"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_the_same_failure_is_known_again_without_a_traceback(one: str, other: str) -> None:
    assert digest("epoch=1 loss=0.7", one) == digest("loading", "epoch=9 loss=0.3", other)
    assert digest(one).startswith(UNSURE), "words alone don't say that the next attempt must fail too"


def test_the_combinations_own_words_make_no_difference() -> None:
    one = digest("error: no solver adam here", params={"solver": "adam"})
    assert one == digest("error: no solver sgd here", params={"solver": "sgd"})
    assert one != digest("error: no kernel rbf here", params={"solver": "sgd"})


def test_other_codes_and_other_words_are_other_failures() -> None:
    assert len({digest("error: boom"), digest("error: bang"), digest("error: boom", code=3), digest()}) == 4


def test_what_is_nobodys_fault_is_no_error_of_the_program() -> None:
    assert digest("error: boom", blameless=True) == ""
    assert digest_of_end(Exit(Cause.LOST, -1, None, "lost"), ["error: boom"], {}) == ""


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.integers(0, 10**9))
def test_no_number_makes_a_difference(rate: float, units: int, step: int) -> None:
    line = "fatal: rate {} of {} units at step {}"
    assert digest(line.format(abs(rate), abs(units), step)) == digest(line.format(0.5, 3, 7))


def task(**fields: Any) -> Any:
    spec = {"name": "e", "goal": {"metric": "a", "direction": "maximize"},
            "space": {"tool": {"type": "choice", "values": ["x", "y"]}}, "tasks": [fields]}  # fmt: skip
    return Experiment.model_validate(spec).tasks[0]


@pytest.mark.parametrize(
    ("command", "line", "lies"),
    [
        (["python", "t.py"], "/v/bin/python: can't open file '/srv/t.py': [Errno 2] No such file or directory", True),
        (["python", "-m", "trainer.main"], "/v/bin/python: No module named trainer.main", True),
        (["perl", "t.pl"], """Can't open perl script "t.pl": No such file or directory""", True),
        ("bash train.sh --lr 1", "bash: train.sh: No such file or directory", True),
        ("pyhton train.py", "/bin/sh: 1: pyhton: not found", True),
        (["bash", "-c", "pyhton x"], "bash: line 1: pyhton: command not found", True),
        (["env", "pyhton", "x"], "env: ‘pyhton’: No such file or directory", True),
        (["node", "train.js"], "Error: Cannot find module '/srv/train.js'", True),
        (["java", "-jar", "t.jar"], "Error: Unable to access jarfile t.jar", True),
        (["python", "t.py", "--data", "s.csv"], "FileNotFoundError: [Errno 2] No such file: 's.csv'", True),
        (["python", "${tool}.py"], "python: can't open file '/srv/x.py': [Errno 2] No such file or directory", False),
        (["python", "train.py"], "ModuleNotFoundError: No module named 'numpyy'", False),
        (["python", "train.py"], "ValueError: train.py is wrong", False),
    ],
)  # fmt: skip
def test_a_file_that_the_command_names_and_that_is_not_there(command: Any, line: str, lies: bool) -> None:
    assert lies_in_the_command(task(command=command), line) is lies


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        ({"command": ["python", "t.py", "${tool}"]}, False),
        ({"command": ["${tool}", "t.py"]}, True),
        ({"command": "${tool} t.py"}, True),
        ({"command": "python t.py ${tool}"}, False),
        ({"command": ["t"], "cwd": "${tool}"}, True),
        ({"command": ["t"], "env": {"T": "${tool}"}}, False),
    ],
)
def test_what_starts_may_be_chosen_by_a_parameter(fields: dict[str, Any], chosen: bool) -> None:
    assert started_by_combination(task(**fields), {"tool"}) is chosen


def test_the_same_failure_without_a_traceback_ends_the_experiment(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trials={"max": 12})
    for slot in range(12):
        if scene.study.state.stop is None:
            lines = ["usage: t.py", f"t.py: error: unrecognized arguments: --lr {slot / 7}"]
            scene.run(slot, lines, Exit(Cause.EXITED, 2, None, "exit code 2"))
    stop = scene.study.state.stop
    assert stop is not None
    assert (stop.kind, stop.state, len(scene.study.state.works)) == ("same_error", ExperimentState.FAILED, 5)
    assert stop.reason.startswith(
        "5 trials in a row failed with the same error (stop.same_error): exit code 2: t.py: err"
    )
    assert "\n" not in stop.reason


def test_a_failure_that_every_trial_shares_ends_it_after_the_first(tmp_path: Path) -> None:
    scene = Scene(tmp_path, tasks=[{"command": ["python", "nothere.py"]}], trials={"max": 9, "retries": 3})
    line = "/v/bin/python: can't open file '/srv/nothere.py': [Errno 2] No such file or directory"
    _, retry = scene.run(0, [line], Exit(Cause.EXITED, 2, None, "exit code 2"))
    stop = scene.study.state.stop
    assert stop is not None
    assert (stop.kind, retry, scene.study.state.works[0].attempts[0].kind) == ("same_error", False, "launch")
    assert stop.reason == (
        f"trial 0 failed as every other would (stop.same_error): exit code 2: {line}. "
        "To go on, mend the command, or what it needs where it runs, and start it again"
    )


def test_once_a_trial_went_well_no_failure_is_taken_for_everybodys(tmp_path: Path) -> None:
    scene = Scene(tmp_path, tasks=[{"command": ["python", "nothere.py"]}], trials={"max": 9})
    scene.run(0, ["accuracy=0.5"], Exit(Cause.EXITED, 0, None, "done"))
    scene.run(1, ["python: can't open file 'nothere.py'"], Exit(Cause.EXITED, 2, None, "exit code 2"))
    scene.run(2, ["other=1"], Exit(Cause.EXITED, 0, None, "done"))
    assert scene.study.state.stop is None


def test_a_metric_that_is_never_reported_ends_it_after_the_first_trial_that_trained_to_its_end(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trials={"max": 9})
    scene.run(0, ["acuracy=0.5"] * 30, Exit(Cause.EXITED, 0, None, "done"))
    stop = scene.study.state.stop
    assert stop is not None
    assert stop.reason == (
        "trial 0 failed as every other would (stop.same_error): goal.metric: 'accuracy' was never reported. "
        "Seen: acuracy. Did you mean 'acuracy'? To go on, name in goal.metric what the training reports, or let it "
        "report that metric, and start it again"
    )


@pytest.mark.parametrize(
    ("error", "shared"),
    [
        (MissingMetric(["accuracy"], ["loss"]), True),
        (AmbiguousMetric("auc", ["train auc", "val auc"]), True),
        (UnreadableMetrics("events", "no such folder"), True),
        (DamagedMetrics("events", "events.1: a damaged record"), False),
        (PatternTooSlow("accuracy", "(a+)+", "it took more than 1 s"), False),
        (NotFinite("accuracy", 3, float("nan")), False),
    ],
)
def test_which_metrics_no_other_combination_mends(tmp_path: Path, error: MetricError, shared: bool) -> None:
    scene = Scene(tmp_path)
    binding, _ = scene.attempt(0)
    outcome = Watch(scene.study, scene.store, binding).without_metrics(error, (), 0.0)
    assert (outcome.state, outcome.kind, outcome.systematic) == (TrialState.FAILED, error.kind, shared)


def test_null_lets_all_trials_run(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trials={"max": 9}, stop={"same_error": None})
    for slot in range(8):
        scene.run(slot, ["acuracy=0.5"], Exit(Cause.EXITED, 0, None, "done"))
    assert scene.study.state.stop is None


@pytest.mark.parametrize("well", [True, False])
def test_memory_that_runs_out_in_a_row_says_something_only_while_nothing_went_well(tmp_path: Path, well: bool) -> None:
    scene = Scene(tmp_path, trials={"max": 9}, stop={"same_error": 3})
    if well:
        scene.run(0, ["accuracy=0.5"], Exit(Cause.EXITED, 0, None, "done"))
    for slot in (1, 2, 3):
        scene.run(slot, [], Exit(Cause.KILLED, 137, 9, "killed by signal 9 (SIGKILL), probably because memory ran out"))
    assert (scene.study.state.stop is None) is well


@pytest.mark.parametrize(
    ("fields", "number"), [({}, 1), ({"cwd": "/no/such/folder"}, 1), ({"command": ["/no/such/pyhton", "t.py"]}, 1),
                           ({"command": "pyhton t.py"}, 1), ({"command": [sys.executable, "nothere.py"]}, 1),
                           ({"command": [sys.executable, "-c", "import sys; sys.exit('bad: $x')"]}, 2)],
)  # fmt: skip
def test_real_processes_that_cannot_do_it_are_few(tmp_path: Path, fields: dict[str, Any], number: int) -> None:
    task = {"command": ["pyhton", "t.py"], **fields}
    bench = Bench(FolderStore(tmp_path / "runs"), tmp_path, task, trials={"max": 6}, stop={"same_error": 2})
    state = bench.study.state
    for slot in range(6):
        if state.stop is None:
            bench.run(slot)
    assert state.stop is not None
    assert (state.stop.kind, len(state.works)) == ("same_error", number)
    assert {work.state for work in state.works.values()} == {TrialState.FAILED}


def test_a_start_that_fails_for_the_moment_is_not_taken_for_everybodys(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    binding, _ = scene.attempt(0)
    assert isinstance(binding, Binding)
    assert not not_started(scene.study, binding, StartError("no new process can be started")).systematic
    assert not_started(scene.study, binding, StartError("command: 'x' was not found", systematic=True)).systematic


def test_a_crash_says_its_line_first(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.run(0, ["epoch=1 loss=0.5", "Traceback (most recent call last):", "ValueError: too high"], CRASH)
    assert (
        scene.study.state.works[0].attempts[0].reason.startswith("exit code 1: ValueError: too high. Its last lines:\n")
    )


@pytest.mark.parametrize(
    ("said", "params", "named"),
    [
        ("Table not found - p.no_such_0 cannot be resolved. The statement: … 0.25", {"x": 0.25}, False),
        ("Table not found - p.days_30 cannot be resolved", {"days": 30}, True),
        ("Table not found - p.raw_eu cannot be resolved", {"region": "raw_eu"}, True),
        ("no rights on p.train", {"days": 30, "solver": "adam"}, False),
    ],
)  # fmt: skip
def test_words_that_name_a_value_of_the_combination(said: str, params: dict[str, Any], named: bool) -> None:
    assert names_a_value(said, params) is named


def test_a_table_that_is_not_there_is_missed_by_every_trial(tmp_path: Path) -> None:
    task = {"backend": "maxcompute", "sql": "SELECT ${x} FROM nothere"}
    scene = Scene(tmp_path, tasks=[task], trials={"max": 9})
    words = "statement 1 of 1 failed: ODPS-0130131:[1,20] Table not found - p.nothere. The statement: SELECT 0.5 FROM"
    scene.run(0, [], Exit(Cause.EXITED, 1, None, words, kind="missing", final=True, error="d", systematic=True))
    assert scene.study.state.stop is not None
    assert scene.study.state.stop.kind == "same_error"
