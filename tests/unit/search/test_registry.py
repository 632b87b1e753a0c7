"""Algorithms by name, their options, and the automatic choice."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from automl_core.search import BudgetRange, create, names
from automl_core.search.auto import UNLIMITED
from automl_core.search.base import Context
from tests.contract.search_suite import SPACES, build


def context(space: str = "mixed", max_trials: int = 40, **more: Any) -> Context:
    return Context(build(SPACES[space]), max_trials, **more)


@pytest.mark.parametrize(("wrong", "right"), [("gird", "grid"), ("Sobol", "sobol"), ("hyper_band", "hyperband")])
def test_an_unknown_name_gets_the_nearest_right_one(wrong: str, right: str) -> None:
    with pytest.raises(ValueError, match=f"search.algorithm: there is no algorithm '{wrong}'.*Did you mean '{right}'"):
        create(wrong, context())


def test_an_unknown_name_gets_the_list() -> None:
    with pytest.raises(ValueError, match=", ".join(names())):
        create("zzz", context())


@pytest.mark.parametrize(
    ("algorithm", "options", "message"),
    [
        ("grid", {"resolutin": 3}, r"search\.options\.resolutin: .*Did you mean 'resolution'"),
        ("grid", {"resolution": 1}, r"search\.options\.resolution: 1 is too low.* at least 2"),
        ("random", {"x": 1}, r"search\.options\.x: random has no such option"),
        ("tpe", {"good": 1.5}, r"search\.options\.good: 1\.5 is too high.* below 1"),
        (
            "evolution",
            {"rounds": 3, "kept": 12},
            r"search\.options\.kept: kept \(12\) must be below exploration \(12\)",
        ),
    ],
)
def test_a_wrong_option_is_named_with_what_is_allowed(algorithm: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create(algorithm, context(options=options))


@pytest.mark.parametrize(
    ("changes", "chosen", "reason"),
    [
        ({"space": "small"}, "grid", "12 combinations"),
        ({"space": "small", "max_trials": 11}, "bayesian", "11 trials"),
        ({"space": "small", "max_trials": UNLIMITED}, "bayesian", "every trial"),
        ({"concurrency": 40}, "sobol", "run at once"),
        ({"concurrency": 4}, "bayesian", "4 at a time"),
        ({"max_trials": 20_000}, "evolution", "20000 trials"),
        ({"budget": BudgetRange(4, 9, 3)}, "bayesian", "40 trials"),
    ],
)
def test_the_automatic_choice_and_its_reason(changes: dict[str, Any], chosen: str, reason: str) -> None:
    plan = create("auto", context(**changes)).plan()

    assert plan.note.startswith(f"auto chose {chosen}: ")
    assert reason in plan.note


def test_auto_takes_the_options_of_what_it_chooses() -> None:
    assert create("auto", context("small", options={"shuffle": True})).propose() != (
        create("auto", context("small")).propose()
    )
    with pytest.raises(ValueError, match=r"search\.options\.shuffel: grid has no such option.*Did you mean 'shuffle'"):
        create("auto", context("small", options={"shuffel": True}))


def test_the_registry_and_the_unadaptive_algorithms_load_nothing_heavy() -> None:
    script = (
        "import sys; from automl_core.search import create, names; from automl_core.search.base import Context;"
        "from automl_core.search import grid, random, asha, hyperband, evolution, annealing, pbt;"
        "import automl_core; print([m for m in ('numpy', 'scipy', 'airflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)

    assert done.stdout.strip() == "[]"
