"""Data set versions: what enters, with which weight, and the fingerprint that experiments record."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from automl_core.annotation.project import Label, Project
from automl_core.annotation.rounds import NoSet, digests, write_set
from automl_core.annotation.rounds.sets import fingerprint_of
from automl_core.data.access import FromEnvironment
from automl_core.data.fingerprint import take
from automl_core.spec.places import parse_place
from tests.support.memory_store import MemoryStore
from tests.unit.annotation.rounds.world import BY, World, file_of, texts


def lines(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A first round that is sent."""
    world = World(tmp_path, file_of(tmp_path, people={"votes": 3}), texts(120))
    world.begin(1)
    return world


def test_the_newest_is_what_data_would_record(world: World) -> None:
    world.people()
    version = write_set(world.project, world.file, 1, BY)
    place = parse_place(world.file.newest)
    assert take(place, world.root, FromEnvironment()).digest == version.fingerprint
    assert digests(world.project.state) == {version.fingerprint: 1}
    for name in ("train.csv", "stratum.csv"):
        newest = world.store.get(f"_annotation/intents/newest/{name}")
        assert newest == world.store.get(version.prefix + name)


def test_nothing_new_is_no_new_version_and_makes_the_newest_good(world: World) -> None:
    world.people()
    version = write_set(world.project, world.file, 1, BY)
    world.store.put("_annotation/intents/newest/train.csv", b"torn")
    assert write_set(world.project, world.file, 1, BY) == version
    assert world.store.get("_annotation/intents/newest/train.csv") != b"torn"
    assert len(world.project.state.sets) == 1


def test_answers_that_differ_count_by_how_sure_they_are(world: World) -> None:
    world.people("anna")
    world.people("ben")
    number = next(each for each in world.project.state.labelled() if each not in world.project.state.stratum())
    id = world.project.catalog.id_of(number)
    said = world.project.state.answers(number)[0].label
    other = next(each for each in world.file.labels.classes if each != said)
    world.project.label([Label(item=id, label=other, author="eve", where="page")], BY)
    version = write_set(world.project, world.file, 1, BY)
    (row,) = [row for row in lines(world.store.get(version.prefix + "train.csv")) if row["item"] == id]
    assert row["label"] == said
    assert 0.6 < float(row["weight"]) < 1
    assert row["source"] == "person"


def test_skipped_and_retired_ones_train_nothing(world: World) -> None:
    catalog = world.project.catalog
    asked = [each for each in world.project.state.open_tasks() if each not in world.project.state.stratum()]
    skip = [str(catalog.content(catalog.id_of(each))["text"]) for each in asked[:3]]
    world.people("anna", skip=skip)
    world.project.retire([catalog.id_of(asked[3])], "no message", BY)
    version = write_set(world.project, world.file, 1, BY)
    assert not set(version.numbers) & set(asked[:4])
    assert version.rows == len(asked) - 4


def test_the_stratum_lies_apart_without_a_label_where_people_could_not_tell(world: World) -> None:
    catalog = world.project.catalog
    first = next(each for each in world.project.state.open_tasks() if each in world.project.state.stratum())
    world.people("anna", skip=[str(catalog.content(catalog.id_of(first))["text"])])
    version = write_set(world.project, world.file, 1, BY)
    rows = lines(world.store.get(version.prefix + "stratum.csv"))
    assert {row["item"]: row["label"] for row in rows}[catalog.id_of(first)] == ""
    assert all(row["label"] == world.truth[row["text"]] for row in rows if row["label"])


def test_without_two_classes_there_is_no_set_and_it_says_what_there_is(world: World) -> None:
    with pytest.raises(NoSet, match=r"there are 0 \(classes: none\); 0 more are of the random stratum"):
        write_set(world.project, world.file, 1, BY)


def test_columns_that_a_version_has_for_itself_are_refused(tmp_path: Path) -> None:
    file = file_of(tmp_path, items={"kind": "row", "columns": ["text", "weight"]})
    store = MemoryStore()
    project = Project(store, "intents")
    project.add_items([{"text": "a", "weight": 1}], BY, source="test")
    project.begin_round(1, BY)
    with pytest.raises(NoSet, match="'weight', which a data set version has for itself"):
        write_set(project, file, 1, BY)


def test_in_a_bucket_the_fingerprint_is_of_what_the_bucket_calls_it() -> None:
    store = MemoryStore()
    store.put("a/newest/train.csv", b"x")
    first = fingerprint_of(store, "a/newest/train.csv", b"x")
    store.put("a/newest/train.csv", b"yy")
    assert fingerprint_of(store, "a/newest/train.csv", b"yy") != first
    store.put("b/newest/train.csv", b"x")
    assert len(first) == 32
