"""What a person reads when an experiment file is wrong."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.errors import Problem, SpecError, format_path, nearest, show
from automl_core.spec.examples import EXAMPLES
from automl_core.spec.loader import parse_experiment
from automl_core.spec.models import Experiment
from automl_core.spec.shapes import Shape, fields_of
from automl_core.templates import load_experiment
from tests.sources import gallery

GOOD = """\
name: digits
goal: {metric: accuracy, direction: maximize}
space:
  lr: {type: loguniform, low: 1e-4, high: 0.1}
  units: {type: int, low: 8, high: 64}
  solver:
    type: choice
    values:
      - adam
      - value: sgd
        space: {momentum: {type: uniform, low: 0, high: 0.9}}
trials:
  max: 20
  early_stopping: {rule: median}
stop:
  no_improvement: {trials: 5}
tasks:
  - name: train
    command: [python, train.py, --lr, "${lr}", --momentum, "${momentum}"]
    env: {UNITS: "${units}"}
    metrics: {source: stdout, patterns: {accuracy: 'acc=([0-9.]+)'}}
"""


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(SpecError) as caught:
        parse_experiment(text, "x.yaml")
    return list(caught.value.problems)


def only(text: str) -> str:
    (problem,) = problems_of(text)
    return str(problem)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


def test_the_good_file_is_good() -> None:
    assert parse_experiment(GOOD, "x.yaml").space["lr"].low == 1e-4


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "type: loguniform", "type: logunifrom",
            "x.yaml:4: space.lr.type: 'logunifrom' is not known. Allowed: choice, ordinal, subset, "
            "sorted_list, uniform, loguniform, quniform, "
            "qloguniform, int, logint, randint, normal, qnormal, lognormal, qlognormal, fixed. "
            "Did you mean 'loguniform'?",
        ),
        (
            "direction: maximize", "direction: maximise",
            "x.yaml:2: goal.direction: 'maximise' is not known. Allowed: maximize, minimize. Did you mean 'maximize'?",
        ),
        (
            "  max: 20", "  max_trials: 20",
            "x.yaml:13: trials.max_trials: the key 'max_trials' is not known here. Allowed: max, concurrency, "
            "max_failed, retries, retry_delay, timeout, budget, early_stopping, canary.",
        ),
        (
            "  max: 20", "  max: 0",
            "x.yaml:13: trials.max: 0 is too low. Allowed: a whole number of at least 1 and of at most 1000000.",
        ),
        (
            "  max: 20", "  max: many",
            "x.yaml:13: trials.max: found 'many'. Allowed: a whole number of at least 1 and of at most 1000000.",
        ),
        (
            "low: 8, high: 64", "low: 8",
            "x.yaml:5: space.units.high: 'high' is missing. Allowed: a whole number. For example: high: 10.",
        ),
        ("low: 8, high: 64", "low: 80, high: 64", "x.yaml:5: space.units.low: low (80) is above high (64)."),
        (
            "{type: int, low: 8, high: 64}", "{low: 8, high: 64}",
            "x.yaml:5: space.units.type: 'type' is missing. Allowed: choice, ordinal, subset, "
            "sorted_list, uniform, loguniform, quniform, "
            "qloguniform, int, logint, randint, normal, qnormal, lognormal, qlognormal, fixed. "
            "For example: type: loguniform.",
        ),
        (
            "{type: int, low: 8, high: 64}", "{typ: int, low: 8, high: 64}",
            "x.yaml:5: space.units.type: 'type' is missing. Allowed: choice, ordinal, subset, "
            "sorted_list, uniform, loguniform, quniform, "
            "qloguniform, int, logint, randint, normal, qnormal, lognormal, qlognormal, fixed. "
            "Did you mean 'type' by 'typ'?",
        ),
        (
            "{type: int, low: 8, high: 64}", "[8, 64]",
            "x.yaml:5: space.units: found a list. Allowed: a mapping with the key 'type'.",
        ),
        (
            "low: 0, high: 0.9", "low: 1, high: 0.9",
            "x.yaml:11: space.solver.values[1].space.momentum.low: low (1) is above high (0.9).",
        ),
        (
            "{type: uniform, low: 0, high: 0.9}", "{type: uniform, low: 0, high: 0.9, when: {lrr: [1]}}",
            "x.yaml:11: space.solver.values[1].space.momentum.when.lrr: there is no other parameter 'lrr'.",
        ),
        (
            "- adam", "- {vale: adam}",
            "x.yaml:9: space.solver.values[0].vale: the key 'vale' is not known here. Allowed: value, space. "
            "Did you mean 'value'?",
        ),
        (
            "rule: median", "rule: medain",
            "x.yaml:14: trials.early_stopping.rule: 'medain' is not known.",
        ),
        (
            "{rule: median}", "median",
            "x.yaml:14: trials.early_stopping: found 'median'. Allowed: a mapping with the key 'rule', null.",
        ),
        (
            "{trials: 5}", "{}",
            "x.yaml:16: stop.no_improvement.trials: 'trials' is missing. Allowed: a whole number of at least 1. "
            "For example: trials: 15.",
        ),
        (
            "{trials: 5}", "10q",
            "x.yaml:16: stop.no_improvement: found '10q'. Allowed: a mapping (trials, min_delta), null.",
        ),
        (
            "  no_improvement: {trials: 5}", "  max_duration: 10q",
            "x.yaml:16: stop.max_duration: found '10q'; a duration such as 45s, 30m, 1h30m or 2d is wanted here.",
        ),
        (
            "  no_improvement: {trials: 5}", "  max_cost: .inf",
            "x.yaml:16: stop.max_cost: .inf is not a finite number. Allowed: a number above 0, null.",
        ),
        (
            "  no_improvement: {trials: 5}", "  max: 5",
            "x.yaml:16: stop.max: the key 'max' is not known here.",
        ),
        (
            "'acc=([0-9.]+)'", "'acc=('",
            "x.yaml:21: tasks[0].metrics.patterns.accuracy: found 'acc=('; not a regular expression:",
        ),
        (
            '"${units}"', "3", "x.yaml:20: tasks[0].env.UNITS: found 3. Allowed: text. Put quotes around it: '3'.",
        ),
        (
            '--lr, "${lr}"', '--lr, "${lrr}"',
            "x.yaml:19: tasks[0].command[3]: ${lrr} is not known. Allowed: lr, units, solver, momentum, attempt,",
        ),
        ("name: train", "name: train me", "x.yaml:18: tasks[0].name: found 'train me'; a name starts with"),
        (
            "goal: {metric: accuracy,", "goal: {metric: {accuracy: high},",
            "x.yaml:2: goal.metric.accuracy: found 'high'. Allowed: a number.",
        ),
        (
            "goal: {metric: accuracy,", "goal: {metric: [a],",
            "x.yaml:2: goal.metric: found a list. Allowed: text, a mapping.",
        ),
    ],
)  # fmt: skip
def test_what_it_says(old: str, new: str, says: str) -> None:
    assert only(changed(old, new)).startswith(says)


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        ("0", "found 0. Allowed: best, all, a whole number of at least 1."),
        ("bst", "found 'bst'. Allowed: best, all, a whole number of at least 1. Did you mean 'best'?"),
        ("[1]", "found a list. Allowed: best, all, a whole number of at least 1."),
    ],
)
def test_a_field_of_several_kinds_names_them_all_once(value: str, allowed: str) -> None:
    assert only(f"{GOOD}output: {{keep_models: {value}}}\n") == f"x.yaml:22: output.keep_models: {allowed}"


def test_a_key_in_the_wrong_group_is_shown_the_right_one() -> None:
    assert only(GOOD + "max_failed: 3\n").endswith("It belongs under 'trials'.")
    assert only(changed("  max: 20", "  schedule: '@daily'")).endswith("It belongs under 'the top level of the file'.")


def test_a_misspelt_key_is_said_once_and_not_as_missing_too() -> None:
    assert only(changed("command:", "comand:")).endswith("Did you mean 'command'?")


def test_all_problems_at_once_in_the_order_of_the_file() -> None:
    text = GOOD
    for old, new in (
        ("direction: maximize", "direction: up"), ("type: loguniform", "type: log"), ("low: 8", "lowest: 8"),
        ("rule: median", "rule: mean"), ("--lr", "--lr, '${nothing}'"), ("name: digits", "name: digits\nname: twice"),
        ("{type: uniform, low: 0, high: 0.9}", "{type: uniform, low: 0, high: 0.9, when: {nobody: [1]}}"),
    ):  # fmt: skip
        assert text.count(old) == 1
        text = text.replace(old, new)
    found = problems_of(text)
    assert [(p.line, format_path(p.path)) for p in found] == [
        (2, "name"), (3, "goal.direction"), (5, "space.lr.type"), (6, "space.units.lowest"),
        (12, "space.solver.values[1].space.momentum.when.nobody"), (15, "trials.early_stopping.rule"),
        (20, "tasks[0].command[3]"),
    ]  # fmt: skip


def test_what_refers_to_a_broken_parameter_is_not_blamed() -> None:
    text = changed("type: choice", "type: chioce") + "# ${momentum} stays known though its place is broken\n"
    assert [format_path(p.path) for p in problems_of(text)] == ["space.solver.type"]


def test_two_tasks_of_one_name() -> None:
    text = GOOD + "  - {name: train, command: score}\n"
    assert only(text) == "x.yaml:22: tasks[1].name: two training tasks are called 'train'."


@pytest.mark.parametrize("text", ["", "# only a comment\n", "- a\n", "just text\n", "null"])
def test_a_file_without_keys(text: str) -> None:
    assert "name, goal, space, tasks" in only(text)


def test_a_circle_of_parameters() -> None:
    text = changed("high: 64}", "high: 64, at_most: lr}").replace("high: 0.1}", "high: 0.1, at_most: units}")
    assert "depend on one another in a circle" in problems_of(text)[0].message


def test_placeholders_that_are_not_closed_or_belong_to_the_shell() -> None:
    broken = only(changed('"${units}"', '"${units"'))
    assert broken.startswith("x.yaml:20: tasks[0].env.UNITS: '${units' has no closing brace")
    shell = only(changed('"${units}"', '"${PATH_TO_IT}"'))
    assert shell.endswith("Write $${PATH_TO_IT} for a literal ${PATH_TO_IT}, such as a variable of the shell.")
    parse_experiment(changed('"${units}"', '"$${PATH} $HOME ${checkpoint_dir}"'), "x.yaml")


class TestReading:
    """Files that can't be read at all."""

    def test_missing_with_the_nearest_name(self, tmp_path: Path) -> None:
        (tmp_path / "digits.yaml").write_text(GOOD)
        with pytest.raises(SpecError, match=r"there is no such file\. Did you mean 'digits\.yaml'\?"):
            load_experiment(tmp_path / "digit.yaml")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SpecError, match="the file can't be read: is a directory"):
            load_experiment(tmp_path)

    def test_too_big(self, tmp_path: Path) -> None:
        (tmp_path / "x.yaml").write_bytes(b"#" * ((1 << 20) + 1))
        with pytest.raises(SpecError, match="larger than 1 MiB"):
            load_experiment(tmp_path / "x.yaml")

    def test_not_utf8(self, tmp_path: Path) -> None:
        (tmp_path / "x.yaml").write_bytes(b"name: a\ndescription: caf\xe9\n")
        with pytest.raises(SpecError, match=r"x\.yaml:2: the file is not UTF-8: byte 0xe9"):
            load_experiment(tmp_path / "x.yaml")

    def test_a_byte_order_mark_is_no_problem(self, tmp_path: Path) -> None:
        (tmp_path / "x.yaml").write_text(GOOD, encoding="utf-8-sig")
        assert load_experiment(tmp_path / "x.yaml").name == "digits"


