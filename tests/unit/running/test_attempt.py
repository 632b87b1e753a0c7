"""One attempt as it is read and judged: output, the same error known again, failures that are nobody's fault."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from automl_core.backends.base import Cause, Exit
from automl_core.metrics.guarded import GuardedPatterns, TookTooLong
from automl_core.metrics.sources import open_source
from automl_core.running.attempt import Attempt, first_step
from automl_core.running.failures import digest_of, signature_of
from automl_core.running.watch import Watch
from automl_core.spec.metrics import StdoutMetrics
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Binding, Outcome, Study, StudyJournal
from tests.support.memory_store import MemoryStore

SPEC: dict[str, Any] = {
    "name": "e",
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "search": {"algorithm": "random"},
    "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
    "trials": {"max": 9, "retries": 3},
    "tasks": [{"name": "train", "command": ["true"], "cost_per_hour": 2.0}],
}
TRACEBACK = [
    "Traceback (most recent call last):",
    '  File "/home/ada/train.py", line 3, in <module>',
    "    fit(0.25)",
    "ValueError: learning rate 0.25 of 'adam' is too high",
]
CRASH = Exit(Cause.EXITED, 1, None, "exit code 1", seconds=1800)


class Scene:
    """An experiment in memory whose attempts are read line by line."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.folder, self.store, self.said = folder, MemoryStore(), []  # type: ignore[var-annotated]
        journal = StudyJournal(self.store, "e/r/", sleep=lambda _: None)
        self.study = Study.create(journal, Experiment.model_validate({**SPEC, **changes}), "r", [])

    def attempt(self, slot: int, **metrics: Any) -> tuple[Binding, Attempt]:
        binding = self.study.ask(slot)
        assert isinstance(binding, Binding)
        watch = Watch(self.study, self.store, binding)
        name = f"{slot}-{binding.attempt}.txt"
        source = open_source(StdoutMetrics(**metrics), Path)
        return binding, Attempt(watch, source, self.folder / name, self.said.append)

    def run(self, slot: int, lines: list[str], status: Exit) -> tuple[Binding, bool]:
        binding, attempt = self.attempt(slot)
        attempt.feed(lines)
        return binding, self.study.tell(binding, attempt.outcome(status)).retry


