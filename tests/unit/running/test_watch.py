"""Watching an attempt: what is published and when, when it must end, and what its end amounts to."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from automl_core.metrics.points import Point, Retraction
from automl_core.running.watch import CURVE_POINTS, FILES_A_SECOND, Watch
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import StorageUnavailable
from automl_core.study import Binding, Outcome, Study, StudyJournal
from tests.support.memory_store import MemoryStore
from tests.unit.running.promises import experiment

TWO_TASKS = [{"name": "train", "command": ["t"], "cost_per_hour": 36.0}, {"name": "score", "command": ["s"]}]


class Scene:
    """A study with a clock, and watches over its attempts."""

    def __init__(self, **groups: Any) -> None:
        self.now = 1000.0
        self.store = MemoryStore()
        journal = StudyJournal(self.store, "e/r/", clock=lambda: self.now, sleep=lambda _: None)
        self.study = Study.create(journal, experiment(**groups), "r", [])

    def ask(self, slot: int = 0, task: int = 0) -> Binding:
        answer = self.study.resume(slot, task) if task else self.study.ask(slot)
        assert isinstance(answer, Binding), answer
        return answer

    def watch(self, binding: Binding | None = None, **options: Any) -> Watch:
        return Watch(self.study, self.store, binding or self.ask(), clock=lambda: self.now, **options)

    def published(self, trial: int = 0) -> list[list[Any]]:
        body = json.loads(self.store.get(f"e/r/experiment_{trial}/metrics.json"))
        return list(body["points"]["points"])


def points(*values: float, start: int = 0, name: str = "accuracy", axis: str = "") -> list[Point]:
    return [Point(step, {name: value}, axis) for step, value in enumerate(values, start)]


def test_metrics_are_written_now_and_then_and_at_the_end() -> None:
    scene = Scene()
    watch = scene.watch(publish_every=10.0)
    watch.observe(points(0.1))
    watch.verdict()
    watch.observe(points(0.2, start=1))
    scene.now += 5
    watch.verdict()
    assert scene.published() == [[0, 0.1]]
    scene.now += 5
    watch.verdict()
    assert scene.published() == [[0, 0.1], [1, 0.2]]
    watch.observe(points(0.3, start=2))
    watch.outcome()
    assert len(scene.published()) == 3


def test_of_very_many_trials_each_is_written_more_seldom_and_whole_at_its_end() -> None:
    scene = Scene()
    live: dict[int, Watch] = {}
    watch = scene.watch(publish_every=5.0, live=live)
    live.update(dict.fromkeys(range(int(20 * FILES_A_SECOND)), watch))
    watch.observe(points(0.1))
    watch.verdict()
    for number in range(1, 4):
        scene.now += 6
        watch.observe(points(0.2, start=number))
        watch.verdict()
    assert len(scene.published()) == 1
    scene.now += 2
    watch.verdict()
    assert len(scene.published()) == 4
    watch.observe(points(0.3, start=4))
    watch.outcome()
    assert len(scene.published()) == 5


def test_a_watch_is_idle_once_all_that_was_reported_is_written_judged_and_told() -> None:
    scene = Scene(trials={"max": 4})
    watch = scene.watch(publish_every=5.0)
    assert watch.is_idle
    watch.observe(points(0.1))
    assert not watch.is_idle
    watch.verdict()
    assert watch.is_idle
    watch.observe(points(0.2, start=1))
    watch.verdict()
    assert not watch.is_idle, "it waits to be written"
    scene.now += 5
    watch.verdict()
    assert watch.is_idle


def test_that_an_attempt_goes_on_is_known_for_a_while_and_no_longer_once_it_is_ordered_to_end() -> None:
    scene = Scene()
    binding = scene.ask()
    assert not scene.study.goes_on(binding, max_age=2.0), "no order was looked for yet"
    assert scene.study.order(binding) is None
    assert scene.study.goes_on(binding, max_age=2.0)
    scene.now += 2
    assert not scene.study.goes_on(binding, max_age=2.0)
    assert scene.study.order(binding) is None
    scene.study.stop("user", ExperimentState.USER_CANCELED, "enough", running="cancel")
    assert not scene.study.goes_on(binding, max_age=2.0)


def test_orders_are_looked_for_now_and_then_or_when_it_must_be_known() -> None:
    scene = Scene()
    watch = scene.watch(order_every=10.0)
    assert watch.verdict() is None
    scene.study.stop("user", ExperimentState.USER_CANCELED, "enough", running="cancel")
    assert watch.verdict() is None
    assert watch.verdict(force=True) == (TrialState.USER_CANCELED, "enough")
    scene.now += 10
    assert watch.verdict() == (TrialState.USER_CANCELED, "enough")


def test_a_store_that_is_away_ends_no_trial_and_what_was_not_written_is_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = Scene()
    watch = scene.watch(publish_every=0.0, order_every=0.0)

    def away(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("busy")

    watch.observe(points(0.1))
    with monkeypatch.context() as patch:
        patch.setattr(scene.store, "put", away)
        patch.setattr(scene.store, "list", away)
        assert watch.verdict() is None
    assert watch.verdict() is None
    assert scene.published() == [[0, 0.1]]


def test_a_store_that_is_away_is_said_once_until_it_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A thousand watches of one process share its log."""
    scene = Scene()
    watch = scene.watch(publish_every=0.0, order_every=0.0)

    def away(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("busy")

    for _ in range(2):
        with monkeypatch.context() as patch:
            patch.setattr(scene.store, "put", away)
            patch.setattr(scene.store, "list", away)
            for step in range(10):
                watch.observe(points(0.1, start=step))
                watch.verdict()
        watch.verdict()
    said = [record.getMessage() for record in caplog.records]
    assert len([text for text in said if "journal can't be read" in text]) == 2
    assert len([text for text in said if "were not written" in text]) == 2


def test_a_metrics_file_that_takes_long_to_make_is_made_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene()
    watch = scene.watch(publish_every=1.0)
    spent = iter([0.0, 2.0, 2.0, 2.001, 2.001, 2.002])
    monkeypatch.setattr("automl_core.running.watch.time.thread_time", lambda: next(spent))
    watch.observe(points(0.1))
    watch.publish_if_due()
    watch.observe(points(0.2, start=1))
    scene.now += 99
    watch.publish_if_due()
    assert len(scene.published()) == 1, "two seconds of a core: every hundred seconds"
    scene.now += 2
    watch.publish_if_due()
    assert len(scene.published()) == 2
    watch.observe(points(0.3, start=2))
    scene.now += 1.1
    watch.publish_if_due(force=True)
    assert len(scene.published()) == 3


def test_a_value_that_is_no_number_ends_it_at_once() -> None:
    watch = Scene().watch()
    watch.observe(points(0.5, math.nan))
    verdict = watch.verdict()
    assert verdict is not None
    state, reason = verdict
    assert state is TrialState.FAILED
    assert "accuracy" in reason
    outcome = watch.ended_as(*verdict)
    assert (outcome.value, outcome.metrics) == (None, {"accuracy": 0.5})


def test_a_rule_sees_trials_that_run_by_what_they_published_and_others_by_their_records() -> None:
    scene = Scene(trials={"concurrency": 4, "canary": False, "early_stopping": {"rule": "median", "min_trials": 2}})
    done, running, own = scene.ask(0), scene.ask(1), scene.ask(2)
    scene.study.tell(done, Outcome(TrialState.SUCCEEDED, value=0.9, step=0, curve=((0, 0.9),)))
    watch = scene.watch(own, publish_every=0.0)
    watch.observe(points(0.1))
    assert watch.verdict() is None, "its first step is not over"
    watch.observe(points(0.1, start=1))
    assert watch.verdict() is None, "one other trial is too few"
    other = scene.watch(running, publish_every=0.0)
    other.observe(points(0.8))
    other.verdict()
    watch = scene.watch(own)
    watch.observe(points(0.1, 0.1))
    assert watch.verdict() is None, "the first step of the other one is not over"
    other.observe(points(0.8, start=1))
    other.verdict()
    watch.observe(points(0.1, start=2))
    assert watch.verdict() is None, "at step 1 there is one"
    watch = scene.watch(own)
    watch.observe(points(0.1, 0.1))
    verdict = watch.verdict()
    assert verdict is not None
    assert verdict[0] is TrialState.EARLY_STOPPED
    assert "median" in verdict[1]


def test_other_peoples_files_that_can_not_be_read_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(trials={"concurrency": 4, "early_stopping": {"rule": "median", "min_trials": 1}})
    scene.ask(0)
    scene.store.put("e/r/experiment_0/metrics.json", b'{"points": [')
    watch = scene.watch(scene.ask(1))
    watch.observe(points(0.1, 0.1))
    assert watch.verdict() is None
    assert "experiment_0/metrics.json is unreadable" in caplog.text


def test_an_early_stopped_trials_value_counts() -> None:
    scene = Scene()
    watch = scene.watch()
    watch.observe(points(0.3, 0.5, 0.4, 0.9))
    outcome = watch.ended_as(TrialState.EARLY_STOPPED, "hopeless")
    assert (outcome.state, outcome.value, outcome.step) == (TrialState.EARLY_STOPPED, 0.5, 1)
    assert outcome.curve == ((0, 0.3), (1, 0.5), (2, 0.4)), "the step that it was in is not over"
    only = Scene().watch()
    only.observe(points(0.3))
    assert only.ended_as(TrialState.EARLY_STOPPED, "hopeless").value == 0.3


def test_a_step_is_judged_by_its_latest_value_once_the_next_has_begun() -> None:
    """A bar shows the epoch before until the true value comes, a second later: tests of late_values.py."""
    watch = Scene(trials={"early_stopping": {"rule": "patience", "patience": 1}}).watch()
    shown = None
    for epoch, value in enumerate((0.703, 0.78, 0.86, 0.922)):
        for each in (value,) if shown is None else (shown, value):
            watch.observe([Point(epoch, {"accuracy": each}, "epoch")])
            assert watch.verdict() is None
        shown = value
    assert watch.outcome().value == 0.922


def test_a_value_that_stands_still_is_judged_when_its_step_is_over() -> None:
    watch = Scene(trials={"early_stopping": {"rule": "patience", "patience": 1}}).watch()
    watch.observe(points(0.7, 0.7))
    assert watch.verdict() is None
    watch.observe([Point(2, {"lr": 0.1})])
    verdict = watch.verdict()
    assert verdict is not None
    assert "at step 1" in verdict[1]
    assert watch.ended_as(*verdict).curve == ((0, 0.7), (1, 0.7))


def test_a_goal_that_fits_two_names_fails_with_them() -> None:
    watch = Scene().watch()
    watch.observe([Point(0, {"valid's accuracy": 0.6})])
    assert watch.verdict() is None
    watch.observe([Point(0, {"train's accuracy": 0.9})])
    verdict = watch.verdict()
    assert verdict is not None
    for state, reason in (verdict, ((outcome := watch.outcome()).state, outcome.reason)):
        assert state is TrialState.FAILED
        assert '"valid\'s accuracy", "train\'s accuracy"' in reason
    one = Scene().watch()
    one.observe([Point(0, {"valid's accuracy": 0.6})])
    assert (one.outcome().value, one.outcome().metrics["accuracy"]) == (0.6, 0.6)


def test_a_goal_that_fits_nothing_fails_with_the_names_that_were_seen() -> None:
    watch = Scene().watch()
    watch.observe([Point(0, {"valid-error@0.7": 0.6, "val_accuracy": 0.4})])
    outcome = watch.outcome()
    assert outcome.state is TrialState.FAILED
    assert "Seen: valid-error@0.7, val_accuracy" in outcome.reason


def test_ended_early_without_a_value_it_has_failed() -> None:
    outcome = Scene().watch().ended_as(TrialState.EARLY_STOPPED, "hopeless")
    assert outcome.state is TrialState.FAILED
    assert "accuracy" in outcome.reason


def test_the_journal_keeps_a_long_curve_thinned_and_the_file_whole() -> None:
    scene = Scene()
    watch = scene.watch()
    watch.observe(points(*(step / 1000 for step in range(1000))))
    outcome = watch.outcome()
    assert len(outcome.curve) <= CURVE_POINTS
    assert outcome.curve[0] == (0, 0.0)
    assert outcome.curve[-1] == (999, 0.999)
    assert len(scene.published()) == 1000


def test_the_price_is_that_of_the_training_task() -> None:
    scene = Scene(tasks=TWO_TASKS)
    assert scene.watch().cost(100) == pytest.approx(1.0)


def test_a_task_that_gives_no_metric_leaves_the_value_to_another() -> None:
    scene = Scene(tasks=TWO_TASKS)
    first = scene.ask()
    outcome = scene.watch(first).outcome()
    assert (outcome.state, outcome.value) == (TrialState.SUCCEEDED, None)
    scene.study.tell(first, outcome)
    watch = scene.watch(scene.ask(0, 1))
    failed = watch.outcome(tail=["the last line"])
    assert failed.state is TrialState.FAILED
    assert "the last line" in failed.reason


def test_the_last_task_need_not_repeat_the_value_that_an_earlier_one_gave() -> None:
    scene = Scene(tasks=TWO_TASKS)
    first = scene.ask()
    watch = scene.watch(first)
    watch.observe(points(0.7))
    scene.study.tell(first, watch.outcome())
    second = scene.ask(0, 1)
    scene.study.tell(second, scene.watch(second).outcome())
    assert scene.study.best() == (0, 0.7)


def earlier_attempt(scene: Scene, *values: float) -> None:
    watch = scene.watch(publish_every=0.0)
    watch.observe(points(*values))
    watch.verdict()
    scene.study.tell(watch.binding, watch.ended_as(TrialState.FAILED, "killed", retryable=True))


def test_training_that_goes_on_keeps_the_curve_before_its_first_step() -> None:
    scene = Scene(trials={"retries": 1})
    earlier_attempt(scene, 0.1, 0.9, 0.3)
    watch = scene.watch()
    watch.observe(points(0.4, 0.5, start=2))
    outcome = watch.outcome()
    assert outcome.curve == ((0, 0.1), (1, 0.9), (2, 0.4), (3, 0.5))
    assert (outcome.value, outcome.step) == (0.9, 1)


def test_a_start_of_the_curve_that_can_not_be_read_now_is_not_taken_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(trials={"retries": 1})
    first = scene.ask()
    watch = scene.watch(first)
    watch.observe(points(0.9))
    scene.study.tell(first, watch.ended_as(TrialState.FAILED, "lost", retryable=True))
    again, get = scene.ask(), scene.store.get

    def away(key: str) -> bytes:
        if key.endswith("metrics.json"):
            raise StorageUnavailable("away")
        return get(key)

    with monkeypatch.context() as patched:
        patched.setattr(scene.store, "get", away)
        with pytest.raises(StorageUnavailable):
            scene.watch(again)
    watch = scene.watch(again)
    watch.observe(points(0.4, start=1))
    assert watch.outcome().value == 0.9


def test_training_that_begins_anew_keeps_nothing_of_the_attempt_before() -> None:
    scene = Scene(trials={"retries": 1})
    earlier_attempt(scene, 0.1, 0.9, 0.3)
    watch = scene.watch()
    watch.observe(points(0.2))
    assert watch.outcome().curve == ((0, 0.2),)


def test_an_attempt_that_reports_nothing_does_not_live_on_the_one_before() -> None:
    scene = Scene(trials={"retries": 1})
    earlier_attempt(scene, 0.9)
    assert scene.watch().outcome().state is TrialState.FAILED


def test_an_attempt_that_had_nothing_left_to_do_has_the_curve_of_its_trial() -> None:
    scene = Scene(trials={"retries": 1})
    earlier_attempt(scene, 0.1, 0.9, 0.7)
    scene.store.put("e/r/experiment_0/checkpoints/final/step_2", b"weights")
    watch = scene.watch()
    watch.verdict()
    assert watch.outcome().curve == ((0, 0.1), (1, 0.9), (2, 0.7))
    assert watch.outcome().state is TrialState.SUCCEEDED
    assert scene.watch().ended_as(TrialState.EARLY_STOPPED, "enough").value is not None


def test_what_a_cleared_trial_left_is_not_the_curve_of_the_attempt_that_begins_anew() -> None:
    scene = Scene()
    binding = scene.ask()
    watch = scene.watch(binding)
    watch.observe(points(0.9))
    scene.study.tell(binding, watch.outcome())
    scene.store.put("e/r/experiment_0/checkpoints/final/step_2", b"weights")
    assert scene.watch().outcome().state is TrialState.FAILED


def test_what_made_the_attempt_before_fail_is_not_taken_over() -> None:
    scene = Scene(trials={"retries": 1})
    earlier_attempt(scene, 0.1, math.nan)
    watch = scene.watch()
    watch.observe(points(0.4, start=2))
    assert watch.verdict() is None
    assert watch.outcome().curve == ((0, 0.1), (2, 0.4))


def test_nothing_of_the_attempt_before_is_left_at_the_step_where_the_new_one_begins() -> None:
    scene = Scene(trials={"retries": 1})
    watch = scene.watch(publish_every=0.0)
    watch.observe([Point(step, {"accuracy": 0.1, "size": 9.0}) for step in range(3)])
    watch.verdict()
    scene.study.tell(watch.binding, watch.ended_as(TrialState.FAILED, "killed", retryable=True))
    watch = scene.watch()
    watch.observe(points(0.4, start=2))
    assert [dict(point.values) for point in watch.series] == [
        {"accuracy": 0.1, "size": 9.0}, {"accuracy": 0.1, "size": 9.0}, {"accuracy": 0.4},
    ]  # fmt: skip


def test_a_first_value_that_is_taken_back_gives_the_attempt_before_its_place_again() -> None:
    scene = Scene(trials={"retries": 1})
    earlier_attempt(scene, 0.1, 0.9, 0.3)
    watch = scene.watch()
    watch.observe([Point(0, {"accuracy": 0.25})])
    watch.observe([Retraction(frozenset({"accuracy"}), 0, 0), Point(2, {"accuracy": 0.4}, "epoch")])
    assert watch.outcome().curve == ((0, 0.1), (1, 0.9), (2, 0.4))


def test_what_is_taken_back_again_and_again_costs_the_attempt_before_nothing() -> None:
    """As a JSON file does that is read whole each time."""
    scene = Scene(trials={"retries": 1})
    earlier_attempt(scene, 0.1, 0.9, 0.3)
    watch = scene.watch()
    for _ in range(3):
        watch.observe([Point(0, {"accuracy": 0.25}), Retraction(frozenset({"accuracy"}), 0, 0)])
        watch.observe([Point(2, {"accuracy": 0.4}, "epoch"), Point(3, {"accuracy": 0.5}, "epoch")])
    assert watch.outcome().curve == ((0, 0.1), (1, 0.9), (2, 0.4), (3, 0.5))


def test_a_training_task_that_leaves_the_value_to_the_next_may_have_two_names_that_fit() -> None:
    scene = Scene(tasks=TWO_TASKS)
    first = scene.ask()
    watch = scene.watch(first)
    watch.observe([Point(0, {"train accuracy": 0.9, "val accuracy": 0.6})])
    assert watch.verdict() is None
    scene.study.tell(first, watch.outcome())
    second = scene.watch(scene.ask(0, 1))
    second.observe(points(0.7))
    assert second.outcome().value == 0.7


class Promoted(Scene):
    """A trial with two epochs behind it (0.5 and 0.6), promoted."""

    def __init__(self, *, first: int = 1, step: float = 1, file: bool = True) -> None:
        super().__init__(
            search={"algorithm": "asha"},
            trials={
                "max": 3,
                "concurrency": 3,
                "canary": False,
                "budget": {"min": 2, "max": 6, "factor": 3},
                "retries": 1,
            },
        )
        bindings = [self.ask(slot) for slot in range(3)]
        for rank, binding in enumerate(bindings):
            watch = self.watch(binding, publish_every=0.0)
            curve = [Point(first + n * step, {"accuracy": 0.5 + n / 10 - rank / 10}, "epoch") for n in range(2)]
            watch.observe(curve)
            self.study.tell(binding, watch.outcome())
            if not file:
                self.store.delete(f"e/r/experiment_{binding.trial}/metrics.json")
        self.binding = self.ask(3)
        assert (self.binding.trial, self.binding.resume_budget) == (0, 2)

    def curve(self, *steps: float, retry: bool = False) -> list[float]:
        """The steps of the curve after it has trained on, with these steps stated."""
        watch = self.watch(self.ask(3) if retry else self.binding, publish_every=0.0)
        for step in steps:
            watch.observe([Point(step, {"accuracy": 0.7 + step / 100}, "epoch")])
        watch.publish()
        return [step for step, _ in watch.outcome().curve]


@pytest.mark.parametrize("file", [True, False])
def test_a_training_that_counts_from_its_first_epoch_again_goes_on_behind_its_lower_budget(file: bool) -> None:
    behind = [1, 2] if file else []
    assert Promoted(file=file).curve(1, 2, 3, 4) == [*behind, 3, 4, 5, 6]
    assert Promoted(file=file).curve(3, 4, 5, 6) == [*behind, 3, 4, 5, 6], "it goes on counting"
    assert Promoted(file=file).curve(2, 3, 4) == [*behind[:1], 2, 3, 4], "it goes on from a checkpoint before"


def test_so_it_does_where_epochs_begin_at_0_or_come_in_fractions() -> None:
    assert Promoted(first=0).curve(0, 1, 2) == [0, 1, 2, 3, 4]
    assert Promoted(first=0).curve(2, 3) == [0, 1, 2, 3]
    assert Promoted(first=0).curve(0.5, 1) == [0, 0.5, 1]


def test_a_second_attempt_at_a_promoted_trial_goes_on_behind_the_lower_budget_alone() -> None:
    scene = Promoted()
    watch = scene.watch(scene.binding, publish_every=0.0)
    watch.observe([Point(step, {"accuracy": 0.7}, "epoch") for step in (1, 2, 3)])
    watch.publish()
    scene.study.tell(scene.binding, watch.ended_as(TrialState.FAILED, "killed", retryable=True))
    assert scene.curve(1, 2, retry=True) == [1, 2, 3, 4]


def test_a_file_that_tells_the_lower_budget_once_more_is_not_moved() -> None:
    scene = Promoted()
    watch = scene.watch(scene.binding)
    watch.observe([Point(1, {"accuracy": 0.5}, "epoch"), Point(2, {"accuracy": 0.6}, "epoch")])
    watch.observe([Point(3, {"accuracy": 0.7}, "epoch")])
    assert watch.outcome().curve == ((1, 0.5), (2, 0.6), (3, 0.7))
