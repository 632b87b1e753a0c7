"""A file that names a template becomes a whole experiment, and what is wrong is told where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.code import choose
from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.loader import parse_experiment as parse_plain
from automl_core.spec.models import Experiment
from automl_core.spec.validation import validate
from automl_core.templates import parse_document, parse_experiment
from automl_core.templates.digest import digest_of
from tests.support.template_folders import NET, make_template, places_in

HEAD = 'name: churn\ntemplate: net@1\ndata: {train: "s3://lake/x.csv"}\ncolumns: {target: churned}\n'


@pytest.fixture
def templates(tmp_path: Path) -> Path:
    make_template(tmp_path / "templates")
    return tmp_path / "templates"


def made(templates: Path, more: str = "", head: str = HEAD) -> Experiment:
    return parse_experiment(head + more, "x.yaml", places_in(templates))


def space(templates: Path, more: str = "") -> dict[str, Any]:
    return made(templates, more).model_dump(mode="json", exclude_unset=True)["space"]


def problems(templates: Path, more: str = "", head: str = HEAD) -> list[Problem]:
    with pytest.raises(SpecError) as caught:
        made(templates, more, head)
    return list(caught.value.problems)


def problem(templates: Path, more: str = "", head: str = HEAD) -> Problem:
    (only,) = problems(templates, more, head)
    return only


def test_four_lines_are_a_whole_experiment(templates: Path) -> None:
    experiment = made(templates)
    assert experiment.goal.metric == "accuracy"
    assert experiment.trials.max == 20
    assert experiment.trials.early_stopping is not None
    assert experiment.search.algorithm == "random"
    assert [task.name for task in experiment.tasks] == ["train"]
    assert {name: model.type for name, model in experiment.space.items()} == {
        "solver": "choice", "momentum": "uniform", "lr": "loguniform", "layers": "fixed", "width": "fixed",
        "last": "fixed", "dropout": "fixed", "epochs": "fixed", "seed": "fixed",
    }  # fmt: skip
    assert experiment.space["lr"].help == "Step size"
    assert experiment.space["epochs"].value == 20


def test_the_version_is_named_by_its_digest(templates: Path) -> None:
    template = made(templates).template
    assert template is not None
    assert template.label == "net@1"
    assert template.digest == digest_of(templates / "net/1")


def test_the_whole_experiment_is_expanded_no_more(templates: Path) -> None:
    experiment = made(templates, "search: {add: [epochs]}\nset: {solver: sgd}\n")
    document = experiment.model_dump(mode="json")
    again, wrong = validate(document)
    assert not wrong
    assert again == experiment
    assert Experiment.model_validate(document) == experiment


def test_groups_of_the_file_go_before_the_templates(templates: Path) -> None:
    experiment = made(templates, "trials: {max: 60, concurrency: 4}\nstop: {deadline: 20m}\nsearch: {seed: 3}\n")
    assert (experiment.trials.max, experiment.trials.concurrency) == (60, 4)
    assert experiment.trials.early_stopping is not None, "what the file doesn't say is the template's"
    assert experiment.stop.deadline == 1200
    assert (experiment.search.algorithm, experiment.search.seed) == ("random", 3)


@pytest.mark.parametrize(
    ("goal", "metrics"),
    [
        ("{metric: auc}", {"auc": 1.0}),
        ("{metric: {auc: 0.5, f1: 0.5}}", {"auc": 0.5, "f1": 0.5}),
        ("{objectives: [{metric: auc, direction: maximize}, {metric: size, direction: minimize}]}", {"auc": 1.0}),
    ],
)
def test_another_goal_takes_the_place_of_the_templates(templates: Path, goal: str, metrics: dict[str, float]) -> None:
    more = f"goal: {goal}\n" + ("trials: {early_stopping: null}\n" if "objectives" in goal else "")
    experiment = made(templates, more)
    assert experiment.goal.weights == metrics
    assert experiment.goal.final == "last"


def test_a_task_is_laid_over_by_its_name(templates: Path) -> None:
    (task,) = made(templates, "tasks: {train: {timeout: 1h, env: {A: b}}}\n").tasks
    assert (task.timeout, task.env) == (3600, {"A": "b"})
    assert task.command == ["python", "train.py", "--lr", "${lr}"]


def test_parameters_are_added_taken_out_set_and_narrowed(templates: Path) -> None:
    found = space(
        templates,
        "search: {add: [epochs], remove: [momentum]}\nset: {layers: 3}\n"
        "space: {lr: {low: 0.001, high: 0.1}, solver: {values: [sgd, adam]}}\n",
    )
    assert found["epochs"] == {"type": "int", "low": 1, "high": 100, "default": 20, "help": "Passes over the data"}
    assert found["momentum"] == {"type": "fixed", "value": 0.9, "when": {"solver": ["sgd"]}}
    assert found["layers"] == {"type": "fixed", "value": 3}
    assert (found["lr"]["low"], found["lr"]["high"], found["lr"]["default"]) == (0.001, 0.1, 0.001)
    assert (found["solver"]["values"], found["solver"]["weights"]) == (["sgd", "adam"], [1, 2])


def test_a_set_parameter_is_not_searched(templates: Path) -> None:
    assert space(templates, "set: {lr: 0.01}\n")["lr"] == {"type": "fixed", "value": 0.01, "help": "Step size"}


def test_a_default_outside_a_narrowed_range_is_not_tried(templates: Path) -> None:
    assert "default" not in space(templates, "space: {lr: {low: 0.01}}\n")["lr"]


def test_a_settled_condition_is_none_any_more(templates: Path) -> None:
    assert "when" not in space(templates, "set: {solver: sgd}\n")["momentum"]
    assert "momentum" not in space(templates, "set: {solver: adam}\n")
    assert "momentum" not in space(templates, "space: {solver: {values: [adam, lbfgs]}}\n")
    assert "dropout" not in space(templates, "set: {layers: 1}\n")
    assert space(templates, "search: {add: [layers, dropout]}\nspace: {layers: {high: 2}}\n")["dropout"]["when"] == {
        "layers": [2]
    }


def test_bounds_hold_whatever_is_set(templates: Path) -> None:
    assert space(templates, "search: {add: [last]}\nset: {width: 32}\n")["last"]["at_most"] == "width"
    assert space(templates, "search: {add: [width]}\nset: {last: 96}\n")["width"]["low"] == 96
    assert space(templates, "search: {add: [width]}\n")["width"]["low"] == 32, "the default of what it bounds"
    assert space(templates, "search: {add: [last]}\nset: {width: 16}\n")["last"]["default"] == 16, "the nearest"
    found = problem(templates, "set: {width: 16, last: 64}\n")
    assert found.line == 5
    assert "'last' is never above 'width', and 'last' is 64 here, 'width' 16" in found.message


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ("set: {lr: 2}\n", 5, "set.lr: 2 lies outside 1e-05..1. Allowed: a number from 1e-05 to 1."),
        ("set: {solver: rmsprop}\n", 5, "'rmsprop' is not among ['adam', 'sgd', 'lbfgs']"),
        ("set: {width: 20}\n", 5, "20 is not on the parameter's grid; the nearest value is 16. Allowed: a whole"),
        ("set: {epoch: 2}\n", 5, "net@1 has no parameter 'epoch'. Allowed: solver,"),
        ("set: {epoch: 2}\n", 5, "Did you mean 'epochs'?"),
        ("set: [1]\n", 5, "set: found a list. Allowed: a mapping of parameter → value."),
        ("search:\n  add:\n    - seed\n", 7, "search.add[0]: the template never searches 'seed'."),
        ("search: {add: [epoch]}\n", 5, "Did you mean 'epochs'?"),
        ("search: {add: 3}\n", 5, "search.add: found 3. Allowed: a list of parameters."),
        ("search: {remove: [nothing]}\n", 5, "net@1 has no parameter 'nothing'."),
        ("search: {add: [epochs], remove: [epochs]}\n", 5, "search.remove[0]: 'epochs' is added as well."),
        ("search: {add: [epochs]}\nset: {epochs: 3}\n", 5, "'epochs' is set to a value, so it is not searched."),
        ("set: {lr: 0.1}\nspace: {lr: {low: 0.1}}\n", 6, "space.lr: 'lr' is set to a value, so it is not searched."),
        ("space: {lr: {high: 3}}\n", 5, "space.lr.high: 3 lies outside the template's 1e-05 to 1."),
        ("space: {solver: {values: [adam, x]}}\n", 5, "space.solver.values[1]: 'x' is none of the template's values."),
        ("space: {epochs: {high: 3}}\n", 5, "'epochs' is not searched, so its range has no meaning. Have it searched:"),
        ("space: {seed: {high: 3}}\n", 5, "the template never searches 'seed'. Give it a value: set: {seed: 0}."),
        ("space: {lr: {when: {solver: [adam]}}}\n", 5, "space.lr.when: 'when' of 'lr' is the template's."),
        ("space: {lr: {low: 0.1, high: 0.01}}\n", 5, "low (0.1) is above high (0.01)"),
        ("space: {rl: {low: 0.1}}\n", 5, "space.rl: net@1 has no parameter 'rl'."),
        ("space: {lr: {type: uniform, low: 0, high: 1}}\n", 5, "0 lies outside the template's 1e-05 to 1"),
        ("space: {layers: {type: uniform, low: 1, high: 2}}\nsearch: {add: [layers]}\n", 5, "gives decimals"),
        ("set: {solver: adam, momentum: 0.5}\n", 5,
         "set.momentum: 'momentum' exists only with solver one of 'sgd', and solver is 'adam' here. Leave it out."),
        ("search: {remove: [solver], add: [momentum]}\n", 5, "search.add[0]: 'momentum' exists only with solver"),
        ("tasks: {trian: {timeout: 1h}}\n", 5, "Did you mean 'train'?"),
        ("tasks: [{command: [true]}]\n", 5, "tasks: found a list. Allowed: a mapping of a task's name to"),
        ("tasks: {train: {backend: kubernetes}}\n", 5, "name the container image"),
        ("tasks:\n  train:\n    timeout: soon\n", 7, "tasks.train.timeout: found 'soon'"),
        ("tasks: {train: {env: {A: '${rl}'}}}\n", 5, "tasks.train.env.A: ${rl} is not known."),
        ("code: here\n", 5, "code: the program is the template's. Leave it out."),
        ("trails: {max: 3}\n", 5, "the key 'trails' is not known here."),
        ("trials: {max: 0}\n", 5, "trials.max: 0 is too low."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(templates: Path, more: str, line: int, words: str) -> None:
    found = problems(templates, more)
    assert [(each.file, each.line) for each in found] == [("x.yaml", line)] * len(found)
    assert any(words in str(each) for each in found), [str(each) for each in found]


@pytest.mark.parametrize(
    ("head", "line", "words"),
    [
        ("name: x\ntemplate: net\n", 2, "template: 'net' names no version: an experiment is to mean the same tomorrow. "
         "Allowed: net@1. Write net@1, the latest."),
        ("name: x\ntemplate: net@7\n", 2, "the template 'net' has no version 7. Allowed: net@1."),
        ("name: x\ntemplate: nett@1\n", 2, "there is no template 'nett'. Allowed: net. Did you mean 'net'?"),
        ("name: x\ntemplate: net@one\n", 2, "'one' is no version; a whole number of at least 1 is wanted after the @."),
        ("name: x\ntemplate: '../net@1'\n", 2, "is no template's name; NAME@VERSION is wanted"),
        ("name: x\ntemplate: [net]\n", 2, "template: found a list. Allowed: NAME@VERSION"),
        ("template: net@1\ndata: {train: a}\ncolumns: {target: b}\n", 1, "name: 'name' is missing."),
        ("name: x\ntemplate: net@1\ncolumns: {target: b}\n", 1, "net@1 needs the data set 'train' (the table)."),
        ("name: x\ntemplate: net@1\ndata: {train: a}\n", 1, "net@1 needs the column 'target' (what is predicted)."),
        ("name: x\ntemplate: net@1\ncolumns: {target: b}\ndata: {train: a, vaild: b}\n", 4, "Did you mean 'valid'?"),
        ("name: x\nset: {lr: 1}\nspace: {}\n", 2, "set: goes with a template, whose parameters it gives values."),
        ("name: x\nsearch: {add: [lr]}\nspace: {}\n", 2, "search.add goes with a template"),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_too(templates: Path, head: str, line: int, words: str) -> None:
    found = problem(templates, head=head)
    assert (found.file, found.line) == ("x.yaml", line)
    assert words in str(found)


def test_a_mistake_of_the_template_is_told_in_its_file(tmp_path: Path) -> None:
    text = NET.replace("max: 20,", "max: none,").replace("${lr}", "${rate}")
    make_template(tmp_path, text)
    found = problems(tmp_path)
    file = tmp_path / "net/1/template.yaml"
    lines = text.splitlines()
    assert {each.file for each in found} == {str(file)}
    assert [lines[(each.line or 0) - 1].strip() for each in found] == [
        "trials: {max: none, early_stopping: {rule: median, delay: 2}}", 'command: [python, train.py, --lr, "${rate}"]',
    ]  # fmt: skip


def test_a_mistake_in_a_parameter_is_told_in_the_templates_file(tmp_path: Path) -> None:
    make_template(tmp_path, NET.replace("low: 1.0e-5, high: 1.0,", "low: 3.0, high: 1.0,"))
    found = problem(tmp_path)
    assert found.file == str(tmp_path / "net/1/template.yaml")
    assert "low (3) is above high (1)" in str(found)


def test_warnings_know_their_file(templates: Path) -> None:
    _, document = parse_document(HEAD, "x.yaml", places_in(templates))
    found = document.located(Problem("…", ("tasks", 0, "command")))
    assert found.file == str(templates / "net/1/template.yaml")
    assert found.line == 27


def test_a_reader_that_knows_no_templates_says_so() -> None:
    with pytest.raises(SpecError) as caught:
        parse_plain(HEAD, "x.yaml")
    assert "is not whole before the template 'net@1' is laid under it" in str(caught.value)


def test_more_parameters_are_taken_where_the_template_says_so(tmp_path: Path) -> None:
    text = NET.replace("parameters:", "more_parameters: true\nparameters:")
    make_template(tmp_path, text)
    more = "space: {depth: {type: int, low: 1, high: 3}, lr: {high: 0.1}}\ntasks: {train: {env: {D: '${depth}'}}}\n"
    experiment = made(tmp_path, more)
    assert experiment.space["depth"].high == 3
    assert experiment.space["lr"].high == 0.1


def test_nested_choices_lie_flat(tmp_path: Path) -> None:
    text = NET.replace(
        "solver: {type: choice, values: [adam, sgd, lbfgs], weights: [2, 1, 1], default: adam, search: true, "
        "help: Solver}",
        "solver: {type: choice, values: [adam, {value: sgd, space: {nesterov: {type: choice, values: [true, false], "
        "default: true, search: offered}}}], default: adam, search: true}",
    )
    make_template(tmp_path, text)
    found = space(tmp_path, "search: {add: [nesterov]}\n")
    assert found["solver"]["values"] == ["adam", "sgd"]
    assert found["nesterov"]["when"] == {"solver": ["sgd"]}
    assert "when" not in space(tmp_path, "set: {solver: sgd, nesterov: false}\n")["nesterov"]


def test_reading_changes_nothing_of_what_is_kept_of_a_template(templates: Path) -> None:
    first = made(templates).model_dump(mode="json")
    made(templates, "search: {add: [epochs], algorithm: tpe}\ntrials: {max: 3}\nset: {lr: 0.5}\n")
    assert made(templates).model_dump(mode="json") == first


def test_a_space_that_is_missing_is_the_files(tmp_path: Path) -> None:
    head, rest = NET.partition("parameters:")[0], NET.partition("goal:")[2]
    make_template(tmp_path / "templates", f"{head}more_parameters: true\ngoal:{rest}".replace(', --lr, "${lr}"', ""))
    found = problem(tmp_path / "templates")
    assert (found.file, found.path) == ("x.yaml", ("space",)), "the template has no space, and need not have one"
    assert made(tmp_path / "templates", "space: {lr: {type: uniform, low: 0, high: 1}}\n").space


def test_the_program_lacks_no_file_but_the_versions_own(templates: Path) -> None:
    (templates / "net/1/conf").mkdir()
    for name in ("template.yaml", "other.yaml"):
        (templates / "net/1/conf" / name).write_text("a: 1\n")
    code = made(templates).code
    assert code is not None
    assert not isinstance(code, str)
    names = {each.name for each in choose(Path(code.folder), code.ignore)}
    assert "template.yaml" not in names
    assert {"conf/template.yaml", "conf/other.yaml"} <= names
