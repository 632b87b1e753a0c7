"""Lead times and iterations: what the journal's moments add up to, on histories as they happen."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.models.efficiency import efficiency, markdown_of
from automl_core.models.life import Source
from tests.support.examples import examples
from tests.unit.models.life.world import ANNA, DAG, STEPS, World, evidence

HOUR = 3600.0
JANUARY = datetime(2026, 1, 31, 20, tzinfo=UTC).timestamp()


def lived(
    world: World, run: str, *, training: float, look: float, evaluating: float, people: float, answer: str
) -> int:
    """A version from its training to the answer (and use, where that is yes)."""
    source, copy_from = world.publish(run)
    began = world.clock.now
    world.clock.now += training
    data = {"train": {"digest": "d", "modified": began - 2 * HOUR}}
    source = Source(source.storage, "churn", run, source.prefix, started=began, published=world.clock.now,
                    fingerprints=data)  # fmt: skip
    world.clock.now += look
    life = world.open()
    version = life.offer(source, copy_from, DAG).number
    world.clock.now += evaluating
    digest = life.evaluated(version, evidence(version, life.state.champion, run))
    world.clock.now += 1
    life.ask(version, digest, until=world.clock.now + 90 * 86400)
    world.clock.now += people
    if answer == "no":
        life.reject(version, digest, ANNA)
        return version
    life.accept(version, digest, ANNA)
    world.clock.now += 2
    life.put_in_use(version, DAG)
    return version


def test_a_year_of_a_model() -> None:
    world = World()
    world.clock.now = JANUARY
    lived(world, "r1", training=HOUR, look=60, evaluating=30, people=10 * HOUR, answer="yes")  # ends in February
    lived(world, "r2", training=HOUR, look=60, evaluating=20, people=HOUR, answer="no")
    world.open().ask_retraining("churn", {"text": "worse"}, DAG, at_most=2, within=1.0)
    world.clock.now += 59 * 86400  # a month without anything
    lived(world, "r3", training=3 * HOUR, look=120, evaluating=40, people=30, answer="yes")
    found = efficiency(world.open().state)
    first, second, third = found["versions"]
    assert (first["training"], first["handling"], first["people"]) == (HOUR, 60 + 30 + 1 + 2, 10 * HOUR)
    assert first["total"] == first["training"] + first["handling"] + first["people"]
    assert (second["total"], second["state"]) == (None, "REJECTED")
    assert third["handling"] == 120 + 40 + 1 + 2
    assert first["data_age"] == 2 * HOUR
    assert [(each["month"], each["offered"], each["in_use"], each["retrainings"]) for each in found["months"]] == [
        ("2026-01", 1, 0, 0), ("2026-02", 1, 1, 1), ("2026-03", 0, 0, 0), ("2026-04", 1, 1, 0),
    ]  # fmt: skip
    summary = found["summary"]
    assert (summary["versions"], summary["used"]) == (3, 2)
    assert summary["training_median"] == 2 * HOUR
    assert summary["people_median"] == pytest.approx((10 * HOUR + 30) / 2)
    assert (summary["offered_per_month"], summary["in_use_per_month"]) == (0.75, 0.5)


def test_what_expired_waits_for_people_until_somebody_has_it_evaluated_again() -> None:
    world = World()
    version = world.offered("r1")
    digest = world.evaluated(version)
    world.asked(version, digest, within=100.0)
    world.clock.now += 200
    life = world.open()
    life.expire(version, digest)
    world.clock.now += 5000
    again = world.evaluated(version, "again")
    life.refresh()
    life.accept(version, again, ANNA)
    life.put_in_use(version, DAG)
    [found] = efficiency(life.state)["versions"]
    assert (found["people"], found["handling"]) == (5200.0, 0.0 + life.state.version(1).offered_at - 2.0)


def test_a_rollout_is_the_platform_s_time_and_no_other_model_has_its_column() -> None:
    world = World()
    world.clock.now = JANUARY
    lived(world, "r1", training=HOUR, look=60, evaluating=30, people=HOUR, answer="yes")
    assert "rolling out" not in markdown_of(efficiency(world.open().state))
    began = world.clock.now
    source, copy_from = world.publish("r2")
    world.clock.now += HOUR
    source = Source(source.storage, "churn", "r2", source.prefix, started=began, published=world.clock.now)
    version = world.open().offer(source, copy_from, DAG).number
    life = world.open()
    life.accept(version, life.evaluated(version, evidence(version, 1, "r2")), ANNA)
    life.begin_rollout(version, DAG, STEPS)
    world.clock.now += 5 * HOUR
    life.step_rollout(1, 3, DAG)
    world.clock.now += HOUR
    life.put_in_use(version, DAG)
    found = efficiency(world.open().state)
    second = found["versions"][1]
    assert {each["name"]: each["seconds"] for each in second["stages"]}["rolling out"] == 6 * HOUR
    assert (second["training"], second["handling"], second["people"], second["total"]) == (HOUR, 6 * HOUR, 0, 7 * HOUR)
    assert "| rolling out |" in markdown_of(found)
    assert [each["in_use"] for each in found["months"]] == [1, 1]  # a promotion counts once, whatever its steps


def test_nothing_yet() -> None:
    found = efficiency(World().open().state)
    assert (found["versions"], found["months"], found["summary"]["total_median"]) == ([], [], None)
    assert "0 of 0 versions came into use" in markdown_of(found)


def test_the_page_has_every_version_and_month() -> None:
    world = World()
    world.clock.now = JANUARY
    lived(world, "r1", training=HOUR, look=60, evaluating=30, people=10 * HOUR, answer="yes")
    page = markdown_of(efficiency(world.open().state), "churn")
    assert page.startswith("# Efficiency of churn\n\n1 of 1 versions came into use.")
    assert "| 1 | IN_USE |" in page
    assert "| 2026-02 | 0 | 1 | 1 | 0 |" in page


@settings(max_examples=examples(20))
@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 4, st.sampled_from(["yes", "no"])), max_size=5))
def test_stages_add_up_to_the_whole(lives: list[tuple[int, int, int, int, str]]) -> None:
    world = World()
    world.clock.now = JANUARY
    for place, (training, look, evaluating, people, answer) in enumerate(lives):
        lived(world, f"r{place}", training=training + 1, look=look, evaluating=evaluating, people=people, answer=answer)
    for each in efficiency(world.open().state)["versions"]:
        if each["total"] is not None:
            assert each["total"] == pytest.approx(each["training"] + each["handling"] + each["people"], abs=0.01)


def test_what_a_person_answers_unasked_has_waited_for_people() -> None:
    """On the bucket nobody is asked: from the evidence to the answer no machine did anything."""
    world = World()
    version = world.offered("r1")
    digest = world.evaluated(version)
    world.clock.now += 5 * HOUR
    life = world.open()
    life.accept(version, digest, ANNA)
    life.put_in_use(version, ANNA)
    found = efficiency(life.state)["versions"][0]
    stages = {each["name"]: each["seconds"] for each in found["stages"]}
    assert stages["asking"] is None
    assert found["people"] >= 5 * HOUR
    assert stages["evaluating"] < HOUR
