"""Templates by the REST API: what there is, what one wants, and the file that it makes of what is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.template_folders import NET, make_template
from tests.unit.web.conftest import World, body_of, of_team, teams  # noqa: F401

API = "/automl/api/v1"


@pytest.fixture
def folder(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Templates beside the folder for new files: one with two versions, and one that can't be read."""
    place = world.files.parent / "templates"
    make_template(place)
    make_template(place, NET.replace("version: 1", "version: 2").replace("A small network", "A <b>better</b> network"))
    (place / "broken" / "1").mkdir(parents=True)
    (place / "broken" / "1" / "template.yaml").write_text("template: broken\nversion: 1\nkind: magic\n")
    yield place
    import shutil

    shutil.rmtree(place)


def draft(world: World, user: str = "vic", **given: Any) -> Any:
    body = {
        "name": "churn", "data": {"train": "s3://lake/churn/2026-11.csv"}, "columns": {"target": "churned"}, **given
    }  # fmt: skip
    return world.client(user).post(f"{API}/templates/net/draft", json=body)


def test_every_template_is_listed_with_its_newest_version(world: World, folder: Path) -> None:
    found = body_of(world.client("vic").get(f"{API}/templates"))
    net = next(each for each in found["templates"] if each["name"] == "net")
    assert (net["template"], net["versions"], net["title"]) == ("net@2", [1, 2], "A <b>better</b> network")
    assert "folder" not in net, "where it lies on the server is nobody's business"
    assert found["unreadable"] == 1


def test_why_one_cant_be_read_is_told_to_who_sees_import_errors(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_airflow.web.routes import templates

    monkeypatch.setattr(templates, "may_see_import_errors", lambda user: user.get_name() == "ann")
    assert "kind" in str(body_of(world.client("ann").get(f"{API}/templates"))["problems"])
    assert body_of(world.client("vic").get(f"{API}/templates"))["problems"] == []


def test_one_says_what_it_needs_and_what_can_be_searched(world: World, folder: Path) -> None:
    found = body_of(world.client("vic").get(f"{API}/templates/net"))
    assert (found["version"], found["newer"]) == (2, None)
    assert found["data"]["train"] == {"required": True, "help": "the table"}
    assert found["columns"]["target"]["required"] is True
    searched = {each["name"]: each["search"] for each in found["parameters"]}
    assert (searched["lr"], searched["layers"], searched["seed"]) == (True, "offered", "never")
    assert body_of(world.client().get(f"{API}/templates/net", params={"version": 1}))["newer"] == 2


@pytest.mark.parametrize("slash", ["/", "%2F"])
def test_one_of_a_group(world: World, folder: Path, slash: str) -> None:
    make_template(folder, NET.replace("template: net", "template: own/net"))
    assert "own/net" in [each["name"] for each in body_of(world.client().get(f"{API}/templates"))["templates"]]
    assert body_of(world.client().get(f"{API}/templates/own{slash}net"))["template"] == "own/net@1"
    body = {"name": "e", "data": {"train": "s3://lake/x.csv"}, "columns": {"target": "y"}}
    answer = world.client().post(f"{API}/templates/own{slash}net/draft", json=body)
    assert answer.json()["ok"] is True
    assert "template: own/net@1" in answer.json()["text"]


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("/nets", "there is no template 'nets'; there are "),
        ("/net?version=7", "net has no version 7; it has 1, 2"),
        ("/..%2F..", ""),
        ("/net@1", "there is no template 'net@1'"),
    ],
)
def test_what_there_is_not(world: World, folder: Path, rest: str, words: str) -> None:
    answer = world.client().get(f"{API}/templates{rest}")
    assert answer.status_code == 404
    assert words in answer.json()["detail"]


def deep(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"values": {"lr": ["a"] * 300_000}}, "values: more than 10,000 keys and values"),
        ({"columns": {f"c{i}": ["a"] * 1000 for i in range(100)}}, "columns: more than 10,000"),
        ({"trials": {"max": deep(300)}}, "trials: lists and mappings are nested more than 32 deep"),
        ({"stop": {"deadline": "a" * 300_000}}, "stop: a text of 300,000 characters"),
        ({"values": {f"v{i}": "a" * 1000 for i in range(300)}}, "the file would have"),
    ],
    ids=["values", "columns", "deep", "text", "file"],
)
def test_more_than_a_file_can_hold_is_refused_before_it_is_written(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], said: str
) -> None:
    """Whoever may look can ask for it, and each text that was given cost 25 µs of the API server."""
    from automl_airflow.web.routes import templates

    if said != "the file would have":
        monkeypatch.setattr(templates, "experiment_text", lambda *_: pytest.fail("it was written"))
    answer = draft(world, **given)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_draft_is_the_file_and_what_it_will_do(world: World, folder: Path) -> None:
    found = body_of(
        draft(
            world, trials={"max": 7, "concurrency": 3}, stop={"deadline": "20m"}, add=["epochs"], remove=["momentum"],
            values={"layers": 3}, trial_seconds=60,
        )
    )  # fmt: skip
    assert found["problems"] == []
    assert "template: net@2" in found["text"]
    assert "set: {layers: 3}" in found["text"]
    assert (found["ok"], found["name"]) == (True, "churn")
    assert (found["preview"]["trials"], found["preview"]["concurrency"]) == (7, 3)
    assert set(found["preview"]["first"][0]["params"]) >= {"lr", "epochs"}
    assert found["preview"]["forecast"]["seconds_left"] == pytest.approx(7 * 60 / 3, rel=0.5)
    assert found["most"]["seconds"] == 3 * 20 * 60
    assert not (world.files / "churn.yaml").exists(), "nothing is saved"


