"""Writes the journal of a project in tests/assets/journal: every kind of record, a snapshot, records behind it.

It was run once with each version of the state (``annotation_v1``, ``annotation_v2``):
    python -m tests.unit.annotation.project.project_assets
A release that changes it adds one beside; the others stay as they are, since old projects do.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from automl_core.annotation.project import Source
from automl_core.annotation.project.layout import ANNOTATION
from automl_core.annotation.project.storing import PROJECT_VERSION
from tests.support.memory_store import MemoryStore
from tests.unit.annotation.project.test_loop import ids, threshold, version
from tests.unit.annotation.project.world import ANNA, BY, World, label, text

ASSETS = Path(__file__).resolve().parents[3] / "assets" / "journal"
ASSET = ASSETS / f"annotation_v{PROJECT_VERSION}"


def written() -> dict[str, bytes]:
    """A project with all that can be told of it: its journal and its items, by keys."""
    store = MemoryStore()
    world = World(store)
    project = world.filled(12)
    gold = label(project, 0, "refund", "lake", "file", source=Source.IMPORTED, kind="gold")
    project.label([gold], BY, file="0123456789abcdef")
    found = threshold(project)
    project.take(found, dict.fromkeys(ids(project, 8, 9, 10), "order"), BY)
    project.take_back(found, ids(project, 9), "people say otherwise", BY)
    project.send(1, world.chosen(project, [3, 1, 2], "stratum"), "page", 1, BY, until=1_100_000.0, price=0.05)
    project.send(1, world.chosen(project, [0], "gold"), "files", 2, BY, name="gold")
    world.clock.now += 60
    project.claim("anna", 2, 600.0)
    project.release("anna", ids(project, 1))
    project.label([label(project, 3), label(project, 2, skipped=True, author="ben")], BY)
    project.label([label(project, 3, "refund")], BY)
    project.journal.write_snapshot()
    edited = [{"text": "text 5, edited"}, *map(text, (6, 7))]
    project.add_items(edited, BY, source="lake", keys=["5", "6", "7"])
    project.close_batch(2, "the time is over", BY)
    project.wrote_set(1, version(1, [3, 8]), BY)
    project.trained(1, 1, "intents_trees", "annotation__1", "FINISHED", {"accuracy": 0.9}, BY)
    project.evaluated(1, {"accuracy": 0.9, "interval": [0.8, 0.95]}, BY)
    project.bad_cases(1, "intents_trees 1", ids(project, 3), [], [], BY)
    project.bad_cases(1, "intents_linear 1", [], ids(project, 3), [], BY)
    project.retire(ids(project, 6, 7), "names of customers", ANNA)
    project.restore(ids(project, 7), "a mistake", ANNA)
    project.end_round(1, {"next": True}, BY)
    project.stopped(1, "flat", ["more labels bring 0.1 points"], BY)
    project.reopened("another class", ANNA)
    project.begin_round(2, BY)
    return dict(store.objects)


if __name__ == "__main__":
    shutil.rmtree(ASSET, ignore_errors=True)
    for key, data in written().items():
        if key.startswith(ANNOTATION):
            (ASSET / key).parent.mkdir(parents=True, exist_ok=True)
            (ASSET / key).write_bytes(data)
