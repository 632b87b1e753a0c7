"""A trial's task ends when its end is recorded: the cluster's deletion of the pod holds up nobody, and is certain."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from automl_airflow.kubernetes.trigger import KubernetesTrialTrigger
from automl_core.states import TrialState
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.standins.kubernetes.testing import wait_for
from tests.unit.plugins.kubernetes_trials import GOOD, SOON, Setting, prepare


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    yield prepare(tmp_path, standin, monkeypatch)
    standin.clear_faults()


def watched(setting: Setting, name: str) -> KubernetesTrialTrigger:
    setting.create(GOOD, name)
    binding = setting.bind()
    return setting.trigger(binding, setting.launch(binding))


async def fired(trigger: KubernetesTrialTrigger) -> TriggerEvent:
    async with asyncio.timeout(SOON):
        return await anext(aiter(trigger.run()))


def test_the_event_does_not_wait_for_the_deletion_and_letting_go_does(setting: Setting) -> None:
    trigger = watched(setting, "prompt")

    async def follow() -> None:
        setting.standin.fail(200, "delete", "pods", delay=1.0)
        event = await fired(trigger)
        assert isinstance(event, TaskSuccessEvent)
        assert setting.study.refresh().works[0].state is TrialState.SUCCEEDED
        assert setting.pods(), "it is being deleted"
        await trigger.cleanup()
        assert setting.pods() == []

    asyncio.run(follow())


def test_airflow_may_cancel_a_trigger_that_has_fired_and_its_pod_goes_all_the_same(setting: Setting) -> None:
    trigger = watched(setting, "cancelled")

    async def follow() -> None:
        setting.standin.fail(200, "delete", "pods", delay=1.0)
        await fired(trigger)
        letting_go = asyncio.create_task(trigger.cleanup())
        await asyncio.sleep(0.05)
        letting_go.cancel()
        with pytest.raises(asyncio.CancelledError):
            await letting_go
        await asyncio.to_thread(wait_for, lambda: not setting.pods(), "the pod to be deleted")

    asyncio.run(follow())


def test_nothing_of_watching_a_pod_runs_in_the_threads_that_a_triggerer_shares(setting: Setting) -> None:
    class Nobodys(ThreadPoolExecutor):
        def submit(self, *args: Any, **options: Any) -> Any:
            raise AssertionError("the default executor is for all of a triggerer")

    async def follow(trigger: KubernetesTrialTrigger) -> TriggerEvent:
        asyncio.get_running_loop().set_default_executor(Nobodys(1))
        try:
            return await fired(trigger)
        finally:
            await trigger.cleanup()

    assert isinstance(asyncio.run(follow(watched(setting, "threads"))), TaskSuccessEvent)
