"""Intervals of a model scored in pods, on the Kubernetes stand-in: real processes, no Airflow runs."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred
from kubernetes import client, config

from automl_airflow.models.score_intervals import plain
from automl_airflow.models.score_pod_watching import ScorePodTrigger
from automl_airflow.models.score_pods import PodScoreOperator
from automl_core.backends.kubernetes.hub import WATCH_SECONDS
from automl_core.models.batch import Interval
from tests.sources import ROOT
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.standins.kubernetes.testing import wait_for
from tests.support.patience import stretched
from tests.unit.models.batch.lab import Lab, day

NIGHT = day("2026-11-02")


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5, start=1.0) as made:
        yield made


@pytest.fixture
def core(standin: KubernetesStandIn) -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(str(standin.kubeconfig)))


@pytest.fixture
def lab(tmp_path: Path, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch) -> Lab:
    connection = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(standin.kubeconfig)}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    found = Lab(tmp_path, backend="kubernetes", image="standin/automl:1", resources={"memory": "1Gi"})
    found.use()
    return found


class Instance:
    """A task instance with XComs that outlive a worker."""

    def __init__(self) -> None:
        self.told: dict[str, Any] = {}
        self.context: dict[str, Any] = {}

    def of(self, try_number: int = 1, run: str = "scheduled__1") -> dict[str, Any]:
        ti = MagicMock(
            dag_id="churn.score", task_id="score", run_id=run, map_index=0, try_number=try_number, max_tries=5
        )
        ti.xcom_push = lambda key, value: self.told.update({key: json.loads(json.dumps(value))})
        ti.xcom_pull = lambda key, **_: self.told.get(key)
        at = datetime(2026, 11, 2, tzinfo=UTC)
        run_ = MagicMock(
            run_id=run, conf={}, logical_date=at, data_interval_start=at, data_interval_end=at, run_type="scheduled",
            run_after=None, start_date=at,
        )  # fmt: skip
        return {"ti": ti, "task_instance": ti, "dag_run": run_, "run_id": run, "dag": MagicMock(dag_id="churn.score")}


def task(lab: Lab, night: Interval = NIGHT) -> PodScoreOperator:
    return PodScoreOperator(
        task_id="score", file=lab.file, cluster="kubernetes_default", interval=plain(night), retries=5,
    )  # fmt: skip


def start(lab: Lab, told: dict[str, Any], night: Interval = NIGHT) -> str:
    """Start (or take over) the pod, as the worker does. Returns its name."""
    with pytest.raises(TaskDeferred) as deferred:
        task(lab, night).execute(told)
    _, arguments = deferred.value.trigger.serialize()
    return str(arguments["pod"])


def too_large(lab: Lab) -> None:
    """From now on its pods find no node."""
    body = lab.file.model_dump(mode="json", by_alias=True)
    body["deploy"]["resources"] = {"memory": "1Gi", "cpu": "1000"}
    lab.file = type(lab.file).model_validate(body)


def trigger_of(name: str, **more: Any) -> ScorePodTrigger:
    return ScorePodTrigger(connection="kubernetes_default", namespace="default", pod=name, pending=600.0, **more)


async def fired(trigger: ScorePodTrigger) -> dict[str, Any]:
    """What a trigger fires with, once it does."""
    try:
        event = await asyncio.wait_for(anext(trigger.run()), stretched(60))
    finally:
        await trigger.cleanup()
    return dict(json.loads(json.dumps(event.payload)))


def ended(core: client.CoreV1Api, name: str) -> dict[str, Any]:
    """Wait for a pod's end; what the trigger would fire with."""
    wait_for(lambda: core.read_namespaced_pod(name, "default").status.phase in ("Succeeded", "Failed"), 60)
    good = core.read_namespaced_pod(name, "default").status.phase == "Succeeded"
    return {"status": "success" if good else "failed", "name": name, "namespace": "default", "message": "it failed"}


def test_a_pod_scores_and_the_worker_records(lab: Lab, core: client.CoreV1Api) -> None:
    lab.rows("2026-11-02")
    instance = Instance()
    name = start(lab, instance.of())
    assert start(lab, instance.of(try_number=2)) == name, "a retry takes its pod over"
    pod = core.read_namespaced_pod(name, "default")
    assert pod.spec.containers[0].security_context.allow_privilege_escalation is False
    secret = core.read_namespaced_secret(name, "default")
    assert secret.metadata.owner_references[0].name == name, "it goes with its pod"
    told = task(lab).trigger_reentry(instance.of(), ended(core, name))
    assert (told["what"], told["rows"], told["version"]) == ("scored", 4, 1)
    assert [row["model_version"] for row in lab.out("2026-11-02")] == ["1"] * 4
    assert lab.life().state.scoring.recent[-1].attempt == 1
    left = [each.metadata.name for each in core.list_namespaced_pod("default").items]
    assert name not in left
    again = task(lab).execute(Instance().of(run="scheduled__2"))
    assert again["what"] == "already"


