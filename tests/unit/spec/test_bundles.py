"""`${bundle_dir}` and `cwd: bundle`: where they have a meaning, and which folder they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.spec.bundles import bundle_of, in_bundle
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.spec.tasks import LocalTask

FILE = """
name: team
output: {storage: "s3://bucket/x"}
goal: {metric: a, direction: maximize}
space: {x: {type: uniform, low: 0, high: 1}}
tasks:
  - %s
"""


@pytest.mark.parametrize(
    ("file", "bundle"),
    [
        ("repo/experiments/team.yaml", "repo"),
        ("repo/experiments/gb/team.yaml", "repo"),
        ("repo/experiments/old/experiments/team.yaml", "repo/experiments/old"),
        ("repo/team.yaml", "repo"),
    ],
)
def test_without_airflow_the_folder_above_experiments_is_the_bundle(tmp_path: Path, file: str, bundle: str) -> None:
    assert bundle_of(tmp_path / file) == tmp_path / bundle


def test_a_file_for_the_worker_lies_in_its_home_or_in_the_bundle(tmp_path: Path) -> None:
    home, bundle = tmp_path / "home", tmp_path / "bundle"
    assert in_bundle("code/train.py", home, bundle) == home / "code" / "train.py"
    assert in_bundle("${bundle_dir}/train.py", home, bundle) == bundle / "train.py"
    assert in_bundle("${bundle_dir}/train.py", home, None) == home / "train.py", "where there is no bundle"


def test_bundle_is_a_word_of_cwd_and_a_folder_of_that_name_is_written_as_one() -> None:
    folders: dict[str | None, str] = {None: ".", "bundle": "${bundle_dir}", "./bundle": "./bundle", "src": "src"}
    assert {cwd: LocalTask(command=["true"], cwd=cwd).folder(code=False) for cwd in folders} == folders


def test_code_is_a_word_of_cwd_where_code_goes_along_and_else_a_folder_of_that_name() -> None:
    task = LocalTask(command=["true"], cwd="code")
    assert (task.folder(code=True), task.folder(code=False)) == ("${code_dir}", "code")
    assert LocalTask(command=["true"], cwd="./code").folder(code=True) == "./code"


@pytest.mark.parametrize(
    "task",
    [
        '{command: [python, "${bundle_dir}/train.py"], cwd: bundle, env: {PYTHONPATH: "${bundle_dir}/src"}}',
        '{command: "cd ${bundle_dir} && make", cwd: "${bundle_dir}/training"}',
        '{backend: kubernetes, image: i, command: [python, /app/t.py], files: {/app/t.py: "${bundle_dir}/t.py"}, '
        'pod_template: "${bundle_dir}/pod.yaml"}',
    ],
)
def test_it_is_known_where_the_worker_reads(task: str) -> None:
    parse_experiment(FILE % task, "<text>")


@pytest.mark.parametrize(
    ("task", "field"),
    [
        ('{backend: kubernetes, image: i, command: [python, "${bundle_dir}/train.py"]}', "tasks[0].command[1]"),
        ('{backend: kubernetes, image: i, command: [python], env: {P: "${bundle_dir}"}}', "tasks[0].env.P"),
        (
            '{backend: kubernetes, command: [python], pod_template: {spec: {containers: [{image: "${bundle_dir}"}]}}}',
            "tasks[0].pod_template.spec.containers[0].image",
        ),
        ('{backend: maxcompute, sql: ["SELECT \'${bundle_dir}\'"], metrics: {query: "SELECT 1 AS a"}}', "tasks[0].sql"),
    ],
)
def test_a_training_elsewhere_does_not_see_it_and_the_file_is_refused(task: str, field: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_experiment(FILE % task, "<text>")
    (problem,) = [each for each in caught.value.problems if "${bundle_dir}" in each.message]
    assert str(problem).startswith(f"<text>:7: {field}") or field in str(problem)
    assert "worker" in problem.message


def test_it_is_no_parameters_name() -> None:
    wrong: Any = FILE.replace("{x: {type", "{bundle_dir: {type")
    with pytest.raises(SpecError, match="has another meaning in commands"):
        parse_experiment(wrong % "{command: [echo]}", "<text>")
