"""``deploy:`` of a model that answers requests: what it says, and what is meant where it says nothing."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from automl_core.models.file import parse_model_document
from automl_core.models.file.options import rollout_steps
from automl_core.models.file.values import Data
from automl_core.models.file.warnings import warnings_of
from automl_core.models.life import Step
from automl_core.models.life.rollouts import steps_problem
from automl_core.spec.errors import SpecError
from tests.unit.models.file.files import BATCH, FEEDBACK, file_of, text_of

SERVED: dict[str, Any] = {
    "to": "servers", "key": "customer_id", "steps": ["1%", 0.5, "100%"], "bake": "10m", "least": 50, "within": "2d",
    "safeguard": {"errors": "0.5%", "p99": "200ms", "metric": {"name": "accuracy", "worse_by": "1%", "every": "1m"},
                  "alpha": 0.01},
    "shadow": {"share": "20%", "for": "2h"},
}  # fmt: skip


def test_what_is_meant_where_nothing_is_said() -> None:
    file = file_of(deploy={"to": "servers"})
    served = file.served
    assert served is not None
    assert file.batch is None
    assert (served.key, served.shares, served.bake, served.least, served.within) == (
        None, (0.05, 0.25, 1.0), 1800, 100, 7 * 86400,
    )  # fmt: skip
    guard = served.safeguard
    assert (guard.errors, guard.p99, guard.metric, guard.alpha) == (0.01, None, None, 0.05)
    assert (served.ab, served.shadow) == (None, None)
    assert file.dag_ids == ("churn.rollout",)
    assert rollout_steps(file) == ("steps", [Step(0.05, 1800), Step(0.25, 1800), Step(1.0, 1800)])


def test_all_that_can_be_said() -> None:
    file = file_of(deploy=SERVED, feedback=FEEDBACK, watch={})
    served = file.served
    assert served is not None
    guard = served.safeguard
    assert (served.key, served.least, guard.errors, guard.p99, guard.alpha) == ("customer_id", 50, 0.005, 0.2, 0.01)
    assert guard.metric is not None
    assert (guard.metric.name, guard.metric.every, guard.metric.loss.of(0.9)) == ("accuracy", 60, pytest.approx(0.009))
    assert rollout_steps(file) == (
        "steps", [Step(0.2, 7200, shadow=True), Step(0.01, 600), Step(0.5, 600), Step(1.0, 600)],
    )  # fmt: skip
    assert file.dag_ids == ("churn.rollout", "churn.watch")


def test_two_side_by_side() -> None:
    ab = {"share": "30%", "within": "5d", "metric": {"name": "mae"}, "otherwise": "challenger"}
    file = file_of(deploy={"to": "servers", "ab": ab, "shadow": {}}, feedback=FEEDBACK)
    served = file.served
    assert served is not None
    assert served.ab is not None
    assert (served.ab.within, served.ab.otherwise, served.shares) == (5 * 86400, "challenger", (0.3,))
    assert rollout_steps(file) == ("ab", [Step(1.0, 3600, shadow=True), Step(0.3)])
    assert served.ab.metric != "errors"


@pytest.mark.parametrize("deploy", [SERVED, {"to": "servers", "ab": {"metric": "errors"}}, {"to": "servers"}])
def test_what_the_journal_keeps_of_it_is_the_same_file(deploy: dict[str, Any]) -> None:
    file = file_of(deploy=deploy, feedback=FEEDBACK)
    assert parse_model_document(yaml.safe_dump(file.plain()), "f")[0] == file


def test_a_batch_has_no_rollout() -> None:
    file = file_of(deploy=BATCH)
    assert (file.served, file.batch is not None) == (None, True)
    with pytest.raises(ValueError, match="churn is answered by no server"):
        rollout_steps(file)


def test_servers_log_their_answers_in_the_folder_of_the_model() -> None:
    """`automl_core.serving.answers` writes them there, with request_id, answered_at and model_version."""
    from automl_core.models.file.model import LOGGED
    from automl_core.models.life.layout import model_prefix
    from automl_core.serving.answers import ANSWERS

    output = {"storage": "s3://bucket/automl/", "connection": "minio"}
    file = file_of(output=output, deploy={"to": "servers"}, feedback=FEEDBACK)
    assert isinstance(file.answers, Data)
    assert file.answers.place == f"s3://bucket/automl/{model_prefix('churn')}{ANSWERS}"
    assert ANSWERS == LOGGED
    assert (file.answers.connection, file.answers.format, file.answered) == ("minio", "jsonl", "answered_at")
    assert file.feedback is not None
    assert (file.feedback.key, file.feedback.version) == ("request_id", "model_version")


def test_other_answers_say_themselves_when_they_were_given() -> None:
    own = {**FEEDBACK, "answers": "s3://lake/answers/"}
    assert file_of(deploy={"to": "servers"}, feedback=own).answered is None
    assert file_of(deploy={"to": "servers"}, feedback={**own, "answered": "at"}).answered == "at"
    assert file_of(deploy=BATCH, feedback=FEEDBACK).answered is None


@pytest.mark.parametrize(
    ("deploy", "severity", "said"),
    [
        ({}, "note", "requests are split by their ids: the same customer may be answered by both versions"),
        ({"safeguard": {"errors": None}}, "warning", "deploy.safeguard: nothing takes a version back by itself"),
        ({"safeguard": {"errors": None, "metric": {"name": "mae", "worse_by": 1}}, "shadow": {}}, "warning",
         "deploy.shadow: errors and times are what a shadow is judged by, and neither is"),
        ({"ab": {"metric": "errors"}, "bake": "1h"}, "warning", "deploy.bake: `bake` is about steps, and an A/B test"),
        ({"ab": {"metric": "errors"}, "within": "1h"}, "warning", "Say `ab.within`"),
        ({"steps": ["100%"]}, "note", "all requests at once: no champion answers beside the version"),
        ({"safeguard": {"metric": {"name": "mae", "worse_by": 1}}}, "note", "a version can be in use before its first"),
    ],
)  # fmt: skip
def test_what_is_worth_knowing(deploy: dict[str, Any], severity: str, said: str) -> None:
    found = warnings_of(file_of(deploy={"to": "servers", **deploy}, feedback=FEEDBACK, accept={"by": ["anna"]}))
    assert any(each.severity == severity and said in str(each) for each in found), [str(each) for each in found]


def test_a_program_scores_no_requests() -> None:
    evaluate = {"data": "s3://lake/latest/", "program": {"command": ["score"]}}
    found = warnings_of(file_of(deploy={"to": "servers", "key": "id"}, evaluate=evaluate))
    assert any("servers load models that this product has written" in str(each) for each in found)


def test_what_is_meant_is_not_told() -> None:
    deploy = {"to": "servers", "key": "id"}
    assert warnings_of(file_of(deploy=deploy, accept={"by": ["anna"]})) == []


SHARES = st.one_of(st.floats(0.001, 1.0), st.integers(1, 100).map(lambda percent: f"{percent}%"))


@given(st.lists(SHARES, min_size=1, max_size=6), st.booleans())
def test_the_steps_that_a_file_may_have_are_those_that_a_journal_takes(steps: list[Any], shadow: bool) -> None:
    shares = [each if isinstance(each, float) else float(each.rstrip("%")) / 100 for each in steps]
    wanted = steps_problem("steps", [Step(each) for each in shares])
    deploy = {"to": "servers", "steps": steps, **({"shadow": {}} if shadow else {})}
    if wanted:
        with pytest.raises(SpecError, match=r"deploy\.steps"):
            parse_model_document(text_of(deploy=deploy), "f")
    else:
        assert steps_problem(*rollout_steps(parse_model_document(text_of(deploy=deploy), "f")[0])) == ""
