"""What a guard is told beside errors: late labels, versions that are not of its rollout, nothing to compare with."""

from __future__ import annotations

from automl_core.models.file.values import Loss
from automl_core.models.life.rollouts import Rollout
from automl_core.models.rollout import Counts, Tally, write_tally
from automl_core.models.rollout.measures import Hour, Measured
from automl_core.models.rollout.rules import Metric, Rules
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
