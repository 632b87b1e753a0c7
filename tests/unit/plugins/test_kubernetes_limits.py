"""What a cluster's limits make of trials in pods: quotas, bounds, memory that somebody changes, starts that fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.triggers.base import TaskFailedEvent, TaskSuccessEvent

from automl_airflow import compat
from automl_airflow.kubernetes.operator import KubernetesTrialOperator
from automl_core.backends import StartError
from automl_core.backends.remote import NotYet
from automl_core.running.places import Places
from automl_core.states import TrialState
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.standins.kubernetes.testing import wait_for
from tests.unit.plugins.kubernetes_trials import Setting, context, prepare, run

HOG = "import time; time.sleep(2); x = bytearray(150_000_000); time.sleep(60)"


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    yield prepare(tmp_path, standin, monkeypatch)
    standin.clear_faults()


@contextmanager
def quota(setting: Setting, **hard: str) -> Iterator[None]:
    """A quota of the namespace, named team."""
    bounds = {name.replace("_", "."): amount for name, amount in hard.items()}
    setting.core.create_namespaced_resource_quota("default", {"metadata": {"name": "team"}, "spec": {"hard": bounds}})
    try:
        yield
    finally:
        setting.core.delete_namespaced_resource_quota("team", "default")


def test_what_a_quota_never_allows_fails_and_says_so(setting: Setting) -> None:
    setting.create("true", "never", resources={"memory": "12Gi"})
    with quota(setting, limits_memory="10Gi"), pytest.raises(StartError) as caught:
        setting.launch(setting.bind())
    assert "more than quota team ever allows: limits.memory: 12288Mi is wanted, 10Gi is all there is" in str(
        caught.value
    )
    assert caught.value.systematic


def test_what_a_quota_allows_once_others_have_gone_is_waited_for(setting: Setting) -> None:
    setting.create("sleep 600", "full", resources={"memory": "6Gi"})
    with quota(setting, limits_memory="10Gi"):
        first = setting.launch(setting.bind())
        with pytest.raises(NotYet, match="exceeded quota: team"):
            setting.launch(setting.bind(1))
        setting.core.delete_namespaced_pod(first["name"], "default", grace_period_seconds=0)


def test_time_that_is_over_while_a_quota_is_used_up_says_that_nothing_could_be_started(setting: Setting) -> None:
    setting.create("sleep 600", "unbegun", resources={"memory": "6Gi"})
    assert setting.study.progress().jobless == 0
    with quota(setting, limits_memory="7Gi"):
        job = setting.launch(first := setting.bind())
        setting.study.external(first, json.dumps(job))
        with pytest.raises(NotYet):
            setting.launch(setting.bind(1))
        setting.core.delete_namespaced_pod(job["name"], "default", grace_period_seconds=0)
    assert setting.study.progress().jobless == 1


def test_what_a_quota_wants_to_be_stated_fails(setting: Setting) -> None:
    setting.create("true", "unstated")
    with (
        quota(setting, limits_cpu="4"),
        pytest.raises(StartError, match=r"must specify limits\.cpu for: base") as caught,
    ):
        setting.launch(setting.bind())
    assert caught.value.systematic


def test_what_a_limit_range_does_not_allow_fails(setting: Setting) -> None:
    setting.create("true", "ranged")
    message = 'pods "x" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi'
    setting.standin.fail(403, "create", "pods", message=message)
    with pytest.raises(StartError, match="maximum memory usage") as caught:
        setting.launch(setting.bind())
    assert caught.value.systematic


def test_memory_raised_in_place_is_not_taken_from_the_next_attempt(setting: Setting) -> None:
    setting.create(
        ["python3", "-c", HOG], "raised", resources={"memory": "60Mi"},
        memory_limit_on_oom={"factor": 1.5, "max": "400Mi"},
    )  # fmt: skip
    binding = setting.bind()
    job = setting.launch(binding)
    patch = {"spec": {"containers": [{"name": "base", "resources": {"limits": {"memory": "110Mi"}}}]}}

    def raise_it() -> None:
        wait_for(lambda: setting.core.read_namespaced_pod(job["name"], "default").status.phase == "Running")
        setting.core.patch_namespaced_pod_resize(job["name"], "default", patch)

    helper = threading.Thread(target=raise_it)
    helper.start()
    run(setting.trigger(binding, job))
    helper.join()
    (attempt,) = setting.study.refresh().works[0].attempts
    assert attempt.kind == "oom"
    assert "its limit is 110Mi" in attempt.reason
    assert json.loads(attempt.external)["memory"] == 110 * 2**20
    again = setting.launch(setting.bind())
    assert again["memory"] == 165 * 2**20, "half as much again as the 110Mi that were not enough"
    setting.core.delete_namespaced_pod(again["name"], "default", grace_period_seconds=0)


def test_a_grown_attempt_that_the_cluster_does_not_take_says_nothing_of_other_trials(setting: Setting) -> None:
    setting.create(
        ["python3", "-c", HOG.replace("2)", "0)")], "grown", resources={"memory": "60Mi"},
        memory_limit_on_oom={"factor": 2, "max": "400Mi"},
    )  # fmt: skip
    with quota(setting, limits_memory="100Mi"):
        binding = setting.bind()
        run(setting.trigger(binding, setting.launch(binding)))
        setting.study.refresh()
        with pytest.raises(StartError, match="ever allows") as caught:
            setting.launch(setting.bind())
    assert not caught.value.systematic


def test_an_attempt_that_has_nothing_left_to_do_has_the_curve_of_its_trial(setting: Setting) -> None:
    """The node is lost after the last checkpoint; the next attempt resumes, prints nothing and exits with 0."""
    script = (
        'test -e "$AUTOML_CHECKPOINT_DIR/done" && exit 0; for i in 1 2 3; do echo accuracy=0.$i step=$i; done; '
        'touch "$AUTOML_CHECKPOINT_DIR/done"; sleep 600'
    )
    setting.create(script, "nothing-left")
    first = setting.bind()
    job = setting.launch(first)
    trigger = setting.trigger(first, job)

    def lose_it() -> None:
        wait_for(lambda: trigger._watched is not None and len(list(trigger._watched.watch.series)) == 3)
        wait_for(lambda: list((setting.folder / "runs").rglob("done")))
        setting.standin.lose_node(node, pods="gone", trains_on=True)

    wait_for(lambda: setting.core.read_namespaced_pod(job["name"], "default").status.phase == "Running")
    node = setting.core.read_namespaced_pod(job["name"], "default").spec.node_name
    helper = threading.Thread(target=lose_it)
    helper.start()
    assert isinstance(run(trigger), TaskFailedEvent)
    helper.join()
    setting.study.refresh()
    second = setting.bind()
    again = setting.launch(second)
    assert isinstance(run(setting.trigger(second, again)), TaskSuccessEvent)
    setting.standin.restore_node(node)
    work = setting.study.refresh().works[0]
    assert (work.state, work.value) == (TrialState.SUCCEEDED, 0.3)
    assert work.points == ((1, 0.1), (2, 0.2), (3, 0.3))


def test_training_sees_that_another_attempt_has_taken_its_checkpoints_over(setting: Setting) -> None:
    script = (
        'while [ "$(cat "$AUTOML_OWNER_FILE")" = "$AUTOML_ATTEMPT_ID" ]; do sleep 0.1; done; '
        'echo "$AUTOML_ATTEMPT_ID was replaced"; exit 3'
    )
    setting.create(script, "replaced")
    first = setting.bind()
    job = setting.launch(first)
    wait_for(lambda: setting.core.read_namespaced_pod(job["name"], "default").status.phase == "Running")
    Places(setting.journal.store, setting.journal.prefix, replace(first, attempt=2), "/").prepare()
    event = run(setting.trigger(first, job))
    assert "slot_0_0_1 was replaced" in event.payload["outcome"]["reason"]


class Killed(BaseException):
    """A worker's end in the middle of something."""


