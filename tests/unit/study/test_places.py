"""When the next place becomes free, by how long trials take; and who is to have it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.states import TrialState
from automl_core.study import Outcome
from automl_core.study.places import UNKNOWN, free_places, is_due, waiting_before, youngest
from tests.support.clocked_study import ClockedStudy, experiment


def test_trials_end_when_others_of_their_age_ended() -> None:
    scene = ClockedStudy()
    scene.lasted(10.0, 20.0, 30.0, 40.0)
    scene.begin()
    assert scene.ends(within=5) == 0
    assert scene.ends(within=10) == pytest.approx(1 / 4)
    scene.now += 15
    assert scene.ends(within=10) == pytest.approx(1 / 3), "of the three that lasted longer than 15 s, one ended by 25"
    assert scene.ends(within=30) == 1


def test_a_long_trial_does_not_hold_a_worker_from_its_beginning() -> None:
    scene = ClockedStudy()
    scene.lasted(3600.0, 3700.0)
    scene.begin()
    for age, due in ((0, False), (1800, False), (3590, True)):
        assert is_due(scene.study.state, experiment(concurrency=1), scene.now + age, 20, 0) is due, age


def test_before_any_has_ended_the_first_may_at_any_moment_for_a_while() -> None:
    scene = ClockedStudy()
    scene.begin()
    scene.begin()
    scene.now += UNKNOWN
    assert scene.ends(within=20) == 2
    scene.now += 1
    assert scene.ends(within=20) == 0, "nor is a worker held for the first hour of an hour's training"
    scene.lasted(100.0)
    assert scene.ends(within=20) == 0


def test_one_that_has_outlived_all_is_due_for_as_long_as_it_is_late() -> None:
    scene = ClockedStudy()
    scene.lasted(60.0, 61.0)
    scene.begin()
    scene.now += 70
    assert scene.ends(within=20) == 1
    scene.now += 20
    assert scene.ends(within=20) == 0


def test_a_trial_in_a_queue_has_yet_to_begin() -> None:
    scene = ClockedStudy()
    scene.lasted(20.0)
    binding = scene.begin()
    scene.study.external(binding, '{"queue": "team-a"}')
    scene.now += 25.0
    assert scene.ends(12.0) == 0.0, "no worker is to wait for its end"
    scene.study.external(binding, "{}", scene.now)
    assert scene.ends(12.0) == 0.0
    scene.now += 10.0
    assert scene.ends(12.0) == 1.0, "its age counts from when it left the queue"
    scene.end(binding)
    cancelled = scene.begin()
    scene.study.external(cancelled, '{"queue": "team-a"}')
    scene.now += 1000.0
    scene.end(cancelled)
    scene.begin()
    scene.now += 15.0
    assert scene.ends(12.0) == 1.0, "how long another has waited says nothing of how long a trial takes"


def test_a_budget_is_compared_with_its_own() -> None:
    scene = ClockedStudy()
    scene.lasted(10.0)
    scene.study.state.works[0].budget = 1
    scene.lasted(90.0)
    scene.study.state.works[1].budget = 9
    scene.begin()
    scene.study.state.works[2].budget = 9
    assert scene.ends(within=20) == 0
    scene.study.state.works[2].budget = 1
    assert scene.ends(within=20) == 1
    scene.study.state.works[2].budget = 3
    assert scene.ends(within=20) == pytest.approx(1 / 2), "a budget that none has finished is compared with all"


def test_each_that_waits_needs_a_place_of_its_own() -> None:
    scene = ClockedStudy()
    scene.lasted(10.0)
    for _ in range(3):
        scene.begin()
    assert free_places(scene.study.state, scene.study.experiment) == 0
    assert [scene.due(20, before) for before in range(4)] == [True, True, True, False]
    lower = experiment(concurrency=1)
    assert [is_due(scene.study.state, lower, scene.now, 20, before) for before in range(2)] == [True, False], (
        "with a lowered concurrency two of the three ends free no place"
    )


def test_those_that_wait_take_turns_by_their_number_and_what_goes_on_is_first() -> None:
    scene = ClockedStudy()
    for _ in range(3):
        scene.begin()
    state = scene.study.state
    assert [waiting_before(state, slot) for slot in (3, 4, 5)] == [0, 1, 2]
    assert waiting_before(state, 1) == 0, "a retry, or a trial that was cleared"
    assert waiting_before(state, None) == 0
    for lane, work in enumerate(state.works.values()):
        work.lane = lane
    assert [waiting_before(state, lane=lane) for lane in (0, 3, 5)] == [0, 0, 2]
    scene.end(scene.study.binding(0, 0))
    assert [waiting_before(state, lane=lane) for lane in (0, 3, 5)] == [0, 1, 3], "lane 0 waits now as well"


def test_a_failed_attempt_says_how_soon_a_place_is_given_back_and_the_youngest_how_long_all_have_run() -> None:
    scene = ClockedStudy(retries=0)
    assert youngest(scene.study.state, scene.now) == 0
    binding = scene.begin()
    scene.now += 4
    scene.study.tell(binding, Outcome(TrialState.FAILED, "no"))
    scene.begin()
    scene.now += 2
    scene.begin()
    assert scene.ends(within=5) == 2
    scene.now += 1
    assert youngest(scene.study.state, scene.now) == 1


@given(
    lasted=st.lists(st.floats(0.1, 5000), max_size=8),
    running=st.lists(st.floats(0, 5000), max_size=3),
    within=st.floats(0, 600),
    more=st.floats(0, 600),
)
def test_never_more_end_than_run_and_never_fewer_in_a_longer_time(
    lasted: list[float], running: list[float], within: float, more: float
) -> None:
    scene = ClockedStudy()
    scene.lasted(*lasted)
    begun = scene.now
    for _ in running:
        scene.begin()
    for work, age in zip(scene.study.state.running, running, strict=True):
        work.attempts[-1].started = begun - age
    ends = scene.ends(within)
    assert 0 <= ends <= len(running)
    assert ends <= scene.ends(within + more)
