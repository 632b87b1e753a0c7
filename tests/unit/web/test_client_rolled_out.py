"""The notebook's client waits for a version that is being rolled out."""

from __future__ import annotations

import time

import pytest

from automl_airflow.web import held_journals
from automl_core.client.errors import Conflict
from automl_core.models.life import Step
from tests.unit.web.conftest import World
from tests.unit.web.lives import DAG, Author, model_text
from tests.unit.web.test_client import Clocked, connect
from tests.unit.web.test_client_models import after


def test_a_version_that_is_being_rolled_out_is_waited_for_until_it_has_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_journals, "READ_EVERY", 0.0)
    experiment = world.know(world.spec("rolled-out-search"))
    world.know_model(model_text(world, "rolled-out", experiment))
    author = Author(world.storage, "rolled-out", experiment, start=time.time() - 600)
    author.use(author.offer("run-1"), author.evaluate(1))
    digest = author.evaluate(author.offer("run-2"), 0.03)
    automl = connect(world, "ann")
    model = automl.model("rolled-out")
    model.accept(2, digest)
    author.life.begin_rollout(2, DAG, [Step(0.05), Step(1.0)])
    with pytest.raises(Conflict, match="is rolling out"):
        model.wait_until_asked(2, timeout=60)
    clock = Clocked(automl)
    with pytest.raises(TimeoutError, match="version 2 waits after 5 s"):
        model.wait_until_in_use(2, timeout=5)
    after(clock, 3, lambda: author.life.put_in_use(2, DAG))
    assert model.wait_until_in_use(2, timeout=60) == 2
