"""docs/annotation.md, its part on selection: examples run, and what is said of defaults is so."""

from __future__ import annotations

import re
from typing import Any

from automl_core.annotation.selection import Rules, Stopping, sizing
from automl_core.annotation.selection.rules import BY, COLD, DIVERSITY
from tests.sources import ROOT

PAGE = (ROOT / "docs" / "annotation.md").read_text(encoding="utf-8")
PART = re.split(r"^## ", PAGE[PAGE.index("\n## Selection") + 4 :], flags=re.MULTILINE)[0]


def test_its_examples_run() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PART, re.DOTALL)
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "docs/annotation.md", "exec"), names)
    assert len(names["batch"].ids) == 50
    assert names["batch"].ids[0] == "text-5"
    assert "text-17" not in names["batch"].ids
    assert names["verdict"].why is None


def test_it_names_all_ways_and_their_defaults() -> None:
    rules = Rules()
    for name in (*BY, *DIVERSITY, *COLD):
        assert f"`{name}`" in PART or f": {name}`" in PART
    assert f"| `{rules.by}` (default) |" in PART
    assert f"`{rules.diversity}` of twice as many is the default" in PART
    assert rules.multiple == 2
    assert f"`bad_share` of the batch ({rules.bad_share:g})" in PART
    assert f"`random_share` of the batch ({rules.random_share:g})" in PART
    assert f"`alpha` ({Stopping().alpha:g})" in PART


def test_its_figures_are_so() -> None:
    assert f"{sizing(0.97, 5_000).faultless} faultless ones for 97 %" in PART
    assert f"{sizing(0.99, 5_000).faultless} for 99 %" in PART
    assert sizing(0.97, 5_000, looks=10).faultless == 174  # docs/architecture.md
