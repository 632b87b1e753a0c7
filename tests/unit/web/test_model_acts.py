"""Acts on models: each by its right, in the journal with who did it; who comes too late is told who was faster."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from automl_core.models.life import Person, VersionState
from automl_core.results.publish import publish_study
from automl_core.storage.folder import FolderStore
from tests.unit.web.conftest import World, body_of
from tests.unit.web.lives import DAG, Author, model_text

API = "/automl/api/v1/models"


@pytest.fixture
def author(world: World, request: pytest.FixtureRequest) -> Author:
    """A model of this test's own: version 1 in use, version 2 asked about."""
    name = f"acts-{request.node.name[5:60].strip('[]').replace('[', '-').replace('_', '-')}"
    by = getattr(request, "param", "anybody")
    experiment = world.know(world.spec(f"{name}-search"))  # a training of a shared one would be its latest run
    world.know_model(model_text(world, name, experiment, by=by))
    made = Author(world.storage, name, experiment, start=time.time() - 600)
    made.use(made.offer("run-1"), made.evaluate(1))
    made.ask(made.offer("run-2"), made.evaluate(2, 0.03))
    return made


def post(world: World, author: Author, rest: str, body: dict[str, Any] | None = None, user: str = "ann") -> Any:
    return world.client(user).post(f"{API}/{author.life.name}{rest}", json=body or {})


def digest(author: Author, version: int = 2) -> str:
    found = author.life.refresh().versions[version].newest
    assert found is not None
    return found.digest


def logged(event: str, dag_id: str) -> list[Any]:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.scalars(select(Log).where(Log.event == event, Log.dag_id == dag_id)).all()
        return [(row.owner, json.loads(row.extra)) for row in rows]


def test_a_version_is_accepted_on_the_evidence_that_was_read(world: World, author: Author) -> None:
    body = {"digest": digest(author), "note": "<b>holds</b>"}
    answer = body_of(post(world, author, "/versions/2/accept", body, "uma"))
    assert answer["decision"] == "accepted"
    found = author.life.refresh().versions[2]
    assert found.state is VersionState.ACCEPTED
    assert found.decision is not None
    assert (found.decision.by, found.decision.note) == (Person("uma", "rest"), "<b>holds</b>")
    assert logged("automl_model_accept", f"{author.life.name}.rollout") == [
        ("uma", {"model": author.life.name, "version": "2", **body, "method": "POST"})
    ]
    # the same answer again, whose first one was lost on its way, is answered as before
    assert post(world, author, "/versions/2/accept", body, "uma").status_code == 200
    assert len(author.life.refresh().versions[2].decisions) == 1


def test_who_comes_too_late_is_told_who_was_faster_and_when(world: World, author: Author) -> None:
    author.life.reject(2, digest(author), Person("ben", "airflow"), "no")
    for act in ("accept", "reject"):
        answer = post(world, author, f"/versions/2/{act}", {"digest": digest(author)})
        assert answer.status_code == 409
        told = answer.json()
        assert told["by"] == {"name": "ben", "how": "airflow"}
        assert told["when"] == pytest.approx(author.clock.now, abs=5)
        assert "ben" in told["detail"]


def test_evidence_that_is_not_the_newest_decides_nothing(world: World, author: Author) -> None:
    old = digest(author)
    new = author.evaluate(2, 0.01, again=1)
    assert new != old
    for act in ("accept", "reject"):
        answer = post(world, author, f"/versions/2/{act}", {"digest": old})
        assert answer.status_code == 409
    assert not author.life.refresh().versions[2].decisions
    assert post(world, author, "/versions/2/accept", {"digest": "0" * 64}).status_code == 409
    assert post(world, author, "/versions/2/accept", {"digest": "nonsense"}).status_code == 422
    assert post(world, author, "/versions/2/accept", {}).status_code == 422


def test_evidence_beside_another_champion_accepts_nothing(world: World, author: Author) -> None:
    third = author.offer("run-3")
    author.use(third, author.evaluate(third))
    answer = post(world, author, "/versions/2/accept", {"digest": digest(author)})
    assert answer.status_code == 409
    told = body_of(world.client().get(f"{API}/{author.life.name}/versions/2"))
    assert not told["can"]["accept"]
    assert "another champion" in told["why_not"]["accept"]
    assert told["can"]["reject"]


