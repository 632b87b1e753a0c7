"""The guard: steps, safeguards, patience, and acts of people meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.models.life import Refused, VersionState
from automl_core.models.life.rollouts import Step
from automl_core.models.rollout import read_view
from automl_core.models.rollout.rules import Ab, Rules
from tests.unit.models.life.world import ANNA, DAG
from tests.unit.models.rollout.rollouts import CHALLENGER, CHAMPION, STEPS, Rolling


def state_of(world: Rolling, version: int = CHALLENGER) -> VersionState:
    return world.open().refresh().versions[version].state


def test_a_version_that_is_no_worse_goes_through_its_steps_and_is_in_use() -> None:
    world, guard = Rolling(), None
    guard = world.guard()
    for step in range(3):
        assert world.rollout.step == step
        for _ in range(4):
            world.tally((0 if step == 2 else 300, 0 if step == 2 else 3), (20, 0))
            guard.look()
            world.clock.now += 5
        assert world.rollout.step == step, "its time is not over"
        world.clock.now = world.rollout.moved + 61
        world.tally((0 if step == 2 else 300, 0 if step == 2 else 3), (20, 0))
        view = guard.look()
    assert (view.outcome, state_of(world)) == ("promoted", VersionState.IN_USE)
    assert "was put in use: nothing worse was shown" in view.did[0]
    assert world.open().refresh().champion == CHALLENGER
    assert guard.look().ended is not None
    assert world.tallies() == []
    shown = read_view(world.store, "churn", world.id)
    assert shown is not None
    assert shown["outcome"] == "promoted"
    assert [each[1] for each in shown["history"]][-1] == 2


def test_more_errors_take_it_back_at_once_with_numbers_in_the_journal() -> None:
    world = Rolling()
    guard = world.guard()
    for _ in range(20):
        world.tally((950, 10), (50, 3))
        view = guard.look()
        if view.ended:
            break
    assert view.outcome == "taken_back"
    assert state_of(world) is VersionState.TAKEN_BACK
    life = world.open().refresh()
    assert life.champion == CHAMPION
    rollout = life.rollouts[world.id]
    assert rollout.why.startswith("version 2: 6.0 % errors of ")
    assert "version 1: 1.1 % of " in rollout.why
    assert "worse is shown (evidence " in rollout.why
    assert rollout.why.endswith(", 22 decides)")
    assert rollout.evidence["tests"]["errors"] == rollout.why


def test_a_difference_that_is_too_small_takes_nothing_back_and_is_said() -> None:
    world = Rolling()
    guard = world.guard()
    for _ in range(10):
        world.tally((50_000, 50), (5_000, 30))  # 0.1 % and 0.6 %: half a point
        view = guard.look()
    test = view.tests[0]
    assert (test.state, view.ended) == ("small", None)
    assert "a difference is shown, of 0.5 points within the same time, and only more than 1 point counts" in test.words


def test_slow_answers_take_it_back_only_above_one_in_a_hundred() -> None:
    def after(slow: tuple[int, int]) -> Rolling:
        world = Rolling(rules=Rules(p99=0.2, least=50))
        guard = world.guard()
        for _ in range(30):
            world.tally((10_000, 0), (1_000, 0), slow=slow)
            if guard.look().ended:
                break
        return world

    back = after((50, 30))
    assert back.rollout.outcome == "taken_back"
    assert "3.0 % answers slower than 200 ms" in back.rollout.why
    allowed = after((10, 8))
    view = read_view(allowed.store, "churn", allowed.id)
    assert allowed.rollout.outcome == ""
    assert view is not None
    assert view["tests"][1]["state"] == "small"
    assert "no more than the 1.0 % that are allowed" in view["tests"][1]["words"]


@pytest.mark.parametrize(("errors", "outcome"), [(1, "promoted"), (40, "taken_back")])
def test_alone_it_is_held_to_the_champions_rate_and_the_margin(errors: int, outcome: str) -> None:
    world = Rolling(steps=(Step(0.5, 10.0), Step(1.0, 60.0)))
    guard = world.guard()
    for _ in range(5):
        world.tally((1_000, 10), (1_000, 10))
        guard.look()
    world.clock.now += 11
    guard.look()
    assert world.rollout.step == 1
    for _ in range(20):
        world.tally((0, 0), (200, 2 if outcome == "promoted" else errors))
        view = guard.look()
        world.clock.now += 4
        if view.ended:
            break
    assert view.outcome == outcome
    alone = next(each for each in view.tests if each.name == "errors_alone")
    assert alone.champion is None
    assert alone.limit is not None
    assert 0.02 < alone.limit < 0.03, "1 % of the champion at its highest, and the margin"
    assert "a bad hour for all would look the same" in alone.words


def test_at_once_it_is_held_to_the_absolute_limit() -> None:
    world = Rolling(steps=(Step(1.0, 60.0),))
    guard = world.guard()
    for _ in range(3):
        world.tally((0, 0), (200, 20))
        view = guard.look()
    assert view.outcome == "taken_back"
    assert "against a fixed 1.0 %" in view.why
    assert "20 decides" in view.why


def test_a_bad_hour_for_both_is_no_difference_and_said() -> None:
    world = Rolling(steps=(Step(0.05, 0.0), Step(0.25, 600.0), Step(1.0, 60.0)))
    guard = world.guard()
    world.tally((19_000, 190), (1_000, 10))  # 1 % of both
    guard.look()
    assert world.rollout.step == 1
    for _ in range(15):
        world.tally((1_000, 50), (333, 17))  # 5 % of both
        view = guard.look()
    assert view.ended is None
    errors = view.tests[0]
    assert (errors.state, errors.value is not None and errors.value < 1) == ("open", True)
    assert errors.challenger.rate is not None
    assert errors.champion is not None
    assert errors.champion.rate is not None
    assert errors.challenger.rate > 1.3 * errors.champion.rate, "pooled over steps it looks much worse"
    assert view.notes[0].startswith(
        "both rose in this step: version 1 from 1.0 % to 5.0 % errors, version 2 from 1.0 % to 5.1 %"
    )


def test_both_rose_within_a_step_is_said_too() -> None:
    world = Rolling()
    guard = world.guard()
    for hour in range(4):
        for _ in range(6):
            world.tally((1_000, 10 if hour < 3 else 60), (100, 1 if hour < 3 else 6))
            view = guard.look()
            world.clock.now += 600
            if world.rollout.step == 0:
                world.open().hold_rollout(world.id, True, ANNA, "to see an hour")
    assert any(each.startswith("both rose in the last hour: version 1 from ") for each in view.notes)
    assert view.ended is None


def test_shadow_comes_first_and_is_judged() -> None:
    steps = (Step(1.0, 60.0, shadow=True), Step(0.5, 60.0), Step(1.0, 60.0))
    good = Rolling(steps=steps)
    guard = good.guard()
    good.tally((500, 5), (0, 0), shadow=(500, 5))
    view = guard.look()
    assert (view.shadow, view.answers["shadow"], view.answers["here"]) == (True, 500, 500)
    assert "is asked as well for 100.0 %, its answers are not given" in view.words
    good.clock.now += 61
    good.tally((500, 5), (0, 0), shadow=(500, 5))
    guard.look()
    assert good.rollout.step == 1
    bad = Rolling(steps=steps)
    bad.tally((500, 5), (0, 0), shadow=(500, 60))
    assert bad.guard().look().outcome == "taken_back"


def test_ab_ends_with_the_better_one_the_worse_one_or_the_time() -> None:
    def after(champion: tuple[int, int], challenger: tuple[int, int], otherwise: str) -> Rolling:
        rules = Rules(ab=Ab(1_000.0, otherwise))  # type: ignore[arg-type]
        world = Rolling(steps=(Step(0.5, 0.0),), kind="ab", rules=rules)
        guard = world.guard()
        for _ in range(12):
            world.tally(champion, challenger)
            if guard.look().ended:
                break
            world.clock.now += 100
        return world

    better, worse = after((500, 30), (500, 5), "champion"), after((5_000, 50), (5_000, 85), "champion")
    assert better.rollout.outcome == "promoted"
    assert "better is shown" in better.rollout.why
    assert worse.rollout.outcome == "taken_back"
    assert "worse is shown (evidence " in worse.rollout.why
    assert ", 80 decides)" in better.rollout.why
    for otherwise, outcome in (("champion", "taken_back"), ("challenger", "promoted")):
        over = after((500, 5), (500, 5), otherwise)
        assert over.rollout.outcome == outcome
        assert f"neither was shown to be better within 16m 40s, and the file says {otherwise}" in over.rollout.why


@pytest.mark.parametrize("otherwise", ["champion", "challenger"])
@pytest.mark.parametrize(("given", "few"), [
    (None, "no server has told of any answer yet"),
    ((40, 9), "9 answers of version 2 in this step, and 50 are asked for"),
])  # fmt: skip
def test_an_ab_that_too_few_have_asked_leaves_the_champion_whatever_the_file_says(
    otherwise: Any, given: tuple[int, int] | None, few: str
) -> None:
    world = Rolling(steps=(Step(0.5, 0.0),), kind="ab", rules=Rules(least=50, ab=Ab(1_000.0, otherwise)))
    guard = world.guard()
    if given is not None:
        world.tally((given[0], 0), (given[1], 0))
    world.clock.now += 10
    assert guard.look().waits == f"one of the two to be shown better, for 16m 30s at most; so far {few}"
    world.clock.now += 1_000
    view = guard.look()
    assert (view.outcome, world.rollout.outcome) == ("taken_back", "taken_back")
    assert view.why == f"neither was shown to be better within 16m 40s: {few}"


def test_an_ab_is_ended_by_hand_either_way_and_held_time_is_not_counted() -> None:
    for end, outcome in (("take_back", "taken_back"), ("put_in_use", "promoted")):
        world = Rolling(steps=(Step(0.5, 0.0),), kind="ab", rules=Rules(ab=Ab(1_000.0)))
        guard = world.guard()
        world.tally((500, 5), (500, 5))
        world.open().hold_rollout(world.id, True, ANNA)
        world.clock.now += 5_000
        assert guard.look().ended is None
        world.open().hold_rollout(world.id, False, ANNA)
        assert guard.look().ended is None, "a person has held it, so its time is not over"
        getattr(world.open(), end)(CHALLENGER, ANNA, "I have seen enough")
        view = guard.look()
        assert (view.outcome, view.why) == (outcome, "I have seen enough")


def test_without_traffic_no_step_is_passed_and_after_its_time_it_is_taken_back() -> None:
    world = Rolling(rules=Rules(least=50, within=1_000.0))
    guard = world.guard()
    world.clock.now += 500
    assert guard.look().waits == "no server has told of any answer yet"
    world.tally((10, 0), (1, 0))
    world.clock.now += 100
    assert guard.look().waits == "1 answer of version 2 in this step, and 50 are asked for"
    world.clock.now += 500
    view = guard.look()
    assert view.outcome == "taken_back"
    assert view.why == (
        "step 1 could not be passed within 16m 40s: 1 answer of version 2 in this step, and 50 are asked for"
    )


def test_a_bake_time_that_is_longer_than_patience_takes_nothing_back() -> None:
    world = Rolling(steps=(Step(0.5, 5_000.0), Step(1.0, 1.0)), rules=Rules(least=50, within=1_000.0))
    guard = world.guard()
    for _ in range(5):
        world.tally((500, 1), (500, 1))
        world.clock.now += 900
        assert guard.look().ended is None
    world.clock.now += 600
    world.tally((500, 1), (500, 1))
    assert guard.look().step == 1


def test_servers_that_fell_silent_hold_a_step_and_are_named() -> None:
    world = Rolling()
    guard = world.guard()
    world.tally((5_000, 0), (500, 0), server="srv-a")
    world.tally((5_000, 0), (500, 0), server="srv-b")
    guard.look()
    world.clock.now += 300
    view = guard.look()
    assert view.waits == "no server was heard for 5m 00s"
    assert "2 of 2 servers were last heard: srv-a (5m 00s ago), srv-b (5m 00s ago)" in view.notes
    world.tally((10, 0), (1, 0), server="srv-b")
    view = guard.look()
    assert view.step == 1, "one that is heard is enough: servers come and go"
    assert any("1 of 2 servers were last heard: srv-a (5m 00s ago)" in each for each in view.notes)


def test_held_by_a_person_it_stays_but_for_its_safeguard() -> None:
    world = Rolling(rules=Rules(least=50, within=1_000.0))
    guard = world.guard()
    world.tally((5_000, 0), (500, 0))
    world.open().hold_rollout(world.id, True, ANNA, "until Monday")
    world.clock.now += 5_000
    world.tally((5_000, 0), (500, 0))
    view = guard.look()
    assert (view.held, view.step, view.waits) == (True, 0, "it is held by anna (rest): until Monday")
    world.open().hold_rollout(world.id, False, ANNA)
    assert guard.look().step == 1, "held, it had all that a step needs"
    world.open().hold_rollout(world.id, True, ANNA)
    world.clock.now += 5_000
    world.open().hold_rollout(world.id, False, ANNA)
    world.clock.now += 900
    assert guard.look().ended is None, "time for which it was held is not counted against it"
    world.clock.now -= 900
    world.open().hold_rollout(world.id, True, ANNA)
    for _ in range(5):
        world.tally((950, 10), (50, 10))
    assert guard.look().outcome == "taken_back"


def test_a_step_that_a_person_goes_back_to_begins_anew() -> None:
    world = Rolling()
    guard = world.guard()
    world.tally((5_000, 0), (500, 0))
    guard.look()
    world.clock.now += 61
    guard.look()
    assert world.rollout.step == 1
    world.open().step_rollout(world.id, 0, ANNA, "too many calls")
    world.clock.now += 61
    view = guard.look()
    assert (view.step, view.answers["here"]) == (0, 0)
    assert view.waits == "0 answers of version 2 in this step, and 50 are asked for"


def test_late_tallies_of_an_old_step_count_and_those_of_an_ended_rollout_go() -> None:
    world = Rolling()
    guard = world.guard()
    world.tally((5_000, 0), (500, 0))
    guard.look()
    world.clock.now += 61
    assert guard.look().step == 1
    world.tally((900, 1), (100, 0), step=0, server="srv-late")
    view = guard.look()
    assert view.tests[0].challenger.answers == 600
    assert view.answers["here"] == 0
    assert "1 tally of another step came when it was over; they count like all others" in view.notes
    world.open().take_back(CHALLENGER, ANNA, "by hand")
    world.tally((900, 1), (100, 90), step=1)
    view = guard.look()
    assert (view.outcome, view.why, view.tests[0].challenger.answers) == ("taken_back", "by hand", 600)
    assert world.tallies() == []


def test_what_came_after_the_end_goes_with_the_next_rollout() -> None:
    world = Rolling()
    world.open().take_back(CHALLENGER, ANNA, "by hand")
    world.guard().look()
    world.tally((900, 1), (100, 0))
    assert len(world.tallies()) == 1
    digest = world.evaluated(CHALLENGER, "again")
    life = world.open()
    life.accept(CHALLENGER, digest, ANNA)
    left, world.id = world.id, life.begin_rollout(CHALLENGER, DAG, list(STEPS)).id
    world.guard().look()
    assert world.store.list(f"_models/churn/rollouts/{left}/tallies/") == []


def test_a_person_who_was_faster_is_no_error() -> None:
    world = Rolling()
    guard = world.guard()
    world.tally((5_000, 0), (500, 0))
    guard.look()
    world.clock.now += 61
    real = guard.life.step_rollout

    def meanwhile(*args: object, **given: object) -> object:
        world.open().take_back(CHALLENGER, ANNA, "by hand")
        return real(*args, **given)  # type: ignore[arg-type]

    guard.life.step_rollout = meanwhile  # type: ignore[method-assign, assignment]
    view = guard.look()
    assert (view.outcome, view.why) == ("taken_back", "by hand")


def test_an_act_that_is_refused_for_good_is_said_and_tried_again() -> None:
    world = Rolling()
    guard = world.guard()
    world.tally((5_000, 0), (500, 0))
    world.clock.now += 61

    def refused(*args: object, **given: object) -> object:
        raise Refused("not today")

    guard.life.step_rollout = refused  # type: ignore[method-assign, assignment]
    assert "the next step is not possible: not today" in guard.look().notes
    assert guard.look().ended is None


def test_no_such_rollout_is_refused() -> None:
    world = Rolling()
    world.id = 7
    with pytest.raises(Refused, match="there is no rollout 7 of churn"):
        world.guard().look()


def test_clocks_that_differ_decide_nothing_and_are_named() -> None:
    world = Rolling()
    guard = world.guard()
    world.clock.now += 4_000
    world.tally((5_000, 0), (500, 0))  # a server whose clock is ahead of the guard's
    world.clock.now -= 4_000
    view = guard.look()
    assert view.step == 0, "its bake time is the guard's"
    assert "clocks are ahead: srv-a (1h 06m); nothing is decided by servers' clocks" in view.notes
