"""From a result to a model's file: the draft, checked as it is typed, saved beside experiments' files by who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_airflow.web.deploying import draft
from automl_core.models.file import parse_model_document
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from tests.unit.web.conftest import World, body_of, of_team, path
from tests.unit.web.lives import Author, model_text

API = "/automl/api/v1"

TABLE = """\
name: churn-search
description: "Who leaves: # and 'why'"
output: {{storage: "s3://models/team", connection: bucket}}
goal: {{metric: roc_auc, direction: maximize}}
data: {{{data}}}
columns: {{target: "left: yes"}}
space: {{x: {{type: uniform, low: 0.0, high: 1.0}}}}
trials: {{max: 2}}
tasks: [{{name: train, command: ["true"]}}]
"""


def drafted(data: str) -> str:
    return draft(parse_experiment(TABLE.format(data=data), "x.yaml"))


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ('train: "s3://lake/train.parquet", test: "s3://lake/test.parquet"', "s3://lake/test.parquet"),
        ('train: "s3://lake/train.parquet"', "s3://lake/train.parquet"),
        ('rows: {place: "odps://p/t/dt=1", connection: mc}', "odps://p/t/dt=1"),
        ('rows: {place: "s3://lake/all", format: csv}', "s3://lake/all"),
    ],
)
def test_a_draft_says_what_is_known_of_the_experiment_and_is_valid(data: str, place: str) -> None:
    file, _ = parse_model_document(drafted(data), "x.yaml")
    assert file.name == "churn-search"
    assert file.description == "Who leaves: # and 'why'"
    assert [each.experiment for each in file.sources] == ["churn-search"]
    assert (file.output.storage, file.output.connection) == ("s3://models/team", "bucket")
    assert file.data_set(file.evaluate.data).place == place
    assert file.evaluate.target == "left: yes"
    assert file.deploy is None, "where each day's data lie is not known, so nothing is scored by itself"


def test_a_draft_scores_each_day_where_the_place_of_a_day_is_known() -> None:
    file, _ = parse_model_document(drafted('rows: "s3://lake/ds=${ds}/"'), "x.yaml")
    assert file.deploy is not None
    assert file.data_set(file.deploy.data).place == "s3://lake/ds=${ds}/"
    assert file.data_set(file.deploy.out).place.startswith("s3://models/team/")


def test_a_draft_without_data_asks_for_them_on_their_line(world: World) -> None:
    text = drafted("").replace("data: {}\n", "")
    with pytest.raises(SpecError) as raised:
        parse_model_document(text, "x.yaml")
    (problem,) = raised.value.problems
    assert problem.path == ("evaluate", "data")
    assert text.splitlines()[(problem.line or 0) - 1].lstrip().startswith("data:")


def test_the_marks_of_a_draft_come_off_as_a_valid_group() -> None:
    text = drafted('train: "s3://lake/train.parquet"')
    head, _, tail = text.partition("# deploy:")
    whole = head + "deploy:" + tail.replace("\n# ", "\n")
    assert parse_model_document(whole, "x.yaml")[0].deploy is not None


def test_a_draft_for_results_of_ones_own_program_says_where_what_scores_them_goes() -> None:
    text = drafted('train: "s3://lake/train.parquet"')
    with_program = text.replace("  # program:", "  program:")
    program = parse_model_document(with_program, "x.yaml")[0].evaluate.program
    assert program is not None
    assert program.command[1:] == ["${file_dir}/score.py", "${rows}", "${model_dir}", "${predictions}"]


def test_a_result_tells_how_it_comes_into_use(world: World, ended: tuple[str, str], churn: str) -> None:
    body = body_of(world.client("vic").get(path(*ended, "/deploy")))
    assert body["possible"]
    mine = next(each for each in body["models"] if each["model"] == churn)
    assert not mine["can"], "a viewer starts no runs"
    assert body["text"].startswith("kind: model\n")
    mine = next(
        each for each in body_of(world.client().get(path(*ended, "/deploy")))["models"] if each["model"] == churn
    )
    assert mine["can"]


def test_a_run_that_goes_on_can_not_be_deployed_yet(world: World, going: tuple[str, str]) -> None:
    body = body_of(world.client().get(path(*going, "/deploy")))
    assert not body["possible"]
    assert "not ended" in body["why_not"]


def test_a_models_file_is_checked_as_it_is_typed(world: World, ended: tuple[str, str]) -> None:
    text = model_text(world, "typed", ended[0], by="[anna]")
    body = body_of(world.client("vic").post(f"{API}/validate", json={"text": text}))
    assert body["ok"]
    assert (body["kind"], body["name"]) == ("model", "typed")
    assert body["dags"] == ["typed.rollout", "typed.score"]
    assert any("anna may accept it within 3d" in each for each in body["told"])
    wrong = text.replace("when: better", "when: beter")
    body = body_of(world.client("vic").post(f"{API}/validate", json={"text": wrong}))
    assert not body["ok"]
    (problem,) = body["problems"]
    assert problem["path"] == "accept.when"
    assert problem["line"] == 1 + next(i for i, line in enumerate(wrong.splitlines()) if "beter" in line)


def test_a_models_file_is_saved_beside_experiments_and_never_over_another(world: World, ended: tuple[str, str]) -> None:
    text = model_text(world, "saved-model", ended[0])
    client = world.client("oli")
    assert body_of(client.post(f"{API}/models", json={"text": text})) == {
        "model": "saved-model", "file": "saved-model.model.yaml", "replaced": False,
    }  # fmt: skip
    assert (world.files / "saved-model.model.yaml").read_text() == text
    assert client.post(f"{API}/models", json={"text": text}).status_code == 409
    other = text.replace("within: 3d", "within: 2d")
    assert body_of(client.post(f"{API}/models", json={"text": other, "replace": True}))["replaced"]
    assert "within: 2d" in (world.files / "saved-model.model.yaml").read_text()
    assert (
        body_of(client.post(f"{API}/experiments", json={"text": world.spec("saved-model")}))["file"]
        == "saved-model.yaml"
    )
    assert "kind: model" in (world.files / "saved-model.model.yaml").read_text()
    assert client.post(f"{API}/models", json={"text": world.spec("no-model")}).status_code == 422
    assert client.post(f"{API}/experiments", json={"text": text}).status_code == 422


def test_who_may_not_save_experiments_saves_no_models(world: World, ended: tuple[str, str]) -> None:
    text = model_text(world, "not-saved", ended[0])
    for user in ("uma", "vic"):
        assert world.client(user).post(f"{API}/models", json={"text": text}).status_code == 403
    assert not (world.files / "not-saved.model.yaml").exists()


def test_a_candidate_that_this_user_may_not_read_is_refused(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    manager = get_auth_manager()
    allowed = manager.is_authorized_dag

    def is_authorized(**call: Any) -> bool:
        details = call.get("details")
        return False if details is not None and details.id == ended[0] else bool(allowed(**call))

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
    text = model_text(world, "peeping", ended[0])
    for route in ("models", "validate"):
        answer = world.client("oli").post(f"{API}/{route}", json={"text": text})
        assert answer.status_code == 403
        assert ended[0] in answer.json()["detail"]


def test_a_watch_that_starts_what_this_user_may_not_start_is_refused(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    manager = get_auth_manager()
    allowed = manager.is_authorized_dag

    def is_authorized(**call: Any) -> bool:
        starts = call["method"] == "POST" and call["details"] is not None and call["details"].id == ended[0]
        return False if starts else bool(allowed(**call))

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
    text = model_text(world, "by-another", ended[0])
    watch = "watch: {every: 1d, retrain: {every: 30d}}\n"
    refused = world.client("oli").post(f"{API}/models", json={"text": text + watch})
    assert refused.status_code == 403
    assert "watch.retrain" in refused.json()["detail"]
    body_of(world.client("oli").post(f"{API}/models", json={"text": text}))


def test_a_models_file_is_saved_by_the_team_of_its_folder_alone(
    world: World, ended: tuple[str, str], teams: Path
) -> None:
    text = model_text(world, "reds-model", ended[0])
    assert of_team(world, "OP", "blue").post(f"{API}/models", json={"text": text}).status_code == 403
    body_of(of_team(world, "OP", "red").post(f"{API}/models", json={"text": text}))


def test_readiness_tells_when_airflow_has_read_a_models_file(world: World, ended: tuple[str, str]) -> None:
    text = model_text(world, "awaited", ended[0])
    body_of(world.client("oli").post(f"{API}/models", json={"text": text}))
    asked = f"{API}/models/awaited/readiness"
    assert body_of(world.client("oli").get(asked))["state"] == "waiting"
    world.know_model(text)
    assert body_of(world.client("oli").get(asked))["state"] == "ready"
    assert world.client("oli").get(f"{API}/models/unheard-of/readiness").status_code == 404


def test_the_version_that_a_result_is_already_is_told_where_the_model_is_held(
    world: World, ended: tuple[str, str]
) -> None:
    name = world.know_model(model_text(world, "has-it", ended[0]))
    Author(world.storage, name, ended[0]).offer(ended[1])
    body_of(world.client().get(f"{API}/models/{name}"))
    body = body_of(world.client().get(path(*ended, "/deploy")))
    assert {"model": name, "version": 1, "can": True} in body["models"]