@pytest.mark.parametrize("author", ["[oli, 'role:USER']"], indirect=True)
def test_only_who_is_named_or_has_a_role_that_is_named_may_answer(world: World, author: Author) -> None:
    body = {"digest": digest(author)}
    for act in ("accept", "reject"):
        refused = post(world, author, f"/versions/2/{act}", body, "ann")
        assert refused.status_code == 403, "an administrator is not named, and has another role"
        assert "accept.by" in refused.json()["detail"]
    shown = body_of(world.client("ann").get(f"{API}/{author.life.name}/versions/2"))
    assert not shown["can"]["accept"]
    assert body_of(world.client("oli").get(f"{API}/{author.life.name}/versions/2"))["can"]["accept"]
    assert not author.life.refresh().versions[2].decisions
    assert body_of(post(world, author, "/versions/2/accept", body, "uma"))["decision"] == "accepted"


@pytest.mark.parametrize("author", ["[oli, uma]"], indirect=True)
def test_who_is_named_is_known_by_the_id_that_the_deployment_gives(
    world: World, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"digest": digest(author)}
    monkeypatch.setenv("AIRFLOW__AUTOML__USER_IDS", '{"oli": "uma", "uma": "7"}')
    assert post(world, author, "/versions/2/accept", body, "oli").status_code == 403, "somebody else of that name"
    monkeypatch.setenv("AIRFLOW__AUTOML__USER_IDS", "oli=7")
    shown = body_of(world.client("oli").get(f"{API}/{author.life.name}/versions/2"))
    assert "user_ids" in shown["why_not"]["accept"], "a slip there costs nobody the page"
    assert post(world, author, "/versions/2/accept", body, "oli").status_code == 403
    assert not author.life.refresh().versions[2].decisions
    monkeypatch.setenv("AIRFLOW__AUTOML__USER_IDS", '{"oli": "uma", "uma": "7"}')
    assert body_of(post(world, author, "/versions/2/accept", body, "uma"))["decision"] == "accepted"


@pytest.mark.parametrize("author", ["nobody"], indirect=True)
def test_where_conditions_alone_accept_no_person_does(world: World, author: Author) -> None:
    answer = post(world, author, "/versions/2/accept", {"digest": digest(author)})
    assert answer.status_code == 403
    assert "nobody" in answer.json()["detail"]


def test_roles_are_told_by_the_users_of_simple_and_fab() -> None:
    from types import SimpleNamespace

    from automl_airflow.web.model_standing import as_asked, roles_of, why_not_answer

    simple: Any = SimpleNamespace(role="OP", get_name=lambda: "oli", get_id=lambda: "oli")
    fab: Any = SimpleNamespace(
        roles=[SimpleNamespace(name="Op"), SimpleNamespace(name="Risk")], get_name=lambda: "rita", get_id=lambda: 7
    )
    other: Any = SimpleNamespace(get_name=lambda: "kim", get_id=lambda: "uuid")
    assert roles_of(simple) == {"op"}
    assert roles_of(fab) == {"op", "risk"}
    assert roles_of(other) == set()
    assert why_not_answer(fab, ["role:Risk"]) == ""
    assert why_not_answer(other, ["role:Risk"])
    assert as_asked(fab, ["role:Risk"]).get_id() == "role:Risk"
    assert as_asked(fab, ["role:Risk"]).get_name() == "rita"
    assert as_asked(fab, ["rita", "role:Risk"]) is fab
    assert as_asked(other, ["anybody"]) is other


def test_a_user_is_known_by_the_id_that_the_deployment_gives_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from automl_airflow.web.model_standing import why_not_answer

    monkeypatch.setenv("AIRFLOW__AUTOML__USER_IDS", '{"anna": "7"}')
    user: Any = SimpleNamespace(get_name=lambda: "a.schmidt@example.org", get_id=lambda: 7)
    assert why_not_answer(user, ["anna"]) == ""
    assert why_not_answer(user, ["ben"])


