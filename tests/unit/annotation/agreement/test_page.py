"""docs/annotation.md, its part on what two models may label: the example runs, the table is so."""

from __future__ import annotations

import re
from typing import Any

import pytest

from automl_core.annotation.agreement import Promise, plan
from tests.sources import ROOT

PAGE = (ROOT / "docs" / "annotation.md").read_text(encoding="utf-8")
PART = re.split(r"^## ", PAGE[PAGE.index("\n## What two models") + 4 :], flags=re.MULTILINE)[0]


def test_the_example_runs() -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PART, re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(block, "docs/annotation.md", "exec"), names)
    assert names["found"].taken.mean() > 0.5


@pytest.mark.parametrize("percent", [90, 95, 97, 99])
def test_labels_that_promises_take(percent: int) -> None:
    found = plan(Promise(percent / 100))
    assert f"| {percent} % | {found.faultless} | {found.advised_above} |" in PART


def test_labels_of_the_usual_plan() -> None:
    assert f"for\nhalf of the pool at 97 % that is {plan().advised} labels" in PART
