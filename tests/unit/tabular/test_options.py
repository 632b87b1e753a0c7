"""What a user may say, and what is said back where it can't be."""

from __future__ import annotations

import pytest

from automl_core.tabular.options import Options
from automl_core.training.problems import TrainingError


def test_texts_become_what_they_mean() -> None:
    found = Options.of(
        target="y",
        deadline="1m 30s",
        memory="4GiB",
        blocked="svm",
        ids=["id"],
        costs={("no", "yes"): 1, ("yes", "no"): 5},
    )
    assert (found.deadline, found.memory, found.blocked) == (90.0, 4 * 2**30, ("svm",))
    assert found.unlearned == {"y", "id"}
    assert found.costs == {("no", "yes"): 1.0, ("yes", "no"): 5.0}


def test_json_gives_the_same_options_back() -> None:
    found = Options.of(target="y", metric="f1", group="g", costs=[["a", "b", 2]], kinds={"x": "category"}, folds=3)
    assert Options.from_json(found.as_json()) == found


def test_a_group_is_not_learned_from_and_time_is() -> None:
    found = Options.of(target="y", group="customer", time="day", weight="w")
    assert found.unlearned == {"y", "customer", "w"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"target": ""}, "name of the column"),
        ({"target": "y", "taks": "auto"}, "did you mean 'task'"),
        ({"target": "y", "task": "clasification"}, "did you mean 'classification'"),
        ({"target": "y", "folds": 1}, "allowed: 2 to 100"),
        ({"target": "y", "deadline": "soon"}, "a duration such as"),
        ({"target": "y", "deadline": 0}, "more than nothing"),
        ({"target": "y", "memory": "much"}, "give bytes"),
        ({"target": "y", "threshold": "costs"}, "needs costs"),
        ({"target": "y", "costs": {("a", "b"): -1}}, "not negative"),
        ({"target": "y", "weight": "y"}, "can't be both target and weight"),
        ({"target": "y", "test_share": 0.95}, "below 0.9"),
        ({"target": "y", "featurization": "some"}, "auto, off"),
        ({"target": "y", "iterations": True}, "found True"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_allowed(given: dict, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        Options.of(**given)