def test_a_version_is_taken_back_to_the_one_before_or_to_one_that_is_named(world: World, author: Author) -> None:
    author.life.accept(2, digest(author), Person("ann", "rest"))
    author.life.put_in_use(2, DAG)
    third = author.offer("run-3")
    author.use(third, author.evaluate(third))
    answer = body_of(post(world, author, "/take-back", {"version": 3, "why": "wrong", "to": 1}))
    assert answer["in_use"] == 1
    found = author.life.refresh()
    assert found.champion == 1
    assert found.versions[3].note == "wrong"
    assert found.shares[-1].by == Person("ann", "rest")
    assert post(world, author, "/take-back", {"version": 3, "why": "again"}).status_code == 409
    assert post(world, author, "/take-back", {"version": 1}).status_code == 422, "it wants a reason"
    assert post(world, author, "/take-back", {"version": 1, "why": "x"}, "vic").status_code == 403
    assert body_of(post(world, author, "/take-back", {"version": 1, "why": "all bad"}))["in_use"] == 2


def test_a_version_is_retired_unless_it_is_in_use(world: World, author: Author) -> None:
    assert post(world, author, "/versions/1/retire", {"why": "old"}).status_code == 409
    assert "retired" in body_of(post(world, author, "/versions/2/retire", {"why": "no use"}))["text"]
    assert author.life.refresh().versions[2].state is VersionState.RETIRED


def test_a_result_is_offered_copied_and_rolled_out(world: World, author: Author) -> None:
    experiment, run = publish(world, f"{author.life.name}-published")
    body = {"experiment": experiment, "run": run}
    answer = post(world, author, "/offer", body, "uma")
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["version"], told["new"], told["run"]) == (3, True, "version_3")
    version = author.life.refresh().versions[3]
    assert version.offered_by == Person("uma", "rest")
    assert (version.source.experiment, version.source.run) == (experiment, run)
    assert FolderStore(world.storage).list(version.model.prefix)
    conf = world.client().get(f"/api/v2/dags/{author.life.name}.rollout/dagRuns/version_3").json()["conf"]
    assert conf["version"] == 3
    again = post(world, author, "/offer", body)
    assert (again.status_code, again.json()["new"], again.json()["version"]) == (200, False, 3)
    assert len(author.life.refresh().versions) == 3
    assert post(world, author, "/offer", body, "vic").status_code == 403


