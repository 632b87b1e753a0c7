"""Pods that run trial after trial: operator, trigger and the pod's own program, on the API server stand-in."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent

from automl_airflow.kubernetes.lane_launching import LaneLaunch
from automl_airflow.kubernetes.sweep import sweep
from automl_airflow.kubernetes.trigger import KubernetesTrialTrigger
from automl_core.backends.base import Cause
from automl_core.running.lane_orders import LANES, Lane, folder_of, standings
from automl_core.states import TrialState
from automl_core.study.layout import experiment_prefix
from tests.sources import ROOT
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched
from tests.unit.plugins.kubernetes_trials import RUN, Setting, context, prepare, run

SOON = stretched(20.0)
PRODUCT = {"PYTHONPATH": str(ROOT)}
"""Images of the stand-in bring nothing; a lane's has this product."""


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    made = prepare(tmp_path, standin, monkeypatch)
    yield made
    for pod in made.pods():
        made.core.delete_namespaced_pod(pod, "default", grace_period_seconds=0)


def create(setting: Setting, command: str | list[str], name: str, **fields: Any) -> None:
    setting.create(command, name, **{"lane": True, "env": PRODUCT, **fields})


def launched(setting: Setting, slot: int) -> tuple[KubernetesTrialTrigger, dict[str, Any]]:
    """Bind a slot and start its attempt as a worker does. The trigger that watches it, and where it is."""
    binding = setting.bind(slot)
    job = setting.launch(binding)
    setting.study.external(binding, json.dumps(job))
    return setting.trigger(binding, job), job


def folder(setting: Setting, trial: int) -> Path:
    return setting.folder / "runs" / experiment_prefix(setting.name, RUN) / f"experiment_{trial}"


def lane(setting: Setting, pod: str) -> Lane:
    return Lane(setting.journal.store, folder_of(setting.journal.prefix, pod))


def test_one_pod_runs_trial_after_trial_each_with_its_own_log_metrics_and_model(setting: Setting) -> None:
    create(
        setting, "echo accuracy=0.${trial_id} step=1; echo $AUTOML_TRIAL_ID > $AUTOML_MODEL_DIR/which", "after",
    )  # fmt: skip
    names = []
    for slot in range(3):
        trigger, job = launched(setting, slot)
        event = run(trigger)
        assert isinstance(event, TaskSuccessEvent)
        names.append((job["name"], job["number"]))
    assert len({name for name, _ in names}) == 1, "the pod that waits is taken"
    assert [number for _, number in names] == [0, 1, 2]
    state = setting.study.refresh()
    assert [state.works[slot].points for slot in range(3)] == [((1, 0.0),), ((1, 0.1),), ((1, 0.2),)]
    for trial in range(3):
        assert (folder(setting, trial) / "log.txt").read_text() == f"accuracy=0.{trial} step=1\n"
        assert (folder(setting, trial) / "model" / "which").read_text() == f"{trial}\n"
    known = [json.loads(state.works[slot].attempts[-1].external)["name"] for slot in range(3)]
    assert known == [names[0][0]] * 3, "the journal says which pod each had"
    assert setting.pods() == [names[0][0]], "and it waits for the next"
    sweep(context(), setting.study)
    assert_goes(setting)


def assert_goes(setting: Setting) -> None:
    until = time.monotonic() + SOON
    while setting.pods():
        assert time.monotonic() < until, "a pod is left"
        time.sleep(0.1)


def test_what_one_trial_does_touches_no_other(setting: Setting) -> None:
    """A crash, a process left behind, a time limit: the next trial of the same pod finds nothing of it."""
    own = f"300.{os.getpid()}"  # seconds that no other process of this machine sleeps for, such as another run of this
    create(
        setting,
        f"case $AUTOML_TRIAL_ID in 0) sleep {own} & kill -SEGV $$;; 1) sleep {own};; *) echo accuracy=1 step=1;; esac",
        "apart", timeout="2s", trials={"retries": 0, "canary": False},
    )  # fmt: skip
    pods = set()
    for slot in range(3):
        trigger, job = launched(setting, slot)
        run(trigger)
        pods.add(job["name"])
    works = setting.study.refresh().works
    assert [works[slot].state for slot in range(3)] == [TrialState.FAILED, TrialState.FAILED, TrialState.SUCCEEDED]
    assert "SIGSEGV" in works[0].reason
    assert "ran past its time limit" in works[1].reason
    assert len(pods) == 1
    processes = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if _alive(path)]
    assert not any(f"sleep\0{own}".encode() in each for each in processes)


