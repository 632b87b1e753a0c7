"""What a trial sees of itself: substitution, argument lists, environment."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.contract import (
    PlaceholderError,
    TrialContext,
    arguments_of,
    check_command,
    command_line,
    environment,
    params_name,
    substitute,
    value_text,
)
from automl_core.spec.dates import RUN_DATES, run_dates
from automl_core.spec.parameters import Scalar
from automl_core.spec.relations import RESERVED_NAMES
from automl_core.spec.tasks import LocalTask

CONTEXT = TrialContext(
    experiment_id="digits",
    run_id="run-1",
    trial=7,
    attempt=2,
    params={"lr": 0.001, "batch_size": 64, "solver": "sgd", "nesterov": True, "cap": None},
    inactive=frozenset({"momentum", "decay"}),
    budget=9,
    resume_from="/ckpt/3",
    checkpoint_dir="/ckpt/9",
    model_dir="/model",
    bundle_dir="/bundle",
    prepared_dir="/prepared",
    trials_file="/trials.json",
    code_dir="/code",
    spec_file="/spec.yaml",
)
BARE = replace(
    CONTEXT,
    budget=None,
    resume_from=None,
    bundle_dir=None,
    prepared_dir=None,
    trials_file=None,
    code_dir=None,
    spec_file=None,
)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def argv(command: list[str], context: TrialContext = CONTEXT) -> list[str]:
    return command_line(LocalTask(command=command), context)


# Values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.001, "0.001"), (1e-05, "1e-05"), (0.1 + 0.2, "0.30000000000000004"), (1.0, "1.0"), (1e300, "1e+300"),
        (64, "64"), (-3, "-3"), (True, "true"), (False, "false"), (None, "null"),
        ("sgd", "sgd"), ("", ""), ('say "hi" $HOME', 'say "hi" $HOME'),
    ],
)  # fmt: skip
def test_values_are_written_as_python_users_expect(value: Scalar, text: str) -> None:
    assert value_text(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_back_as_the_same_number(value: float) -> None:
    assert float(value_text(value)) == value


def test_every_reserved_name_has_a_text() -> None:
    expected = {
        "trial_id": "7", "experiment_id": "digits", "exp_id": "digits", "run_id": "run-1", "attempt": "2",
        "budget": "9", "params": "lr0.001_batchsize64_solversgd_nesterovtrue_capnull",
        "model_dir": "/model", "checkpoint_dir": "/ckpt/9", "resume_from": "/ckpt/3", "bundle_dir": "/bundle",
        "prepared_dir": "/prepared", "trials_file": "/trials.json", "code_dir": "/code", "spec_file": "/spec.yaml",
    }  # fmt: skip
    assert {name: substitute(f"${{{name}}}", CONTEXT) for name in RESERVED_NAMES} == expected


DATES = run_dates({"logical_date": "2026-11-02T00:00:00+01:00", "data_interval_start": "2026-11-01T23:00:00+00:00"})


def test_the_run_s_dates_are_airflow_s() -> None:
    dated = replace(CONTEXT, dates=DATES)
    assert substitute("${ds} ${ds_nodash} ${ts} ${ts_nodash}", dated) == (
        "2026-11-01 20261101 2026-11-01T23:00:00+00:00 20261101T230000"
    )
    assert argv(["run", "--day=${ds}"], dated) == ["run", "--day=2026-11-01"]
    assert environment(dated)["AUTOML_DATA_INTERVAL_START"] == "2026-11-01T23:00:00+00:00"
    assert "AUTOML_DATA_INTERVAL_END" not in environment(dated)


@pytest.mark.parametrize("name", RUN_DATES)
def test_a_date_that_the_run_does_not_have_is_never_empty(name: str) -> None:
    for text in (lambda: substitute(f"${{{name}}}", CONTEXT), lambda: argv(["run", "--day", f"${{{name}}}"])):
        with pytest.raises(PlaceholderError, match="no logical date"):
            text()


def test_substitute_mixes_text_and_values() -> None:
    assert substitute("s3://b/$${x}/${exp_id}-${lr}.json", CONTEXT) == "s3://b/${x}/digits-0.001.json"


def test_what_a_trial_does_not_have_is_empty_in_text() -> None:
    assert substitute("<${momentum}|${budget}|${resume_from}>", BARE) == "<||>"


def test_a_wrong_name_is_an_error() -> None:
    with pytest.raises(PlaceholderError, match=r"Did you mean \$\{batch_size\}\?"):
        substitute("${batchsize}", CONTEXT)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), scalars, max_size=5), st.text())
def test_a_value_is_never_substituted_again(params: dict[str, Scalar], hostile: str) -> None:
    context = replace(CONTEXT, params={**params, "x": hostile + "${lr}$${lr}"})
    assert substitute("[${x}]", context) == f"[{hostile}${{lr}}$${{lr}}]"


# ${params}


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"lr": 0.001, "batchsize": 64}, "lr0.001_batchsize64"),
        ({"lr": 0.001, "batch_size": 64}, "lr0.001_batchsize64"),
        ({"x": -1.5, "y": 1e300}, "x-1.5_y1e+300"),
        ({}, "none"),
    ],
)
def test_a_combination_as_a_name(params: dict[str, Scalar], name: str) -> None:
    assert params_name(params) == name


@given(st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,20}", fullmatch=True), scalars, max_size=12))
def test_the_name_is_safe_in_file_names(params: dict[str, Scalar]) -> None:
    name = params_name(params)
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}", name)


@given(st.lists(st.text(max_size=150), min_size=2, max_size=5, unique=True))
def test_what_had_to_be_changed_stays_apart(values: list[str]) -> None:
    assert len({params_name({"x": value}) for value in values}) == len(values)


# Argument lists


def test_an_argument_list_is_never_seen_by_a_shell() -> None:
    value = "$(touch /tmp/x); `id` 'a' \"b\" *\n"
    arguments = argv(["train", "--x=${x}", "${x}", "$HOME", "*"], replace(CONTEXT, params={"x": value}))
    assert arguments == ["train", f"--x={value}", value, "$HOME", "*"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        # an inactive parameter takes its option along
        (["t", "--momentum", "${momentum}"], ["t"]),
        (["t", "-m", "${momentum}", "--lr", "${lr}"], ["t", "--lr", "0.001"]),
        (["t", "--momentum=${momentum}", "x"], ["t", "x"]),
        (["t", "--budget", "${budget}", "--resume", "${resume_from}"], ["t"]),
        (["t", "--m", "${momentum}", "--d", "${decay}"], ["t"]),
        # and nothing else
        (["t", "${momentum}"], ["t"]),
        (["t", "a", "${momentum}", "b"], ["t", "a", "b"]),
        (["t", "--verbose", "--m", "${momentum}"], ["t", "--verbose"]),
        (["t", "--verbose", "${momentum}", "${decay}"], ["t"]),
        (["t", "--m", "${momentum}", "${decay}", "z"], ["t", "z"]),
        (["t", "--seed=1", "${momentum}"], ["t", "--seed=1"]),
        (["t", "-1", "${momentum}"], ["t", "-1"]),
        (["t", "--", "${momentum}"], ["t", "--"]),
        (["-odd-program", "${momentum}"], ["-odd-program"]),
        # a part of an element is text
        (["t", "--m", "m${momentum}"], ["t", "--m", "m"]),
        (["t", "--m=${momentum}${decay}"], ["t", "--m="]),
        (["t", "m=${momentum}"], ["t", "m="]),
        # an active one that is empty stays
        (["t", "--name", "${empty}"], ["t", "--name", ""]),
        (["t", "--cap", "${cap}"], ["t", "--cap", "null"]),
    ],
)
def test_what_a_trial_does_not_have_drops_its_option(command: list[str], expected: list[str]) -> None:
    context = replace(BARE, params={**BARE.params, "empty": ""})
    assert argv(command, context) == expected


def test_a_program_can_not_be_missing() -> None:
    with pytest.raises(PlaceholderError, match="first element"):
        argv(["${momentum}", "x"])


def test_a_nul_is_an_error() -> None:
    with pytest.raises(PlaceholderError, match="NUL"):
        argv(["t", "${x}"], replace(CONTEXT, params={"x": "a\0b"}))
    with pytest.raises(PlaceholderError, match="NUL"):
        command_line(LocalTask(command="t ${x}"), replace(CONTEXT, params={"x": "a\0b"}))


def test_a_wrong_name_in_a_command_is_an_error() -> None:
    for command in (["t", "${lrr}"], "t ${lrr}"):
        with pytest.raises(PlaceholderError, match=r"Did you mean \$\{lr\}\?"):
            command_line(LocalTask.model_validate({"command": command}), CONTEXT)
        assert check_command(command, CONTEXT.names)
    assert check_command(["t", "${lr}"], CONTEXT.names) == []
    assert check_command("t ${momentum}", CONTEXT.names) == []


# Environment


def test_environment() -> None:
    assert environment(CONTEXT) == {
        "AUTOML_EXPERIMENT_ID": "digits",
        "AUTOML_RUN_ID": "run-1",
        "AUTOML_TRIAL_ID": "7",
        "AUTOML_ATTEMPT": "2",
        "AUTOML_PARAMS": '{"lr": 0.001, "batch_size": 64, "solver": "sgd", "nesterov": true, "cap": null}',
        "AUTOML_BUDGET": "9",
        "AUTOML_RESUME_FROM": "/ckpt/3",
        "AUTOML_CHECKPOINT_DIR": "/ckpt/9",
        "AUTOML_MODEL_DIR": "/model",
        "AUTOML_BUNDLE_DIR": "/bundle",
        "AUTOML_PREPARED_DIR": "/prepared",
        "AUTOML_TRIALS_FILE": "/trials.json",
        "AUTOML_CODE_DIR": "/code",
        "AUTOML_SPEC_FILE": "/spec.yaml",
    }


def test_the_goal_is_told_where_there_is_one() -> None:
    goal = {"metric": {"auc": 0.5, "loss": -0.25}, "direction": "maximize", "final": "best"}
    assert json.loads(environment(replace(CONTEXT, goal=goal))["AUTOML_GOAL"]) == goal
    assert "AUTOML_GOAL" not in environment(CONTEXT)


def test_what_a_trial_does_not_have_is_not_in_its_environment() -> None:
    missing = environment(CONTEXT).keys() - environment(BARE).keys()
    assert missing == {
        "AUTOML_BUDGET", "AUTOML_RESUME_FROM", "AUTOML_BUNDLE_DIR", "AUTOML_PREPARED_DIR", "AUTOML_TRIALS_FILE",
        "AUTOML_CODE_DIR", "AUTOML_SPEC_FILE",
    }  # fmt: skip


@given(st.dictionaries(st.text(min_size=1), scalars, max_size=5))
def test_params_come_back_the_same(params: dict[str, Scalar]) -> None:
    text = environment(replace(CONTEXT, params=params))["AUTOML_PARAMS"]
    assert json.loads(text) == params
    assert text.isascii()


def test_a_list_is_json_in_text_and_a_list_in_the_environment() -> None:
    context = replace(CONTEXT, params={"train.milestones": [30, 60], "losses": ["l1", "a b"], "none": []})
    assert substitute("--at=${train.milestones} ${losses} ${none}", context) == '--at=[30, 60] ["l1", "a b"] []'
    assert json.loads(environment(context)["AUTOML_PARAMS"]) == context.params
    assert arguments_of(["train", "--at", "${train.milestones}"], context) == ["train", "--at", "[30, 60]"]
    run = subprocess.run(
        arguments_of("printf '%s' ${losses} ${train.milestones}", context), capture_output=True, text=True, check=True
    )
    assert run.stdout == '["l1", "a b"][30, 60]'
    one, two = (params_name({"a": value}) for value in (["x", "y"], ["xy"]))
    assert one != two
