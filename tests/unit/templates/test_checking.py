"""What is wrong with a template is told with file and line, and one whose experiments are not valid is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.preview.template_checks import examine_template
from automl_core.spec.errors import Problem
from automl_core.spec.parameters import PARAMETER_TYPES
from automl_core.templates.checking import check_template
from tests.support.template_folders import NET


def problems(folder: Path, text: str) -> list[Problem]:
    place = folder / "net" / "1"
    place.mkdir(parents=True)
    (place / "template.yaml").write_text(text)
    (place / "train.py").write_text("")
    return examine_template(place).problems


def test_a_right_one(tmp_path: Path) -> None:
    assert problems(tmp_path, NET) == []
    checked = check_template(tmp_path / "net/1")
    searched = [
        {name for name, model in experiment.space.items() if model.type != "fixed"}
        for experiment, _ in checked.experiments
    ]
    assert searched == [
        {"solver", "momentum", "lr"},
        {"solver", "momentum", "lr", "layers", "width", "last", "dropout", "epochs"},
    ]


OF_TYPE = {
    "choice": "values: [a, b]", "normal": "mu: 0, sigma: 1", "qnormal": "mu: 0, sigma: 1, q: 0.5",
    "lognormal": "mu: 0, sigma: 1", "qlognormal": "mu: 0, sigma: 1, q: 0.5", "fixed": "value: 3",
    "quniform": "low: 1, high: 4, q: 1", "qloguniform": "low: 1, high: 4, q: 1",
}  # fmt: skip
WRONG = {
    "choice": "values: []", "normal": "mu: 0, sigma: 0", "qnormal": "mu: 0, sigma: 1, q: 0", "fixed": "valu: 3",
    "lognormal": "mu: 0, sigma: -1", "qlognormal": "mu: 0, sigma: 1", "quniform": "low: 1, high: 4, q: 0",
    "qloguniform": "low: 0, high: 4, q: 1", "randint": "low: 1, high: 1", "loguniform": "low: 0, high: 1",
}  # fmt: skip
SIMPLE = [each for each in PARAMETER_TYPES if each in {*OF_TYPE, *WRONG, "uniform", "int", "logint"}]


@pytest.mark.parametrize("kind", SIMPLE)
@pytest.mark.parametrize("search", ["true", "offered", "never"])
def test_every_type_of_parameter(kind: str, search: str, tmp_path: Path) -> None:
    if kind == "fixed":
        search = "never"
    right = f"  extra: {{type: {kind}, {OF_TYPE.get(kind, 'low: 1, high: 4')}, search: {search}, help: Extra}}\n"
    assert problems(tmp_path / "right", NET.replace("goal:", right + "goal:", 1)) == []
    wrong = f"  extra: {{type: {kind}, {WRONG.get(kind, 'low: 4, high: 1')}, search: {search}}}\n"
    text = NET.replace("goal:", wrong + "goal:", 1)
    (first, *_) = problems(tmp_path / "wrong", text)
    assert first.file == str(tmp_path / "wrong/net/1/template.yaml")
    assert first.line == text.splitlines().index(wrong.rstrip("\n")) + 1
    assert "parameters.extra" in str(first)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version: 1", "version: one", "version: found 'one'. Allowed: a whole number of at least 1."),
        ("version: 1", "version: 3", "version: the folder that it lies in is called '1'."),
        ("template: net", "template: web", "template: the folder of its versions is called 'net'."),
        ("title:", "titel:", "the key 'titel' is not known here."),
        ("kind: classification", "kind: clasification", "Did you mean 'classification'?"),
        ("required: true, help: the table", "requird: true, help: the table", "Did you mean 'required'?"),
        ("search: offered, help: Passes", "search: ofered, help: Passes",
         "parameters.epochs.search: 'ofered' is not known. Allowed: true, offered, never. Did you mean 'offered'?"),
        ("search: offered, help: Passes", "search: false, help: Passes", "Write offered, or never."),
        ("default: 20,", "default: 200,", "parameters.epochs.default: default (200) lies outside low..high (1..100)"),
        ("default: 32, at_most: width", "default: 96, at_most: width",
         "parameters.last.default: 96 is above the default of 'width' (64), which bounds it (at_most)"),
        ("at_most: width", "at_most: with", "there is no other parameter 'with'"),
        ("when: {solver: [sgd]}", "when: {solver: [adma]}", "parameters.momentum.when.solver: 'adma'"),
        ("default: adam, search: true", "search: true", "'momentum' exists only with some values of it, so it needs a"),
        ("${lr}", "${learning_rate}", "${learning_rate} is not known."),
        ("max: 20,", "max: 0,", "trials.max: the experiment that it makes by default: 0 is too low."),
        ("algorithm: random", "algorithm: rnd", "'rnd'"),
        ("algorithm: random", "algorithm: random, transfer: {runs: 1}",
         "search.transfer: what an experiment learns from is its own"),
        ("algorithm: random", "algorithm: random, add: [lr]", "search.add: goes with an experiment"),
        ("command: [python, train.py,", "cwd: code\n    command: [python, trian.py,",
         "tasks[0].command[1]: there is no file 'trian.py' beside template.yaml."),
        ("  - name: train\n", "  - name: train\n    backend: kubernetes\n    image: net:1\n",
         "the image 'net:1' may be another one tomorrow, and a version never changes. Name it by its digest:"),
        ("goal: {metric", "spec_file: {format: json, base: base.json}\ngoal: {metric", "there is no file 'base.json'"),
        ("goal: {metric", "output: {storage: x}\ngoal: {metric", "the key 'output' is not known here."),
    ],
)  # fmt: skip
def test_what_is_wrong(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert old in NET
    found = problems(tmp_path, NET.replace(old, new, 1))
    assert all(each.file == str(tmp_path / "net/1/template.yaml") and each.line for each in found)
    assert any(words in str(each) for each in found), [str(each) for each in found]


def test_a_folder_without_a_file(tmp_path: Path) -> None:
    (problem,) = check_template(tmp_path).problems
    assert problem.message == "there is no such file"


def test_one_that_takes_any_parameter_has_no_default_experiment(tmp_path: Path) -> None:
    text = (
        "template: net\nversion: 1\ntitle: Any program\nmore_parameters: true\nspec_file: {format: yaml}\n"
        "tasks: [{name: train, cwd: code, command: [python, train.py, '${spec_file}']}]\n"
    )
    assert problems(tmp_path, text) == []


def test_an_image_by_its_digest_is_taken(tmp_path: Path) -> None:
    image = f"registry.example.com/net@sha256:{64 * 'a'}"
    task = (
        f"  - name: train\n    backend: kubernetes\n    image: {image}\n    storage_mount: {{path: /mnt, claim: c}}\n"
    )
    assert problems(tmp_path, NET.replace("  - name: train\n", task)) == []


def test_a_wrong_template_is_no_template(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "[1]\n")
    assert "found a list where the file's keys are wanted" in str(problem)
