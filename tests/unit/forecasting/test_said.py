"""docs/series-data.md names every kind of finding, and nothing that is not found."""

from __future__ import annotations

import ast
import re

from automl_core.forecasting.frequency import parse
from automl_core.forecasting.seasons import candidates
from tests.sources import ROOT

PAGE = (ROOT / "docs" / "series-data.md").read_text(encoding="utf-8")
FILES = (
    "afterwards", "building", "checks", "keys", "known", "origins", "placing", "reading", "repeats", "seasons", "times",
    "unusable",
)  # fmt: skip
NAMING = {"SeriesFinding": 0, "_of": 0, "against": 0}


def kinds_of_findings() -> set[str]:
    found = set()
    for name in FILES:
        tree = ast.parse((ROOT / "automl_core" / "forecasting" / f"{name}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in NAMING and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
            if (
                name == "building"
                and isinstance(node, ast.Tuple)
                and len(node.elts) == 4
                and isinstance(node.elts[1], ast.Constant)
            ):
                found.add(str(node.elts[1].value))  # the table of building._told
    return found


def test_every_kind_of_finding_has_its_line() -> None:
    table = PAGE.partition("## What series have")[2].partition("Refused as well")[0]
    told = {
        kind
        for line in table.splitlines()
        if line.startswith("| `")
        for kind in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert told == kinds_of_findings()


def test_the_table_of_seasons_is_what_the_calendar_suggests() -> None:
    table = PAGE.partition("## Seasons")[2]
    for frequency, words in (
        ("h", "24 and 168"), ("30min", "48 and 336"), ("15min", "96 and 672"), ("min", "60 and 1440"),
        ("D", "7 and 365"), ("B", "5 and 260"),
    ):  # fmt: skip
        assert " and ".join(map(str, candidates(parse(frequency)))) == words
        assert words in table