def test_output_goes_to_the_log_to_people_and_into_the_value(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    binding, attempt = scene.attempt(0)
    attempt.feed(["accuracy=0.5 step=0", "hello"])
    attempt.feed(["accuracy=0.75 step=1"])
    outcome = attempt.outcome(Exit(Cause.EXITED, 0, None, "done", seconds=1800))
    assert (outcome.state, outcome.value, outcome.cost) == (TrialState.SUCCEEDED, 0.75, 1.0)
    assert attempt.log.read_text() == "accuracy=0.5 step=0\nhello\naccuracy=0.75 step=1\n"
    assert scene.said == ["accuracy=0.5 step=0", "hello", "accuracy=0.75 step=1"]
    assert binding.trial == 0


def test_people_see_what_a_line_that_is_drawn_again_ends_as(tmp_path: Path) -> None:
    for lines in (["1/9 accuracy=0.1\r9/9 accuracy=0.5", "   \rsaved"], ["9/9 accuracy=0.5", "   \r", "saved"]):
        scene = Scene(tmp_path)
        _, attempt = scene.attempt(0)
        attempt.feed(lines)
        assert scene.said == ["9/9 accuracy=0.5", "saved"]
        assert attempt.log.read_text().endswith("9/9 accuracy=0.5\nsaved\n")
        assert attempt.outcome(Exit(Cause.EXITED, 0, None, "done")).curve == ((0, 0.5),)


@pytest.mark.parametrize(("steps", "start"), [((1, 2, 3), 4), ((0.25, 0.5, 0.75), 1), ((), 0)])
def test_what_is_counted_after_a_promotion_begins_behind_the_lower_budget(
    tmp_path: Path, steps: tuple[float, ...], start: int
) -> None:
    budget = {"trials": {"max": 3, "concurrency": 3, "budget": {"min": 1, "max": 3, "factor": 3}}}
    scene = Scene(tmp_path, search={"algorithm": "asha"}, **budget)
    for slot in range(3):
        binding, _ = scene.attempt(slot)
        curve = tuple((step, 0.5) for step in steps)
        outcome = Outcome(TrialState.SUCCEEDED, value=0.5 - slot / 10, step=steps[-1] if steps else 0, curve=curve)
        scene.study.tell(binding, outcome)
    promoted, _ = scene.attempt(3)
    assert promoted.resume_budget == 1
    assert first_step(scene.study, promoted) == start


def test_lines_that_are_read_again_change_nothing(tmp_path: Path) -> None:
    _, attempt = Scene(tmp_path).attempt(0)
    for _ in range(3):
        attempt.feed(["accuracy=0.5 step=0", "accuracy=0.7 step=1"])
    assert attempt.outcome(Exit(Cause.EXITED, 0, None, "done")).curve == ((0, 0.5), (1, 0.7))


def test_an_order_to_end_stays_and_is_said_once(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    binding, attempt = scene.attempt(0)
    assert attempt.must_end() is None
    scene.study.cancel_trial(binding.trial, "ada")
    attempt.watch._ordered = float("-inf")  # as after some seconds
    assert attempt.must_end() == attempt.must_end() == (TrialState.USER_CANCELED, "cancelled by ada")
    assert scene.said == ["ending the training: cancelled by ada"]
    outcome = attempt.outcome(Exit(Cause.TERMINATED, 143, 15, "terminated", seconds=900))
    assert (outcome.state, outcome.cost) == (TrialState.USER_CANCELED, 0.5)


def test_the_same_traceback_is_known_again_whatever_its_numbers_texts_and_folders(tmp_path: Path) -> None:
    other = [
        line.replace("0.25", "1e-3").replace("/home/ada/", "/srv/").replace("'adam'", "'sgd'") for line in TRACEBACK
    ]
    assert signature_of(["epoch 1", *TRACEBACK]) == signature_of(["epoch 7", "more", *other]) != ""
    assert signature_of(TRACEBACK) != signature_of([*TRACEBACK[:-1], "KeyError: 'adam'"])
    assert signature_of(["no traceback", "at all"]) == ""
    assert digest_of("table t_17 not found") == digest_of("table t_18 not found")


def test_a_trial_that_fails_with_the_same_traceback_again_is_not_tried_a_third_time(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    assert scene.run(0, TRACEBACK, CRASH)[1], "the first time may be bad luck"
    binding, retry = scene.run(0, TRACEBACK, CRASH)
    assert (binding.attempt, retry) == (2, False)


def test_failures_without_a_traceback_use_up_the_retries(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    assert [scene.run(0, ["no luck"], CRASH)[1] for _ in range(4)] == [True, True, True, False]


def test_a_failure_that_is_nobodys_fault_costs_no_retry(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trials={"max": 9, "retries": 0})
    lost = Exit(Cause.LOST, -1, None, "its node was lost", kind="node_lost", blameless=True)
    for attempt in range(1, 6):
        binding, retry = scene.run(0, [], lost)
        assert (binding.attempt, retry) == (attempt, True)
    work = scene.study.state.works[0]
    assert (work.failures, {a.kind for a in work.attempts}) == (0, {"node_lost"})
    assert not scene.run(0, [], CRASH)[1]


def test_a_failure_that_is_final_is_not_tried_again(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    assert not scene.run(0, [], Exit(Cause.EXITED, 1, None, "no such table", final=True))[1]


def test_the_same_error_in_so_many_trials_running_ends_the_experiment_with_it(tmp_path: Path) -> None:
    scene = Scene(tmp_path, trials={"max": 9}, stop={"same_error": 3})
    scene.run(0, TRACEBACK, CRASH)
    scene.run(1, TRACEBACK, CRASH)
    scene.run(2, ["accuracy=0.5"], Exit(Cause.EXITED, 0, None, "done"))
    scene.run(3, TRACEBACK, CRASH)
    scene.run(4, TRACEBACK, CRASH)
    assert scene.study.state.stop is None, "one that went well lay between"
    scene.run(5, TRACEBACK, CRASH)
    stop = scene.study.state.stop
    assert stop is not None
    assert (stop.kind, stop.state) == ("same_error", ExperimentState.FAILED)
    assert "3 trials in a row failed with the same error" in stop.reason
    assert TRACEBACK[-1] in stop.reason


@pytest.mark.parametrize("second", [["something else"], [*TRACEBACK[:-1], "KeyError: 'x'"]])
def test_different_errors_do_not(tmp_path: Path, second: list[str]) -> None:
    scene = Scene(tmp_path, trials={"max": 9}, stop={"same_error": 2})
    for slot, lines in enumerate((TRACEBACK, second, TRACEBACK, second)):
        scene.run(slot, lines, CRASH)
    assert scene.study.state.stop is None


def test_a_worker_that_dies_leaves_an_attempt_that_can_be_found(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    binding, attempt = scene.attempt(0)
    assert scene.study.unfinished(0, 0) == binding == scene.study.binding(0, 0)
    assert scene.study.unfinished(0, 1) is None
    assert scene.study.unfinished(1, 0) is None
    scene.study.tell(binding, attempt.outcome(CRASH))
    assert scene.study.unfinished(0, 0) is None


def test_a_pattern_that_takes_too_long_fails_its_trial_alone_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_long(self: GuardedPatterns, text: str, wanted: Sequence[int]) -> list[tuple[str | None, float]]:
        if text == "hard":
            raise TookTooLong(wanted[0], "it took more than 1 s of processor time")
        return [("0.5", 0.0) for _ in wanted]

    monkeypatch.setattr(GuardedPatterns, "search", too_long)
    scene = Scene(tmp_path, trials={"max": 9, "retries": 3, "concurrency": 3, "canary": False})
    slow = {"patterns": {"accuracy": r"(?<=acc=)(\S+)"}}
    (_, hit), (_, other), (_, over) = (scene.attempt(slot, **slow) for slot in range(3))
    hit.feed(["acc=0.5", "hard", "acc=0.5"])
    other.feed(["acc=0.5"])
    over.feed(["acc=0.5", "hard"])
    ordered = hit.must_end()
    assert ordered is not None
    assert ordered[0] is TrialState.FAILED
    assert "metrics.patterns.accuracy: it took more than 1 s of processor time on a line of 4 char" in ordered[1]
    outcome = hit.outcome(Exit(Cause.TERMINATED, 143, 15, "terminated"))
    assert (outcome.state, outcome.retryable) == (TrialState.FAILED, False)
    assert "metrics.patterns.accuracy" in outcome.reason
    assert hit.log.read_text().splitlines() == ["acc=0.5", "hard", "acc=0.5"]  # the log goes on
    assert other.must_end() is None
    assert other.outcome(Exit(Cause.EXITED, 0, None, "done")).value == 0.5
    ended = over.outcome(Exit(Cause.EXITED, 0, None, "done"))  # it ended before anybody could end it
    assert (ended.state, "metrics.patterns.accuracy" in ended.reason) == (TrialState.FAILED, True)
    assert [(each.kind, each.systematic) for each in (outcome, ended)] == [("pattern", False)] * 2


def test_of_a_flood_only_what_is_kept_is_looked_through_for_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A million lines of a kilobyte took longer to look through than to print."""
    from automl_core.running import attempt as module

    monkeypatch.setattr(module, "MAX_EMITTED_BYTES", 1000)
    monkeypatch.setattr(module, "MAX_LOG_BYTES", 2000)
    looked = []

    def mask(text: str) -> str:
        looked.append(text)
        return text.replace("a-secret", "***")

    scene = Scene(tmp_path)
    binding = scene.study.ask(0)
    assert isinstance(binding, Binding)
    watch = Watch(scene.study, scene.store, binding)
    log = tmp_path / "log.txt"
    attempt = Attempt(watch, open_source(StdoutMetrics(), Path), log, scene.said.append, mask=mask)
    attempt.feed(["a-secret " * 11] * 1000)
    assert 20 <= len(looked) <= 22, "100 bytes each"
    attempt.feed(["accuracy=0.5 a-secret", "the end, a-secret"])
    reason = attempt.outcome(CRASH).reason
    shown = log.read_text() + "\n".join(scene.said) + reason
    assert "the end, ***" in reason
    assert "accuracy=0.5 ***" in "\n".join(scene.said), "metrics are shown whatever else there is"
    assert "a-secret" not in shown
    assert len(looked) < 100
