"""What a model's file says once it is read: every group, and what is meant where it says nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from automl_core.models.file import load_model_file, parse_model_document
from automl_core.models.file.values import Data, loss_of
from automl_core.spec.errors import SpecError
from tests.unit.models.file.files import BATCH, FEEDBACK, WHOLE, file_of, text_of, write


def test_every_group_is_read(tmp_path: Path) -> None:
    file = load_model_file(write(tmp_path, "churn.model.yaml", WHOLE))
    assert (file.name, file.owner, file.tags, file.output.connection) == ("churn", "anna", ["sales"], "minio")
    assert file.candidates.look == 12 * 3600
    assert [each.model_dump() for each in file.sources] == [
        {"experiment": "churn", "storage": "s3://bucket/automl", "connection": "minio"},
        {"experiment": "other", "storage": "s3://elsewhere/runs", "connection": "theirs"},
    ]
    assert file.evaluate.by_feedback
    assert file.evaluate.program is not None
    assert file.evaluate.program.timeout == 600
    assert file.accept.people == ("anna", "ben")
    assert file.accept.within == 2 * 86400
    assert file.deploy is not None
    assert (file.deploy.backend, file.deploy.cron, file.deploy.proba) == ("local", "@daily", True)
    assert file.answers == BATCH["out"]
    assert file.watch is not None
    assert (file.watch.cron, file.watch.seconds) == ("0 6 * * 1", None)
    retrain = file.watch.retrain
    assert retrain is not None
    assert (retrain.at_most, retrain.in_, retrain.every) == (3, 90 * 86400, 30 * 86400)
    assert file.retrained == "churn"
    assert file.dag_ids == ("churn.rollout", "churn.score", "churn.watch")
    assert file.alerts is not None
    assert file.alerts.on == ["asked"]


def test_what_is_meant_where_nothing_is_said() -> None:
    file = file_of()
    assert file.output.storage == "file://./runs"
    assert file.candidates.look == 86400
    assert (file.accept.when, file.accept.by, file.accept.within) == ("better", "anybody", 3 * 86400)
    assert file.accept.people == ()
    assert (file.evaluate.confidence, file.evaluate.least_rows, file.evaluate.metric) == (0.95, 100, None)
    assert (file.deploy, file.feedback, file.watch, file.mlflow, file.answers, file.retrained) == (None,) * 6
    assert file.dag_ids == ("churn.rollout",)
    assert not file.closed


def test_it_is_the_same_file_when_it_is_written_as_it_was_read() -> None:
    """What the journal keeps of a file can be read as one again."""
    file, _ = parse_model_document(yaml.safe_dump(WHOLE), "f")
    plain = file.plain()
    assert plain["watch"]["retrain"]["in"] == 90 * 86400
    again, _ = parse_model_document(yaml.safe_dump(plain), "f")
    assert again == file


@pytest.mark.parametrize(
    ("place", "connection"),
    [("s3://other/x", "minio"), ("oss://other/x", None), ("data/x.csv", None), ("odps://project/table", None)],
)
def test_a_place_has_the_connection_of_the_output_where_it_goes_the_same_way(
    place: str, connection: str | None
) -> None:
    file = file_of(output={"storage": "s3://bucket/automl", "connection": "minio"}, evaluate={"data": place})
    assert file.data_set(file.evaluate.data).connection == connection
    own = file.data_set(Data(place=place, connection="own", format="csv"))
    assert (own.connection, own.format) == ("own", "csv")


def test_a_folder_lends_its_connection_to_no_other() -> None:
    assert file_of(output={"storage": "file://./runs", "connection": "x"}).connection_for("data/x.csv") is None


@pytest.mark.parametrize(
    ("said", "value", "loss"), [("2%", 0.9, 0.018), ("2 %", -4.0, 0.08), (0.01, 0.9, 0.01), ("100%", 3.0, 3.0)]
)
def test_a_loss_is_a_share_of_what_it_was_or_a_number(said: Any, value: float, loss: float) -> None:
    assert loss_of(said).of(value) == pytest.approx(loss)
    file = file_of(watch={"retrain": {"when": {"worse_by": said}}})
    assert file.watch is not None
    assert file.watch.retrain is not None
    assert file.watch.retrain.when is not None
    assert file.watch.retrain.when.loss.of(value) == pytest.approx(loss)


@given(st.floats(1e-6, 1e6), st.floats(-1e6, 1e6))
def test_no_loss_is_a_gain(percent: float, value: float) -> None:
    assert loss_of(f"{percent:.6f}%").of(value) >= 0


def test_answers_are_where_feedback_says() -> None:
    logged = file_of(deploy=BATCH, feedback={**FEEDBACK, "answers": {"place": "s3://lake/answers/"}}).answers
    assert isinstance(logged, Data)
    assert logged.place == "s3://lake/answers/"


def test_braces_are_yaml_too() -> None:
    text = "{kind: model, name: churn, candidates: {experiments: [a]}, evaluate: {data: x.csv}}"
    assert parse_model_document(text, "f")[0].name == "churn"


@given(st.text(max_size=300))
def test_whatever_stands_in_a_file_is_a_file_or_problems(text: str) -> None:
    assert _file_or_problems(text)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
                    max_leaves=8), st.sampled_from(sorted(WHOLE)))  # fmt: skip
def test_whatever_a_group_holds_is_told_or_taken(value: Any, key: str) -> None:
    assert _file_or_problems(text_of(**{key: value}))


def _file_or_problems(text: str) -> list[str]:
    try:
        return [parse_model_document(text, "f")[0].name]
    except SpecError as error:
        return [str(problem) for problem in error.problems]
