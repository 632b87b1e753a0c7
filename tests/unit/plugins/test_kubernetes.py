"""The operator and the trigger of trials in pods, with a real study, on the API server stand-in; no Airflow runs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent
from kubernetes import client

from automl_airflow import compat, watching
from automl_airflow.factory import experiment_dag
from automl_airflow.kubernetes import preload
from automl_airflow.kubernetes.connection import cluster_from, cluster_of
from automl_airflow.kubernetes.launching import Launch
from automl_airflow.kubernetes.operator import KubernetesTrialOperator
from automl_airflow.kubernetes.prices import with_prices
from automl_airflow.kubernetes.sweep import sweep
from automl_airflow.kubernetes.trigger import KubernetesTrialTrigger
from automl_airflow.watching import TrialTrigger
from automl_core.backends import StartError
from automl_core.backends.base import BackendError
from automl_core.running.places import Places
from automl_core.running.watch import Watch
from automl_core.states import ExperimentState, TrialState
from automl_core.storage import StorageError
from automl_core.storage.base import StorageUnavailable
from automl_core.study import Outcome
from automl_core.study.layout import experiment_prefix
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.unit.plugins.kubernetes_trials import GOOD, RUN, Setting, context, first_event, prepare, run


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Setting:
    return prepare(tmp_path, standin, monkeypatch)


def test_a_trigger_watches_records_and_ends_the_task_by_itself(setting: Setting) -> None:
    setting.create(f"{GOOD}; sleep 1", "good", resources={"cpu": "100m"}, prices={"cpu_hour": 36000})
    binding = setting.bind()
    event = run(setting.trigger(binding, setting.launch(binding)))
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms is not None
    assert event.xcoms["return_value"]["value"] == 0.3
    state = setting.study.refresh()
    assert state.works[0].state is TrialState.SUCCEEDED
    assert state.works[0].points == ((1, 0.1), (2, 0.2), (3, 0.3))
    assert state.works[0].cost >= 1.0, "a tenth of a CPU for at least a second, at ten a second"
    folder = setting.folder / "runs" / experiment_prefix("good", RUN) / "experiment_0"
    assert (folder / "model" / "model.txt").read_text() == "model\n"
    assert (folder / "log.txt").read_text().splitlines() == [f"accuracy=0.{i} step={i}" for i in (1, 2, 3)]
    assert setting.pods() == []


def test_one_attempt_has_one_pod_however_often_it_is_started(setting: Setting) -> None:
    setting.create("sleep 600", "adopted")
    binding = setting.bind()
    first = setting.launch(binding)
    operator = setting.operator()
    assert operator.is_there(setting.study, binding)
    assert operator._left_running(setting.study) == binding, "what a worker that is tried again finds"
    marker = setting.folder / "runs" / experiment_prefix("adopted", RUN) / "scratch" / "slot_0_0_1" / "model" / "half"
    marker.write_text("written by the pod")
    assert setting.launch(binding) == first
    assert marker.exists(), "taking over clears nothing"
    assert setting.pods() == [first["name"]]
    setting.core.delete_namespaced_pod(first["name"], "default", grace_period_seconds=0)


def test_the_pod_of_an_attempt_that_was_bound_just_now_is_not_looked_for_first(setting: Setting) -> None:
    setting.create("sleep 600", "new")
    binding, operator = setting.bind(), setting.operator()
    operator.bound_now = True
    setting.standin.forget_requests()
    job = operator.launch(context(), setting.study, setting.journal.store, binding)
    assert setting.standin.counts() == {("create", "pods"): 1}
    assert operator.launch(context(), setting.study, setting.journal.store, binding) == job, "it is there: taken over"
    setting.core.delete_namespaced_pod(job["name"], "default", grace_period_seconds=0)


def test_a_pod_of_somebody_else_is_not_taken_over(setting: Setting) -> None:
    setting.create("sleep 600", "foreign")
    binding = setting.bind()
    name = Launch(setting.operator(), setting.study, setting.journal.store, binding).attempt.name
    container = {"name": "base", "image": "a", "command": ["sleep", "600"]}
    body = {"metadata": {"name": name}, "spec": {"containers": [container], "restartPolicy": "Never"}}
    setting.core.create_namespaced_pod("default", body)
    with pytest.raises(StartError, match="stands in the way"):
        setting.launch(binding)
    setting.core.delete_namespaced_pod(name, "default", grace_period_seconds=0)


def test_what_the_cluster_refuses_is_said_in_its_words(setting: Setting) -> None:
    setting.create("true", "refused", namespace="nowhere")
    with pytest.raises(StartError, match='namespaces "nowhere" not found'):
        setting.launch(setting.bind())


def test_a_conflict_is_no_pod_that_is_there_already(setting: Setting) -> None:
    setting.create("sleep 600", "conflict")
    setting.standin.fail(409, "create", "pods", count=1)
    job = setting.launch(setting.bind())
    assert setting.pods() == [job["name"]]
    setting.core.delete_namespaced_pod(job["name"], "default", grace_period_seconds=0)


def used_up(*args: Any, **kwargs: Any) -> Any:
    message = 'pods "x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4'
    error = client.ApiException(status=403, reason="Forbidden")
    error.body = json.dumps({"kind": "Status", "reason": "Forbidden", "message": message})
    raise error


def test_a_quota_that_is_used_up_holds_no_worker_and_costs_no_attempt(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting.create("sleep 600", "quota")
    with monkeypatch.context() as full:
        full.setattr(client.CoreV1Api, "create_namespaced_pod", used_up)
        with pytest.raises(TaskDeferred) as paused:
            setting.operator().execute(context())
    assert paused.value.method_name == "start_again"
    with pytest.raises(TaskDeferred) as deferred:
        setting.operator().start_again(context(), "the time is over")
    assert isinstance(deferred.value.trigger, KubernetesTrialTrigger)
    assert deferred.value.trigger.attempt == 1
    (name,) = setting.pods()
    setting.core.delete_namespaced_pod(name, "default", grace_period_seconds=0)


def test_a_trial_that_waits_for_a_quota_obeys_a_stop(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.create("sleep 600", "stopped-waiting")
    monkeypatch.setattr(client.CoreV1Api, "create_namespaced_pod", used_up)
    monkeypatch.setattr(compat, "skip_instances", lambda *_: None)  # Airflow's part, which is not running
    with pytest.raises(TaskDeferred):
        setting.operator().execute(context())
    setting.study.stop("target", ExperimentState.FINISHED, "good enough", running="cancel")
    with pytest.raises(AirflowSkipException):
        setting.operator().start_again(context())
    assert setting.study.refresh().works[0].state is TrialState.SYS_CANCELED


def test_a_quota_fails_the_trial_where_the_file_says_so(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.create("sleep 600", "quota-fails", pending={"timeout": 0.001, "then": "fail"})
    binding = setting.bind()
    monkeypatch.setattr(client.CoreV1Api, "create_namespaced_pod", used_up)
    time.sleep(0.01)
    with pytest.raises(StartError, match=r"exceeded quota.*pending\.timeout"):
        setting.launch(binding)


def test_a_failure_that_is_tried_again_and_one_that_is_not(setting: Setting) -> None:
    setting.create("exit 3", "fails", trials={"retries": 1})
    first = setting.bind()
    assert isinstance(run(setting.trigger(first, setting.launch(first))), TaskFailedEvent)
    setting.study.refresh()
    second = setting.bind()
    assert (second.trial, second.attempt) == (first.trial, 2)
    event = run(setting.trigger(second, setting.launch(second)))
    assert type(event) is TriggerEvent, "only a worker can fail a task for good"
    assert event.payload["outcome"]["state"] == "FAILED"
    assert event.payload["retry"] is False


def test_more_memory_after_running_out_of_it(setting: Setting) -> None:
    setting.create(
        ["python3", "-c", "import time; x = bytearray(150_000_000); time.sleep(60)"], "memory",
        resources={"memory": "60Mi"}, memory_limit_on_oom={"factor": 2, "max": "100Mi"},
    )  # fmt: skip
    asked = []
    for attempt in (1, 2):
        binding = setting.bind()
        assert binding.attempt == attempt
        job = setting.launch(binding)
        asked.append(job["memory"] / 2**20)
        event = run(setting.trigger(binding, job))
        setting.study.refresh()
    assert asked == [60, 100]
    assert event.payload["outcome"]["kind"] == "oom"
    assert "would get no more" in event.payload["outcome"]["reason"]
    assert setting.study.state.works[0].failures == 1, "the first one was not counted"


def test_nan_ends_the_pod_and_the_trial(setting: Setting) -> None:
    setting.create("echo accuracy=nan step=0; sleep 600", "nan")
    binding = setting.bind()
    event = run(setting.trigger(binding, setting.launch(binding)))
    assert event.payload["outcome"]["state"] == "FAILED"
    assert "nan" in event.payload["outcome"]["reason"].lower()
    assert setting.pods() == []


def test_a_pod_gets_its_code_from_the_bundle_that_airflow_gave_the_worker(setting: Setting) -> None:
    bundle = setting.folder / "versions" / "3f2a"
    bundle.mkdir(parents=True)
    (bundle / "code.py").write_text("print('accuracy=0.75')")
    setting.create(["python3", "/code/x.py"], "bundled", files={"/code/x.py": "${bundle_dir}/code.py"})
    given = context()
    given["ti"].bundle_instance = type("Bundle", (), {"path": bundle})()
    binding = setting.bind()
    job = setting.operator().launch(given, setting.study, setting.journal.store, binding)
    maps = setting.core.list_namespaced_config_map("default", label_selector="automl/experiment=bundled").items
    assert [each.data for each in maps] == [{"file-0": "print('accuracy=0.75')"}]
    event = run(setting.trigger(binding, job))
    assert event is not None
    assert setting.study.refresh().works[binding.slot].value == 0.75


def test_a_stop_cancels_what_runs(setting: Setting) -> None:
    setting.create("echo begun; sleep 600", "stopped")
    binding = setting.bind()
    job = setting.launch(binding)
    setting.study.stop("target", ExperimentState.FINISHED, "good enough", running="cancel")
    assert isinstance(run(setting.trigger(binding, job)), TaskSkippedEvent)
    assert setting.study.refresh().works[0].state is TrialState.SYS_CANCELED
    assert setting.pods() == []


def test_a_trigger_that_begins_again_shows_only_what_is_new(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = setting.folder / "go_on"
    waits = f"while [ ! -e {go_on} ]; do sleep 0.1; done"
    setting.create(f"echo accuracy=0.1 step=0; {waits}; echo accuracy=0.2 step=1", "again")
    binding = setting.bind()
    job = setting.launch(binding)

    async def interrupted() -> None:
        task = asyncio.create_task(first_event(setting.trigger(binding, job)))
        folder = setting.folder / "runs" / experiment_prefix("again", RUN) / "experiment_0" / "metrics.json"
        while not folder.exists():
            await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(interrupted())
    monkeypatch.setattr(watching, "RESTARTED_AFTER", 0.0)
    trigger = setting.trigger(binding, job)
    shown: list[str] = []
    monkeypatch.setattr(trigger, "_log", SimpleNamespace(info=shown.append, error=shown.append, warning=print))

    async def taken_up() -> TriggerEvent:
        task = asyncio.create_task(first_event(trigger))
        while not trigger._replaying and not task.done():
            await asyncio.sleep(0.05)
        while trigger._replaying and not task.done():
            await asyncio.sleep(0.05)
        go_on.touch()
        return await task

    assert isinstance(asyncio.run(taken_up()), TaskSuccessEvent)
    assert not any("step=0" in line for line in shown)
    assert any("step=1" in line for line in shown)
    assert any("taken up again" in line for line in shown)
    assert setting.study.refresh().works[0].points == ((0, 0.1), (1, 0.2))


def test_a_trigger_whose_end_was_recorded_before_says_the_same_again(setting: Setting) -> None:
    setting.create("sleep 600", "recorded")
    binding = setting.bind()
    job = setting.launch(binding)
    told = setting.study.tell(binding, Outcome(TrialState.SUCCEEDED, value=0.7, metrics={"accuracy": 0.7}))
    assert told.accepted
    event = run(setting.trigger(binding, job))
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms is not None
    assert event.xcoms["return_value"]["value"] == 0.7
    assert len(setting.study.refresh().works[0].attempts) == 1


def test_a_person_who_clears_or_marks_the_task_ends_the_pod(setting: Setting) -> None:
    setting.create("echo begun; sleep 600", "killed")
    binding = setting.bind()
    trigger = setting.trigger(binding, setting.launch(binding))

    async def killed() -> None:
        task = asyncio.create_task(anext(aiter(trigger.run())))
        while trigger._watched is None or trigger._remote is None:
            await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await trigger.on_kill()
        await trigger.cleanup()

    asyncio.run(killed())
    assert setting.study.refresh().works[0].state is TrialState.USER_CANCELED
    assert setting.pods() == []


def test_a_store_that_is_away_keeps_no_pod_running_that_a_person_ended(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "TELL_FIRST", 0.1)
    setting.create("echo begun; sleep 600", "killed-away")
    binding = setting.bind()
    trigger = setting.trigger(binding, setting.launch(binding))
    tell, tried = TrialTrigger._tell, []

    def away(self: TrialTrigger, outcome: Outcome) -> Any:
        tried.append(setting.pods())
        if len(tried) == 1:
            raise StorageUnavailable("the bucket is away")
        return tell(self, outcome)

    monkeypatch.setattr(TrialTrigger, "_tell", away)

    async def killed() -> None:
        task = asyncio.create_task(anext(aiter(trigger.run())))
        while trigger._watched is None or trigger._remote is None:
            await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await trigger.on_kill()
        await trigger.cleanup()

    asyncio.run(killed())
    assert len(tried) == 2
    assert setting.pods() == []
    assert setting.study.refresh().works[0].state is TrialState.USER_CANCELED


def test_a_store_that_is_away_at_the_end_loses_no_result(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    setting.create(GOOD, "away-at-the-end")
    binding = setting.bind()
    keep, tried = Places.keep_log, []

    def away(self: Places, log: Path) -> None:
        tried.append(log)
        if len(tried) == 1:
            raise StorageUnavailable("the bucket is away")
        keep(self, log)

    def refused(self: Places) -> None:
        raise StorageError("the pod's files are another user's")

    monkeypatch.setattr(Watch, "publish", lambda self: None)  # as while the bucket is away
    monkeypatch.setattr(Places, "keep_log", away)
    monkeypatch.setattr(Places, "remove", refused)
    event = run(setting.trigger(binding, setting.launch(binding)))
    assert isinstance(event, TaskSuccessEvent)
    assert len(tried) == 2
    work = setting.study.refresh().works[0]
    assert (work.state, work.value, len(work.attempts)) == (TrialState.SUCCEEDED, 0.3, 1)
    prefix = setting.study.journal.prefix
    assert setting.study.journal.store.list(f"{prefix}experiment_0/metrics.json"), "its curve was written in the end"


def test_a_worker_that_is_stopped_before_it_defers_leaves_no_job(setting: Setting) -> None:
    setting.create("sleep 600", "stopped-early", workers=2)
    operator = setting.operator()
    job = operator.launch(context(), setting.study, setting.journal.store, setting.bind())
    assert setting.batch.read_namespaced_job(job["name"], "default")
    operator.on_kill()
    with pytest.raises(client.ApiException, match="not found"):
        setting.batch.read_namespaced_job(job["name"], "default")
    operator.on_kill()


@pytest.mark.parametrize("begun", [False, True])
def test_a_cleared_task_that_took_the_pod_over_begins_anew(setting: Setting, begun: bool) -> None:
    setting.create("echo begun; sleep 600", f"overtaken-{begun}".lower())
    binding = setting.bind()
    job = setting.launch(binding)
    old, new = setting.trigger(binding, job), setting.trigger(binding, setting.launch(binding))

    async def overtaken() -> TriggerEvent:
        first = asyncio.create_task(anext(aiter(old.run())))
        while old._watched is None or old._remote is None:
            await asyncio.sleep(0.1)
        second = asyncio.create_task(first_event(new)) if begun else None
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await old.on_kill()
        await old.cleanup()
        return await (second or asyncio.create_task(first_event(new)))

    assert asyncio.run(overtaken()).payload == {"superseded": True}
    setting.study.refresh()
    assert setting.bind().attempt == 2, "what the worker then does"
    assert setting.pods() == []


def test_the_reducer_leaves_no_pod_of_its_run_and_touches_no_other(setting: Setting) -> None:
    (setting.folder / "code.py").write_text("import time; time.sleep(600)")
    setting.create(["python3", "/code/x.py"], "swept", files={"/code/x.py": "code.py"})
    first = setting.launch(setting.bind())
    study, journal = setting.study, setting.journal
    setting.create("sleep 600", "neighbour")
    other = setting.launch(setting.bind())
    sweep(context(), study)
    selector = "automl/experiment=swept"
    for pod in setting.core.list_namespaced_pod("default", label_selector=selector).items:
        assert pod.metadata.deletion_timestamp is not None
    assert not setting.core.list_namespaced_config_map("default", label_selector=selector).items
    assert setting.core.read_namespaced_pod(other["name"], "default").metadata.deletion_timestamp is None
    setting.core.delete_namespaced_pod(other["name"], "default", grace_period_seconds=0)
    assert (first["name"], journal.prefix) != (other["name"], setting.journal.prefix)


def test_the_reducer_ends_workers_of_which_some_have_ended(setting: Setting) -> None:
    setting.create('[ "$RANK" = 0 ] || sleep 600', "half", workers=2)
    job = setting.launch(setting.bind())
    while not setting.batch.read_namespaced_job_status(job["name"], "default").status.succeeded:
        time.sleep(0.05)
    sweep(context(), setting.study)
    with pytest.raises(client.ApiException, match="not found"):
        setting.batch.read_namespaced_job(job["name"], "default")


def test_a_cluster_that_is_away_keeps_nothing_in_another_running(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting.create("sleep 600", "two-clusters")
    job = setting.launch(setting.bind())
    (task,) = setting.study.experiment.tasks
    away = task.model_copy(update={"connection": "a_cluster_that_is_none", "name": "other"})
    setting.study.experiment.tasks.append(away)
    with pytest.raises(RuntimeError, match="a_cluster_that_is_none"):
        sweep(context(), setting.study)
    found = [pod for pod in setting.core.list_namespaced_pod("default").items if pod.metadata.name == job["name"]]
    assert all(pod.metadata.deletion_timestamp is not None for pod in found)


def test_only_an_experiment_with_pods_gets_the_operator(setting: Setting) -> None:
    setting.create(GOOD, "dag")
    dag = experiment_dag(setting.study.experiment, Path("dag.yaml"))
    assert dag.get_task("trial").operator_class is KubernetesTrialOperator
    assert issubclass(KubernetesTrialOperator, KubernetesPodOperator)


@pytest.mark.parametrize(
    ("extra", "found"),
    [
        ({"in_cluster": True}, {"in_cluster": True}),
        ({"extra__kubernetes__kube_config_path": "/k"}, {"kubeconfig_path": "/k"}),
        ({"kube_config": '{"a": 1}', "namespace": "ml"}, {"kubeconfig": {"a": 1}, "namespace": "ml"}),
        (
            {"kube_config_path": "/k", "cluster_context": "c", "disable_verify_ssl": "true"},
            {"context": "c", "verify_tls": False},
        ),
    ],
)
def test_connections(extra: dict[str, Any], found: dict[str, Any]) -> None:
    cluster = cluster_from(extra, "c")
    assert {name: getattr(cluster, name) for name in found} == found


def test_connections_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackendError, match="in_cluster and kube_config_path exclude one another"):
        cluster_from({"in_cluster": True, "kube_config_path": "/k"}, "c")
    with pytest.raises(BackendError, match="connection c: kube_config is not JSON"):
        cluster_from({"kube_config": "apiVersion: v1"}, "c")
    assert "secret" not in repr(cluster_from({"kube_config": {"token": "secret"}}, "c"))
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", '{"conn_type": "kubernetes", "extra": {"namespace": "n"}}')
    assert cluster_of("kubernetes_default").namespace_or_default() == "n"


def test_prices_of_a_connection_are_written_into_the_experiment(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting.create(GOOD, "priced", prices_connection="prices", resources={"cpu": 2})
    monkeypatch.setenv("AIRFLOW_CONN_PRICES", '{"conn_type": "generic", "extra": {"cpu_hour": 0.5}}')
    experiment = setting.study.experiment
    assert with_prices(experiment).tasks[0].hourly_price == 1.0
    staged = with_prices(experiment.model_copy(update={"conclude": experiment.tasks}))
    assert staged.conclude[0].hourly_price == 1.0
    monkeypatch.setenv("AIRFLOW_CONN_PRICES", '{"conn_type": "generic", "extra": {"cpu": 0.5}}')
    with pytest.raises(ValueError, match=r"tasks\[0\].prices_connection: .* none of cpu_hour"):
        with_prices(setting.study.experiment)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tasks: [{backend: kubernetes}]", True),
        ('tasks: [{"backend": "kubernetes"}]', True),
        ("tasks: [{backend: custom_resource}]", True),
        ("tasks: [{command: kubernetes}]", False),
    ],
)
def test_the_operator_is_imported_beforehand_only_where_it_will_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, wanted: bool
) -> None:
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "x.yaml").write_text(text)
    (tmp_path / "other.yaml").write_text("backend: kubernetes")
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path))
    monkeypatch.delenv(preload.VARIABLE, raising=False)
    assert preload.wanted() is wanted
    monkeypatch.setenv(preload.VARIABLE, "0" if wanted else "1")
    assert preload.wanted() is not wanted