def tried(retries: int) -> dict[str, Any]:
    """A task instance that no person has cleared."""
    given = context()
    given["ti"].max_tries = retries
    return given


@pytest.mark.parametrize("retries", [0, 2])
def test_a_start_that_the_cluster_refused_is_concluded_once_though_its_worker_is_killed(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, retries: int
) -> None:
    setting.create("true", f"refused-{retries}", trials={"retries": retries}, service_account="nobody")
    concluded: list[Any] = []

    def killed(self: Any, *args: Any) -> None:
        concluded.append(args)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(KubernetesTrialOperator, "conclude", killed)
        with pytest.raises(Killed):
            setting.operator().execute(tried(retries))
    assert setting.study.refresh().works[0].state is TrialState.FAILED
    asked = setting.standin.counts().get(("create", "pods"), 0)
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)
    with pytest.raises(AirflowFailException, match="nobody"):
        setting.operator().execute(tried(retries))
    assert setting.standin.counts().get(("create", "pods"), 0) == asked, "nothing is started for it once more"
    assert len(setting.study.refresh().works[0].attempts) == 1


@pytest.mark.parametrize("retries", [0, 2])
def test_a_final_failure_is_concluded_once_though_its_worker_is_killed(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, retries: int
) -> None:
    setting.create(["no-such-program"], f"final-{retries}", trials={"retries": retries})
    with pytest.raises(TaskDeferred) as deferred:
        setting.operator().execute(tried(retries))
    event = run(deferred.value.trigger)
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(KubernetesTrialOperator, "conclude", killed)
        with pytest.raises(Killed):
            setting.operator().execute(tried(retries), event.payload)
    with pytest.raises(AirflowFailException):
        setting.operator().execute(tried(retries))
    assert len(setting.study.refresh().works[0].attempts) == 1
    assert setting.pods() == []
