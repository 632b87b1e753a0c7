"""What a model gets right and wrong, by the REST API, in a notebook and on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_core.client.errors import NotKnown
from automl_core.running.details import make_missing
from tests.unit.web.conftest import World, body_of, path
from tests.unit.web.test_client import connect
from tests.unit.web.test_command_line import elsewhere, said  # noqa: F401

PREDICTIONS = "id,truth,prediction,score,city\n1,cat,cat,0.9,Ulm\n2,cat,dog,0.8,[b]Bonn\n3,dog,dog,0.7,Ulm\n"


@pytest.fixture(scope="session")
def run(world: World) -> tuple[str, str]:
    """A run whose trial 0 has left predictions of classes, trial 1 of numbers, and trial 3 a file that is none.

    One for all, and nobody changes it: each of the three is summed up by a process that loads its libraries.
    """
    text, run_id = world.spec("with-details"), "manual__2026-11-21T06:00:00+00:00"
    name = world.know(text)
    world.simulate(text, run_id)
    world.begin(name, run_id, "success")
    leave(world, (name, run_id))
    return name, run_id


def leave(world: World, run: tuple[str, str]) -> None:
    study = world.study(*run)
    for trial, text in ((0, PREDICTIONS), (1, "truth,prediction\n0.5,1.5\n2.5,2.5\n"), (3, "a,b\n")):
        study.journal.store.put(f"{study.journal.prefix}experiment_{trial}/model/predictions.csv", text.encode())
    assert make_missing(study, lambda _: None) == 3


def test_the_summary_has_no_rows_and_the_rows_are_asked_for_apart(world: World, run: tuple[str, str]) -> None:
    client = world.client("vic")
    summary = body_of(client.get(path(*run, "/trials/0/details")))
    assert summary["confusion"] == {"classes": ["cat", "dog"], "rest": 0, "counts": [[1, 1], [0, 1]]}
    assert "Bonn" not in json.dumps(summary)
    rows = body_of(client.get(path(*run, "/trials/0/details/rows")))
    assert rows["groups"][0]["rows"][0]["values"] == {"city": "[b]Bonn"}


def test_who_has_an_answer_already_is_told_so(world: World, run: tuple[str, str]) -> None:
    place = path(*run, "/trials/0/details")
    first = world.client().get(place)
    again = world.client().get(place, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("part", ["/trials/4/details", "/trials/4/details/rows", "/conclude/details"])
def test_without_predictions_there_are_none(world: World, run: tuple[str, str], part: str) -> None:
    assert body_of(world.client().get(path(*run, part))) == {"kind": None}


def test_there_is_no_trial_of_that_number(world: World, run: tuple[str, str]) -> None:
    answer = world.client().get(path(*run, "/trials/99/details"))
    assert answer.status_code == 404
    assert "there is no trial 99; 0 to 11 are there" in answer.json()["detail"]


def test_the_model_of_conclude_has_its_own(world: World, fresh: Callable[..., tuple[str, str]]) -> None:
    run = fresh(until=None, state="success")
    study = world.study(*run)
    study.journal.store.put(f"{study.journal.prefix}conclude/experiment_0/details.json", b'{"kind":"regression"}')
    assert body_of(world.client().get(path(*run, "/conclude/details"))) == {"kind": "regression"}


def test_a_curve_says_how_it_fits(world: World, run: tuple[str, str]) -> None:
    assert body_of(world.client().get(path(*run, "/trials/0/curve")))["fits"] == [], "accuracy and loss are no pair"


def test_in_a_notebook(world: World, run: tuple[str, str]) -> None:
    trials = connect(world, "vic").run(*run)
    trial = trials.trial(0)
    assert trial["trial"]["number"] == 0, "a dict as before"
    assert trial.details()["overall"]["errors"] == 1
    matrix = trial.confusion()
    assert (matrix.loc["cat", "dog"], matrix.index.name, matrix.columns.name) == (1, "truth", "prediction")
    assert list(trial.classes().loc["dog", ["precision", "recall"]]) == [0.5, 1.0]
    worst = trial.worst()
    assert list(worst["id"]) == ["2"]
    assert list(worst["city"]) == ["[b]Bonn"]
    assert trials.trial(1).worst()["error"].tolist() == [1.0]
    with pytest.raises(NotKnown, match="predicted numbers, not classes"):
        trials.trial(1).confusion()
    with pytest.raises(NotKnown, match="no column truth and no column prediction; it has a, b"):
        trials.trial(3).details()
    with pytest.raises(NotKnown, match=r"leaves no predictions\.parquet or predictions\.csv"):
        trials.trial(4).details()


def test_on_the_command_line(
    elsewhere: Path,  # noqa: F811
    run: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = said(capsys, "details", run[0], "0", "--rows")
    assert code == 0, err
    assert "predictions.csv: classification, 3 of 3 rows" in out
    assert "cat    dog        1     0.5" in out
    assert "[b]Bonn" in out, "nothing in a row is markup"
    body = json.loads(said(capsys, "details", run[0], "1", "--json")[1])
    assert body["details"]["overall"]["mae"] == 0.5
    assert "rows" not in body
    code, out, err = said(capsys, "details", run[0], "4")
    assert code == 1
    assert "trial 4 has no details" in err


def test_of_a_file_on_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "predictions.csv"
    code, _, err = said(capsys, "details", str(file))
    assert (code, "there is no file" in err) == (1, True)
    file.write_text(PREDICTIONS)
    code, out, err = said(capsys, "details", str(file))
    assert code == 0, err
    assert "accuracy 0.666667" in out
    assert "Bonn" not in out
    file.write_text("truth\n1\n")
    code, _, err = said(capsys, "details", str(file))
    assert (code, "has no column prediction" in err) == (1, True)


def test_of_the_best_trial(
    elsewhere: Path,  # noqa: F811
    world: World,
    ended: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    best: dict[str, Any] = connect(world).run(*ended).best or {}
    code, _, err = said(capsys, "details", ended[0])
    assert code == 1
    assert f"trial {best['trial']} has no details" in err