def test_a_retry_that_finds_its_pod_ended_records_it(lab: Lab, core: client.CoreV1Api) -> None:
    lab.rows("2026-11-02")
    instance = Instance()
    name = start(lab, instance.of())
    ended(core, name)
    assert start(lab, instance.of(try_number=2)) == name
    told = task(lab).trigger_reentry(instance.of(try_number=2), asyncio.run(fired(trigger_of(name))))
    assert (told["what"], told["rows"]) == ("scored", 4)
    assert name not in [each.metadata.name for each in core.list_namespaced_pod("default").items]


def test_a_time_limit_that_a_deployment_gives_tasks_holds_for_the_pod(lab: Lab) -> None:
    lab.rows("2026-11-02")
    context, operator = Instance().of(), task(lab)
    context["ti"].start_date, operator.execution_timeout = datetime.now(UTC), timedelta(hours=1)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(context)
    _, arguments = deferred.value.trigger.serialize()
    assert arguments["deadline"] == pytest.approx(context["ti"].start_date.timestamp() + 3600)
    assert deferred.value.timeout > timedelta(hours=1), "the trigger ends the pod, before Airflow ends the trigger"


def test_a_pod_beyond_its_time_limit_is_ended_and_the_claim_given_back(lab: Lab, core: client.CoreV1Api) -> None:
    lab.rows("2026-11-02")
    too_large(lab)
    instance = Instance()
    name = start(lab, instance.of())
    event = asyncio.run(fired(trigger_of(name, deadline=0.0)))
    assert (event["status"], event["name"]) == ("timeout", name)
    with pytest.raises(AirflowException, match="execution_timeout"):
        task(lab).trigger_reentry(instance.of(), event)
    assert not lab.life().state.scoring.open
    assert name not in [each.metadata.name for each in core.list_namespaced_pod("default").items]


def test_a_person_who_clears_the_task_ends_its_pod(lab: Lab, core: client.CoreV1Api) -> None:
    lab.rows("2026-11-02")
    too_large(lab)
    name = start(lab, Instance().of())

    async def kill() -> None:
        trigger = trigger_of(name)
        await trigger.on_kill()
        await trigger.cleanup()

    asyncio.run(kill())
    assert name not in [each.metadata.name for each in core.list_namespaced_pod("default").items]


def test_what_it_prints_goes_into_the_log_of_its_task(lab: Lab) -> None:
    lab.rows("2026-11-02")
    trigger = trigger_of(start(lab, Instance().of()))
    trigger._log = MagicMock()
    assert asyncio.run(fired(trigger))["status"] == "success"
    assert any("4 rows of" in call.args[0] for call in trigger._log.info.call_args_list)


def test_pods_of_one_namespace_share_one_watch(lab: Lab, standin: KubernetesStandIn) -> None:
    """Requests grow with the pods, not with the time that these take."""
    nights = [f"2026-11-{number:02d}" for number in (2, 3, 4, 5)]
    names = []
    for night in nights:
        lab.rows(night)
        names.append(start(lab, Instance().of(), day(night)))
    standin.forget_requests()

    async def all_of_them() -> list[dict[str, Any]]:
        return await asyncio.gather(*(fired(trigger_of(name)) for name in names))

    began = time.monotonic()
    assert {each["status"] for each in asyncio.run(all_of_them())} == {"success"}
    renewed = 1 + int((time.monotonic() - began) / WATCH_SECONDS)
    requests = standin.requests()
    asked = [each["verb"] for each in requests if (each["group"], each["resource"]) == ("", "pods")]
    assert asked.count("list") == 1
    assert asked.count("watch") <= renewed
    assert set(asked) == {"list", "watch"}, "nobody asks for one pod"


def test_rows_that_do_not_fit_fail_in_words_and_the_claim_is_given_back(lab: Lab, core: client.CoreV1Api) -> None:
    path = lab.rows("2026-11-02")
    path.write_text("id,age,plan\n1,30,1\n")
    instance = Instance()
    name = start(lab, instance.of())
    with pytest.raises(AirflowFailException, match="city"):
        task(lab).trigger_reentry(instance.of(), ended(core, name))
    assert not lab.life().state.scoring.open


