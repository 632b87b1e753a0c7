"""One Airflow for the end-to-end tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from automl_airflow.standalone import running_airflow
from tests.e2e.world import World
from tests.support.postgres import airflow_database


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
