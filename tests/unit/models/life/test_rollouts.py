"""A version comes to its traffic beside the champion: what each act makes, and who is refused what, and why."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.models.life import Braked, Life, NoSuchVersion, Refused, RolloutOpen, Step, VersionState, in_use_at
from automl_core.models.life.history import history, in_use, lead_time
from automl_core.models.life.news import told
from automl_core.models.life.rollouts import steps_problem
from automl_core.models.rollout_views import rollouts
from automl_core.models.views import overview
from tests.unit.models.life.world import AB, ANNA, BEN, DAG, STEPS, World, evidence

S = VersionState


@pytest.fixture
def world() -> World:
    return World()


def test_a_champion_is_in_use_since_it_came_whatever_is_rolled_out_beside_it(world: World) -> None:
    rollout = world.rolling()
    came = world.open().state.shares[0]
    for act in (
        lambda: world.open().step_rollout(rollout.id, 1, DAG, "no worse"),
        lambda: world.open().take_back(2, ANNA, "complaints"),
    ):
        world.clock.now += 60
        act()
        used = overview(world.open().state, world.clock.now)["in_use"]
        assert (used["version"], used["since"], used["cause"], used["why"]) == (1, came.time, "in_use", came.why)


def test_it_goes_its_way(world: World) -> None:
    rollout = world.rolling()
    assert (rollout.id, rollout.version, rollout.champion, rollout.step, rollout.by) == (1, 2, 1, 0, DAG)
    assert (rollout.kind, rollout.steps, rollout.open, rollout.held) == ("steps", STEPS, True, False)
    state = world.open().state
    assert (state.champion, state.shares_now(), state.shares[-1].shadow) == (1, {1: 1.0}, {2: 1.0})
    assert [state.version(each).state for each in (1, 2)] == [S.IN_USE, S.ROLLING_OUT]
    wanted = [{1: 0.95, 2: 0.05}, {1: 0.75, 2: 0.25}, {1: 0.0, 2: 1.0}]
    for step, shares in enumerate(wanted, 1):
        world.clock.now += 60
        life = world.open()
        moved = life.step_rollout(1, step, DAG, "no worse", {"errors": {"n": step}}, expected=step - 1)
        assert (moved.step, moved.moved, moved.why, moved.evidence) == (
            step, world.clock.now, "no worse", {"errors": {"n": step}},
        )  # fmt: skip
        last = life.state.shares[-1]
        assert (last.shares, last.shadow, last.champion, last.cause, last.rollout) == (shares, {}, 1, "rollout_step", 1)
        accepted = {number: life.state.version(number).evidence[0].digest for number in (1, 2)}
        assert last.accepted == accepted
    assert moved.last
    shares_now = world.open().put_in_use(2, DAG, "all steps passed", {"errors": {"n": 9}})
    assert (shares_now.shares, shares_now.champion, shares_now.rollout, shares_now.cause) == (
        {2: 1.0}, 2, None, "in_use",
    )  # fmt: skip
    state = world.open().state
    done = state.rollouts[1]
    assert (done.outcome, done.ended, done.why, done.evidence) == (
        "promoted", world.clock.now, "all steps passed", {"errors": {"n": 9}},
    )  # fmt: skip
    assert state.rollout is None
    assert [each.what for each in done.acts] == ["begun", "step", "step", "step", "promoted"]
    assert [state.version(each).state for each in (1, 2)] == [S.REPLACED, S.IN_USE]
    assert Life.decode(state.encode()) == state


def test_what_was_in_use_then_is_told_with_its_shares(world: World) -> None:
    world.rolling()
    world.clock.now += 100
    world.open().step_rollout(1, 2, ANNA)
    found = in_use_at(world.store, "churn", world.clock.now)
    assert (found.shares, found.champion, found.rollout, dict(found.shadow)) == ({1: 0.75, 2: 0.25}, 1, 1, {})
    assert {number: each.by for number, each in found.accepted.items()} == {1: ANNA, 2: ANNA}
    assert set(found.versions) == {1, 2}
    before = in_use(world.open().state, world.clock.now - 1)
    assert (before.shares, before.shadow, set(before.versions), set(before.accepted)) == (
        {1: 1.0}, {2: 1.0}, {1, 2}, {1, 2},
    )  # fmt: skip


def test_a_version_that_is_bad_is_taken_back_and_the_champion_has_all(world: World) -> None:
    world.rolling()
    world.open().step_rollout(1, 2, DAG)
    world.clock.now += 9
    shares = world.open().take_back(2, DAG, "3 % errors against 1 %", evidence={"errors": {"state": "worse"}})
    assert (shares.shares, shares.champion, shares.rollout, shares.cause) == ({1: 1.0}, 1, None, "taken_back")
    state = world.open().state
    done = state.rollouts[1]
    assert (done.outcome, done.ended, done.step, done.evidence["errors"]["state"]) == (
        "taken_back", world.clock.now, 2, "worse",
    )  # fmt: skip
    assert [state.version(each).state for each in (1, 2)] == [S.IN_USE, S.TAKEN_BACK]
    assert state.version(2).note == "3 % errors against 1 %"
    assert [each.state for each in state.version(1).moves].count(S.IN_USE) == 1  # it never stopped answering
    assert world.open().take_back(2, DAG, "3 % errors against 1 %") == shares  # said again
    world.evaluated(2, "mended")
    assert world.open().state.version(2).state is S.EVALUATED


def test_it_is_taken_back_to_the_champion_and_to_nothing_else(world: World) -> None:
    world.in_use("r0")
    world.in_use("r1")
    world.rolling("r2")
    with pytest.raises(Refused, match="is rolling out beside version 2, which answers when it is taken back"):
        world.open().take_back(3, ANNA, "bad", to=1)
    assert world.open().take_back(3, ANNA, "bad", to=2).champion == 2


def test_one_rollout_at_a_time_and_the_others_are_told_whose(world: World) -> None:
    rollout = world.rolling("r2")
    third = world.accepted("r3")
    for act in (
        lambda life: life.begin_rollout(third, DAG, STEPS),
        lambda life: life.put_in_use(third, ANNA),
    ):
        with pytest.raises(RolloutOpen, match=r"version 2 is being rolled out \(rollout 1, .*: version 3 waits") as e:
            act(world.open())
        assert (e.value.rollout.id, e.value.by, e.value.when) == (1, DAG, rollout.begun)
    world.open().take_back(2, DAG, "bad")
    assert world.open().begin_rollout(third, DAG, STEPS).id == 2


def test_what_was_promoted_makes_the_evidence_of_the_next_one_stale(world: World) -> None:
    world.rolling("r2")
    third = world.accepted("r3")
    world.open().put_in_use(2, DAG)
    with pytest.raises(Refused, match="compared with version 1, and the champion is version 2: evaluate it again"):
        world.open().begin_rollout(third, DAG, STEPS)


def test_the_champion_taken_back_stops_the_rollout(world: World) -> None:
    world.in_use("r0")
    world.in_use("r1")
    world.rolling("r2")
    world.open().step_rollout(1, 3, DAG)
    shares = world.open().take_back(2, BEN, "both are bad")
    assert (shares.shares, shares.champion, shares.rollout) == ({1: 1.0}, 1, None)
    state = world.open().state
    done = state.rollouts[1]
    assert (done.outcome, done.acts[-1].by, done.why) == ("stopped", BEN, "both are bad")
    assert [state.version(each).state for each in (1, 2, 3)] == [S.IN_USE, S.TAKEN_BACK, S.ACCEPTED]
    for act in (lambda life: life.begin_rollout(3, DAG, STEPS), lambda life: life.put_in_use(3, DAG)):
        with pytest.raises(Refused, match="compared with version 2, and the champion is version 1: evaluate it again"):
            act(world.open())
    world.open().accept(3, world.evaluated(3, "against 1"), ANNA)
    assert world.open().begin_rollout(3, DAG, STEPS).champion == 1


def test_the_only_champion_taken_back_leaves_nothing_and_no_rollout(world: World) -> None:
    world.rolling("r2")
    shares = world.open().take_back(1, BEN, "bad")
    assert (shares.shares, shares.champion) == ({}, None)
    assert world.open().state.rollout is None
    with pytest.raises(Refused, match="compared with version 1, and the champion is none: evaluate it again"):
        world.open().begin_rollout(2, DAG, STEPS)
    world.open().accept(2, world.evaluated(2, "alone"), ANNA)
    with pytest.raises(Refused, match="nothing is in use, so version 2 has nothing to be compared with: put it in use"):
        world.open().begin_rollout(2, DAG, STEPS)
    assert world.open().put_in_use(2, DAG).shares == {2: 1.0}


def test_what_is_promoted_can_be_taken_back_to_what_it_replaced(world: World) -> None:
    world.rolling("r2")
    world.open().put_in_use(2, DAG)
    assert world.open().take_back(2, ANNA, "bad").champion == 1


def test_it_begins_only_with_an_acceptance_and_beside_a_champion(world: World) -> None:
    one = world.accepted("r1")
    with pytest.raises(Refused, match="nothing is in use"):
        world.open().begin_rollout(one, DAG, STEPS)
    world.open().put_in_use(one, DAG)
    two = world.offered("r2")
    with pytest.raises(Refused, match="version 2 is OFFERED: nobody has accepted it on its newest evidence"):
        world.open().begin_rollout(two, DAG, STEPS)
    digest = world.evaluated(two)
    world.open().reject(two, digest, ANNA)
    with pytest.raises(Refused, match="version 2 was rejected by anna"):
        world.open().begin_rollout(two, DAG, STEPS)
    with pytest.raises(NoSuchVersion, match="there is no version 7"):
        world.open().begin_rollout(7, DAG, STEPS)


def test_begun_again_it_is_the_same_one_in_the_steps_that_it_has(world: World) -> None:
    first = world.rolling()
    again = world.open().begin_rollout(2, BEN, [Step(1.0)])  # the model's file says something else by now
    assert again == first
    assert world.open().state.rollouts[1].steps == STEPS


def test_evidence_on_a_version_that_is_rolling_out_is_a_check(world: World) -> None:
    world.rolling()
    digest = world.evaluated(2, "newer data", ok=False)
    version = world.open().state.version(2)
    assert (version.state, version.checks[-1].digest, version.newest.digest != digest) == (  # type: ignore[union-attr]
        S.ROLLING_OUT, digest, True,
    )  # fmt: skip
    seq = world.open().state.seq
    assert world.open().evaluated(2, evidence(2, 1, "newer data", ok=False)) == digest
    assert world.open().state.seq == seq
    world.open().put_in_use(2, DAG)


def test_no_program_moves_what_a_person_holds(world: World) -> None:
    world.rolling()
    world.clock.now += 5
    held = world.open().hold_rollout(1, True, ANNA, "the campaign begins")
    assert (held.held, held.holder and held.holder.by) == (True, ANNA)
    for act in (lambda life: life.step_rollout(1, 1, DAG), lambda life: life.put_in_use(2, DAG)):
        with pytest.raises(Refused, match=r"is held by anna \(rest\) since .*: the campaign begins") as e:
            act(world.open())
        assert (e.value.by, e.value.when) == (ANNA, world.clock.now)
    seq = world.open().state.seq
    assert world.open().hold_rollout(1, True, BEN).holder == held.holder  # said again
    assert world.open().state.seq == seq
    told = world.open().hold_rollout(1, True, BEN, "and the shop is closed").holder
    assert (told and told.by, told and told.why) == (BEN, "and the shop is closed"), "another reason is no repetition"
    assert world.open().step_rollout(1, 2, BEN, "as agreed").held  # a person may, and it stays held there
    released = world.open().hold_rollout(1, False, BEN)
    assert (released.held, released.holder) == (False, None)
    world.open().step_rollout(1, 3, DAG)


def test_a_safeguard_takes_back_what_is_held_too(world: World) -> None:
    world.rolling()
    world.open().hold_rollout(1, True, ANNA)
    assert world.open().take_back(2, DAG, "5 % errors").champion == 1


def test_a_person_puts_in_use_what_is_held(world: World) -> None:
    world.rolling()
    world.open().hold_rollout(1, True, ANNA)
    assert world.open().put_in_use(2, BEN).champion == 2


def test_it_goes_back_a_step_too_and_a_decision_on_what_was_is_refused(world: World) -> None:
    world.rolling()
    world.open().step_rollout(1, 2, DAG)
    slow = world.open()
    world.clock.now += 3
    world.open().step_rollout(1, 1, BEN, "slowly")
    with pytest.raises(Refused, match=r"rollout 1 is in step 1 since .*, and in step 2 no more") as e:
        slow.step_rollout(1, 3, DAG, expected=2)
    assert (e.value.by, e.value.when) == (BEN, world.clock.now)
    seq = world.open().state.seq
    assert world.open().step_rollout(1, 1, DAG, expected=0).step == 1  # it is there already
    assert world.open().state.seq == seq


@pytest.mark.parametrize("step", [-1, 4, 99])
def test_a_step_that_it_has_not_is_refused(world: World, step: int) -> None:
    world.rolling()
    with pytest.raises(Refused, match=f"rollout 1 has steps 0 to 3, and no step {step}"):
        world.open().step_rollout(1, step, ANNA)


def test_what_is_over_is_over(world: World) -> None:
    world.rolling()
    world.clock.now += 3
    world.open().take_back(2, BEN, "bad")
    for act in (
        lambda life: life.step_rollout(1, 1, DAG),
        lambda life: life.step_rollout(1, 0, DAG),
        lambda life: life.hold_rollout(1, True, ANNA),
        lambda life: life.hold_rollout(1, False, ANNA),
    ):
        with pytest.raises(Refused, match=r"rollout 1 of version 2 is over \(taken back\) since") as e:
            act(world.open())
        assert (e.value.by, e.value.when) == (BEN, world.clock.now)
    with pytest.raises(Refused, match="there is no rollout 2"):
        world.open().step_rollout(2, 1, DAG)
    with pytest.raises(Refused, match="version 2 is TAKEN_BACK"):
        world.open().put_in_use(2, ANNA)
    with pytest.raises(Refused, match="is put in use again only after another evaluation"):
        world.open().begin_rollout(2, ANNA, STEPS)


def test_files_of_both_stay_while_it_is_open(world: World) -> None:
    world.rolling()
    for version in (1, 2):
        with pytest.raises(Refused, match="keeps its files"):
            world.open().note_removed(version, ANNA)
    with pytest.raises(Refused, match="version 2 is being rolled out: take it back first"):
        world.open().retire(2, ANNA, "old")
    world.open().take_back(2, DAG, "bad")
    world.open().note_removed(2, ANNA)


def test_two_side_by_side_hold_one_share(world: World) -> None:
    rollout = world.rolling(kind="ab")
    assert (rollout.kind, rollout.shares, rollout.last) == ("ab", {1: 0.7, 2: 0.3}, True)
    assert world.open().put_in_use(2, DAG, "better").champion == 2


@pytest.mark.parametrize(
    ("kind", "steps", "said"),
    [
        ("steps", [], "the last step is 100 %"),
        ("steps", [Step(0.5)], "the last step is 100 %"),
        ("steps", [Step(1.0, shadow=True)], "the last step is 100 %"),
        ("steps", [Step(0.5), Step(0.5), Step(1.0)], "the shares of the steps grow"),
        ("steps", [Step(0.5), Step(0.2), Step(1.0)], "the shares of the steps grow"),
        ("steps", [Step(0.5), Step(1.0, shadow=True), Step(1.0)], "a shadow comes before all other steps"),
        ("steps", [Step(0.0), Step(1.0)], "a share above 0 and of at most 1"),
        ("steps", [Step(float("nan")), Step(1.0)], "a share above 0 and of at most 1"),
        ("steps", [Step(1.0, -1.0)], "a time of at least 0 s"),
        ("steps", [Step(1.0, float("inf"))], "a time of at least 0 s"),
        ("ab", [Step(1.0)], "an A/B test has one share, below 100 %"),
        ("ab", [Step(0.1), Step(0.5)], "an A/B test has one share, below 100 %"),
        ("blue", [Step(1.0)], "'blue' is no kind of rollout; allowed: steps, ab"),
    ],
)
def test_steps_that_are_none_are_refused(world: World, kind: Any, steps: list[Step], said: str) -> None:
    world.in_use("r1")
    two = world.accepted("r2")
    with pytest.raises(Refused, match=said):
        world.open().begin_rollout(two, DAG, steps, kind)


@pytest.mark.parametrize(
    ("kind", "steps"), [("steps", STEPS), ("steps", [Step(1.0)]), ("ab", AB), ("ab", [STEPS[0], *AB])]
)
def test_steps_that_are_some(kind: str, steps: list[Step]) -> None:
    assert steps_problem(kind, steps) == ""


def test_followers_hear_of_each_change(world: World) -> None:
    world.rolling()
    heard = [told(world.store)["churn"]]
    for act in (
        lambda life: life.step_rollout(1, 1, DAG),
        lambda life: life.hold_rollout(1, True, ANNA),
        lambda life: life.take_back(2, DAG, "bad"),
    ):
        act(world.open())
        heard.append(told(world.store)["churn"])
    assert heard == sorted(set(heard))
    assert heard[-1] == world.open().state.seq


BROKEN: list[tuple[str, dict[str, Any]]] = [
    ("rollout_begun", {"version": 3}),
    ("rollout_begun", {"version": 3, "kind": "steps", "steps": [{"share": "all"}], "id": 2, "champion": 1}),
    ("rollout_begun", {"version": 3, "kind": ["steps"], "steps": [{"share": 1.0}], "id": 2, "champion": 1}),
    ("rollout_begun", {"version": 2, "kind": "steps", "steps": [{"share": 1.0}], "id": 1, "champion": 1}),
    ("rollout_step", {"id": 1, "step": 9}),
    ("rollout_step", {"id": 1, "step": None}),
    ("rollout_step", {"id": 1, "step": 1, "evidence": 5}),
    ("rollout_step", {"id": 1, "step": 1, "expected": "x"}),
    ("rollout_step", {"id": 7, "step": 1}),
    ("rollout_held", {"id": 1}),
    ("rollout_held", {"id": 1, "held": "yes"}),
    ("in_use", {"version": 2, "evidence": [1]}),
    ("in_use", {"version": 3}),
    ("taken_back", {"version": 2, "why": "bad", "to": 1, "evidence": "none"}),
    ("taken_back", {"version": 2, "to": 1}),
    ("taken_back", {"version": 2, "why": "bad", "to": None}),
    ("retired", {"version": 2, "why": "old"}),
    ("removed", {"version": 2}),
]


@pytest.mark.parametrize(("kind", "data"), BROKEN, ids=[f"{n}-{kind}" for n, (kind, _) in enumerate(BROKEN)])
@pytest.mark.parametrize("by", [{"name": "x", "how": "rest"}, {"name": "x", "how": "telepathy"}, None])
def test_a_record_that_is_none_is_skipped_and_changes_nothing(
    world: World, kind: str, data: dict[str, Any], by: dict[str, str] | None
) -> None:
    """Somebody, or a release with a fault, has written it without asking the rules."""
    world.rolling()
    world.accepted("r3")
    before = world.open()
    body = data if by is None else {**data, "by": by}
    record = before.journal.append(kind, body, valid=lambda life: True)
    assert record is not None
    after = world.open().state
    assert list(after.skipped) == [record.seq]
    after.skipped, after.seq, after.updated = {}, 0, 0.0
    clean = World(world.store).open().state
    expected = Life()
    for each in before.journal.records():
        if each.seq != record.seq:
            expected.apply(each)
    expected.seq, expected.updated = 0, 0.0
    assert after == expected
    assert list(clean.skipped) == [record.seq]


GOOD: list[tuple[str, dict[str, Any]]] = [
    ("rollout_step", {"id": 1, "step": 1}),
    ("rollout_held", {"id": 1, "held": True}),
    ("in_use", {"version": 2}),
    ("taken_back", {"version": 2, "why": "bad", "to": 1}),
    ("taken_back", {"version": 1, "why": "bad", "to": None}),
]


@pytest.mark.parametrize("how", ["rest", "telepathy", 5, None])
@pytest.mark.parametrize(("kind", "data"), GOOD)
def test_a_record_says_by_which_way_somebody_has_acted(world: World, kind: str, data: dict[str, Any], how: Any) -> None:
    """Else a snapshot could hold what no release reads."""
    world.rolling()
    record = world.open().journal.append(kind, {**data, "by": {"name": "x", "how": how}}, valid=lambda life: True)
    assert record is not None
    state = world.open().state
    assert list(state.skipped) == ([] if how == "rest" else [record.seq])
    assert Life.decode(state.encode()) == state


@pytest.mark.parametrize("share", [0.05, 0.07, 0.7, 1 / 3, 0.9999])
def test_shares_add_up_to_one_and_are_told_as_they_are_meant(world: World, share: float) -> None:
    world.in_use("r1")
    rollout = world.open().begin_rollout(world.accepted("r2"), DAG, [Step(share), Step(1.0)])
    assert rollout.shares[2] == share
    assert sum(rollout.shares.values()) == pytest.approx(1.0, abs=1e-11)
    assert len(str(rollout.shares[1])) <= 14  # no 0.30000000000000004


def test_its_history_is_told(world: World) -> None:
    world.in_use("r0")
    world.clock.now += 10
    world.rolling("r2")
    acts = [
        lambda life: life.step_rollout(1, 1, DAG, "no worse"),
        lambda life: life.hold_rollout(1, True, ANNA),
        lambda life: life.hold_rollout(1, False, BEN),
        lambda life: life.take_back(2, DAG, "5 % errors"),
    ]
    for act in acts:
        world.clock.now += 10
        act(world.open())
    since = [each for each in history(world.open().state) if "roll" in each.kind or each.kind == "taken_back"]
    assert [(each.kind, each.text) for each in since] == [
        ("rollout_begun", "a rollout of version 2 beside version 1 begun: shadow of 100 %, by churn.rollout (dag)"),
        ("rollout_step", "version 2 moved to 5 %, by churn.rollout (dag): no worse"),
        ("rollout_held", "the rollout of version 2 held at 5 %, by anna (rest)"),
        ("rollout_released", "the rollout of version 2 released at 5 %, by ben (airflow)"),
        ("taken_back", "version 2 taken back by churn.rollout (dag); version 1 answers all: 5 % errors"),
    ]
    assert [each.time for each in since] == sorted(each.time for each in since)


def test_a_stopped_rollout_is_told_with_the_champion_that_went(world: World) -> None:
    world.in_use("r0")
    world.in_use("r1")
    world.rolling("r2")
    world.open().take_back(2, BEN, "bad")
    texts = [each.text for each in history(world.open().state) if each.kind == "taken_back"]
    assert texts == [
        "version 2 taken back by ben (airflow); version 1 answers again; the rollout of version 3 stopped: bad"
    ]


def test_how_long_it_rolled_out_is_a_stage_of_its_own(world: World) -> None:
    world.rolling()
    world.clock.now += 600
    world.open().put_in_use(2, DAG)
    stages = {each.name: each for each in lead_time(world.open().state, 2)}
    assert (stages["rolling out"].seconds, stages["rolling out"].people) == (600, False)
    assert {each.name: each.seconds for each in lead_time(world.open().state, 1)}["rolling out"] is None


def test_what_came_again_after_its_rollout_took_it_back_waited_for_people(world: World) -> None:
    world.rolling()
    world.clock.now += 100
    world.open().take_back(2, DAG, "bad")
    world.clock.now += 5000
    life = world.open()
    life.accept(2, world.evaluated(2, "again"), ANNA)
    world.open().begin_rollout(2, DAG, [Step(1.0)])
    world.clock.now += 50
    world.open().put_in_use(2, DAG)
    stages = {each.name: each.seconds for each in lead_time(world.open().state, 2)}
    assert (stages["rolling out"], stages["waiting for people"]) == (150, 5000)


def test_no_program_asks_for_a_training_while_its_last_one_is_rolled_out(world: World) -> None:
    world.rolling()
    with pytest.raises(Braked, match="version 2 came of churn and is being rolled out"):
        world.open().ask_retraining("churn", {"cause": "loss"}, DAG, at_most=2, within=100.0)
    world.open().ask_retraining("other", {"cause": "loss"}, DAG, at_most=2, within=100.0)
    world.open().take_back(2, DAG, "bad")
    world.open().ask_retraining("churn", {"cause": "loss"}, DAG, at_most=2, within=100.0)


def test_a_person_asks_for_a_training_all_the_same(world: World) -> None:
    world.rolling()
    assert world.open().ask_retraining("churn", {"cause": "prices"}, ANNA, at_most=2, within=100.0).id == 1


def test_views_show_it(world: World) -> None:
    world.rolling()
    world.open().step_rollout(1, 1, DAG, "no worse", {"n": 1})
    world.open().hold_rollout(1, True, ANNA, "wait")
    state = world.open().state
    shown = overview(state, world.clock.now)
    assert shown["rollout"] == rollouts(state)[0]
    found = shown["rollout"]
    assert (found["id"], found["version"], found["champion"], found["step"], found["share"], found["shadow"]) == (
        1, 2, 1, 1, 0.05, False,
    )  # fmt: skip
    assert (found["held"], found["holder"]["by"]["name"], found["holder"]["why"]) == (True, "anna", "wait")
    assert (found["may_move_at"], found["evidence"]) == (state.rollouts[1].moved + 60, {"n": 1})
    assert [each["what"] for each in found["acts"]] == ["begun", "step", "held"]
    assert shown["in_use"]["shares"] == {"1": 0.95, "2": 0.05}
    assert [(each["rollout"], each["shadow"]) for each in shown["shares"]] == [(None, {}), (1, {"2": 1.0}), (1, {})]
    world.open().take_back(2, DAG, "bad")
    state = world.open().state
    assert overview(state, 0.0)["rollout"] is None
    assert [(each["outcome"], each["may_move_at"]) for each in rollouts(state)] == [("taken_back", None)]
