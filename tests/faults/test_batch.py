"""Nights that are scored while workers, or the scheduler, are killed (SIGKILL) in the middle, three models at once.

Whatever is killed where: each partition is scored once, whole, by one version, and none is skipped.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.models import Models
from tests.e2e.world import wait_until
from tests.faults.tasks import MODELS_AT_ONCE, PATIENCE, ROUNDS, Striker, Tasks, airflow_of_tasks
from tests.unit.models.evaluation.small import rows

pytestmark = pytest.mark.timeout(900)

NIGHTS = [f"{datetime.now(UTC) + timedelta(days=later):%Y-%m-%d}" for later in (1, 2, 3)]
"""Partitions that come after the first version: those before it are nobody's."""

ROWS = 200

MOMENTS = ("plan", "claimed", "written", "recorded")
"""While `plan` runs; while `score` has a claim; has written the file and not said so; has said so."""


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tasks]:
    """The Airflow of this module."""
    with airflow_of_tasks(tmp_path_factory.mktemp("nights"), ".score") as made:
        yield made


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("fault", ["batch-worker", "batch-scheduler"])
def test_each_night_is_scored_once_and_none_is_skipped(nights: Tasks, fault: str, moment: str) -> None:
    struck = 0
    for number in range(ROUNDS):
        if struck < MODELS_AT_ONCE:
            names = [f"{fault}_{moment}_{number}{each}".replace("-", "_") for each in range(MODELS_AT_ONCE)]
            struck += len(score(nights, fault, moment, names))
    assert struck >= MODELS_AT_ONCE, "what is to be struck is over too soon"


def score(nights: Tasks, fault: str, moment: str, names: list[str]) -> set[str]:
    """Score nights of models that are struck at a moment, and check them. Returns those that were struck."""
    models = nights.models
    for name in names:
        arrive(models, name)
        models.use(name, 0.5)
        place = f"{name}/ds=${{ds}}"
        deploy = {"to": "batch", "data": f"{place}/rows.csv", "out": f"scored/{place}.csv", "keep": ["id"]}
        models.file(name, deploy=deploy)
    striker = Striker(nights, fault, "plan" if moment == "plan" else "score", names, lambda n: at(models, n, moment))
    striker.start()

    def scored() -> bool:
        striker.mend()
        return all(len(models.life(name).state.scoring.done) == len(NIGHTS) for name in names)

    try:
        runs = {name: models.start_dag(f"{name}.score") for name in names}
        wait_until(
            scored, PATIENCE, f"{names} to be scored", lambda: str({n: models.tasks(f"{n}.score") for n in names})
        )
        for name in names:
            check(models, name, runs[name])
    finally:
        striker.over.set()
        striker.join()
        striker.mend()
    return striker.struck


def arrive(models: Models, name: str) -> None:
    """The partitions of all nights."""
    for seed, night in enumerate(NIGHTS):
        models.data(f"{name}/ds={night}/rows", ROWS, seed)


def at(models: Models, name: str, moment: str) -> bool:
    """Whether the scoring of a model, a task of which runs, is at a moment."""
    scoring = models.life(name).state.scoring
    if moment == "claimed":
        return bool(scoring.open)
    if moment == "written":
        return any(out(models, name, key[:10]).exists() for key in scoring.open)
    return moment == "plan" or bool(scoring.done)


def out(models: Models, name: str, night: str) -> Path:
    """Where the predictions of a night lie."""
    return models.world.root / "scored" / name / f"ds={night}.csv"


def check(models: Models, name: str, run: str) -> None:
    """Each night once in the journal and whole in its file; the run ends well, and the next one finds nothing to do."""
    dag = f"{name}.score"
    assert models.world.finish(dag, run) == "success", models.tasks(dag)
    again = models.start_dag(dag)
    assert models.world.finish(dag, again) == "success", models.tasks(dag)
    life = models.life(name)
    ended = Counter[tuple[str, int]]()
    digests = {}
    for record in life.journal.records():
        if record.seq not in life.state.skipped and record.kind == "interval_ended" and not record.data.get("failed"):
            ended[record.data["key"][:10], record.data["generation"]] += 1
            digests[record.data["key"][:10]] = record.data["digest"]
    assert ended == {(night, 1): 1 for night in NIGHTS}, "each once, and none twice"
    assert not life.state.scoring.open
    for night in NIGHTS:
        body = out(models, name, night).read_bytes()
        assert hashlib.sha256(body).hexdigest() == digests[night]
        found = list(csv.DictReader(body.decode().splitlines()))
        assert [row["id"] for row in found] == [str(each) for each in rows(ROWS, NIGHTS.index(night))["id"]]
        assert {(row["model_version"], row["model_interval"][:10]) for row in found} == {("1", night)}
