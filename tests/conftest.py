"""What every test shares: markers by folder, a home of its own, no way out of this machine."""

from __future__ import annotations

import atexit
import contextlib
import gc
import ipaddress
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.support.examples import PROFILE, SHARES, examples
from tests.support.patience import stretched

TESTS = Path(__file__).parent

MARKERS = ("unit", "contract", "e2e", "faults", "heavy", "series")
"""Folders below tests/ whose tests bear the folder's name as a marker."""

ASKED_FOR = ("faults", "heavy", "series")
"""Those that run only where they are named: they take long, or need what development's environment has not."""

OF_THE_API_SERVER = TESTS / "unit" / "web"
"""Tests that share Airflow's API server in their own process, the costliest fixture of all."""

SELDOM = (20_000, 10, 10)
"""When Python looks for garbage among what tests make; its own thresholds (700, …) took a twelfth of their CPU."""

OF_MANY = frozenset({TESTS, TESTS / "e2e"})
"""Folders that hold tests of everything: who collects one of them comes by all libraries."""

# The whole suite gives the same answer each time, in CI too, on a share of the examples that tests state: `make
# test-heavy` tries all of them (HYPOTHESIS_PROFILE=full), and HYPOTHESIS_PROFILE=explore looks for new ones.
for name in SHARES:
    hypothesis.settings.register_profile(
        name, deadline=None, derandomize=name != "explore", max_examples=examples(100), print_blob=True
    )
hypothesis.settings.load_profile(PROFILE)


def pytest_configure(config: pytest.Config) -> None:
    """Give Airflow and the product a home of this process's own, before anything imports them."""
    gc.disable()  # until all is collected: nothing of it is garbage, and looking for it was a third of collecting
    os.fsync = lambda fd: None  # no test pulls the plug: what is written is there for all who look, kills or not
    home = tempfile.mkdtemp(prefix="automl-tests-")
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    for name in list(os.environ):
        if name.startswith(("AIRFLOW", "AUTOML_", "AWS_", "OSS_")):
            del os.environ[name]
    one_thread_of_blas()
    os.environ["AIRFLOW_HOME"] = f"{home}/airflow"
    os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
    os.environ["AUTOML_HOME"] = home
    os.environ["AUTOML_TEMPLATE_CACHE"] = f"{home}/templates-made"


def one_thread_of_blas() -> None:
    """Load numpy's and scipy's linear algebra with one thread each: processes of tests are as many as cores.

    Two that wait for each other in a loop on a core that both share took two thirds of the CPU of tests of Gaussian
    processes. Processes that tests start choose for themselves, as everywhere.
    """
    name = "OPENBLAS_NUM_THREADS"
    before = os.environ.get(name)
    os.environ[name] = "1"
    with contextlib.suppress(ImportError):
        import numpy  # noqa: F401 - each brings a library of its own, which looks at it when it is loaded
        import scipy.linalg  # noqa: F401
    if before is None:
        del os.environ[name]
    else:
        os.environ[name] = before


def pytest_collection(session: pytest.Session) -> None:
    """Load MaxCompute's client before much else is: it looks through all loaded modules for each of its classes.

    Last of all it took five seconds of CPU in each process that collects the suite, and a fifth of that first.
    """
    if OF_MANY & {(session.config.invocation_params.dir / each).resolve() for each in session.config.args}:
        with contextlib.suppress(ImportError):
            import odps  # noqa: F401


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass over what nobody has asked for."""
    if collection_path.parent != TESTS or collection_path.name not in ASKED_FOR:
        return None
    named = [(config.invocation_params.dir / argument.partition("::")[0]).resolve() for argument in config.args]
    return None if any(path.is_relative_to(collection_path) for path in named) else True


def pytest_collection_finish() -> None:
    """Look for garbage from here on, and not among what was imported and collected."""
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()


def pytest_unconfigure() -> None:
    """Look for garbage once more among what the tests made, and let libraries that count at the end find none left.

    pytest looks after this, for errors of what is thrown away: not among all that was imported and collected, please.
    """
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test by its folder, and stretch its limit; put those of the API server first.

    A process that has nothing left to do takes tests from the end of another's. Airflow's API server is made once for
    all of its tests in a process: at the end they were always two processes', at the beginning they are one's.
    """
    items.sort(key=lambda item: not item.path.is_relative_to(OF_THE_API_SERVER))
    default = config.getoption("timeout") or config.getini("timeout")
    for item in items:
        folder = folder_of(item.path)
        if folder in MARKERS:
            item.add_marker(folder)
        stated = item.get_closest_marker("timeout")
        item.add_marker(limit_of(float(stated.args[0] if stated else default)), append=False)


@cache
def folder_of(path: Path) -> str:
    """The folder below tests/ that a file lies in: asked for each test of it."""
    return path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""


@cache
def limit_of(seconds: float) -> pytest.MarkDecorator:
    """The mark of a limit."""
    return pytest.mark.timeout(stretched(seconds))


@pytest.fixture(autouse=True)
def clusters_read_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read clusters' configurations in this process: a further one for each would be a second for each test of a pod.

    What tests that process takes another fixture of this name (tests/unit/backends/test_kubernetes_access.py).
    """
    if request.node.get_closest_marker("series"):  # their environment has no client of a cluster
        return
    from automl_core.backends.kubernetes import access, reading

    monkeypatch.setattr(access, "_ask", reading.answer)


@pytest.fixture
def garbage_stays() -> Iterator[None]:
    """Let nothing that earlier tests left be thrown away, and closed by that, while a test counts what is open."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_way_out() -> Iterator[None]:
    """Let tests reach this machine only: a test that needs a server starts one."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(address: Any) -> None:
        if isinstance(address, tuple) and not is_loopback(str(address[0])):
            raise AssertionError(f"a test tried to reach {address[0]}:{address[1]}, which is not this machine")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        yield


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
