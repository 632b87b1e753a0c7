"""Servers put into a cluster: made, changed, refused, shared, taken away; on the stand-in, through its API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from automl_core.serving.kubernetes.applying import NotOurs, NotReady, ServersError
from automl_core.serving.kubernetes.standing import look
from tests.standins.kubernetes.testing import wait_for
from tests.unit.serving.kubernetes.files import Shore, planned, shore

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
SETS = "/apis/apps/v1/namespaces/default/statefulsets"
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"
POLICIES = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies"
CORE = "/api/v1/namespaces/default"


@pytest.fixture(scope="module")
def one() -> Iterator[Shore]:
    with shore(back_off=0.05) as made:
        yield made


@pytest.fixture
def there(one: Shore) -> Iterator[Shore]:
    """The cluster with nothing of an earlier test in it."""
    one.said.clear()
    yield one
    one.standin.restrict(None)
    one.standin.clear_faults()
    for path in (f"{CORE}/services", DEPLOYMENTS, SETS, BUDGETS, f"{CORE}/persistentvolumeclaims", f"{CORE}/pods",
                 "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers", POLICIES):  # fmt: skip
        one.request("DELETE", path, gracePeriodSeconds=0)


def generation(shore: Shore, name: str = "automl-churn") -> int:
    return int(shore.get(f"{DEPLOYMENTS}/{name}")["metadata"]["generation"])


def test_servers_are_made_waited_for_and_found_as_they_were(there: Shore) -> None:
    plan = planned(pod_template=there.serving, allow=["shop"])
    done = there.ensure(plan)
    assert done.made == [f"{kind}/automl-churn" for kind in
                         ("Service", "NetworkPolicy", "Deployment", "PodDisruptionBudget")]  # fmt: skip
    assert any("rolled out: 2 of 2 answer" in line for line in there.said)
    before = generation(there)
    again = there.ensure(plan)
    assert (again.made, again.changed, again.removed) == ([], [], [])
    assert generation(there) == before


def test_what_is_not_wanted_any_more_goes_and_only_that(there: Shore) -> None:
    template = there.serving
    there.ensure(planned(pod_template=template, allow=["shop"], replicas={"min": 1, "max": 3}))
    theirs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "automl-churn"}}
    there.apply(f"{CORE}/configmaps/automl-churn", theirs, "somebody")
    done = there.ensure(planned(pod_template=template, replicas=1))
    assert sorted(done.removed) == ["HorizontalPodAutoscaler/automl-churn", "NetworkPolicy/automl-churn"]
    assert there.get(f"{CORE}/configmaps/automl-churn")
    there.remove(planned(pod_template=template))
    assert there.get(DEPLOYMENTS)["items"] == []
    assert there.get(f"{CORE}/configmaps/automl-churn")
    wait_for(lambda: not there.get(f"{CORE}/pods")["items"], "the pods to be gone")


def test_what_a_controller_has_made_of_ours_is_its_own(there: Shore) -> None:
    """KServe gives an InferenceService's labels to the Deployment, Service and autoscaler that it makes of it."""
    plan = planned(pod_template=there.serving, replicas=1)
    there.ensure(plan)
    owner = there.get(f"{DEPLOYMENTS}/automl-churn")
    by = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "automl-churn", "uid": owner["metadata"]["uid"],
          "controller": True}  # fmt: skip
    body = {
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": "automl-churn-predictor", "labels": plan.labels, "ownerReferences": [by]},
        "spec": {"ports": [{"port": 80}]},
    }  # fmt: skip
    there.apply(f"{CORE}/services/automl-churn-predictor", body, "manager")
    assert there.ensure(plan).removed == []
    assert there.get(f"{CORE}/services/automl-churn-predictor")


def test_servers_under_another_name_take_the_place_of_those_before_once_they_answer(there: Shore) -> None:
    template = there.serving
    there.ensure(planned(pod_template=template, replicas=1))
    done = there.ensure(planned(pod_template=template, replicas=1, name="other"))
    assert "Deployment/other" in done.made
    assert {"Deployment/automl-churn", "Service/automl-churn"} <= set(done.removed)


def test_servers_of_a_file_that_has_changed_since_are_not_rolled_out(there: Shore) -> None:
    template = there.serving
    there.ensure(planned(pod_template=template, replicas=1))
    changed = planned(pod_template=template, replicas=1, serve={"most": 7})
    standing = there.ask(lambda api: look(api, changed))
    assert standing is not None
    assert (standing.finished, standing.updated, standing.ready) == (False, 0, 1)
    assert there.ask(lambda api: look(api, planned(name="absent"))) is None


