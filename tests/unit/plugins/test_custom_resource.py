"""Trials that are custom resources, and queues of Kueue, as the worker and the triggerer have them: on the stand-in."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.triggers.base import TaskSuccessEvent, TriggerEvent
from kubernetes import client, config

from automl_airflow import studies, watching
from automl_airflow.factory import build_dag
from automl_airflow.kubernetes import hubs, resource_sweep, sweep
from automl_airflow.kubernetes.operator import KubernetesTrialOperator
from automl_airflow.kubernetes.resource_operator import CustomResourceTrialOperator
from automl_airflow.kubernetes.resource_trigger import CustomResourceTrialTrigger
from automl_core.backends.base import StartError
from automl_core.backends.kubernetes import resource_job, workloads
from automl_core.spec.loader import parse_experiment
from automl_core.states import TrialState
from automl_core.storage import open_store
from automl_core.study import Binding, Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from automl_core.study.progress import spent
from automl_core.study.queued import is_queued
from tests.sources import ROOT
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.kueue import Queues
from tests.support.trainjobs import trainjob
from tests.unit.plugins.kubernetes_trials import RUN, SOON, context

GROUP, VERSION, PLURAL = "trainer.kubeflow.org", "v1alpha1", "trainjobs"
GOOD = "echo accuracy=0.5 step=0; echo model > $AUTOML_MODEL_DIR/model.txt"


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(kueue=True, trainer=True) as made:
        yield made


class Setting:
    """An experiment of TrainJobs (or of whatever its task says), its study, and the cluster."""

    def __init__(self, folder: Path, standin: KubernetesStandIn) -> None:
        self.folder, self.standin = folder, standin
        connected = config.new_client_from_config(config_file=str(standin.kubeconfig))
        self.core, self.objects = client.CoreV1Api(connected), client.CustomObjectsApi(connected)

    def create(self, name: str, task: dict[str, Any], groups: dict[str, Any] | None = None, **trials: Any) -> None:
        (self.folder / "runs").mkdir(exist_ok=True)
        self.name = name
        body = {
            "name": name,
            "output": {"storage": "file://./runs"},
            "goal": {"metric": "accuracy", "direction": "maximize"},
            "search": {"algorithm": "random"},
            "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
            "trials": {"max": 4, "concurrency": 2, **trials},
            "tasks": [{"poll": 0.3, **task}],
            **(groups or {}),
        }
        self.journal = StudyJournal(open_store(str(self.folder / "runs")), experiment_prefix(name, RUN))
        self.study = Study.create(self.journal, parse_experiment(yaml.safe_dump(body), "x.yaml"), RUN, [])

    def script(self, script: str, **fields: Any) -> dict[str, Any]:
        mount = {"host_path": str(self.folder / "runs"), "path": "/mnt/runs"}
        return trainjob(["sh", "-c", script], mount=mount, **fields)

    def bind(self, slot: int = 0) -> Binding:
        found = self.study.ask(slot)
        assert isinstance(found, Binding)
        return found

    def operator(self) -> CustomResourceTrialOperator:
        return CustomResourceTrialOperator(
            task_id="trial", storage="file://./runs", connection=None, experiment=self.name, slot=0, step_ids=["trial"]
        )

    def launch(self, binding: Binding) -> dict[str, Any]:
        return self.operator().launch(context(), self.study, self.journal.store, binding)

    def trigger(self, binding: Binding, job: dict[str, Any]) -> CustomResourceTrialTrigger:
        path, arguments = self.operator().watcher(context(), self.study, binding, job).serialize()
        assert path == "automl_airflow.kubernetes.resource_trigger.CustomResourceTrialTrigger"
        return CustomResourceTrialTrigger(**json.loads(json.dumps(arguments)))

    def trainjobs(self) -> list[str]:
        selector = f"automl/experiment={self.name}"
        found = self.objects.list_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, label_selector=selector)
        return [each["metadata"]["name"] for each in found["items"]]


@pytest.fixture
def setting(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Setting]:
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(standin.kubeconfig)}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.setattr(watching, "LEAST_WAIT", 0.0)
    monkeypatch.setattr(studies, "_studies", studies.SharedStudies(studies._open))
    monkeypatch.setattr(workloads, "EVERY", 0.1)
    yield Setting(tmp_path, standin)
    standin.clear_faults()


async def first_event(trigger: CustomResourceTrialTrigger) -> TriggerEvent:
    try:
        async with asyncio.timeout(SOON):
            return await anext(aiter(trigger.run()))
    finally:
        await trigger.cleanup()


def run(trigger: CustomResourceTrialTrigger) -> TriggerEvent:
    return asyncio.run(first_event(trigger))


def test_an_experiment_of_trainjobs_is_a_dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    body = {
        "name": "trains",
        "output": {"storage": "s3://models/automl"},
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "tasks": [trainjob(["train", "${x}"], kueue={"queue": "team-a"})],
    }
    file = tmp_path / "trains.yaml"
    file.write_text(yaml.safe_dump(body))
    dag = build_dag(file)
    assert set(dag.task_ids) == {"propose", "trial", "reduce"}
    assert dag.get_task("trial").operator_class is CustomResourceTrialOperator  # type: ignore[union-attr]


def test_a_trial_is_a_trainjob_from_start_to_record(setting: Setting) -> None:
    setting.create("train-well", setting.script(GOOD, nodes=2))
    binding = setting.bind()
    job = setting.launch(binding)
    assert job["plural"] == "trainjobs"
    assert setting.operator().is_there(setting.study, binding)
    assert setting.launch(binding) == job, "whoever starts it a second time takes it over"
    assert len(setting.trainjobs()) == 1
    event = run(setting.trigger(binding, job))
    assert isinstance(event, TaskSuccessEvent)
    setting.study.refresh()
    work = setting.study.state.works[0]
    assert (work.state, work.value) == (TrialState.SUCCEEDED, 0.5)
    assert setting.trainjobs() == []
    models = list((setting.folder / "runs").rglob("model.txt"))
    assert [each.read_text() for each in models] == ["model\n"], "the pods wrote it into the folder they mount"
    assert not any(hubs._hubs.values())


def test_its_spec_file_is_the_one_in_the_trials_folder(setting: Setting) -> None:
    script = "cp ${spec_file} $AUTOML_MODEL_DIR/given; test $AUTOML_SPEC_FILE = ${spec_file} && echo accuracy=1 step=0"
    setting.create("specified", setting.script(script), {"spec_file": {"format": "json", "base": {"a": 1}}})
    binding = setting.bind()
    assert isinstance(run(setting.trigger(binding, setting.launch(binding))), TaskSuccessEvent)
    folder = setting.folder / "runs" / experiment_prefix("specified", RUN) / "experiment_0"
    given = (folder / "model" / "given").read_text()
    assert given == (folder / "spec.json").read_text()
    assert json.loads(given)["automl"]["model_dir"].startswith("/mnt/runs/specified/")


def test_its_operator_opens_the_study_that_the_run_began_with(setting: Setting) -> None:
    setting.create("opened", setting.script(GOOD))
    _, study = setting.operator().open_study(context())
    assert study.experiment.tasks[0].backend == setting.operator().backend


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"apiVersion": "trainer.kubeflow.org/v9"}, r"has no trainer\.kubeflow\.org/v9.*TrainJob installed"),
        ({"kind": "TrainJop"}, r"has no 'TrainJop' \(it has TrainJob\)\. Did you mean"),
    ],
)  # fmt: skip
def test_a_kind_that_the_cluster_does_not_have_is_named(setting: Setting, change: dict[str, str], words: str) -> None:
    task = setting.script(GOOD)
    task["resource"] |= change
    setting.create("unknown-kind", task)
    with pytest.raises(StartError, match=words) as refused:
        setting.launch(setting.bind())
    assert refused.value.systematic


def test_a_kind_that_is_not_there_is_no_error_of_looking_for_what_was_left(setting: Setting) -> None:
    task = setting.script(GOOD)
    task["resource"]["apiVersion"] = "trainer.kubeflow.org/v9"
    setting.create("left-nowhere", task)
    assert not setting.operator().is_there(setting.study, setting.bind()), "the start that follows says why"
    resource_sweep.sweep(context(), setting.study)


def test_a_field_that_the_kind_refuses_is_named(setting: Setting) -> None:
    task = setting.script(GOOD)
    task["resource"]["spec"]["trainer"]["numNodes"] = "two"
    setting.create("wrong-field", task)
    with pytest.raises(StartError, match=r"422 .*spec\.trainer\.numNodes in body must be of type integer") as refused:
        setting.launch(setting.bind())
    assert refused.value.systematic
    task["resource"]["spec"]["trainer"]["numNodes"] = 1
    task["resource"]["spec"]["podTemplateOverrides"] = [{"targetJobs": [{"name": "node"}]}]
    setting.create("older-field", task)
    with pytest.raises(
        StartError, match=r'strict decoding error: unknown field "spec\.podTemplateOverrides"'
    ) as refused:
        setting.launch(setting.bind())
    assert refused.value.systematic, "Trainer 2.1 had it: it would be dropped without a word"
    del task["resource"]["spec"]["podTemplateOverrides"]
    task["resource"]["spec"]["runtimeRef"]["name"] = "none-such"
    setting.create("wrong-runtime", task)
    with pytest.raises(StartError, match=r'"none-such" not found: specified clusterTrainingRuntime must') as refused:
        setting.launch(setting.bind())
    assert refused.value.systematic


@pytest.mark.parametrize("backend", ["kubernetes", "custom_resource"])
def test_a_queue_that_is_not_there_is_named_before_anything_waits(setting: Setting, backend: str) -> None:
    queue = f"team-{backend.replace('_', '-')}"
    Queues(setting.standin.kubeconfig).make(queue, {"cpu": "1"})
    kueue = {"queue": queue[:-1]}
    operator: Any
    if backend == "kubernetes":
        mount = {"path": "/mnt/runs", "host_path": "./runs"}
        setting.create("lost-pod", {"name": "train", "backend": backend, "image": "i", "command": "true",
                                    "storage_mount": mount, "kueue": kueue})  # fmt: skip
        operator = KubernetesTrialOperator(
            task_id="trial", storage="file://./runs", connection=None, experiment="lost-pod", slot=0,
            step_ids=["trial"], cluster="kubernetes_default",
        )  # fmt: skip
    else:
        setting.create("lost-job", setting.script(GOOD, kueue=kueue))
        operator = setting.operator()
    with pytest.raises(StartError, match=rf"there is no LocalQueue '{queue[:-1]}'.*Did you mean '{queue}'") as refused:
        operator.launch(context(), setting.study, setting.journal.store, setting.bind())
    assert refused.value.systematic


def test_a_cluster_without_kueue_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.kubernetes.queues import check_queue
    from automl_core.spec.queueing import Kueue

    with KubernetesStandIn() as bare:
        connected = config.new_client_from_config(config_file=str(bare.kubeconfig))
        with pytest.raises(StartError, match="the cluster has no Kueue"):
            check_queue(connected, Kueue(queue="any"), "default", lambda call: call())


def test_cleared_while_it_waits_in_the_queue(setting: Setting) -> None:
    Queues(setting.standin.kubeconfig).make("closed", {"cpu": "0"})
    setting.create("cleared", setting.script(GOOD, kueue={"queue": "closed"}))
    binding = setting.bind()
    trigger = setting.trigger(binding, setting.launch(binding))

    async def main() -> None:
        running = asyncio.ensure_future(anext(aiter(trigger.run())))
        async with asyncio.timeout(SOON):
            while trigger._remote is None:
                await asyncio.sleep(0.05)
            await trigger.on_kill()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await trigger.cleanup()

    asyncio.run(main())
    setting.study.refresh()
    assert setting.study.state.works[0].last_attempt().state is TrialState.USER_CANCELED  # type: ignore[union-attr]
    assert setting.trainjobs() == []


def test_time_in_the_queue_is_no_time_of_the_trial(setting: Setting) -> None:
    queues = Queues(setting.standin.kubeconfig)
    queues.make("later", {"cpu": "0"})
    setting.create("waits", setting.script(GOOD, kueue={"queue": "later"}, cost_per_hour=3600))
    binding = setting.bind()
    job = setting.launch(binding)
    assert job["queue"] == "later"
    setting.study.external(binding, json.dumps(job))
    attempt = setting.study.state.works[0].attempts[0]
    assert is_queued(attempt)
    hours_later = attempt.started + 36_000
    assert spent(setting.study.state, setting.study.experiment, hours_later) == 0.0, "nothing is paid for waiting"
    trigger = setting.trigger(binding, job)
    flavor = {"name": "any", "resources": [{"name": "cpu", "nominalQuota": "1"}]}
    queues.change("later", {"resourceGroups": [{"coveredResources": ["cpu"], "flavors": [flavor]}]})
    assert isinstance(run(trigger), TaskSuccessEvent)
    setting.study.refresh()
    attempt = setting.study.state.works[0].attempts[0]
    assert not is_queued(attempt)
    assert "queue" not in json.loads(attempt.external)
    records = [each for each in setting.journal.records() if each.kind == "external"]
    assert [("began" in each.data) for each in records] == [False, True]


def test_the_reducer_ends_what_is_left_and_keeps_what_is_to_be_kept(setting: Setting) -> None:
    setting.create("left", setting.script("exec sleep 600", keep_resources="always"), concurrency=2)
    setting.launch(setting.bind(0))
    setting.launch(setting.bind(1))
    first, second = setting.trainjobs()
    done = {"status": {"conditions": [{"type": "Complete", "status": "True", "reason": "AllJobsCompleted",
                                       "message": "", "lastTransitionTime": "2026-11-29T00:00:00Z"}]}}  # fmt: skip
    setting.objects.patch_namespaced_custom_object_status(GROUP, VERSION, "default", PLURAL, first, done)
    resource_sweep.sweep(context(), setting.study)
    assert setting.trainjobs() == [first]
    assert second != first


# --- rights ---------------------------------------------------------------------------------------

Right = tuple[str, str, str]


def rules_of(path: str, name: str) -> list[dict[str, Any]]:
    documents = yaml.safe_load_all((ROOT / path).read_text())
    found = next(doc for doc in documents if doc["kind"] == "Role" and doc["metadata"]["name"] == name)
    rules: list[dict[str, Any]] = found["rules"]
    return rules


def test_queues_and_custom_resources_take_these_rights_and_no_more(
    setting: Setting, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource_job, "MADE_BY", 0.0)
    used: dict[str, set[Right]] = {"worker": set(), "triggerer": set()}

    def holding(who: str, act: Any) -> Any:
        standin.restrict([*rules_of("deploy/kubernetes/rbac.yaml", f"automl-{who}"),
                          *rules_of("deploy/kubernetes/rbac-queues.yaml", f"automl-{who}-queues")])  # fmt: skip
        standin.forget_requests()
        try:
            answer = act()
            asked = standin.requests()
            assert [each for each in asked if each["status"] == 403] == []
            used[who] |= {(each["group"], each["resource"], each["verb"]) for each in asked}
            return answer
        finally:
            standin.restrict(None)

    queues = Queues(standin.kubeconfig)
    queues.make("rights", {"cpu": "1"})
    queues.make("rights-shut", {"cpu": "0"})
    setting.create("rights", setting.script(GOOD, kueue={"queue": "rights"}))
    binding = setting.bind()
    job = holding("worker", lambda: setting.launch(binding))
    assert isinstance(holding("triggerer", lambda: run(setting.trigger(binding, job))), TaskSuccessEvent)
    setting.create("rights-deleted", setting.script("exec sleep 600"))
    unseen = setting.bind()
    job = holding("worker", lambda: setting.launch(unseen))
    setting.objects.delete_namespaced_custom_object(GROUP, VERSION, "default", PLURAL, job["name"])
    event = holding("triggerer", lambda: run(setting.trigger(unseen, job)))
    assert not isinstance(event, TaskSuccessEvent), "deleted before anybody has seen it"
    setting.create("rights-left", setting.script(GOOD, kueue={"queue": "rights-shut"}))
    holding("worker", lambda: (setting.launch(setting.bind()), resource_sweep.sweep(context(), setting.study)))
    setting.create("rights-waits", setting.script(GOOD, kueue={"queue": "rights-shut"}))
    waiting = setting.bind()
    job = holding("worker", lambda: setting.launch(waiting))

    async def wait() -> None:
        trigger = setting.trigger(waiting, job)
        running = asyncio.ensure_future(anext(aiter(trigger.run())))
        async with asyncio.timeout(SOON):
            while not any(each["resource"] == "workloads" for each in standin.requests()):
                await asyncio.sleep(0.1)
            await trigger.on_kill()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await trigger.cleanup()

    holding("triggerer", lambda: asyncio.run(wait()))
    for who, found in used.items():
        rules = rules_of("deploy/kubernetes/rbac-queues.yaml", f"automl-{who}-queues")
        granted = {each for rule in rules for each in product(rule["apiGroups"], rule["resources"], rule["verbs"])}
        assert granted <= found, f"{who} never uses {granted - found}"


def test_a_sweep_of_pods_leaves_custom_resources_alone(setting: Setting, caplog: pytest.LogCaptureFixture) -> None:
    setting.create("other", setting.script("exec sleep 600"))
    setting.launch(setting.bind())
    with caplog.at_level(logging.WARNING):
        sweep.sweep(context(), setting.study)
    assert len(setting.trainjobs()) == 1
    resource_sweep.sweep(context(), setting.study)
    assert setting.trainjobs() == []


def test_a_sweep_of_one_training_task_leaves_those_of_another_alone(setting: Setting) -> None:
    setting.create("two-tasks", setting.script("exec sleep 600"))
    setting.launch(setting.bind())
    task = setting.study.experiment.tasks[0]
    place = f"{setting.journal.store.url}/{setting.journal.prefix}"
    resource_sweep._sweep(task.model_copy(update={"name": "score"}), place)  # type: ignore[arg-type]
    assert len(setting.trainjobs()) == 1, "its states may mean something else, and its file keep it"
    resource_sweep.sweep(context(), setting.study)
    assert setting.trainjobs() == []