def _alive(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def test_a_trial_that_is_to_stop_is_ended_and_its_pod_goes_on(setting: Setting) -> None:
    create(
        setting,
        "if [ $AUTOML_TRIAL_ID = 0 ]; then echo accuracy=nan step=1; sleep 300; else echo accuracy=1 step=1; fi",
        "stopped",
    )  # fmt: skip
    trigger, first = launched(setting, 0)
    event = run(trigger)
    assert not isinstance(event, TaskSuccessEvent)
    assert "is nan at step 1" in setting.study.refresh().works[0].reason
    trigger, second = launched(setting, 1)
    assert isinstance(run(trigger), TaskSuccessEvent)
    assert second["name"] == first["name"]


def test_a_pod_that_is_lost_takes_the_running_trial_along_and_no_other(setting: Setting) -> None:
    create(
        setting, "echo accuracy=1 step=1; if [ $AUTOML_TRIAL_ID = 1 ]; then touch begun; sleep 300; fi", "taken",
    )  # fmt: skip
    trigger, first = launched(setting, 0)
    assert isinstance(run(trigger), TaskSuccessEvent)
    trigger, second = launched(setting, 1)
    assert second["name"] == first["name"]

    async def taken() -> TriggerEvent:
        watching = asyncio.create_task(anext(aiter(trigger.run())))
        async with asyncio.timeout(SOON):
            while not setting.study.refresh().works[1].attempts or not _reported(setting, 1):
                await asyncio.sleep(0.1)
            setting.standin.vanish(f"default/{second['name']}")
            try:
                return await watching
            finally:
                await trigger.cleanup()

    asyncio.run(taken())
    works = setting.study.refresh().works
    assert works[0].state is TrialState.SUCCEEDED
    assert len(works[0].attempts) == 1
    ended = works[1].attempts[0]
    assert "was deleted, and not from here" in ended.reason
    assert setting.study.unfinished(1, 0) is None
    again = setting.study.ask(1)
    job = setting.launch(again)
    assert job["name"] != first["name"], "a pod that is gone is given nothing"
    assert job["number"] == 0


def _reported(setting: Setting, slot: int) -> bool:
    return (folder(setting, slot) / "metrics.json").is_file()


def test_a_pod_that_nobody_needs_ends_by_itself_and_is_given_nothing_more(setting: Setting) -> None:
    create(setting, "echo accuracy=1 step=1", "idle", lane={"idle": "1s"})
    trigger, first = launched(setting, 0)
    assert isinstance(run(trigger), TaskSuccessEvent)
    until = time.monotonic() + SOON
    while setting.core.read_namespaced_pod(first["name"], "default").status.phase != "Succeeded":
        assert time.monotonic() < until, "the pod waits on"
        time.sleep(0.1)
    trigger, second = launched(setting, 1)
    assert second["name"] != first["name"]
    assert isinstance(run(trigger), TaskSuccessEvent)
    assert setting.pods() == [second["name"]], "and what has ended is removed by who looked"


def test_two_that_run_at_once_have_two_pods(setting: Setting) -> None:
    create(setting, "echo accuracy=1 step=1; sleep 1", "both")
    (one, first), (two, second) = launched(setting, 0), launched(setting, 1)
    assert first["name"] != second["name"]
    assert isinstance(run(one), TaskSuccessEvent)
    assert isinstance(run(two), TaskSuccessEvent)
    assert {each.free for each in standings(setting.journal.store, setting.journal.prefix).values()} == {True}


def test_who_is_faster_gets_the_pod_that_waits_and_the_other_another(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(setting, "echo accuracy=1 step=1", "race")
    trigger, first = launched(setting, 0)
    run(trigger)
    faster: list[bool] = []
    own = LaneLaunch._order

    def order(self: LaneLaunch, pod: str) -> Any:
        found = own(self, pod)
        if not faster:  # between the look and the order
            faster.append(lane(setting, pod).close(1))
        return found

    monkeypatch.setattr(LaneLaunch, "_order", order)
    _, second = launched(setting, 1)
    assert faster == [True]
    assert second["name"] != first["name"]


def test_a_worker_that_died_after_its_order_finds_it_again(setting: Setting) -> None:
    create(setting, "echo accuracy=1 step=1", "died")
    run(launched(setting, 0)[0])
    binding = setting.bind(1)
    first = setting.launch(binding)
    operator = setting.operator()
    assert operator.is_there(setting.study, binding)
    assert setting.launch(binding) == first
    assert isinstance(run(setting.trigger(binding, first)), TaskSuccessEvent)
    assert setting.launch(binding) == first, "also once it has ended"
    assert len([key for key in setting.journal.store.list(setting.journal.prefix + LANES) if "order" in key]) == 2


def test_trials_whose_pods_would_differ_share_none(setting: Setting) -> None:
    create(setting, "echo accuracy=1 step=1", "differ", node_selector={}, volumes=[
        {"mount": "/data", "empty_dir": True, "sub_path": "part-${trial_id}"}
    ])  # fmt: skip
    names = set()
    for slot in range(2):
        trigger, job = launched(setting, slot)
        assert isinstance(run(trigger), TaskSuccessEvent)
        names.add(job["name"])
    assert len(names) == 2


def test_a_person_who_clears_a_trial_ends_its_pod(setting: Setting) -> None:
    create(setting, "echo accuracy=1 step=1; sleep 300", "cleared")
    trigger, job = launched(setting, 0)

    async def killed() -> None:
        watching = asyncio.create_task(anext(aiter(trigger.run())))
        async with asyncio.timeout(SOON):
            while not _reported(setting, 0):
                await asyncio.sleep(0.1)
            watching.cancel()
            await trigger.on_kill()
            await trigger.cleanup()

    asyncio.run(killed())
    assert_goes(setting)
    assert setting.study.refresh().works[0].attempts[-1].state is TrialState.USER_CANCELED
    assert lane(setting, job["name"]).ended(0) is None, "the pod was taken away, which is no end of the trial's own"


def test_an_image_without_this_product_is_told_of_at_the_first_trial(setting: Setting) -> None:
    other = setting.folder / "other" / "automl_core"
    other.mkdir(parents=True)
    (other / "__init__.py").touch()
    create(setting, "echo accuracy=1 step=1", "bare", env={"PYTHONPATH": str(other.parent)})
    run(launched(setting, 0)[0])
    state = setting.study.refresh()
    assert "its image needs this product" in state.works[0].reason
    assert "No module named" in state.works[0].reason
    assert state.stop is not None, "no other trial would begin either"


def test_more_memory_after_running_out_of_it_is_another_pod(setting: Setting) -> None:
    """A trial that alone is killed for its memory: the next attempt has more, so no pod that waits is its."""
    create(
        setting,
        "if [ $AUTOML_ATTEMPT = 1 ] && [ $AUTOML_TRIAL_ID = 1 ]; then kill -KILL $$; fi; echo accuracy=1 step=1",
        "grown", resources={"memory": "256Mi"}, memory_limit_on_oom={"factor": 2, "max": "1Gi"},
    )  # fmt: skip
    run(launched(setting, 0)[0])
    trigger, first = launched(setting, 1)
    run(trigger)
    attempt = setting.study.refresh().works[1].attempts[-1]
    assert attempt.kind == "oom"
    assert "the next attempt gets more" in attempt.reason
    trigger, second = launched(setting, 1)
    assert second["name"] != first["name"]
    assert second["memory"] == 2 * first["memory"]
    assert isinstance(run(trigger), TaskSuccessEvent)


def test_the_rights_are_those_of_pods_of_one_trial(setting: Setting, standin: KubernetesStandIn) -> None:
    rules: dict[str, Any] = {
        each["metadata"]["name"]: each["rules"]
        for each in yaml.safe_load_all((ROOT / "deploy/kubernetes/rbac.yaml").read_text())
        if each["kind"] == "Role"
    }
    create(setting, "echo accuracy=1 step=1", "rights")
    standin.forget_requests()
    try:
        for slot in range(2):
            standin.restrict(rules["automl-worker"])
            trigger, _ = launched(setting, slot)
            standin.restrict(rules["automl-triggerer"])
            assert isinstance(run(trigger), TaskSuccessEvent)
        standin.restrict(rules["automl-worker"])
        sweep(context(), setting.study)
        assert [each for each in standin.requests() if each["status"] == 403] == []
        assert standin.counts()["create", "pods"] == 1
    finally:
        standin.restrict(None)


def test_a_worker_that_is_stopped_before_it_defers_has_its_trial_ended_and_the_pod_goes_on(setting: Setting) -> None:
    create(
        setting, "if [ $AUTOML_TRIAL_ID = 1 ]; then sleep 300; fi; echo accuracy=1 step=1", "halted"
    )  # fmt: skip
    run(launched(setting, 0)[0])
    binding, operator = setting.bind(1), setting.operator()
    job = operator.launch(context(), setting.study, setting.journal.store, binding)
    operator.on_kill()
    until = time.monotonic() + SOON
    while (ended := lane(setting, job["name"]).ended(1)) is None:
        assert time.monotonic() < until, "the trial goes on"
        time.sleep(0.1)
    assert ended.cause is Cause.TERMINATED
    trigger, third = launched(setting, 2)
    assert third["name"] == job["name"]
    assert isinstance(run(trigger), TaskSuccessEvent)


def test_the_trial_that_ends_the_experiment_takes_no_other_along_that_has_its_pod_by_then(setting: Setting) -> None:
    """A pod is free when its trial has ended there, seconds before whoever watches has read that."""
    create(setting, "echo accuracy=1 step=1; sleep $AUTOML_TRIAL_ID", "follows", trials={"max": 2, "canary": False})
    one, first = launched(setting, 0)
    until = time.monotonic() + SOON
    while lane(setting, first["name"]).ended(0) is None:
        assert time.monotonic() < until
        time.sleep(0.1)
    two, second = launched(setting, 1)
    assert second["name"] == first["name"]
    one._over = True  # as where the end that it records is the experiment's
    run(one)
    assert isinstance(run(two), TaskSuccessEvent)


def test_a_pod_that_is_over_stays_until_its_last_trial_was_read(setting: Setting) -> None:
    """Its triggerer is away for a minute: who needs a pod meanwhile removes none whose log is still wanted."""
    create(setting, "echo accuracy=1 step=1", "unread", lane={"idle": "1s"})
    late, first = launched(setting, 0)
    until = time.monotonic() + SOON
    while setting.core.read_namespaced_pod(first["name"], "default").status.phase != "Succeeded":
        assert time.monotonic() < until
        time.sleep(0.1)
    other, second = launched(setting, 1)
    assert second["name"] != first["name"]
    assert isinstance(run(late), TaskSuccessEvent)
    run(other)
    launched(setting, 2)
    assert first["name"] not in setting.pods(), "then it goes"


def test_a_worker_that_takes_over_finds_the_attempt_where_it_runs(setting: Setting) -> None:
    """An order may be left of a pod that could not be made, before the attempt went to another."""
    create(setting, "if [ $AUTOML_TRIAL_ID = 1 ]; then sleep 300; fi; echo accuracy=1 step=1", "left")
    run(launched(setting, 0)[0])
    binding = setting.bind(1)
    job = setting.launch(binding)
    left = Lane(setting.journal.store, folder_of(setting.journal.prefix, "a-pod-that-never-was"))
    left.open()
    order = lane(setting, job["name"]).order(1)
    assert order is not None
    left.put(0, order)
    operator = setting.operator()
    assert operator.is_there(setting.study, binding)
    assert operator.launch(context(), setting.study, setting.journal.store, binding) == job
    operator.on_kill()
    assert lane(setting, job["name"]).stopped(1), "and ends it where it is stopped before a trigger has it"
