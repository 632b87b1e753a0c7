"""An Airflow for the end-to-end tests: modules share one where they can; those that take longest begin first."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from xdist.scheduler import LoadFileScheduling

from automl_airflow.standalone import StandaloneError, running_airflow
from tests.e2e.cluster import TestCluster, some_cluster
from tests.e2e.models import SIGN_IN
from tests.e2e.story import story
from tests.e2e.world import World
from tests.support.postgres import airflow_database, server_kept

SHARING = (
    "main_job",
    "model_life",
    "web",
    "own_model",
    "annotation",
    "steering",
    "data",
    "rollouts",
    "first_hour",
)
"""Modules that need nothing of their own of an Airflow. They come first: what runs them follows one another in the same
Airflow, and it ends before a module begins that has another one."""

LONGEST = (
    "kubernetes",
    "queues",
    "failures",
    "maxcompute",
    "tables",
    "pages",
    "installed",
)
"""Modules of the others that take minutes, by their length: none of them is begun when the others are about to end."""

TOGETHER = {
    "queues": "kubernetes",
    "tables": "maxcompute",
}
"""Module → the one whose process runs it too, right after that one: both want the same of an Airflow, and share it."""

COMMON = {
    **SIGN_IN,
    "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",  # when questions that nobody answers are noticed
    "PIP_FIND_LINKS": "{root}/wheels",
    "PIP_NO_INDEX": "1",
    "PIP_CONFIG_FILE": "/dev/null",
}
"""What a shared Airflow is told: who may sign in, and that packages come from a folder of wheels."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest modules first; `make e2e` keeps that order."""
    rank = {Path(__file__).parent / f"test_{name}.py": place for place, name in enumerate(SHARING + LONGEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


class ByModules(LoadFileScheduling):  # type: ignore[misc]  # xdist states no types of its own
    """Gives a process one module after the other, and those that go together as one."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        name = Path(file).stem.removeprefix("test_")
        return file.replace(f"test_{name}.py", f"test_{TOGETHER.get(name, name)}.py")


@pytest.hookimpl(optionalhook=True)  # there is none without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModules | None:
    """Let modules that share an Airflow be one process's where modules are handed out (`--dist loadfile`)."""
    return ByModules(config, log) if config.getoption("dist") == "loadfile" else None


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


class Shared:
    """The Airflow that modules of this process share, while each of them wants one that is told the same."""

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._environment: dict[str, str] = {}
        self._stack = contextlib.ExitStack()
        self._world: World | None = None

    def world(self, environment: dict[str, str]) -> World:
        """The Airflow that is told so, as a module before has left it; a new one where there is none, or none to use.

        Args:
            environment: of its processes; ``{root}`` stands for the folder around it.
        """
        if self._world is None or self._environment != environment or not self._usable(self._world):
            self.end()
            self._world, self._environment = self._begin(environment), environment
        return self._world

    def end(self) -> None:
        """End the Airflow, where there is one: also one that nobody uses takes CPU from the others."""
        self._world = None
        self._stack.close()

    def _begin(self, environment: dict[str, str]) -> World:
        root = self._folders.mktemp("world")
        variables = {name: value.replace("{root}", str(root)) for name, value in environment.items()}
        with contextlib.ExitStack() as stack:
            made = World.make(root, database=stack.enter_context(airflow_database()), **variables)
            stack.enter_context(running_airflow(made.airflow))
            self._stack = stack.pop_all()
        return made

    @staticmethod
    def _usable(world: World) -> bool:
        try:
            world.airflow.check()
            world.clear()
        except (AssertionError, StandaloneError, httpx.HTTPError) as error:
            print(f"an Airflow of its own, for the one before can't be used again: {error}")
            return False
        return True


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, one_database_server: None) -> Iterator[Shared]:
    """The Airflow of this process's modules."""
    made = Shared(tmp_path_factory)
    yield made
    made.end()


@pytest.fixture(scope="module", autouse=True)
def nothing_beside(shared: Shared, request: pytest.FixtureRequest) -> None:
    """End the shared Airflow where a module begins that doesn't look at it."""
    tests = [each for each in request.session.items if each.path == request.path]
    if hasattr(request.module, "world") or not any("world" in getattr(each, "fixturenames", ()) for each in tests):
        shared.end()


@pytest.fixture(scope="session")
def cluster() -> Iterator[TestCluster]:
    """The real cluster that the environment names, else a stand-in with Kueue and Kubeflow Trainer."""
    with some_cluster(kueue=True, trainer=True) as found:
        yield found


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of the processes of a module's Airflow; those that are told the same can share one."""
    found: dict[str, str] = getattr(request.module, "ENVIRONMENT", COMMON)
    return found


@pytest.fixture(scope="module")
def world(shared: Shared, told: dict[str, str]) -> World:
    """An Airflow without files and runs; a module that sets ENVIRONMENT, or `told`, has one that is told so."""
    return shared.world(told)
