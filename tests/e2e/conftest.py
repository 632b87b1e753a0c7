"""One Airflow for the end-to-end tests of a module; the modules that take longest begin first."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from automl_airflow.standalone import running_airflow
from tests.e2e.story import story
from tests.e2e.world import World
from tests.support.postgres import airflow_database, server_kept

LONGEST = (
    "kubernetes",
    "main_job",
    "model_life",
    "pages",
    "web",
    "failures",
    "own_model",
    "annotation",
    "maxcompute",
    "installed",
)
"""Modules that take minutes, by their length: none of them is begun when the others are about to end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first; `make e2e` keeps that order."""
    rank = {Path(__file__).parent / f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(LONGEST)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Have a test that failed say what its Airflow knows of it, while that is still there."""
    report = yield
    world = getattr(item, "funcargs", {}).get("world")
    if call.when == "call" and report.failed and isinstance(world, World):
        report.sections.append(("what Airflow says", story(world)))
    return report


@pytest.fixture(scope="session", autouse=True)
def one_database_server() -> Iterator[None]:
    """One server for all modules of this process: making Airflow's tables for each anew costs seconds of CPU."""
    with server_kept():
        yield


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[World]:
    """An Airflow of its own; a module may set ENVIRONMENT for its processes."""
    environment = getattr(request.module, "ENVIRONMENT", {})
    root = tmp_path_factory.mktemp("world")
    variables = {name: value.format(root=root) for name, value in environment.items()}
    with airflow_database() as database:
        made = World.make(root, database=database, **variables)
        with running_airflow(made.airflow):
            yield made