def test_a_pod_that_is_gone_is_tried_again_as_another_attempt(lab: Lab, core: client.CoreV1Api) -> None:
    lab.rows("2026-11-02")
    instance = Instance()
    name = start(lab, instance.of())
    core.delete_namespaced_pod(name, "default", grace_period_seconds=0)
    wait_for(lambda: name not in [each.metadata.name for each in core.list_namespaced_pod("default").items])
    report = next(iter((lab.folder / "runs").rglob("1-1.json")), None)
    if report is not None:  # it was quicker than we
        report.unlink()
    gone = {"status": "failed", "name": name, "namespace": "default", "message": "evicted"}
    with pytest.raises(AirflowException, match="no end of its own"):
        task(lab).trigger_reentry(instance.of(), gone)
    other = start(lab, instance.of(try_number=2))
    assert other != name
    told = task(lab).trigger_reentry(instance.of(try_number=2), ended(core, other))
    assert told["what"] == "scored"


def test_without_an_image_it_says_what_to_do(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.rows("2026-11-02")
    body = lab.file.model_dump(mode="json", by_alias=True)
    del body["deploy"]["image"]
    lab.file = type(lab.file).model_validate(body)
    with pytest.raises(AirflowFailException, match="AUTOML_IMAGE"):
        task(lab).execute(Instance().of())
    assert not lab.life().state.scoring.open, "the claim is given back"


Right = tuple[str, str, str]
"""API group, resource, verb."""


def rules_of(path: str, name: str) -> list[dict[str, Any]]:
    documents = yaml.safe_load_all((ROOT / "deploy/kubernetes" / path).read_text())
    return list(next(each["rules"] for each in documents if each["metadata"]["name"] == name and "rules" in each))


def test_what_the_connection_holds_is_no_argument_of_the_trigger(
    lab: Lab, standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """These lie in Airflow's database in plain text."""
    kubeconfig = json.loads(standin.kubeconfig.read_text())
    token = kubeconfig["users"][0]["user"]["token"]
    connection = {"conn_type": "kubernetes", "extra": {"kube_config": json.dumps(kubeconfig)}}
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", json.dumps(connection))
    lab.rows("2026-11-02")
    with pytest.raises(TaskDeferred) as deferred:
        task(lab).execute(Instance().of())
    _, arguments = deferred.value.trigger.serialize()
    assert token not in json.dumps(arguments, default=str)
    assert arguments["connection"] == "kubernetes_default"
    assert arguments["pending"] == 600, "a new node takes longer than 120 s"


def test_the_rights_are_those_that_are_used(lab: Lab, standin: KubernetesStandIn) -> None:
    used: dict[str, set[Right]] = {"worker": set(), "triggerer": set()}

    def holding(who: str, act: Callable[[], Any]) -> Any:
        standin.restrict(rules_of("rbac.yaml", f"automl-{who}"))
        standin.forget_requests()
        try:
            answer = act()
            asked = standin.requests()
            assert [each for each in asked if each["status"] == 403] == []
            used[who] |= {(each["group"], each["resource"], each["verb"]) for each in asked}
            return answer
        finally:
            standin.restrict(None)

    for date, good in (("2026-11-02", True), ("2026-11-03", False)):
        path, instance = lab.rows(date), Instance()
        if not good:
            path.write_text("id,age,plan\n1,30,1\n")
        operator = functools.partial(task, lab, day(date))

        def start(operator: Any = operator, told: Any = instance) -> Any:
            with pytest.raises(TaskDeferred) as deferred:
                operator().execute(told.of())
            return deferred.value.trigger

        trigger = holding("worker", start)
        event = holding("triggerer", lambda trigger=trigger: asyncio.run(fired(trigger)))
        assert event["status"] == ("success" if good else "failed")

        def end(operator: Any = operator, told: Any = instance, event: Any = event) -> Any:
            return operator().trigger_reentry(told.of(), event)

        if good:
            assert holding("worker", end)["what"] == "scored"
        else:
            with pytest.raises(AirflowFailException, match="city"):
                holding("worker", end)
    assert used["triggerer"] <= {
        ("", "pods", "list"), ("", "pods", "watch"), ("", "pods", "get"), ("", "pods/log", "get"),
        ("metrics.k8s.io", "pods", "list"),
    }, "it looks, and changes nothing"  # fmt: skip