def test_every_example_of_the_gallery_is_good() -> None:
    files = gallery()
    assert files
    for path in files:
        load_experiment(path)


def test_every_key_that_must_stand_has_an_example() -> None:
    missing, seen = set(), set()

    def visit(shape: Shape | None) -> None:
        if shape is None or shape.annotation in seen:
            return
        for member in shape.members:
            visit(member)
        if shape.model is None:
            visit(shape.child(0) or shape.child("any"))
            return
        seen.add(shape.annotation)
        for name, field in fields_of(shape.model).items():
            if field.is_required() and name not in EXAMPLES:
                missing.add(name)
            visit(shape.child(name))

    visit(Shape(Experiment))
    assert len(seen) > 20
    assert not missing


def test_problems_as_json_have_all_of_it() -> None:
    (problem,) = problems_of(changed("type: loguniform", "type: logunifrom"))
    body = problem.to_json()
    assert (body["file"], body["line"], body["column"], body["path"]) == ("x.yaml", 4, 8, "space.lr.type")
    assert body["found"] == "'logunifrom'"
    assert "loguniform" in body["allowed"]
    assert body["text"] == str(problem)


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "'a'"), (True, "true"), (None, "null"), (1.5, "1.5"), ({}, "a mapping"), ([], "a list"), (-1e999, "-.inf")],
)
def test_show(value: Any, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize(
    ("word", "near"),
    [("Max-Failed", "max_failed"), ("retry", "retries"), ("zzz", None), ("", None), ("concurency", "concurrency")],
)
def test_nearest(word: str, near: str | None) -> None:
    assert nearest(word, ["max_failed", "retries", "concurrency"]) == near


# --- any damage to a good file gives problems in our words, at places that exist -----------------------------------

PYDANTIC = re.compile(
    r"Input should|Field required|Extra inputs|Value error|validation error|\[|pydantic", re.IGNORECASE
)
NOISE = re.compile(r"function-|literal\[|constrained|dict\[|list\[|union|nullable|tagged|\.(str|int|float|bool)$")


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        found += [p for key, child in value.items() for p in places(child, (*path, key))]
    elif isinstance(value, list):
        found += [p for index, child in enumerate(value) for p in places(child, (*path, index))]
    return found


BASE = yaml.safe_load(GOOD)
WRONG = st.sampled_from(
    [None, True, -1, 0, 1e400, "", "nonsense", "1e3", [], {}, ["a", 1], {"type": "x"}, {"a": {"b": 1}}]
)


@given(place=st.sampled_from(places(BASE)), what=st.sampled_from(["value", "key", "drop", "extra"]), value=WRONG)
def test_no_damage_escapes_the_words(place: tuple[Any, ...], what: str, value: Any) -> None:
    data = copy.deepcopy(BASE)
    holder = data
    for part in place[:-1]:
        holder = holder[part]
    last = place[-1]
    if what == "value":
        holder[last] = value
    elif what == "drop":
        del holder[last]
    elif isinstance(holder, dict):
        holder[f"{last}_" if what == "key" else "extra"] = holder.pop(last) if what == "key" else value
    text = yaml.safe_dump(data, sort_keys=False)
    problems: tuple[Problem, ...] = ()
    try:
        parse_experiment(text, "x.yaml")
    except SpecError as error:
        problems = error.problems
    for problem in problems:
        assert problem.line in range(1, text.count("\n") + 1)
        assert not NOISE.search(format_path(problem.path)), problem
        assert not PYDANTIC.search(problem.message), problem
        assert "\n" not in str(problem)


@pytest.mark.parametrize(
    "line",
    [
        'output: {storage: "s3://AK:secret@bucket/x"}',
        'data: {train: "oss://AK:secret@bucket/x.csv"}',
        'data: {train: {place: "odps://AK:secret@project/t"}}',
        'data: {train: "https://AK:secret@host/x.csv"}',
        'data: {train: "https://secret@host/x.csv"}',
        'data: {train: "https://AK:p@secret@host/x.csv"}',
        'data: {train: "odps://AK:sec/secret@project/t"}',
        'output: {storage: "s3://AK:secret/x@bucket/x"}',
    ],
)
def test_keys_in_an_address_are_not_repeated(line: str) -> None:
    text = f"{BARE}{line}\n"
    with pytest.raises(SpecError) as error:
        parse_experiment(text, "x.yaml")
    assert "…@" in str(error.value)
    assert "secret" not in str(error.value)
    assert all("secret" not in str(each.to_json()) for each in error.value.problems)


BARE = """\
name: a
goal: {metric: a, direction: maximize}
space: {x: {type: uniform, low: 0, high: 1}}
tasks: [{command: "echo a=${x}"}]
"""
