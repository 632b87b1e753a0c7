"""``automl model`` on a bucket, from an offer to a model taken back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automl_core.data.reading import read_table
from automl_core.models.evaluation import Request, evaluate
from automl_core.models.file import load_model_file
from automl_core.models.life import VersionState
from automl_core.models.offering import new_candidates
from tests.unit.cli.conftest import Automl
from tests.unit.cli.models.shop import Shop


@pytest.fixture
def shop(home: Path) -> Shop:
    return Shop(home)


@pytest.fixture
def evaluated_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations in this process: one of its own would import the same things again, seconds each."""

    def run(request: Request, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        options = replace(request.options, draws=100, latency=False)
        return evaluate(request.challenger, request.champion, read_table(request.data), options)

    monkeypatch.setattr("automl_core.models.evaluation.run_apart", run, raising=False)


def in_use(shop: Shop, automl: Automl) -> None:
    """Version 1 in use, accepted by anna."""
    automl("model", "offer", "churn", shop.publish("one"))
    automl("model", "evaluate", "churn", "--record")
    said = automl("model", "accept", "churn", "1", "--yes", "--by", "anna", "--note", "looks right")
    assert said.code == 0, said.err


def test_from_an_offer_to_a_version_that_is_taken_back(
    shop: Shop, automl: Automl, request: pytest.FixtureRequest
) -> None:
    said = automl("model", "show", "churn")
    assert (said.code, said.out.splitlines()[0]) == (0, "churn: nothing is in use")
    said = automl("model", "offer", "churn", shop.publish("one"))
    assert said.code == 0, said.err
    assert "it is version 1" in said.out
    assert "already" in automl("model", "offer", "churn", str(shop.home / "runs/trained/one")).out
    said = automl("model", "evaluate", "churn")
    assert said.code == 0, said.err
    assert "not recorded" in said.err
    assert shop.life().state.version(1).state is VersionState.OFFERED, "nothing is written without --record"
    request.getfixturevalue("evaluated_here")
    said = automl("model", "evaluate", "churn", "1", "--record", "--json")
    assert said.code == 0, said.err
    digest = json.loads(said.out)["digest"]
    assert shop.life().state.version(1).newest.digest == digest  # type: ignore[union-attr]
    said = automl("model", "accept", "churn", "1", "--yes", "--by", "anna", "--evidence", digest[:12])
    assert (said.code, said.out) == (0, "version 1 is accepted, by anna (cli), and in use\n")

    automl("model", "offer", "churn", shop.publish("two", good=False))
    said = automl("model", "evaluate", "churn", "--record", "--json")
    evidence = json.loads(said.out)
    assert (evidence["version"], evidence["champion"], evidence["verdict"]["ok"]) == (2, 1, False)
    said = automl("model", "accept", "churn", "2", "--yes", "--by", "ben", "--note", "to see what happens")
    assert said.out.endswith("and in use\n"), said.err
    assert "does not hold" in said.err, "the verdict is shown before it asks"
    shown = json.loads(automl("model", "show", "churn", "--json").out)
    assert shown["in_use"]["version"] == 2
    said = automl("model", "take-back", "churn", "--yes", "--by", "anna", "--why", "worse than before")
    assert (said.code, said.out) == (0, "version 2 is taken back; version 1 is in use\n")

    told = automl("model", "history", "churn").out
    assert "version 1 accepted by anna (cli)" in told
    assert "version 2 taken back by anna (cli); version 1 answers again: worse than before" in told
    assert "version 1 since" in automl("model", "history", "churn", "--at", "2100-01-01").out
    assert "accepted by anna (cli)" in automl("model", "history", "churn", "--at", "2100-01-01").out
    assert automl("model", "history", "churn", "--at", "2001-01-01").out.endswith("nothing was in use\n")
    assert automl("model", "retire", "churn", "2", "--yes", "--why", "bad").out == "version 2 is retired\n"


@pytest.mark.usefixtures("evaluated_here")
def test_only_whom_the_file_names_decides_and_what_is_in_use_stays(shop: Shop, automl: Automl) -> None:
    shop.write(by="[anna, ben]")
    automl("model", "offer", "churn", shop.publish("one"))
    automl("model", "evaluate", "churn", "--record")
    said = automl("model", "accept", "churn", "1", "--yes", "--by", "eve")
    assert said.code == 1
    assert "accept.by names anna, ben, and you are eve" in said.err
    shop.write(by="nobody")
    assert "the conditions of its file alone decide" in automl("model", "accept", "churn", "1", "--yes").err
    # without the file it is what the journal has of it last
    shop.life().configure({"accept": {"by": ["anna"]}}, shop.life().state.version(1).offered_by)
    (shop.home / "experiments" / "churn.model.yaml").unlink()
    address = str(shop.home / "runs" / "_models" / "churn")
    assert "accept.by names anna" in automl("model", "reject", address, "1", "--yes", "--by", "eve").err
    assert automl("model", "reject", address, "1", "--yes", "--by", "anna").code == 0
    assert shop.life().state.version(1).state is VersionState.REJECTED


@pytest.mark.usefixtures("evaluated_here")
def test_an_answer_needs_a_person_or_yes_and_evidence(shop: Shop, automl: Automl) -> None:
    automl("model", "offer", "churn", shop.publish("one"))
    said = automl("model", "accept", "churn", "1", "--yes", "--by", "anna")
    assert (said.code, "was not evaluated yet" in said.err) == (1, True)
    automl("model", "evaluate", "churn", "--record")
    said = automl("model", "accept", "churn", "1", "--by", "anna")
    assert (said.code, "--yes does" in said.err) == (1, True)
    said = automl("model", "accept", "churn", "1", "--by", "anna", "--yes", "--evidence", "0123456789")
    assert (said.code, "has no evidence 0123456789" in said.err) == (1, True)
    assert shop.life().state.version(1).state is VersionState.EVALUATED
    said = automl("model", "accept", "churn", "7", "--by", "anna", "--yes")
    assert said.code == 1
    assert "7" in said.err


@pytest.mark.usefixtures("evaluated_here")
def test_a_second_answer_is_told_who_was_first(shop: Shop, automl: Automl) -> None:
    in_use(shop, automl)
    said = automl("model", "reject", "churn", "1", "--yes", "--by", "ben")
    assert said.code == 1
    assert "anna" in said.err


@pytest.mark.usefixtures("evaluated_here")
def test_what_only_airflow_does_is_said(shop: Shop, automl: Automl) -> None:
    in_use(shop, automl)
    for words in (("retrain", "churn", "--reason", "drift"), ("score", "churn", "2026-11-01")):
        said = automl("model", *words, "--bucket")
        assert (said.code, "a run of Airflow's" in said.err) == (1, True), said.err
    assert "--why" in automl("model", "take-back", "churn", "--yes").err


@pytest.mark.usefixtures("evaluated_here")
def test_evidence_is_read_as_a_page_as_rows_and_as_json(shop: Shop, automl: Automl) -> None:
    in_use(shop, automl)
    said = automl("model", "evidence", "churn")
    assert said.out.startswith("evidence ")
    assert "roc_auc" in said.out
    assert json.loads(automl("model", "evidence", "churn", "1", "--json").out)["metric"]["name"] == "roc_auc"
    assert "bad case" in automl("model", "evidence", "churn", "--rows").last_line
    assert "training" in automl("model", "efficiency", "churn").out
    assert [
        each["version"] for each in json.loads(automl("model", "efficiency", "churn", "--json").out)["versions"]
    ] == [1]


@pytest.mark.usefixtures("evaluated_here")
def test_one_version_is_shown_whole(shop: Shop, automl: Automl) -> None:
    in_use(shop, automl)
    out = automl("model", "show", "churn", "1").out
    assert "trained@one, trial 0, roc_auc 0.9" in out
    assert "by anna (cli)" in out
    assert "looks right" in out
    body = json.loads(automl("model", "show", "churn", "1", "--json").out)
    assert body["decisions"][0]["by"] == {"name": "anna", "how": "cli"}


@pytest.mark.usefixtures("evaluated_here")
def test_models_are_listed_and_a_broken_file_keeps_no_other_from_the_list(shop: Shop, automl: Automl) -> None:
    in_use(shop, automl)
    (shop.home / "experiments" / "odd.model.yaml").write_text("kind: model\nname: odd\n")
    out = automl("model", "list").out
    assert any("churn" in line and "version 1" in line and "anna" in line for line in out.splitlines())
    assert "odd" in out
    listed = json.loads(automl("model", "list", str(shop.home / "runs"), "--json").out)
    assert [(each["model"], each["in_use"]["version"]) for each in listed] == [("churn", 1)]


def test_an_unknown_model_is_told_what_there_is(shop: Shop, automl: Automl) -> None:
    said = automl("model", "show", "chrun", "--bucket")
    assert said.code == 1
    assert "Did you mean 'churn'" in said.err
    said = automl("model", "show", str(shop.home / "experiments"))
    assert (said.code, "the folder of a model is wanted" in said.err) == (1, True)


def test_a_file_is_written_and_checked_and_never_over_another(home: Path, automl: Automl) -> None:
    given = ("model", "new", "wines", "--experiment", "digits", "--data", "s3://lake/wines/ds=${ds}/", "--key", "id")
    said = automl(*given, "--by", "anna", "--score", "s3://lake/new/ds=${ds}/", "--out", "s3://lake/scores/${ds}.csv")
    assert said.code == 0, said.err
    path = home / "experiments" / "wines.model.yaml"
    assert "accepted by anna" in automl("model", "check", str(path)).out
    said = automl(*given)
    assert (said.code, "is there already" in said.err) == (1, True)
    said = automl("model", "new", "other", "-e", "digits", "-d", "a.csv", "--score", "b.csv")
    assert (said.code, "--score and --out" in said.err) == (1, True)
    path.write_text(path.read_text().replace("when: better", "when: betterer"))
    said = automl("model", "check", str(path))
    assert said.code == 1
    assert "wines.model.yaml:" in said.err
    assert "better" in said.err


def test_a_file_goes_to_the_bucket_of_its_experiment_with_its_connection_and_knows_a_program(
    home: Path, automl: Automl
) -> None:
    place = home / "experiments" / "theirs.yaml"
    place.write_text(
        "name: theirs\noutput: {storage: 's3://lake/automl', connection: my_lake}\n"
        "goal: {metric: auc, direction: maximize}\n"
        "space: {x: {type: choice, values: [1]}}\ntasks: [{command: 'true'}]\n"
    )
    command = 'python "${file_dir}/score.py" ${rows} ${model_dir} ${predictions}'
    said = automl(
        "model", "new", "bought", "-e", "theirs", "-d", "s3://lake/a.csv", "--target", "churned", "--program", command
    )
    assert said.code == 0, said.err
    file = load_model_file(home / "experiments" / "bought.model.yaml")
    assert (file.output.storage, file.output.connection) == ("s3://lake/automl", "my_lake")
    assert file.evaluate.target == "churned"
    assert file.evaluate.program is not None
    assert file.evaluate.program.command == command


@pytest.mark.usefixtures("evaluated_here")
def test_a_version_that_a_rollout_has_is_put_in_use_by_it_unless_that_is_asked_for(shop: Shop, automl: Automl) -> None:
    automl("model", "offer", "churn", shop.publish("one"))
    assert shop.life().take(1, "version_1")
    automl("model", "evaluate", "churn", "--record")
    said = automl("model", "accept", "churn", "1", "--yes", "--by", "anna")
    assert "its rollout version_1 puts it in use" in said.out
    assert shop.life().state.champion is None
    said = automl("model", "accept", "churn", "1", "--yes", "--by", "anna", "--use")
    assert said.out.endswith("and in use\n"), said.err
    assert shop.life().state.champion == 1


def test_rows_of_an_evidence_are_those_of_the_newest_and_no_digest_is_passed_over(shop: Shop, automl: Automl) -> None:
    said = automl("model", "evidence", "churn", "1", "--rows", "--digest", "abcdef")
    assert (said.code, "leave one out" in said.err) == (1, True)


def test_a_result_is_one_version_however_it_is_named(
    shop: Shop, automl: Automl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the address of its folder or the experiment's, by its name without a file of its own, or by a rollout."""
    folder = shop.publish("one")
    for named in (folder, f"file://{folder}/", f"file://{Path(folder).parent}", "trained@one", "trained"):
        said = automl("model", "offer", "churn", named)
        assert said.code == 0, (named, said.err)
        assert said.out.startswith("it is version 1"), named
    life = shop.life()
    assert (life.state.version(1).source.storage, life.state.version(1).source.prefix) == (
        shop.store.url.rstrip("/"),
        "trained/one/",
    )
    assert new_candidates(life.state, shop.store, "trained") == []
    assert automl("model", "offer", "churn", "trained@two").code == 1

    (shop.home / "churn").mkdir()
    monkeypatch.chdir(shop.home)
    assert automl("model", "show", "churn").code == 0, "a folder of the model's name hides it"