def test_an_older_version_can_be_asked_for(world: World, folder: Path) -> None:
    assert "template: net@1" in body_of(draft(world, version=1))["text"]


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"columns": {}}, "columns.target"),
        ({"data": {}}, "data.train"),
        ({"values": {"lr": 7}}, "set.lr"),
        ({"add": ["seed"]}, "search.add[0]"),
        ({"stop": {"deadline": "soon"}}, "stop.deadline"),
        ({"trials": {"max": 0}}, "trials.max"),
    ],
)
def test_what_is_wrong_is_said_by_its_field(world: World, folder: Path, given: dict[str, Any], path: str) -> None:
    found = body_of(draft(world, **given))
    assert found["ok"] is False
    assert path in [each["path"] for each in found["problems"]]


def test_what_is_typed_stays_a_value(world: World, folder: Path) -> None:
    nasty = 'x"}\ntasks: [{command: [rm]}]\n#'
    found = body_of(draft(world, name=nasty, data={"train": nasty}, columns={"target": nasty}))
    assert found["ok"] is False, "that is no name"
    found = body_of(draft(world, data={"train": "s3://b/" + nasty}, columns={"target": nasty}))
    assert "\ntasks" not in found["text"]


def test_a_role_may_have_several_columns(world: World, folder: Path) -> None:
    found = body_of(draft(world, columns={"target": "y", "ignore": ["a", "b, c"]}))
    assert "ignore: [a, 'b, c']" in found["text"] or 'ignore: [a, "b, c"]' in found["text"], found["text"]
    assert draft(world, columns={"target": {"y": 1}}).status_code == 422


def test_a_draft_is_saved_and_started_with_the_rights_of_any_file(world: World, folder: Path) -> None:
    text = body_of(draft(world))["text"]
    refused = world.client("vic").post(f"{API}/experiments", json={"text": text})
    assert refused.status_code == 403
    assert body_of(world.client("ann").post(f"{API}/experiments", json={"text": text}))["experiment"] == "churn"
    world.know(text)
    begun = body_of(world.client("ann").post(f"{API}/experiments/churn/runs", json={"conf": {}, "run_id": None}))
    assert begun["experiment"] == "churn"


def test_a_draft_is_an_act_of_this_site(world: World, folder: Path) -> None:
    from fastapi.testclient import TestClient

    plain = TestClient(world.app, headers={"Authorization": f"Bearer {world.tokens['ann']}"})
    assert plain.post(f"{API}/templates/net/draft", json={"name": "x"}).status_code == 403


def test_the_templates_of_a_team_are_not_another_ones(world: World, folder: Path, teams: Path) -> None:  # noqa: F811
    assert of_team(world, "op", "red").get(f"{API}/templates").status_code == 200
    assert of_team(world, "op", "blue").get(f"{API}/templates").status_code == 403


def test_an_experiment_names_its_template_and_a_newer_version(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOML_TEMPLATES", str(tmp_path))
    template = make_template(tmp_path)
    head = f"output: {{storage: 'file://{tmp_path}/runs'}}\ncolumns: {{target: y}}\ndata: {{train: x.csv}}\n"
    name = world.know(f"name: from_template\ntemplate: net@1\n{head}")
    found = body_of(world.client().get(f"{API}/experiments/{name}"))["template"]
    assert found == {"name": "net", "version": 1, "digest": template.reference().digest, "newer": None}
    make_template(tmp_path, NET.replace("version: 1", "version: 2"))
    assert body_of(world.client().get(f"{API}/experiments/{name}"))["template"]["newer"] == 2


def test_what_is_wrong_in_a_template_is_no_line_of_the_file(world: World, folder: Path) -> None:
    text = "name: x\ntemplate: net@2\ndata: {train: a.csv}\ncolumns: {target: y}\n"
    (folder / "net/2/template.yaml").write_text(NET.replace("version: 1", "version: 2").replace("max: 20", "max: none"))
    for route, problems in (
        ("validate", lambda answer: body_of(answer)["problems"]),
        ("experiments", lambda answer: answer.json()["problems"]),
    ):
        answer = world.client("ann").post(f"{API}/{route}", json={"text": text})
        (problem,) = problems(answer)
        assert (problem["file"], problem["line"], problem["path"]) == ("net/2/template.yaml", None, "trials.max")
        assert problem["text"].startswith("net/2/template.yaml:")
        assert str(folder) not in answer.text
    own = body_of(world.client("ann").post(f"{API}/validate", json={"text": text + "trials: {max: no}\n"}))
    assert [each["line"] for each in own["problems"]] == [5]
