"""The versions of a model as a registered model of MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from automl_core.cli import main
from automl_core.models.life import ModelLife, Person, Source, Step
from automl_core.storage import open_store
from automl_core.tracking import MlflowError, MlflowServer
from automl_core.tracking.registry import CHALLENGER, CHAMPION, Registered, register, shown
from automl_core.tracking.server import MARK
from tests.support.mlflow_rules import FakeMlflow

ANNA = Person("anna", "rest")
PLACE = "s3://lake/runs"


class Lives:
    """A model whose journal a test writes."""

    def __init__(self, folder: Path) -> None:
        self.store = open_store(f"file://{folder}")
        self.life = ModelLife.open(self.store, "churn")

    def offer(self) -> int:
        number = len(self.life.state.versions) + 1
        self.store.put(f"trained/{number}/model/model.txt", f"model {number}".encode())
        source = Source(PLACE, "trained", f"run_{number}", metric="auc", value=0.9)
        return self.life.offer(source, (self.store, f"trained/{number}/model/"), ANNA).number

    def use(self, number: int) -> str:
        champion = self.life.state.champion
        evidence: dict[str, Any] = {
            "version": number, "champion": {"version": champion} if champion else None, "verdict": {"ok": True},
        }  # fmt: skip
        digest = self.life.evaluated(number, evidence)
        self.life.accept(number, digest, ANNA)
        self.life.put_in_use(number, ANNA)
        return digest


@pytest.fixture
def lives(tmp_path: Path) -> Lives:
    return Lives(tmp_path)


def written(fake: FakeMlflow, lives: Lives, **more: Any) -> Registered:
    with MlflowServer("http://mlflow", transport=fake.transport, sleep=lambda _: None) as server:
        return register(server, lives.life.refresh(), "churn", PLACE, **more)


def unmarked(version: dict[str, Any]) -> dict[str, Any]:
    """A version without the digits of the call that made it."""
    return {**version, "tags": {key: value for key, value in version["tags"].items() if key != MARK}}


def test_versions_have_tags_and_aliases_follow_the_journal(lives: Lives) -> None:
    fake = FakeMlflow()
    digest = lives.use(lives.offer())
    lives.offer()
    done = written(fake, lives)
    assert (done.written, done.kept, done.aliases) == (2, 0, {CHAMPION: 1, CHALLENGER: 2})
    first = fake.models["churn"]["versions"][1]
    assert first["source"] == f"{PLACE}/{lives.life.state.version(1).model.prefix}"
    assert unmarked(first)["tags"] == {
        "automl.model": f"{PLACE}/churn", "automl.version": "1", "automl.state": "IN_USE",
        "automl.digest": lives.life.state.version(1).model.digest, "automl.experiment": "trained",
        "automl.run": "run_1", "automl.metric": "auc", "automl.value": "0.9", "automl.evidence": digest,
        "automl.verdict": "true", "automl.accepted_by": "anna", "automl.accepted_on": digest,
    }  # fmt: skip
    assert shown(done) == (
        "churn: 2 written, 0 stood there already; champion is its version 1, challenger is its version 2"
    )
    lives.use(2)
    done = written(fake, lives)
    assert (done.written, done.kept, done.aliases) == (2, 0, {CHAMPION: 2, CHALLENGER: None})
    assert fake.models["churn"]["aliases"] == {CHAMPION: 2}
    assert fake.models["churn"]["versions"][1]["tags"]["automl.state"] == "REPLACED"
    asked = len(fake.asked)
    done = written(fake, lives)
    assert (done.written, done.kept) == (0, 2)
    acts = {path for path, _ in fake.asked[asked:]} - {"model-versions/search", "registered-models/get"}
    assert acts == {"registered-models/create"}, "what stands there is not written again"
    lives.life.take_back(2, ANNA, "worse")
    assert written(fake, lives).aliases[CHAMPION] == 1
    lives.life.take_back(1, ANNA, "worse too")
    assert written(fake, lives).aliases[CHAMPION] is None
    assert fake.models["churn"]["aliases"] == {}


def test_the_challenger_is_the_version_that_is_rolled_out(lives: Lives) -> None:
    fake = FakeMlflow()
    lives.use(lives.offer())
    lives.offer()
    life = lives.life
    life.accept(2, life.evaluated(2, {"version": 2, "champion": {"version": 1}, "verdict": {"ok": True}}), ANNA)
    life.begin_rollout(2, ANNA, [Step(0.05), Step(1.0)])
    lives.offer()  # newer, and nobody has decided on it
    assert written(fake, lives).aliases == {CHAMPION: 1, CHALLENGER: 2}
    assert fake.models["churn"]["versions"][2]["tags"]["automl.state"] == "ROLLING_OUT"
    life.step_rollout(1, 1, ANNA)  # all requests, and still no champion
    assert written(fake, lives).aliases == {CHAMPION: 1, CHALLENGER: 2}
    life.put_in_use(2, ANNA)
    assert written(fake, lives).aliases == {CHAMPION: 2, CHALLENGER: 3}


def test_what_was_cut_off_is_completed(lives: Lives) -> None:
    """At each request once: nothing twice, nothing half."""
    lives.use(lives.offer())
    lives.offer()
    whole = FakeMlflow()
    written(whole, lives)
    for number in range(len(whole.asked)):
        fake = FakeMlflow()
        fake.break_after = number
        with pytest.raises(MlflowError, match="the disk is full"):
            written(fake, lives)
        fake.break_after = None
        written(fake, lives)
        assert [unmarked(each) for each in fake.models["churn"]["versions"].values()] == [
            unmarked(each) for each in whole.models["churn"]["versions"].values()
        ], number
        assert fake.models["churn"]["aliases"] == whole.models["churn"]["aliases"], number


def test_a_request_whose_answer_is_lost_makes_nothing_twice(lives: Lives) -> None:
    """At each request once: it is sent again, though the server has done it."""
    lives.use(lives.offer())
    lives.offer()
    whole = FakeMlflow()
    written(whole, lives)
    for number in range(1, len(whole.asked) + 1):
        fake = FakeMlflow()
        fake.lost = number
        done = written(fake, lives)
        found = fake.models["churn"]["versions"]
        assert sorted(each["tags"]["automl.version"] for each in found.values()) == ["1", "2"], number
        assert {key: found[place]["tags"]["automl.version"] for key, place in done.aliases.items() if place} == {
            CHAMPION: "1", CHALLENGER: "2"
        }  # fmt: skip


def test_the_version_of_another_export_stays_when_an_answer_is_lost(lives: Lives) -> None:
    """Two exports of one model at once, each of whose requests has lost its answer."""
    fake, made = FakeMlflow(), []
    for _ in range(2):
        with MlflowServer("http://mlflow", transport=fake.transport, sleep=lambda _: None) as server:
            server.make_registered_model("churn", "")
            fake.lost = len(fake.asked) + 1
            made.append(server.create_version("churn", "s3://b/1", {"automl.version": "1"}))
    assert sorted(fake.models["churn"]["versions"]) == made


def test_a_note_that_a_database_refuses_ends_no_export(lives: Lives) -> None:
    """NUL: PostgreSQL below an MLflow refuses it, the journal takes it."""
    lives.use(lives.offer())
    lives.life.retire(lives.offer(), ANNA, "old\0" + "x" * 6000)
    fake = FakeMlflow()
    written(fake, lives)
    note = fake.models["churn"]["versions"][2]["tags"]["automl.note"]
    assert (note[:4], note[-2:], len(note)) == ("old\ufffd", " …", 5000)
    assert written(fake, lives).kept == 2


def test_versions_of_others_are_left_alone_and_numbers_need_not_be_ours(lives: Lives) -> None:
    fake = FakeMlflow()
    fake.models["shared"] = {"versions": {3: {"source": "s3://x", "tags": {}}}, "aliases": {"prod": 3}, "last": 3}
    lives.use(lives.offer())
    assert written(fake, lives, name="shared").aliases[CHAMPION] == 4
    assert fake.models["shared"]["versions"][3] == {"source": "s3://x", "tags": {}}
    assert fake.models["shared"]["aliases"] == {"prod": 3, CHAMPION: 4}


def test_two_who_began_at_once_leave_one(lives: Lives) -> None:
    fake = FakeMlflow()
    lives.use(lives.offer())
    written(fake, lives)
    found = fake.models["churn"]
    found["versions"][2], found["last"] = {**found["versions"][1]}, 2
    done = written(fake, lives)
    assert (done.removed, list(found["versions"])) == (1, [1])


def test_a_version_whose_files_are_gone_goes_with_its_aliases(lives: Lives) -> None:
    fake = FakeMlflow()
    lives.use(lives.offer())
    lives.offer()
    written(fake, lives)
    lives.life.retire(2, ANNA, "never wanted")
    lives.life.note_removed(2, ANNA)
    done = written(fake, lives)
    assert (done.removed, done.aliases) == (1, {CHAMPION: 1, CHALLENGER: None})
    assert list(fake.models["churn"]["versions"]) == [1]
    assert written(fake, lives).removed == 0


def test_a_folder_is_no_source(lives: Lives) -> None:
    with MlflowServer("http://mlflow", transport=FakeMlflow().transport) as server, pytest.raises(
        MlflowError, match="in a bucket"
    ):  # fmt: skip
        register(server, lives.life.state, "churn", "file:///srv/runs")


def test_by_command(lives: Lives, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lives.use(lives.offer())
    monkeypatch.setattr("automl_core.storage.folder.FolderStore.url", PLACE, raising=False)
    fake, real = FakeMlflow(), httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: real(**more | {"transport": fake.transport}))
    folder = str(Path(lives.store.local_path("_models/churn") or ""))
    given = ["export", "mlflow", folder, "--model", "--to", "http://mlflow"]
    assert main([*given, "--registered", "shared"]) == 0, capsys.readouterr().err
    assert capsys.readouterr().out == (
        "shared: 1 written, 0 stood there already; champion is its version 1\nhttp://mlflow/#/models/shared\n"
    )
    assert fake.models["shared"]["aliases"] == {CHAMPION: 1}