def test_a_closed_result_is_offered_to_an_open_model_by_who_may_download_alone_and_recorded(
    world: World, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_airflow.web.routes.model_acts.is_closed_result", lambda *_: True)
    experiment, run = publish(world, f"{author.life.name}-closed")
    body = {"experiment": experiment, "run": run}
    refused = post(world, author, "/offer", body, "uma")
    assert refused.status_code == 403
    assert "edit task logs" in refused.json()["detail"]
    assert len(author.life.refresh().versions) == 2
    before = FolderStore(world.storage).list("_audit/")
    assert post(world, author, "/offer", body, "oli").status_code == 201
    (record,) = set(FolderStore(world.storage).list("_audit/")) - set(before)
    told = json.loads(FolderStore(world.storage).get(record))
    assert run in json.dumps(told)
    assert author.life.name in json.dumps(told)
    author.life.configure({"closed": True}, author.person())
    experiment, run = publish(world, f"{author.life.name}-closed-too")
    answer = post(world, author, "/offer", {"experiment": experiment, "run": run}, "uma")
    assert answer.status_code == 201, "a model that is closed too keeps what it is given"


def test_what_can_not_be_offered_is_said_to_be_so(
    world: World, author: Author, ended: tuple[str, str], going: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unpublished = post(world, author, "/offer", {"experiment": ended[0], "run": ended[1]})
    assert unpublished.status_code == 409
    assert "published" in unpublished.json()["detail"]
    assert post(world, author, "/offer", {"experiment": going[0], "run": going[1]}).status_code == 409
    assert post(world, author, "/offer", {"experiment": ended[0], "run": "none"}).status_code == 404
    experiment, run = publish(world, f"{author.life.name}-large")
    monkeypatch.setattr("automl_airflow.web.routes.model_acts.LARGEST", 10)
    large = post(world, author, "/offer", {"experiment": experiment, "run": run})
    assert large.status_code == 409
    assert "candidates" in large.json()["detail"]
    assert len(author.life.refresh().versions) == 2


def test_a_version_is_evaluated_again_by_a_run_of_its_own(world: World, author: Author) -> None:
    answer = body_of(post(world, author, "/versions/2/evaluate"))
    assert answer["run"] == "version_2.2"
    conf = world.client().get(f"/api/v2/dags/{author.life.name}.rollout/dagRuns/version_2.2").json()["conf"]
    assert conf["version"] == 2
    going = post(world, author, "/versions/2/evaluate")
    assert going.status_code == 409
    assert "version_2.2" in going.json()["detail"]
    assert post(world, author, "/versions/1/evaluate").status_code == 409, "it is in use"
    assert post(world, author, "/versions/9/evaluate").status_code == 404


def test_a_training_is_asked_for_with_its_reason(world: World, author: Author) -> None:
    answer = post(world, author, "/retrain", {"reason": "prices have changed"})
    assert answer.status_code == 201, answer.text
    told = answer.json()
    run = world.client().get(f"/api/v2/dags/{told['experiment']}/dagRuns/{told['run']}").json()
    assert run["conf"]["reason"]["text"] == "prices have changed"
    asked = author.life.refresh().retrainings[1]
    assert (asked.by, asked.run) == (Person("ann", "rest"), told["run"])
    braked = post(world, author, "/retrain", {"reason": "and again"})
    assert braked.status_code == 409, "one goes on"
    assert post(world, author, "/retrain", {"reason": "x", "experiment": "other"}).status_code == 422
    assert post(world, author, "/retrain", {"reason": ""}).status_code == 422


def test_an_interval_is_scored_again_with_who_asked_and_why(world: World, author: Author) -> None:
    author.score(0, 1)
    key = next(iter(author.life.refresh().scoring.done))
    told = body_of(post(world, author, "/score", {"interval": key, "why": "late rows", "version": "then"}))
    run = world.client().get(f"/api/v2/dags/{author.life.name}.score/dagRuns/{told['run']}").json()
    assert run["conf"] == {"interval": key, "version": "then", "why": "late rows", "by": "ann"}
    refused = post(world, author, "/score", {"interval": "none", "why": "x"})
    assert refused.status_code == 404
    assert "allowed: a date" in refused.json()["detail"]
    assert post(world, author, "/score", {"interval": key, "why": "x", "version": 9}).status_code == 404
    assert post(world, author, "/score", {"interval": key, "why": "x", "version": "soon"}).status_code == 422


def test_a_night_is_scored_by_its_date_whether_or_not_it_was(world: World, author: Author) -> None:
    told = body_of(post(world, author, "/score", {"interval": "2026-10-01", "why": "from before"}))
    run = world.client().get(f"/api/v2/dags/{author.life.name}.score/dagRuns/{told['run']}").json()
    assert run["conf"] == {"interval": "2026-10-01", "version": "now", "why": "from before", "by": "ann"}
    assert told["text"] == f"2026-10-01 is scored by the run {told['run']}"
    mistyped = post(world, author, "/score", {"interval": "2162-10-01", "why": "from before"})
    assert mistyped.status_code == 422
    assert "days ahead; allowed:" in mistyped.json()["detail"]


def test_nothing_of_a_model_whose_file_is_gone_can_be_run(world: World, author: Author) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        model = session.get(DagModel, f"{author.life.name}.rollout")
        assert model is not None
        model.is_stale = True
    found = body_of(world.client().get(f"{API}/{author.life.name}"))
    assert found["gone"]
    assert not found["can"]["retrain"]
    assert found["can"]["take_back"], "what needs no DAG goes on"
    assert post(world, author, "/retrain", {"reason": "x"}).status_code == 409
    assert post(world, author, "/versions/2/evaluate").status_code == 409
    names = [each["model"] for each in body_of(world.client().get(API))["models"]]
    assert author.life.name not in names
    names = [each["model"] for each in body_of(world.client().get(API, params={"gone": "true"}))["models"]]
    assert author.life.name in names


def publish(world: World, name: str) -> tuple[str, str]:
    """An experiment whose only run has ended and was published with a model."""
    text, run = world.spec(name), "manual__2026-11-21T04:00:00+00:00"
    world.know(text)
    study = world.simulate(text, run)
    folder = FolderStore(world.storage).local_path(study.journal.prefix.rstrip("/"))
    assert folder is not None
    for trial in study.state.trials:
        model = folder / f"experiment_{trial.number}" / "model"
        model.mkdir(parents=True)
        (model / "weights.bin").write_bytes(b"w" * 100)
    publish_study(study)
    world.begin(name, run, "success")
    return name, run
