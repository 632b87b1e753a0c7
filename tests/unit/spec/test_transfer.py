"""``search.transfer`` of an experiment file."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.spec.transfer import Transfer

FILE = """
name: e
goal: {{metric: accuracy, direction: maximize}}
search: {{transfer: {transfer}}}
space: {{x: {{type: uniform, low: 0, high: 1}}}}
tasks: [{{command: train}}]
"""


def read(transfer: str) -> Transfer | None:
    return parse_experiment(FILE.format(transfer=transfer), "e.yaml").search.transfer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("null", None),
        ("{}", {"runs": 3, "experiments": [], "max_trials": 200}),
        ("{runs: 0, experiments: [digits-mlp]}", {"runs": 0, "experiments": ["digits-mlp"], "max_trials": 200}),
        (
            "{experiments: [other@manual__2026-11-21T04:10:00+00:00], max_trials: 7}",
            {"runs": 3, "experiments": ["other@manual__2026-11-21T04:10:00+00:00"], "max_trials": 7},
        ),
    ],
)
def test_what_it_may_hold(text: str, expected: dict[str, Any] | None) -> None:
    found = read(text)

    assert (found.model_dump() if found else None) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{run: 3}", "run"),
        ("{runs: 21}", "20"),
        ("{runs: -1}", "0"),
        ("{max_trials: 1001}", "1000"),
        ("{experiments: [a/b]}", "'a/b' is no experiment's name; wanted is name, or name@run_id"),
        ("{experiments: ['@r']}", "'' is no experiment's name"),
        ("{experiments: ['a@']}", "there is no run id after the @"),
        ("{experiments: [3]}", "3"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(SpecError) as error:
        read(text)

    (problem,) = error.value.problems
    assert problem.path[:2] == ("search", "transfer")
    assert problem.line == 4
    assert message in str(problem)