def test_an_object_of_somebody_else_is_left_alone(there: Shore) -> None:
    body = {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "automl-churn", "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}},
    }  # fmt: skip
    path = f"{BUDGETS}/automl-churn"
    there.apply(path, body, "helm")
    with pytest.raises(
        NotOurs, match=r"PodDisruptionBudget default/automl-churn .* not ours \(it is managed by Helm\)"
    ):
        there.ensure(planned(pod_template=there.serving))
    assert there.get(DEPLOYMENTS)["items"] == [], "nothing is made where something can't be"
    assert there.get(f"{CORE}/services")["items"] == []
    assert there.get(path)["spec"]["selector"] == {"matchLabels": {"a": "b"}}


def test_what_somebody_has_changed_is_put_back_and_said(there: Shore) -> None:
    plan = planned(pod_template=there.serving, replicas=1)
    there.ensure(plan)
    there.patch(f"{DEPLOYMENTS}/automl-churn", {"spec": {"replicas": 3}}, "kubectl-edit")
    there.patch(f"{DEPLOYMENTS}/automl-churn", {"metadata": {"annotations": {"theirs": "x"}}}, "kubectl-edit")
    done = there.ensure(plan)
    found = there.get(f"{DEPLOYMENTS}/automl-churn")
    assert found["spec"]["replicas"] == 1
    assert found["metadata"]["annotations"]["theirs"] == "x", "what the file says nothing of is theirs"
    assert done.changed == ["Deployment/automl-churn"]
    assert any("was changed by kubectl-edit" in line for line in there.said)


def test_as_many_as_the_autoscaler_has_decided_stay(there: Shore) -> None:
    template = there.serving
    plan = planned(pod_template=template, replicas={"min": 1, "max": 4})
    there.ensure(plan)
    assert there.get(f"{DEPLOYMENTS}/automl-churn")["spec"]["replicas"] == 1
    there.patch(f"{DEPLOYMENTS}/automl-churn", {"spec": {"replicas": 3}}, "kube-controller-manager")
    there.ensure(planned(pod_template=template, replicas={"min": 1, "max": 4}, serve={"most": 5}))
    assert there.get(f"{DEPLOYMENTS}/automl-churn")["spec"]["replicas"] == 3
    there.ensure(planned(pod_template=template, replicas={"min": 1, "max": 2}))
    assert there.get(f"{DEPLOYMENTS}/automl-churn")["spec"]["replicas"] == 3, "its bounds are the autoscaler's to keep"
    assert not any("was changed by" in line for line in there.said)


def test_an_autoscaler_that_is_not_wanted_any_more_does_not_decide_the_number(there: Shore) -> None:
    """One that is there while the number is said sets it back, and what it has set last stays when it goes."""
    template = there.serving
    there.ensure(planned(pod_template=template, replicas={"min": 1, "max": 4}))
    there.patch(f"{DEPLOYMENTS}/automl-churn", {"spec": {"replicas": 2}}, "kube-controller-manager")
    there.said.clear()
    there.ensure(planned(pod_template=template, replicas=1))
    assert there.get(f"{DEPLOYMENTS}/automl-churn")["spec"]["replicas"] == 1
    gone = there.said.index("default/automl-churn: HorizontalPodAutoscaler removed")
    assert gone < there.said.index("default/automl-churn: Deployment changed")


def test_an_update_that_does_not_come_up_leaves_those_before_at_work(there: Shore) -> None:
    template = there.serving
    there.ensure(planned(pod_template=template, replicas=1, allow=["shop"]))
    broken = planned(pod_template=template, replicas=1, image="standin/missing:2")
    with pytest.raises(NotReady, match=r"standin/missing:2 is not there .*Those before them go on") as late:
        there.ensure(broken, until="standin/missing:2 is not there")
    assert "1 of 1 answer, 1 are of the file as it is" in str(late.value)
    assert there.get(f"{POLICIES}/automl-churn"), "nothing is taken away before others answer"


def test_a_server_that_crashes_is_quoted(there: Shore) -> None:
    plan = planned(pod_template=there.template("echo 'no such bucket: lake' >&2; exit 3"), replicas=1)
    there.ensure(plan, wait=False)

    def crashed() -> bool:
        standing = there.ask(lambda api: look(api, plan))
        assert standing is not None
        return any("exit code 3 again and again, its last lines: no such bucket: lake" in each
                   for each in standing.problems)  # fmt: skip

    wait_for(crashed, "a crash to be told")


