"""What a guard is told beside errors: late labels, versions that are not of its rollout, nothing to compare with."""

from __future__ import annotations

from automl_core.models.file.values import Loss
from automl_core.models.life.rollouts import Rollout, Step
from automl_core.models.rollout import Counts, Tally, write_tally
from automl_core.models.rollout.measures import Hour, Measured
from automl_core.models.rollout.rules import Ab, Metric, Rules
from tests.unit.models.rollout.rollouts import CHALLENGER, CHAMPION, Rolling


class Fake:
    """A measurement that is there when it is asked for."""

    def __init__(self, *found: Measured) -> None:
        self.found, self.closed = list(found), False

    def poll(self, rollout: Rollout, now: float) -> list[Measured]:
        return [self.found.pop(0)] if self.found else []

    def close(self) -> None:
        self.closed = True


def hours(challenger: float) -> list[Hour]:
    return [
        Hour(3600.0 * hour, version, 2_000, mean, 0.2)
        for hour in range(5)
        for version, mean in ((CHAMPION, 0.85), (CHALLENGER, challenger))
    ]


def test_late_labels_take_it_back_and_a_measurement_that_fails_keeps_the_last() -> None:
    rules = Rules(least=50, metric=Metric("accuracy", Loss(0.01, relative=True)))
    world = Rolling(rules=rules)
    late = Fake(
        Measured("accuracy", 1.0, hours(0.85), ["20,000 answers have outcomes"]),
        Measured("accuracy", 2.0, problem="it took longer than 600 s"), Measured("accuracy", 3.0, hours(0.75)),
    )  # fmt: skip
    guard = world.guard(late=late)
    assert guard.look().tests[1].state == "open"
    view = guard.look()
    assert view.metric == {
        "accuracy": {"time": 2.0, "words": ["20,000 answers have outcomes"], "problem": "it took longer than 600 s"}
    }
    assert view.tests[1].challenger.answers == 10_000
    view = guard.look()
    assert view.outcome == "taken_back"
    assert view.why.startswith("accuracy of version 2 is 0.75 on 10,000 labels, of version 1 0.85 on 10,000")
    guard.close()
    assert late.closed


def test_what_was_measured_is_not_lost_where_another_guard_is_faster() -> None:
    rules = Rules(least=50, metric=Metric("accuracy", Loss(0.01, relative=True)))
    world = Rolling(rules=rules)
    late = Fake()
    guard, other = world.guard(late=late), world.guard()
    guard.look()
    real = late.poll

    def meanwhile(rollout: Rollout, now: float) -> list[Measured]:
        world.tally((50, 0), (50, 0))
        other.look()
        late.poll = real  # type: ignore[method-assign]
        return [Measured("accuracy", 1.0, hours(0.85))]

    late.poll = meanwhile  # type: ignore[method-assign]
    assert guard.look().tests[1].challenger.answers == 10_000


def test_a_metric_that_nobody_measures_is_said() -> None:
    world = Rolling(rules=Rules(metric=Metric("accuracy", Loss(0.01, relative=True))))
    assert "accuracy can't be measured here, so nothing is decided by it" in world.guard().look().notes


def test_without_a_champion_beside_it_no_step_is_passed() -> None:
    world = Rolling()
    guard = world.guard()
    world.tally((0, 0), (500, 0))
    world.clock.now += 61
    view = guard.look()
    assert view.waits == "version 1 has answered nothing at the same time: there is nothing to compare with"
    assert view.tests[0].words == "errors: not both have answered within the same time yet"


def test_answers_of_other_versions_are_left_out_and_said() -> None:
    world = Rolling()
    tally = world.tally((50, 0), (50, 0))
    write_tally(world.store, "churn", Tally(
        world.id, 0, "srv-z", 1, 0.0, 1.0, {**tally.versions, 7: Counts(9, 9)}
    ))  # fmt: skip
    view = world.guard().look()
    assert "9 answers of other versions are left out" in view.notes
    assert view.tests[0].challenger.hits == 0


def test_an_ab_whose_file_has_none_any_more_is_not_in_use_by_that() -> None:
    """Its one step is its last: passed as a step is, it would have all after `least` answers."""
    world = Rolling((Step(0.5),), "ab", Rules(least=50, within=600.0))
    guard = world.guard()
    for _ in range(3):
        world.tally((300, 3), (300, 3))
        view = guard.look()
        world.clock.now += 60
    assert (view.ended, [each.name for each in view.tests]) == (None, ["errors"])
    assert "a person to decide: the file has no `ab` any more" in view.waits
    world.clock.now += 600
    world.tally((300, 3), (300, 3))
    assert guard.look().outcome == "taken_back"
    assert "nobody has decided within 10m 00s" in world.rollout.why


def test_steps_whose_file_has_an_ab_since_go_on_as_steps() -> None:
    world = Rolling((Step(0.5, 10.0), Step(1.0, 10.0)), "steps", Rules(least=50, ab=Ab()))
    guard = world.guard()
    for _ in range(8):
        world.tally((0 if world.rollout.step else 300, 0), (300, 0))
        view = guard.look()
        assert "better" not in [each.name for each in view.tests]
        world.clock.now += 6
    assert view.outcome == "promoted"
