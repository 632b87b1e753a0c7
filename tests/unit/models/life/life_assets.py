"""Writes the journal of a model in tests/assets/journal: every kind of record, a snapshot, records behind it.

It was run once with each version of the state (``model_v1``, ``model_v2``, which has rollouts):
    python -m tests.unit.models.life.life_assets
A release that changes it adds one beside; the others stay as they are, since old models do.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from automl_core.models.life import interval_key
from automl_core.models.life.layout import MODELS
from automl_core.models.life.life import LIFE_VERSION
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.world import ANNA, BEN, DAG, World

ASSET = Path(__file__).resolve().parents[3] / "assets" / "journal" / "model_v2"
FIRST = ASSET.parent / "model_v1"
DAY = 86_400.0


def written() -> dict[str, bytes]:
    """A life with all that can be told of it: its journal, by keys."""
    store = MemoryStore()
    world = World(store)
    life = world.open()
    life.configure({"name": "churn", "accept": {"by": ["anna"]}}, DAG)
    one = world.in_use("r1")
    life.refresh()
    asked = life.ask_retraining("churn", {"cause": "loss", "worse_by": 0.03}, DAG, at_most=2, within=7 * DAY)
    life.retraining_started(asked.id, "r2")
    two = world.offered("r2")
    life.take(two, "version_2")
    world.clock.now += 60
    digest = world.evaluated(two)
    world.asked(two, digest, within=DAY)
    world.clock.now += 3600
    life = world.open()
    life.accept(two, digest, BEN, "fewer errors", at=world.clock.now - 30)
    life.put_in_use(two, DAG, "accepted")
    for day in range(3):
        claim = life.begin_interval(interval_key(day * DAY, (day + 1) * DAY), day * DAY, (day + 1) * DAY, two, run="a")
        life.end_interval(claim, rows=100, out=f"scores/ds={day}/", digest="d")
    life.refresh()
    rolled = world.rolling("r3")
    world.clock.now += 60
    life.refresh()
    life.step_rollout(rolled.id, 1, DAG, "no worse", {"errors": {"state": "open"}}, expected=0)
    life.take_back(rolled.version, DAG, "3 % errors against 1 %", evidence={"errors": {"state": "worse"}})
    open_one = world.rolling("r4")
    life.refresh()
    life.hold_rollout(open_one.id, True, ANNA, "the campaign begins")
    life.journal.write_snapshot()
    life.step_rollout(open_one.id, 2, ANNA, "as agreed")
    claim = life.begin_interval("asset run", 0.0, 0.0, two, run="b", token="1")
    life.give_up_interval(claim, "out of memory")
    life.begin_interval(interval_key(0, DAY), 0.0, DAY, two, run="c", why="the column was wrong")
    world.clock.now += 60
    life.take_back(two, ANNA, "wrong on holidays", to=one)
    life.retire(two, ANNA, "never again")
    life.note_removed(two, ANNA)
    return {key: data for key, data in store.objects.items() if key.startswith(f"{MODELS}churn/journal")}


if __name__ == "__main__":
    assert LIFE_VERSION == 2, "what an earlier release wrote is never written again"
    shutil.rmtree(ASSET, ignore_errors=True)
    for key, data in written().items():
        (ASSET / key).parent.mkdir(parents=True, exist_ok=True)
        (ASSET / key).write_bytes(data)
