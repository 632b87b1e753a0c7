"""Whether parameters and placeholders fit into the spec file, each problem with its line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment

FIXED = {"type": "fixed", "value": 1}


def problems(names: list[str], spec: Any = None, task: dict[str, Any] | None = None, **groups: Any) -> list[str]:
    """What is said of a file with these parameters, each with its line: the first parameter stands on line 4."""
    lines = ["name: e", "goal: {metric: x, direction: minimize}", "space:"]
    lines += [f"  {json.dumps(name)}: {json.dumps(FIXED)}" for name in names]
    if spec is not None:
        lines.append(f"spec_file: {json.dumps(spec)}")
    lines += [f"{key}: {json.dumps(value)}" for key, value in groups.items()]
    lines.append(f"tasks: [{json.dumps({'command': ['train'], **(task or {})})}]")
    try:
        parse_experiment("\n".join(lines), "e.yaml")
    except SpecError as error:
        return [str(each).removeprefix("e.yaml:") for each in error.problems]
    return []


@pytest.mark.parametrize(
    ("names", "spec", "said"),
    [
        (["train", "train.lr"], {}, "5: space.train.lr: it lies below 'train', which is a parameter and"),
        (["a.b.c", "a.b"], {}, "4: space.a.b.c: it lies below 'a.b'"),
        (["a..b"], {}, "4: space.a..b: names of a spec file's groups stand between the dots, and one of them is empty"),
        (["a."], {}, "4: space.a.: names of"),
        (["data.x"], {}, "4: space.data.x: names that begin with 'data.' are ours"),
        (["automl.x"], {}, "4: space.automl.x: "),
        (["automl"], {}, "4: space.automl: the group 'automl'"),
        (["a.b"], {"base": {"a": 3}}, "4: space.a.b: spec_file.base has 3 at 'a', so nothing can lie below it"),
        (["a"], {"base": {"a": {"b": 1}}}, "4: space.a: spec_file.base has a group at 'a'"),
        (["a.b"], {"base": {"a.b": 1}}, "4: space.a.b: spec_file.base has a key 'a.b' with dots in it"),
        (["l.2.u"], {"base": {"l": [{}, {}]}}, "4: space.l.2.u: spec_file.base has a list of 2 at 'l', so"),
        (["l.x"], {"base": {"l": [1]}}, "in place of 'x'"),
        (["l.0"], {"base": {"l": []}}, "spec_file.base has an empty list at 'l'"),
        (["a-b"], {"format": "prototxt"}, "4: space.a-b: a field of a message has letters, digits and '_' only"),
        (["a.0"], {"format": "prototxt"}, "4: space.a.0: a field of a message"),
        (["a"], {"base": {"b": "${lrx}"}}, "5: spec_file.base.b: ${lrx} is not known. Allowed: a, attempt,"),
        (["a"], {"base": {"b": ["${a"]}}, "5: spec_file.base.b[0]: '${a' has no closing brace"),
        (["a"], {"base": {"b": "${bundle_dir}"}}, "${bundle_dir} is not known"),
        (["a"], {"format": "toml", "base": {"b": [None]}}, "5: spec_file.base.b[0]: a list can't hold null in toml"),
        (["a"], {"format": "prototxt", "base": {"b": [[1]]}}, "spec_file.base.b[0]: a repeated field can't hold lists"),
        (["a"], {"format": "prototxt", "base": {"b c": 1}}, "spec_file.base.b c: 'b c' is no name of a field"),
        (["a"], {"format": "prototxt", "enums": ["a-b"]}, "5: spec_file.enums[0]: 'a-b' is no field of a message"),
        (["a"], {"enums": ["a"]}, "5: spec_file.enums: only prototxt has them"),
        (["a"], {"format": "text"}, "give exactly one of base (the template's file) and text (the template)"),
        (["a"], {"format": "text", "text": "x", "groups": ["data"]}, "a text template has what it names"),
        (["a"], {"format": "text", "base": {"a": 1}}, "a text template is a file's path here"),
        (["a"], {"format": "text", "text": "${lrx}"}, "5: spec_file.text: ${lrx} is not known"),
        (["a"], {"text": "x"}, "it is the template of format text"),
        (["a"], {"name": "log.txt"}, "5: spec_file.name: log.txt is another file of a trial's folder"),
        (["a"], {"name": "../x"}, "a file name starts with a letter or digit"),
        (["a"], {"format": "ini"}, "5: spec_file.format: 'ini' is not known. Allowed: yaml, json"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_where_it_stands(names: list[str], spec: dict[str, Any], said: str) -> None:
    found = problems(names, spec)
    assert any(said in each for each in found), found


def test_numbers_that_are_not_finite_have_no_place_in_base() -> None:
    text = "name: e\ngoal: {metric: x, direction: minimize}\nspace: {a: {type: fixed, value: 1}}\n"
    with pytest.raises(SpecError, match=r"e\.yaml:5: spec_file\.base\.b: \.inf is not a finite number"):
        parse_experiment(f"{text}spec_file:\n  base: {{b: .inf}}\ntasks: [{{command: [a]}}]", "e.yaml")


@pytest.mark.parametrize(
    ("names", "spec"),
    [
        (["a.b", "a.c"], {"base": {"a": {"b": 9, "d": 1}, "e": None}}),
        (["a.b"], {"base": {"a": None}}),
        (["l.1.u", "l.0"], {"base": {"l": [3, {"u": 1}]}}),
        (["a.0"], {}),
        (["automl"], {"groups": ["data"]}),
        (["automl"], {"format": "prototxt"}),
        (["train", "train.lr"], {"format": "text", "text": "${train} ${train.lr} $${HOME}"}),
        (["a"], {"base": {"b": "${a} ${model_dir} ${budget} ${ds} $${x}"}}),
        (["a"], {"format": "yaml", "base": "specs/base.yaml"}),
        (["train", "train.lr"], None),
    ],
)  # fmt: skip
def test_what_fits(names: list[str], spec: Any) -> None:
    assert problems(names, spec) == []


@pytest.mark.parametrize(
    ("task", "groups", "said"),
    [
        ({"command": ["a", "${code_dir}"]}, {}, "${code_dir} has no meaning here: the experiment has no code"),
        ({"command": ["a", "${spec_file}"]}, {}, "${spec_file} has no meaning here: the experiment has no spec_file"),
        ({"backend": "maxcompute", "sql": "x '${spec_file}'"}, {"spec_file": {}}, "MaxCompute sees no files"),
        ({"backend": "kubernetes", "image": "a", "cwd": "code"}, {}, "cwd: the experiment has no code"),
    ],
)  # fmt: skip
def test_where_there_are_none(task: dict[str, Any], groups: dict[str, Any], said: str) -> None:
    output = {"storage": "s3://b/p"}
    found = problems(["a"], None, {"command": None, **task} if "sql" in task else task, output=output, **groups)
    assert any(said in each for each in found), found


def test_in_stages_the_code_is_there_and_the_spec_file_with_the_constants() -> None:
    stage = [{"command": ["a", "${code_dir}", "${spec_file}", "${a}"], "cwd": "code"}]
    assert problems(["a"], {}, code="src", prepare=stage, conclude=stage) == []
    assert problems(["a"], {"base": {"b": "${a}"}}, code="src", prepare=stage) == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"base": {"b": "${trial_id}"}}, "belongs to no trial, and its spec_file names what only a trial has"),
        ({"format": "text", "text": "${a}"}, "belongs to no trial, and a text template is a trial's"),
    ],
)
def test_a_spec_file_that_only_a_trial_can_have_is_none_of_a_stage(spec: Any, said: str) -> None:
    found = problems(["a"], spec, conclude=[{"command": ["a", "${spec_file}"]}])
    assert len(found) == 1, found
    assert said in found[0]


def test_a_custom_resource_gets_no_code() -> None:
    resource = {"apiVersion": "a/v1", "kind": "B", "spec": {"x": "${code_dir} ${spec_file}"}}
    task = {"backend": "custom_resource", "resource": resource, "success": [{"condition": "Ok"}],
            "failure": [{"condition": "No"}]}  # fmt: skip
    text = json.dumps({
        "name": "e", "goal": {"metric": "x", "direction": "minimize"}, "space": {"a": FIXED}, "code": "src",
        "spec_file": {}, "tasks": [task], "output": {"storage": "s3://b/p"},
    })  # fmt: skip
    with pytest.raises(SpecError, match="are made by its controller; bring code in their image") as error:
        parse_experiment(text, "e.json")
    assert len(error.value.problems) == 1
