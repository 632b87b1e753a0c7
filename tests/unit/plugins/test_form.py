"""The trigger form and the run's conf."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft7Validator, SchemaError
from jsonschema.validators import validator_for

from automl_airflow.form import FIELDS, GROUPS, SCHEMA, build_params, current, overrides_of
from automl_core.search import names
from automl_core.spec.errors import SpecError
from automl_core.spec.models import Experiment
from automl_core.spec.overrides import apply_overrides
from tests.unit.plugins.files import body

SPEC = Experiment.model_validate(body(stop={"target": 0.9}))


def test_each_field_of_the_form_stands_in_the_file_and_shows_its_value() -> None:
    params = build_params(SPEC, names())
    for name, path in FIELDS.items():
        assert params[name].value == current(SPEC, path)
        params[name].resolve()  # the file's own value is allowed by the field's schema
    assert params.keys() == FIELDS.keys() | set(GROUPS) | {"reason", "transfer"}


def test_each_field_names_the_draft_of_its_schema() -> None:
    """jsonschema takes the latest where none is named, and longer: each time that a DAG is written down or read."""
    drafts = {param.schema.get("$schema") for param in build_params(SPEC, names()).values()}
    assert drafts == set(SCHEMA.values())
    assert validator_for(SCHEMA) is Draft7Validator


def test_a_schema_that_is_none_is_refused_in_tests_too() -> None:
    """Once is enough for each (`tests/support/schemas.py`); a tuple is no list to jsonschema, and looks like one."""
    Draft7Validator.check_schema({"type": ["null", "string"], "title": "once"})
    for _ in range(2):
        with pytest.raises(SchemaError):
            Draft7Validator.check_schema({"type": ("null", "string"), "title": "once"})


def test_the_form_sent_as_it_stands_changes_nothing() -> None:
    conf = {name: param.value for name, param in build_params(SPEC, names()).items()}
    assert overrides_of(SPEC, conf) == {}


@pytest.mark.parametrize(
    ("conf", "expected"),
    [
        ({"max_trials": 9, "seed": 4}, {"trials": {"max": 9}, "search": {"seed": 4}}),
        ({"trials": {"max": 9}}, {"trials": {"max": 9}}),
        ({"max_trials": 9, "trials": {"retries": 2}}, {"trials": {"max": 9, "retries": 2}}),
        ({"max_trials": 9, "trials": {"max": 8}}, {"trials": {"max": 8}}),
        ({"target": None}, {"stop": {"target": None}}),
        ({"space": None}, {}),
        ({"max_trails": 9}, {"max_trails": 9}),
    ],
)
def test_short_names_and_groups_come_together(conf: dict[str, Any], expected: dict[str, Any]) -> None:
    assert overrides_of(SPEC, conf) == expected


def test_a_run_is_what_its_conf_says() -> None:
    conf = {"max_trials": 9, "concurrency": 2, "target": None, "max_duration": 60}
    experiment, changes = apply_overrides(SPEC, overrides_of(SPEC, conf))
    assert (experiment.trials.max, experiment.trials.concurrency) == (9, 2)
    assert (experiment.stop.target, experiment.stop.max_duration) == (None, 60)
    assert {change.path for change in changes} == {
        "trials.max", "trials.concurrency", "stop.target", "stop.max_duration",
    }  # fmt: skip


def test_why_a_run_is_started_changes_nothing() -> None:
    assert overrides_of(SPEC, {"reason": {"text": "worse"}, "max_trials": 9}) == {"trials": {"max": 9}}


def test_a_run_that_is_to_learn_from_others_does_as_its_file_says_or_as_by_default() -> None:
    assert overrides_of(SPEC, {"transfer": True}) == {"search": {"transfer": {}}}
    experiment, _ = apply_overrides(SPEC, overrides_of(SPEC, {"transfer": True, "seed": 5}))
    assert experiment.search.transfer is not None
    assert (experiment.search.transfer.runs, experiment.search.seed) == (3, 5)
    own = Experiment.model_validate(body(search={"transfer": {"runs": 7}}))
    assert overrides_of(own, {"transfer": True}) == {}
    assert overrides_of(SPEC, {"transfer": False}) == {}
    with pytest.raises(SpecError):
        apply_overrides(SPEC, overrides_of(SPEC, {"transfer": "yes"}))


@pytest.mark.parametrize("conf", [{"max_trails": 9}, {"concurrency": 99}, {"trials": {"max": 0}}, {"search": 3}])
def test_a_wrong_conf_is_refused_in_words(conf: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        apply_overrides(SPEC, overrides_of(SPEC, conf))


def test_the_form_refuses_more_at_once_than_the_file_allows() -> None:
    param = build_params(SPEC, names())["concurrency"]
    assert param.resolve(2) == 2
    with pytest.raises(ValueError, match="maximum"):
        param.resolve(4)


def test_no_target_is_offered_where_one_value_can_not_be_good_enough() -> None:
    objectives = [{"metric": name, "direction": "maximize"} for name in ("accuracy", "recall")]
    several = Experiment.model_validate(body(goal={"metric": None, "direction": None, "objectives": objectives}))
    params = build_params(several, names())
    assert params.keys() == (FIELDS.keys() | set(GROUPS) | {"reason", "transfer"}) - {"target"}
    assert "maximize accuracy, maximize recall" in params["goal"].description
    assert overrides_of(several, {name: param.value for name, param in params.items()}) == {}
