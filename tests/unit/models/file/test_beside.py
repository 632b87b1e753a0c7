"""What lies beside a model's file, and whose name it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.models.evaluation.tests import GoldenTest, MonotoneTest
from automl_core.models.file.beside import regression_tests
from automl_core.models.file.checks import examine_model_file, examine_model_text
from automl_core.models.file.loading import load_model_file
from automl_core.spec.errors import SpecError
from tests.unit.models.file.files import body, text_of, write

TESTS = "- {test: golden}\n- {test: monotone, column: age, direction: increasing}\n"
GOLDEN, MONOTONE = GoldenTest(test="golden"), MonotoneTest(test="monotone", column="age", direction="increasing")


def refused(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        examine_model_file(path)
    return str(caught.value)


@pytest.mark.parametrize("text", [TESTS, "tests:\n" + TESTS])
def test_tests_of_a_file_beside_it(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "churn.model.yaml", body(evaluate={"data": "in/", "tests": "_tests.yaml"}))
    write(tmp_path, "_tests.yaml", text)
    examine_model_file(path)
    assert regression_tests(load_model_file(path), path) == [GOLDEN, MONOTONE]


def test_tests_that_stand_in_it(tmp_path: Path) -> None:
    path = write(tmp_path, "churn.model.yaml", body(evaluate={"data": "in/", "tests": [{"test": "golden"}]}))
    assert regression_tests(load_model_file(path), path) == [GOLDEN]


def test_what_is_wrong_with_them_has_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "churn.model.yaml", body(evaluate={"data": "in/", "tests": "_tests.yaml"}))
    tests = write(tmp_path, "_tests.yaml", "tests:\n- {test: golden}\n- {test: monotone, column: age, direction: up}\n")
    assert refused(path) == f"{tests}:3: tests[1].direction: 'up' is not known. Allowed: increasing, decreasing."
    tests.write_text("- {test: golden}\n- {test: gold}\n")
    assert f"{tests}:2: [1].test: 'gold' is not known" in refused(path)
    tests.write_text("- [\n")
    assert str(tests) in refused(path)
    tests.write_text("")
    assert "found nothing" in refused(path) or "missing" in refused(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path, "churn.model.yaml", body(evaluate={"data": "in/", "tests": "_tests.yaml"}))
    assert "evaluate.tests: there is no file '_tests.yaml' beside this one" in refused(path)
    program = {"command": "x", "environment": {"lock": "lock.txt"}}
    path.write_text(text_of(evaluate={"data": "in/", "program": program}))
    assert "evaluate.program.environment.lock: there is no file 'lock.txt' beside this one" in refused(path)
    (path.parent / "lock.txt").write_text("")
    examine_model_file(path)


def test_tests_that_airflow_would_take_for_an_experiment(tmp_path: Path) -> None:
    path = write(tmp_path, "churn.model.yaml", body(evaluate={"data": "in/", "tests": "tests.yaml"}))
    write(tmp_path, "tests.yaml", TESTS)
    assert "Airflow takes tests.yaml for the file of an experiment" in refused(path)
    assert "Call it _tests.yaml" in refused(path)
    elsewhere = tmp_path / "models" / "churn.model.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(path.read_text())
    (elsewhere.parent / "tests.yaml").write_text(TESTS)
    examine_model_file(elsewhere)


def test_a_name_that_another_model_has(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", body())
    path = write(tmp_path, "b.yaml", body())
    examine_model_file(tmp_path / "experiments" / "a.yaml")
    assert refused(path) == (
        f"{path}:2: name: 'churn' is the name of experiments/a.yaml already, and each model's DAGs have names of "
        "their own."
    )


def test_a_model_and_an_experiment_may_share_a_name(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "name: churn\n")
    examine_model_file(write(tmp_path, "b.yaml", body()))


def test_a_name_that_an_experiment_has_for_its_dag(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "name: churn.watch\n")
    path = write(tmp_path, "b.yaml", body())
    assert "'churn.watch' is the name of the experiment in experiments/a.yaml, and this model's DAG" in refused(path)


def test_a_text_lies_nowhere() -> None:
    examined = examine_model_text(text_of(evaluate={"data": "in/", "tests": "_tests.yaml"}), "model.yaml")
    assert examined.file.name == "churn"
