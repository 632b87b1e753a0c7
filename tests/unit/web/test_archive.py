"""A folder of a run as a zip that is made while it is sent: whole, bounded, and never with what lies outside."""

from __future__ import annotations

import asyncio
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from automl_core.results.publish import publish_study
from automl_core.storage.folder import FolderStore
from automl_core.study.stages import begin_stage
from tests.support.memory_store import MemoryStore
from tests.unit.web.conftest import World, body_of, path


@pytest.fixture(scope="module")
def published(world: World) -> tuple[str, str]:
    """A run whose result was published, with a model and a link that leads out of its folder."""
    text, run = world.spec("archived"), "manual__2026-11-21T04:00:00+00:00"
    name = world.know(text)
    study = world.simulate(text, run)
    folder = FolderStore(world.storage).local_path(study.journal.prefix.rstrip("/"))
    assert folder is not None
    for trial in study.state.trials:
        model = folder / f"experiment_{trial.number}" / "model"
        model.mkdir(parents=True)
        (model / "weights.bin").write_bytes(bytes(range(256)) * 2000)
    publish_study(study)
    (world.storage / "secret.txt").write_text("secret")
    (folder / "best_model" / "link.txt").symlink_to(world.storage / "secret.txt")
    world.begin(name, run, "success")
    return name, run


def opened(answer: Any) -> zipfile.ZipFile:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    return archive


def test_the_best_model_and_all_results_come_as_a_zip(world: World, published: tuple[str, str]) -> None:
    best = opened(world.client("vic").get(path(*published, "/archives/best_model")))
    inside = {name.partition("/")[2]: name for name in best.namelist()}
    assert "recommendation.yaml" in inside
    assert best.read(inside["model/weights.bin"]) == bytes(range(256)) * 2000
    assert not [name for name in inside if "link" in name or ".." in name]
    results = opened(world.client().get(path(*published, "/archives/results")))
    whole = {name.partition("/")[2] for name in results.namelist()}
    assert {"controller.json", "leaderboard.csv", "best_model/model/weights.bin"} <= whole
    assert not [name for name in whole if name.startswith(("journal", "experiment_"))]
    trial = opened(world.client().get(path(*published, "/trials/3/archive"))).namelist()
    assert [name.rpartition("/")[2] for name in trial] == ["metrics.json", "status.json"]


def test_of_stages_their_logs_are_published_and_not_their_journals_and_data(world: World) -> None:
    text = world.spec("archived-stages") + "prepare: [{name: split, command: 'true'}]\n"
    name, run = world.know(text), "r"
    study = world.simulate(text, run)
    begin_stage(study, "prepare").ask(0)
    store, below = FolderStore(world.storage), study.journal.prefix + "prepare/"
    for file in (
        "experiment_0/log.txt",
        "experiment_0/model/rows.csv",
        "scratch/owner_of_0_final",
        "input/trials.json",
    ):
        store.put(below + file, b"x")
    publish_study(study)
    world.begin(name, run, "success")
    listed = {each["path"] for each in body_of(world.client().get(path(name, run, "/results")))["files"]}
    assert [each for each in listed if each.startswith("prepare/")] == ["prepare/experiment_0/log.txt"]
    whole = opened(world.client().get(path(name, run, "/archives/results"))).namelist()
    assert [each for each in whole if "/prepare/" in each] == [each for each in whole if each.endswith("log.txt")]
    assert world.client().get(path(name, run, "/results/prepare/journal/0000000001.json")).status_code == 404


def test_nothing_else_is_archived(world: World, published: tuple[str, str], ended: tuple[str, str]) -> None:
    assert world.client().get(path(*published, "/archives/journal")).status_code == 422
    assert world.client().get(path(*published, "/trials/999/archive")).status_code == 404
    assert world.client().get(path(*ended, "/archives/results")).status_code == 404


def test_what_is_too_much_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.web import archive

    monkeypatch.setattr(archive, "MOST_BYTES", 100)
    monkeypatch.setattr(archive, "MOST_FILES", 3)
    store = MemoryStore()
    files: list[tuple[str, str, Path | None]] = []
    for name, size in (("a.txt", 60), ("b.bin", 60), ("c.txt", 40), ("d.txt", 1)):
        store.put(name, b"x" * size)
        files.append((name, name, None))
    whole = zipfile.ZipFile(io.BytesIO(b"".join(archive.zipped(store, files))))
    assert whole.namelist() == ["a.txt", "c.txt", archive.LEFT_OUT]
    told = whole.read(archive.LEFT_OUT).decode()
    assert "b.bin: 60 bytes" in told
    assert "d.txt" in told


def test_a_file_that_goes_or_grows_meanwhile_breaks_no_archive(tmp_path: Path) -> None:
    from automl_airflow.web import archive

    here = tmp_path / "log.txt"
    here.write_bytes(b"y" * (archive._PIECE + 10))
    gone = tmp_path / "gone.txt"
    pieces = archive.zipped(FolderStore(tmp_path), [("log.txt", "log.txt", here), ("gone.txt", "gone.txt", gone)])
    first = next(pieces)
    with here.open("ab") as file:
        file.write(b"z" * 1000)
    whole = zipfile.ZipFile(io.BytesIO(first + b"".join(pieces)))
    assert whole.testzip() is None
    assert whole.read("log.txt") == b"y" * (archive._PIECE + 10)
    assert "gone.txt: it was removed" in whole.read(archive.LEFT_OUT).decode()


def test_a_large_archive_is_made_piece_by_piece(tmp_path: Path) -> None:
    from automl_airflow.web import archive

    (tmp_path / "big.bin").write_bytes(b"x" * (8 * archive._PIECE))
    pieces = list(archive.zipped(FolderStore(tmp_path), [("big.bin", "big.bin", tmp_path / "big.bin")]))
    assert max(len(piece) for piece in pieces) < 2 * archive._PIECE


def test_only_so_many_are_made_at_once_and_a_reader_that_leaves_gives_its_place_back(tmp_path: Path) -> None:
    from automl_airflow.threads import Threads
    from automl_airflow.web import archive

    (tmp_path / "big.bin").write_bytes(b"x" * (4 * archive._PIECE))
    threads, store = Threads("files", 2), FolderStore(tmp_path)
    files = [("big.bin", "big.bin", tmp_path / "big.bin")]

    async def readers() -> None:
        places = archive.Places()
        streams = [archive.stream(places, user, store, files, threads) for user in ("ann", "ann", "uma", "vic")]
        for stream in streams:
            places.admit("vic")
            await anext(stream)
        with pytest.raises(archive.TooMany, match="archives are being made"):
            places.admit("bob")
        await streams[2].aclose()
        assert places.taken == 3
        places.admit("uma")
        with pytest.raises(archive.TooMany, match="ann"):
            places.admit("ann")
        for stream in streams:
            await stream.aclose()
        assert places.taken == 0

    asyncio.run(readers())
