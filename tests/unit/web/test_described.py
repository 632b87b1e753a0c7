"""docs/rest.md names every route of the API, and none that isn't there."""

from __future__ import annotations

import re

from tests.sources import ROOT
from tests.unit.web.conftest import World
from tests.unit.web.test_access import routes_of

RUN = "/experiments/{e}/runs/{r}"
NAMES = {
    "dag_id": "e",
    "run_id": "r",
    "number": "n",
    "path:path": "path",
    "name:path": "name",
    "model": "m",
    "version": "v",
    "rollout": "id",
}


def routes_in_docs() -> set[tuple[str, str]]:
    """Method and path of each route that a table names; ``…`` stands for a run."""
    found = set()
    for row in re.findall(r"^\| (`.+?`) \|", (ROOT / "docs" / "rest.md").read_text(), re.MULTILINE):
        for route in re.findall(r"`([^`]+)`", row):
            method, _, place = route.rpartition(" ")
            place = place.partition("?")[0].replace("…/runs/{r}", RUN).replace("…", RUN)
            found.add((method or "GET", place))
    return found


def routes_in_code(world: World) -> set[tuple[str, str]]:
    found = set()
    for method, template, route in routes_of(world):
        if not route.include_in_schema:
            continue
        for name, short in NAMES.items():
            template = template.replace("{" + name + "}", "{" + short + "}")
        found.add((method, template.removeprefix("/api/v1")))
    return found


def test_the_documentation_names_the_routes_that_there_are(world: World) -> None:
    told_in_words = {("GET", "/openapi.json"), ("GET", f"{RUN}/events")}
    assert routes_in_docs() == routes_in_code(world) - told_in_words
