"""``automl template`` and ``automl new``, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from automl_core.cli import main
from automl_core.spec.loader import parse_experiment as parse_plain
from automl_core.templates import load_experiment
from automl_core.templates import places as places_module
from tests.support.tao_networks import schema_of
from tests.support.template_folders import NET, make_template


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places_module, "shipped_folder", lambda: None)
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    make_template(tmp_path / "templates")
    make_template(tmp_path / "templates", NET.replace("version: 1", "version: 2").replace("small", "larger"))
    (tmp_path / "table.csv").write_text("x,y\n1,2\n")
    return tmp_path


NEW = ("new", "first", "--template", "net", "--data", "table.csv", "--target", "y")


def test_list(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template", "list"]) == 0
    assert "net@2" in capsys.readouterr().out
    (home / "templates/net/2/template.yaml").write_text("[1]")
    assert main(["template", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(each["template"], each["versions"]) for each in found["templates"]] == [("net@1", [1, 2])]
    assert [problem["file"] for problem in found["problems"]] == [str(home / "templates/net/2/template.yaml")]
    assert found["folders"] == [str(home / "templates")]


def test_show(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")  # else a long path of this machine breaks its line elsewhere
    assert main(["template", "show", "net@1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["versions"], found["newer"], found["requires"]) == ([1, 2], 2, ["numpy>=2"])
    assert found["data"]["train"] == {"required": True, "help": "the table"}
    parameters = {each["name"]: each for each in found["parameters"]}
    assert parameters["solver"] == {
        "name": "solver", "type": "choice", "default": "adam", "search": True, "help": "Solver",
        "values": ["adam", "sgd", "lbfgs"], "weights": [2, 1, 1],
    }  # fmt: skip
    assert parameters["last"]["at_most"] == "width"
    assert parameters["momentum"]["when"] == {"solver": ["sgd"]}
    assert parameters["seed"]["search"] == "never"
    assert main(["template", "show", "net@1"]) == 0
    shown = capsys.readouterr().out
    for words in ("net@1: A small network", "8 to 256; a multiple of 8; at most width", "only with solver sgd",
                  "adam (weight 2), sgd (weight 1)", "so there is a newer one: net@2", "y"):  # fmt: skip
        assert words in shown
    assert main(["template", "show", "nett"]) == 1
    assert "Did you mean 'net'?" in capsys.readouterr().err
    assert main(["template", "show", "net@x"]) == 1
    assert "'x' is no version" in capsys.readouterr().err


def test_check(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template", "check", "templates/net/1", "templates/net/2/template.yaml"]) == 0
    assert capsys.readouterr().out.count("is valid, sha256:") == 2
    (home / "templates/net/1/template.yaml").write_text(NET.replace("max: 20", "max: 0"))
    assert main(["template", "check", "templates/net/1", "--json"]) == 1
    (problem,) = json.loads(capsys.readouterr().out)
    assert (problem["line"], problem["path"]) == (24, "trials.max")


def test_pull(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template", "pull", str(home / "templates/net/1"), "--into", "elsewhere", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["template"], found["new"]) == ("net@1", True)
    (home / "elsewhere/net/1/train.py").write_text("")
    assert main(["template", "pull", str(home / "templates/net/1"), "--into", "elsewhere"]) == 1
    assert "a version never changes" in capsys.readouterr().err
    assert main(["template", "pull", "s3://bucket/net"]) == 1
    assert "NAME/VERSION is wanted" in capsys.readouterr().err


def test_a_network_of_tao_from_a_schema_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / "dino.json"
    file.write_text(json.dumps(schema_of("dino")))
    assert main(["template", "pull", "tao/dino", "--schema", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["template"], found["new"]) == ("tao/dino@1", True)
    assert found["folder"] == str(home / "templates/tao/dino/1")
    assert main(["template", "show", "tao/dino"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "widened" in shown
    assert main(["template", "show", "tao/dino", "--json"]) == 0
    lr = next(each for each in json.loads(capsys.readouterr().out)["parameters"] if each["name"] == "train.optim.lr")
    assert (lr["low"], lr["high"], lr["bounds"]) == (2e-6, 0.02, {"low": 0.0, "high": 1.0})
    assert main(["new", "mine", "--template", "tao/dino", "--data", "train=/coco", "--add", "model.dropout_ratio"]) == 0
    assert "template: tao/dino@1" in (home / "experiments/mine.yaml").read_text()
    capsys.readouterr()
    assert main(["template", "pull", "tao/dino"]) == 1
    assert "it comes with the extra tao" in capsys.readouterr().err
    assert main(["template", "pull", "s3://bucket/net/1", "--schema", str(file)]) == 1
    assert "--schema goes with the name of a network" in capsys.readouterr().err


def test_new_writes_a_file_that_is_valid(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ("--trials", "7", "--concurrency", "2", "--deadline", "20m", "--add", "epochs", "--remove", "lr", "-s",
            "layers=3")  # fmt: skip
    assert main([*NEW, *more]) == 0
    file = home / "experiments/first.yaml"
    assert yaml.safe_load(file.read_text()) == {
        "name": "first", "template": "net@2", "data": {"train": str(home / "table.csv")}, "columns": {"target": "y"},
        "trials": {"max": 7, "concurrency": 2}, "stop": {"deadline": "20m"},
        "search": {"add": ["epochs"], "remove": ["lr"]}, "set": {"layers": 3},
    }  # fmt: skip
    experiment = load_experiment(file)
    assert experiment.space["epochs"].type == "int"
    assert experiment.stop.deadline == 1200
    capsys.readouterr()
    assert main(["preview", str(file), "--whole"]) == 0
    assert parse_plain(capsys.readouterr().out, "whole") == experiment
    assert main(["preview", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["experiment"] == experiment.model_dump(mode="json")


def test_new_writes_over_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*NEW]) == 0
    before = (home / "experiments/first.yaml").read_text()
    assert main([*NEW, "--trials", "3"]) == 1
    assert "is there already; --force writes over it" in capsys.readouterr().err
    assert (home / "experiments/first.yaml").read_text() == before
    assert main([*NEW, "--trials", "3", "--force"]) == 0
    assert "max: 3" in (home / "experiments/first.yaml").read_text()
    assert main([*NEW, "--output", "experiments/second.yaml"]) == 1
    assert "'first' is the name of experiments/first.yaml already" in capsys.readouterr().err
    assert not (home / "experiments/second.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["new", "x", "-t", "net"],
            "net@2 needs --data train=PLACE (the table) and --target COLUMN (what is predicted)",
        ),
        (
            [*NEW, "--data", "vaild=x.csv"],
            "net@2 knows no data set 'vaild'. Allowed: train, valid. Did you mean 'valid'?",
        ),
        ([*NEW, "--set", "lr=7"], "set.lr: 7 lies outside"),
        ([*NEW, "--set", "lr"], "--set lr: PARAMETER=VALUE is wanted"),
        ([*NEW, "--column", "y"], "--column y: ROLE=COLUMN is wanted"),
        ([*NEW, "--data", "train=again.csv"], "--data train=again.csv: train is given twice"),
        (["new", "a b", "-t", "net", "-d", "table.csv", "--target", "y"], "a name starts with a letter or digit"),
        (["new", "x", "-t", "trees", "-d", "table.csv"], "there is no template 'trees'. Allowed: net."),
        ([*NEW, "--deadline", "soon"], "stop.deadline: found 'soon'"),
    ],
)
def test_new_says_what_is_wrong_and_writes_nothing(
    arguments: list[str], words: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert words in capsys.readouterr().err
    assert not (home / "experiments").exists()


def test_a_place_keeps_what_it_says(home: Path) -> None:
    arguments = ["new", "x", "-t", "net", "--target", "y", "-d", "s3://lake/day=1/x: y.csv", "--json"]
    assert main(arguments) == 0
    assert load_experiment(home / "experiments/x.yaml").data["train"] == "s3://lake/day=1/x: y.csv"


def test_a_newer_version_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "x", "-t", "net@1", "-d", "table.csv", "--target", "y"]) == 0
    capsys.readouterr()
    assert main(["validate", "experiments/x.yaml"]) == 0
    shown = capsys.readouterr().out
    assert "experiments/x.yaml:3: note: template: net has a newer version, net@2." in shown


def test_new_says_what_a_template_leaves_open(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = NET.partition("parameters:")[0] + "more_parameters: true\ntasks: [{name: train, command: [python, a.py]}]\n"
    make_template(home / "templates", text.replace("template: net", "template: any"))
    assert main(["new", "first", "--template", "any", "--data", "table.csv", "--target", "y"]) == 1
    said = capsys.readouterr().err
    assert "any@1 leaves goal and space to the experiment" in said
    assert "template: any@1\n" in said, "how such a file begins"
    assert "goal: …\nspace: …" in said
    assert not (home / "experiments/first.yaml").exists()


def test_new_warns_of_a_target_that_is_no_column(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*NEW[:-1], "z"]) == 0
    assert "columns.target: data.train has no column 'z'. Allowed: x, y" in capsys.readouterr().out
    assert main([*NEW, "--force"]) == 0
    assert "no column" not in capsys.readouterr().out
