"""What Airflow itself tells of a trial that its trigger ends, as docs/airflow-versions.md has it."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.listeners import hookimpl
from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from tests.sources import ROOT
from tests.unit.web.conftest import World

RUN = "manual__2026-11-22T04:00:00+00:00"
HEADLINE = "## What is told to listeners"


class Listener:
    """Notes what it hears, as OpenLineage's does."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []

    @hookimpl
    def on_task_instance_success(self, previous_state: Any, task_instance: Any) -> None:
        self.heard.append(("success", task_instance.map_index))

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        self.heard.append(("failed", task_instance.map_index))

    @hookimpl
    def on_task_instance_skipped(self, previous_state: Any, task_instance: Any) -> None:
        self.heard.append(("skipped", task_instance.map_index))


@pytest.mark.parametrize("event", [TaskSuccessEvent(), TaskFailedEvent(), TaskSkippedEvent()])
def test_listeners_hear_nothing_of_an_end_by_a_trigger_and_the_documentation_says_so(
    world: World, event: TriggerEvent
) -> None:
    """Where this fails, Airflow does it by itself now: the page has to say so, for that release."""
    from airflow.listeners.listener import get_listener_manager
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.trigger import handle_event_submit
    from airflow.utils.session import create_session
    from sqlalchemy import select

    state = str(getattr(event, "task_instance_state"))  # noqa: B009  # pydantic's, which the base class has not
    name = world.know(world.spec(f"ends-in-{state}"))
    world.begin(name, RUN)
    manager, listener = get_listener_manager(), Listener()
    manager.add_listener(listener)
    try:
        with create_session() as session:
            of_a_trial = select(TaskInstance).where(
                TaskInstance.dag_id == name, TaskInstance.task_id == "trial", TaskInstance.map_index == 0
            )
            instance = session.scalar(of_a_trial)
            assert instance is not None
            instance.state = "deferred"
            instance.try_number = instance.max_tries + 1
            session.flush()
            handle_event_submit(event, task_instance=instance, session=session)
            assert instance.state == state
        assert listener.heard == []
        body = {"new_state": "failed"}
        marked = world.client().patch(f"/api/v2/dags/{name}/dagRuns/{RUN}/taskInstances/trial/1", json=body)
        assert marked.status_code == 200, marked.text
        assert listener.heard == [("failed", 1)], "it would have heard"
    finally:
        manager.pm.unregister(listener)
    page = (ROOT / "docs" / "airflow-versions.md").read_text().split(HEADLINE)[1].split("\n## ")[0]
    (row,) = [row for row in page.splitlines() if row.startswith("| `on_task_instance_success`")]
    assert "**not heard**" in row
