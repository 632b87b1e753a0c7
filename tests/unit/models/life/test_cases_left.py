"""The bad cases that a champion was left with are what the next evaluation follows."""

from __future__ import annotations

from automl_core.models.life.evidence import cases_left
from automl_core.models.life.layout import evidence_rows_key
from tests.unit.models.life.world import World, evidence

ROWS = {"format": 1, "cases": [{"id": "c7", "state": "new", "row": {"a": 1}}], "tests": {}}


def test_they_are_those_of_its_newest_evidence_with_rows() -> None:
    world = World()
    version = world.offered()
    life = world.open()
    assert cases_left(life.store, "churn", None) == []
    assert cases_left(life.store, "churn", life.state.version(version)) == [], "nobody has measured it"
    digest = life.evaluated(version, evidence(version, None, 1), ROWS)
    life.evaluated(version, evidence(version, None, 2))
    found = cases_left(life.store, "churn", life.state.version(version))
    assert [each["id"] for each in found] == ["c7"]
    life.store.delete(evidence_rows_key("churn", digest))
    assert cases_left(life.store, "churn", life.state.version(version)) == [], "removed since: nothing is followed"
