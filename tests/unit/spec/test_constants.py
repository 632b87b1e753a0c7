"""Parameters of one value: stages have them too, by their spec file and by name."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from automl_core.spec.loader import parse_experiment
from automl_core.spec.stages import stage_of
from automl_core.spec.validation import validate

SPACE: dict[str, Any] = {
    "metric": {"type": "fixed", "value": "log_loss"},
    "learner": {"type": "choice", "values": ["a", "b"]},
    "depth": {"type": "fixed", "value": 3, "when": {"learner": ["a"]}},
}


def body(**groups: Any) -> dict[str, Any]:
    return {
        "name": "first", "goal": {"metric": "x", "direction": "minimize"}, "space": SPACE,
        "prepare": [{"name": "split", "command": ["true"]}], "tasks": [{"command": ["true"]}], **groups,
    }  # fmt: skip


@pytest.mark.parametrize("stage", ["prepare", "conclude"])
def test_a_stage_has_the_constants_and_no_more(stage: Any) -> None:
    experiment = parse_experiment(yaml.safe_dump(body(conclude=[{"command": ["true"]}], spec_file={})), "e.yaml")
    found = stage_of(experiment, stage)
    assert list(found.space) == ["metric"]
    assert found.spec_file == experiment.spec_file


def test_a_spec_file_that_names_what_is_searched_is_none_of_a_stage() -> None:
    experiment = parse_experiment(yaml.safe_dump(body(spec_file={"base": {"x": "${learner}"}})), "e.yaml")
    assert stage_of(experiment, "prepare").spec_file is None


@pytest.mark.parametrize(("name", "fine"), [("metric", True), ("learner", False), ("depth", False), ("budget", False)])
def test_commands_of_stages_name_constants_alone(name: str, fine: bool) -> None:
    _, problems = validate(body(prepare=[{"name": "split", "command": ["echo", f"${{{name}}}"]}]))
    assert (not problems) is fine, problems
    assert all("no meaning here" in each.message for each in problems)
