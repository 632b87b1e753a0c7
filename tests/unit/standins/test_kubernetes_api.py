"""The API of the Kubernetes stand-in, as the official client meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException

from tests.standins.kubernetes import KubernetesStandIn
from tests.standins.kubernetes.testing import pod, wait_for
from tests.support.patience import stretched


@pytest.fixture(scope="module")
def cluster() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(nodes=1) as standin:
        yield standin


@pytest.fixture(scope="module")
def connection(cluster: KubernetesStandIn) -> client.ApiClient:
    return config.new_client_from_config(str(cluster.kubeconfig))


@pytest.fixture
def core(connection: client.ApiClient, request: pytest.FixtureRequest) -> Iterator[client.CoreV1Api]:
    api = client.CoreV1Api(connection)
    yield api
    for each in api.list_namespaced_pod("default").items:
        api.delete_namespaced_pod(each.metadata.name, "default", grace_period_seconds=0)


def refused(call: Any, *args: Any, **kwargs: Any) -> ApiException:
    with pytest.raises(ApiException) as caught:
        call(*args, **kwargs)
    return caught.value


def test_the_token_is_checked(cluster: KubernetesStandIn) -> None:
    answer = httpx.get(f"{cluster.url}/api/v1/namespaces/default/pods", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert answer.json()["reason"] == "Unauthorized"


def test_discovery_names_what_is_served(connection: client.ApiClient) -> None:
    assert client.VersionApi(connection).get_code().git_version.startswith("v1.36.")
    assert {"pods", "pods/log", "secrets"} <= {
        each.name for each in client.CoreV1Api(connection).get_api_resources().resources
    }
    groups = {each.name for each in client.ApisApi(connection).get_api_versions().groups}
    assert {"batch", "metrics.k8s.io", "authorization.k8s.io"} <= groups


def test_a_pod_gets_an_identity_and_defaults(core: client.CoreV1Api) -> None:
    made = core.create_namespaced_pod("default", pod("defaults", "true"))
    assert made.metadata.uid
    assert made.metadata.creation_timestamp
    assert int(made.metadata.resource_version) > 0
    assert made.status.phase == "Pending"
    assert made.spec.termination_grace_period_seconds == 30
    assert made.spec.service_account_name == "default"
    assert made.spec.containers[0].termination_message_path == "/dev/termination-log"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (lambda p: p["metadata"].update(name="Upper"), "metadata.name"),
        (lambda p: p["metadata"].update(name="a" * 254), "metadata.name"),
        (lambda p: p["metadata"].update(labels={"a": "x" * 64}), "metadata.labels"),
        (lambda p: p["metadata"].update(labels={"a": "not valid"}), "metadata.labels"),
        (lambda p: p["metadata"].update(labels={"a/b/c": "x"}), "metadata.labels"),
        (lambda p: p["spec"].update(restartPolicy="Sometimes"), "spec.restartPolicy"),
        (lambda p: p["spec"].update(containers=[]), "spec.containers"),
        (lambda p: p["spec"].update(hostname="a.b"), "spec.hostname"),
        (lambda p: p["spec"]["containers"][0].update(name="a" * 64), "spec.containers[0].name"),
        (lambda p: p["spec"]["containers"][0].pop("image"), "spec.containers[0].image"),
        (
            lambda p: p["spec"]["containers"][0].update(volumeMounts=[{"name": "no", "mountPath": "/x"}]),
            "spec.containers[0].volumeMounts[0].name",
        ),
        (
            lambda p: p["spec"]["containers"][0].update(resources={"limits": {"memory": "much"}}),
            "spec.containers[0].resources.limits.memory",
        ),
        (
            lambda p: p["spec"]["containers"][0].update(
                resources={"limits": {"cpu": "1"}, "requests": {"cpu": "1500m"}}
            ),
            "spec.containers[0].resources.requests",
        ),
    ],
)
def test_what_is_not_valid_is_refused_with_its_field(core: client.CoreV1Api, change: Any, field: str) -> None:
    wrong = pod("fine", "true")
    change(wrong)
    error = refused(core.create_namespaced_pod, "default", wrong)
    assert error.status == 422
    assert field in error.body
    assert '"reason":"Invalid"' in error.body


PLACES = [
    ("metadata",), ("metadata", "name"), ("metadata", "labels"), ("metadata", "annotations"), ("spec",),
    ("spec", "containers"), ("spec", "containers", 0), ("spec", "containers", 0, "name"),
    ("spec", "containers", 0, "image"), ("spec", "containers", 0, "command"), ("spec", "containers", 0, "env"),
    ("spec", "containers", 0, "resources"), ("spec", "volumes"), ("spec", "tolerations"), ("spec", "nodeSelector"),
    ("spec", "restartPolicy"),
]  # fmt: skip
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def plain() -> Iterator[httpx.Client]:
    with httpx.Client() as connection:
        yield connection


@given(place=st.sampled_from(PLACES), value=ODD)
def test_no_body_brings_the_server_down(
    cluster: KubernetesStandIn, plain: httpx.Client, place: tuple[str | int, ...], value: object
) -> None:
    body: Any = pod("odd", "true", tolerations=[], volumes=[], nodeSelector={})
    inner = body
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    url = f"{cluster.url}/api/v1/namespaces/default/pods?dryRun=All"
    content = json.dumps(body)
    answer = plain.post(url, content=content, headers={"Authorization": f"Bearer {cluster.token}"})
    assert answer.status_code in {201, 400, 422}, answer.text


def test_names_are_taken_once(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod("default", pod("twice", "true"))
    error = refused(core.create_namespaced_pod, "default", pod("twice", "true"))
    assert (error.status, '"reason":"AlreadyExists"' in error.body) == (409, True)


def test_what_a_pod_needs_must_exist(core: client.CoreV1Api) -> None:
    assert refused(core.create_namespaced_pod, "nowhere", pod("a", "true")).status == 404
    error = refused(core.create_namespaced_pod, "default", pod("a", "true", serviceAccountName="nobody"))
    assert (error.status, "error looking up service account default/nobody" in error.body) == (403, True)
    error = refused(core.create_namespaced_pod, "default", pod("a", "true", priorityClassName="urgent"))
    assert (error.status, "no PriorityClass with name urgent" in error.body) == (403, True)
    assert refused(core.read_namespaced_pod, "a", "default").status == 404


def test_selectors_choose(core: client.CoreV1Api) -> None:
    for name, labels in (("one", {"app": "x", "n": "1"}), ("two", {"app": "x", "n": "2"}), ("three", {})):
        core.create_namespaced_pod("default", pod(name, "true", labels=labels))

    def names(**query: str) -> set[str]:
        return {each.metadata.name for each in core.list_namespaced_pod("default", **query).items}

    assert names(label_selector="app=x,n!=2") == {"one"}
    assert names(label_selector="n in (1, 2), app") == {"one", "two"}
    assert names(label_selector="n notin (1)") == {"two", "three"}
    assert names(label_selector="!app") == {"three"}
    assert names(field_selector="metadata.name=two") == {"two"}
    wait_for(lambda: names(field_selector="status.phase=Succeeded") == {"one", "two", "three"})
    assert refused(core.list_namespaced_pod, "default", label_selector="a in (").status == 400
    assert refused(core.list_namespaced_pod, "default", field_selector="spec.color=red").status == 400


def test_a_list_comes_in_pages(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    for i in range(5):
        core.create_namespaced_config_map("default", {"metadata": {"name": f"page-{i}", "labels": {"page": "y"}}})
    query = {"label_selector": "page=y", "limit": 2}
    page = core.list_namespaced_config_map("default", **query)
    found = [each.metadata.name for each in page.items]
    while token := page.metadata._continue:
        last = token
        page = core.list_namespaced_config_map("default", _continue=token, **query)
        found += [each.metadata.name for each in page.items]
    assert found == [f"page-{i}" for i in range(5)]
    cluster.fault(expire=True)
    assert refused(core.list_namespaced_config_map, "default", _continue=last, **query).status == 410


def test_a_watch_tells_a_pods_life(core: client.CoreV1Api) -> None:
    start = core.list_namespaced_pod("default").metadata.resource_version
    core.create_namespaced_pod("default", pod("watched", "sh", "-c", "exit 0", labels={"w": "1"}))
    seen = []
    for event in watch.Watch().stream(
        core.list_namespaced_pod, "default", resource_version=start, label_selector="w=1", timeout_seconds=20
    ):
        phase = event["object"].status.phase
        seen.append((event["type"], phase))
        if phase == "Succeeded" and event["type"] != "DELETED":
            core.delete_namespaced_pod("watched", "default")
        if event["type"] == "DELETED":
            break
    assert seen[0] == ("ADDED", "Pending")
    assert seen[-1] == ("DELETED", "Succeeded")
    phases = [phase for _, phase in seen]
    assert phases == sorted(phases, key=["Pending", "Running", "Succeeded"].index)


def test_a_watch_sees_objects_come_and_go_by_their_labels(core: client.CoreV1Api) -> None:
    core.create_namespaced_config_map("default", {"metadata": {"name": "labelled", "labels": {"on": "no"}}})
    seen: list[str] = []

    def follow() -> None:
        stream = watch.Watch().stream(
            core.list_namespaced_config_map, "default", label_selector="on=yes", timeout_seconds=20
        )
        for event in stream:
            seen.append(event["type"])
            if event["type"] == "DELETED":
                return

    thread = threading.Thread(target=follow)
    thread.start()
    core.patch_namespaced_config_map("labelled", "default", {"metadata": {"labels": {"on": "yes"}}})
    wait_for(lambda: seen == ["ADDED"])
    core.patch_namespaced_config_map("labelled", "default", {"metadata": {"labels": {"on": "no"}}})
    thread.join(stretched(20))
    assert seen == ["ADDED", "DELETED"]


def test_a_watch_from_too_long_ago_is_told_so(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    cluster.fault(expire=True)
    stream = watch.Watch().stream(core.list_namespaced_pod, "default", resource_version="1", timeout_seconds=5)
    assert refused(list, stream).status == 410


def test_bookmarks_come_where_asked_for(core: client.CoreV1Api) -> None:
    stream = watch.Watch().stream(
        core.list_namespaced_pod, "default", allow_watch_bookmarks=True, timeout_seconds=3, resource_version="0"
    )
    marks = [event for event in stream if event["type"] == "BOOKMARK"]
    assert marks
    assert int(marks[0]["raw_object"]["metadata"]["resourceVersion"]) > 0


def test_each_kind_of_patch(cluster: KubernetesStandIn, core: client.CoreV1Api) -> None:
    core.create_namespaced_pod("default", pod("patched", "true", labels={"a": "1", "b": "1"}))
    url = f"{cluster.url}/api/v1/namespaces/default/pods/patched"

    def patch(kind: str, body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {cluster.token}", "Content-Type": f"application/{kind}"}
        return httpx.patch(url, content=json.dumps(body), headers=headers)

    merged = patch("merge-patch+json", {"metadata": {"labels": {"a": None}}}).json()["metadata"]
    assert merged["labels"] == {"b": "1"}
    strategic = {"metadata": {"labels": {"c": "3"}, "finalizers": ["test/one"]}}
    assert patch("strategic-merge-patch+json", strategic).json()["metadata"]["labels"] == {"b": "1", "c": "3"}
    steps = [
        {"op": "replace", "path": "/metadata/labels/b", "value": "2"},
        {"op": "remove", "path": "/metadata/finalizers"},
    ]
    metadata = patch("json-patch+json", steps).json()["metadata"]
    assert metadata["labels"] == {"b": "2", "c": "3"}
    assert "finalizers" not in metadata
    assert patch("json-patch+json", [{"op": "test", "path": "/metadata/name", "value": "no"}]).status_code == 422
    assert patch("merge-patch+xml", {}).status_code == 415
    assert patch("apply-patch+yaml", {}).status_code == 422, "an application is somebody's"


def test_a_pods_spec_stays(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod("default", pod("fixed", "sleep", "30"))
    error = refused(core.patch_namespaced_pod, "fixed", "default", {"spec": {"restartPolicy": "Always"}})
    assert (error.status, "pod updates may not change fields" in error.body) == (422, True)
    status = core.patch_namespaced_pod("fixed", "default", {"status": {"phase": "Failed"}}).status
    assert status.phase != "Failed", "a status changes through its own path only"


def test_an_update_of_an_old_version_is_a_conflict(core: client.CoreV1Api) -> None:
    made = core.create_namespaced_config_map("default", {"metadata": {"name": "raced"}, "data": {"a": "1"}})
    core.patch_namespaced_config_map("raced", "default", {"data": {"a": "2"}})
    made.data = {"a": "3"}
    error = refused(core.replace_namespaced_config_map, "raced", "default", made)
    assert (error.status, '"reason":"Conflict"' in error.body) == (409, True)


def test_deleting_is_graceful_and_holds_to_preconditions(core: client.CoreV1Api) -> None:
    made = core.create_namespaced_pod("default", pod("going", "sleep", "30"))
    wait_for(lambda: core.read_namespaced_pod("going", "default").status.phase == "Running")
    wrong = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid="another"))
    assert refused(core.delete_namespaced_pod, "going", "default", body=wrong).status == 409
    right = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=made.metadata.uid))
    marked = core.delete_namespaced_pod("going", "default", body=right, grace_period_seconds=5)
    assert marked.metadata.deletion_timestamp
    assert marked.metadata.deletion_grace_period_seconds == 5
    wait_for(lambda: not core.list_namespaced_pod("default", field_selector="metadata.name=going").items)


def test_a_collection_is_deleted_by_its_labels(core: client.CoreV1Api) -> None:
    for name in ("many-1", "many-2"):
        core.create_namespaced_pod("default", pod(name, "sleep", "30", labels={"m": "1"}))
    core.create_namespaced_pod("default", pod("stays", "sleep", "30"))
    core.delete_collection_namespaced_pod("default", label_selector="m=1", grace_period_seconds=0)
    assert [each.metadata.name for each in core.list_namespaced_pod("default").items] == ["stays"]


def test_secrets_take_plain_text_and_answer_coded(core: client.CoreV1Api) -> None:
    made = core.create_namespaced_secret("default", {"metadata": {"name": "s"}, "stringData": {"k": "v"}})
    assert made.data == {"k": "dg=="}
    core.delete_namespaced_secret("s", "default")


def test_a_dry_run_keeps_nothing(core: client.CoreV1Api) -> None:
    core.create_namespaced_pod("default", pod("dry", "true"), dry_run="All")
    assert refused(core.read_namespaced_pod, "dry", "default").status == 404


def test_nodes_are_ready(core: client.CoreV1Api) -> None:
    (node,) = core.list_node().items
    assert {each.type: each.status for each in node.status.conditions}["Ready"] == "True"
    assert node.status.allocatable["cpu"] == "8"


def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    command = [sys.executable, "-m", "tests.standins.kubernetes", "--port", "0", "--kubeconfig", str(kubeconfig)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        core = client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))
        # one that ignores SIGTERM, and one that has left its session
        script = "trap '' TERM; (setsid sleep 600 & echo $!; echo $$$$); sleep 600"
        core.create_namespaced_pod("default", pod("stubborn", "sh", "-c", script))
        wait_for(lambda: core.read_namespaced_pod("stubborn", "default").status.phase == "Running")
        log = core.read_namespaced_pod_log
        lines = wait_for(
            lambda: (found := log("stubborn", "default", _preload_content=False).data.split()) and found[1:] and found
        )
        process.terminate()
        assert process.wait(stretched(20)) == 0
    assert ready["url"].startswith("http://127.0.0.1:")
    assert kubeconfig.stat().st_mode & 0o077 == 0
    for pid in lines:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import os\n"
        "from tests.standins.kubernetes import KubernetesStandIn\n"
        "standin = KubernetesStandIn(nodes=1).__enter__()\n"
        "print(standin.pid, flush=True)\n"
        "os._exit(1)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    pid = int(done.stdout)

    def gone() -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    wait_for(gone)