def failing(there: Shore, words: str, **deploy: Any) -> str:
    """What is said of servers that don't come up, once some words were said of them."""
    with pytest.raises(NotReady) as late:
        there.ensure(planned(pod_template=there.serving, **{"replicas": 1, **deploy}), until=words)
    assert words in str(late.value)
    return str(late.value)


def test_why_servers_do_not_come_up_is_said(there: Shore) -> None:
    said = failing(there, "the image standin/missing:1 is not there or may not be pulled", image="standin/missing:1")
    assert "deploy.image" in said
    said = failing(there, "(2 pods)", replicas=2, resources={"cpu": "900"}, name="b")
    assert said.count("no node takes it: 0/1 nodes are available") == 1
    failing(there, 'secret "absent" not found', tokens="absent", name="c")


def test_a_quota_is_named_where_no_pod_can_be_made(there: Shore) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
             "spec": {"hard": {"requests.memory": "1Gi"}}}  # fmt: skip
    path = f"{CORE}/resourcequotas/small"
    there.apply(path, quota, "admin")
    try:
        said = failing(there, "exceeded quota: small")
    finally:
        there.ask(lambda api: api.delete(path))
    assert "FailedCreate" in said


def test_servers_that_keep_their_folder_are_a_stateful_set(there: Shore) -> None:
    template = there.serving
    plan = planned(pod_template=template, cache={"size": "4Gi", "keep": True})
    there.ensure(plan)
    claims = [each["metadata"]["name"] for each in there.get(f"{CORE}/persistentvolumeclaims")["items"]]
    assert claims == ["cache-automl-churn-0", "cache-automl-churn-1"]
    there.ensure(planned(pod_template=template, cache={"size": "4Gi", "keep": True}, serve={"most": 3}))
    with pytest.raises(ServersError, match="volumes can't be changed"):
        there.ensure(planned(pod_template=template, cache={"size": "9Gi", "keep": True}))
    done = there.ensure(planned(pod_template=template))  # a Deployment in its place
    assert "StatefulSet/automl-churn" in done.removed
    assert any("its volumes (cache-automl-churn-0 and so on) stay" in line for line in there.said)
    assert len(there.get(f"{CORE}/persistentvolumeclaims")["items"]) == 2


def test_models_share_servers_that_answer_for_all_of_the_storage(there: Shore) -> None:
    template = there.serving
    shared: dict[str, Any] = {"pod_template": template, "name": "serving", "models": "all", "replicas": 1}
    churn, intents = planned("churn", **shared), planned("intents", **shared)
    there.ensure(churn)
    there.ensure(intents)
    assert generation(there, "serving") == 1, "the second says the same"
    labels = there.get(f"{DEPLOYMENTS}/serving")["metadata"]["labels"]
    assert {"models.automl/churn", "models.automl/intents"} <= set(labels)

    with pytest.raises(ServersError, match=r"the file of churn says otherwise.*\.spec\.replicas"):
        there.ensure(planned("intents", **{**shared, "replicas": 2}))
    with pytest.raises(NotOurs, match="is that of churn, intents: choose another"):
        there.ensure(planned("third", **{**shared, "models": "this"}))
    with pytest.raises(NotOurs, match="answers from s3://lake/models"):
        there.ensure(planned("third", "s3://other/models", **shared))

    gone = there.remove(churn)
    assert gone.removed == []
    found = there.get(f"{DEPLOYMENTS}/serving")
    assert "models.automl/churn" not in found["metadata"]["labels"]
    assert found["spec"]["replicas"] == 1
    there.ensure(planned("intents", **{**shared, "replicas": 2}))  # it is alone now, and may
    assert there.get(f"{DEPLOYMENTS}/serving")["spec"]["replicas"] == 2
    assert "Deployment/serving" in there.remove(intents).removed


def test_what_lacks_in_the_cluster_or_in_rights_is_named(there: Shore) -> None:
    with pytest.raises(ServersError, match=r"knows no HTTPRoute: install the Gateway API.*deploy\.gateway"):
        there.ensure(planned(pod_template=there.serving, gateway="public"))
    assert there.get(DEPLOYMENTS)["items"] == [], "nothing was made that would go on without it"
    with pytest.raises(ServersError, match="knows no InferenceService: install KServe"):
        there.ensure(planned(pod_template=there.serving, objects="kserve"))
    with pytest.raises(ServersError, match=r"Is there a namespace 'nowhere'"):
        there.ensure(planned(pod_template=there.serving, namespace="nowhere"))
    there.standin.restrict([{"apiGroups": [""], "resources": ["services"], "verbs": ["get", "patch", "create"]}])
    with pytest.raises(ServersError, match=r"rbac-serving\.yaml"):
        there.ensure(planned(pod_template=there.serving))
