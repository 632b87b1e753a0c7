"""The kubelet of the Kubernetes stand-in: pods as real processes."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.client.rest import ApiException

from tests.standins.kubernetes import KubernetesStandIn
from tests.standins.kubernetes.testing import Lab, pod, wait_for


@pytest.fixture(scope="module")
def running() -> Iterator[Lab]:
    with KubernetesStandIn(back_off=0.2) as standin:
        yield Lab(standin)


@pytest.fixture
def lab(running: Lab) -> Iterator[Lab]:
    yield running
    running.core.delete_collection_namespaced_pod("default", grace_period_seconds=0)


def ended(found: Any, container: int = 0) -> Any:
    return found.status.container_statuses[container].state.terminated


def test_a_pod_that_ends_well(lab: Lab) -> None:
    found = lab.run(pod("good", "sh", "-c", "echo out; echo err >&2"))
    assert found.status.phase == "Succeeded"
    assert (ended(found).exit_code, ended(found).reason) == (0, "Completed")
    assert ended(found).started_at <= ended(found).finished_at
    conditions = {each.type: (each.status, each.reason) for each in found.status.conditions}
    assert conditions["PodScheduled"] == ("True", None)
    assert conditions["Ready"] == ("False", "PodCompleted")
    assert sorted(lab.log("good").splitlines()) == ["err", "out"]
    reasons = [reason for reason, _ in lab.events("good")]
    assert reasons[0] == "Scheduled"
    assert reasons[-3:] == ["Pulled", "Created", "Started"]


# $$ is Kubernetes' own escape: the shell sees one half of them
@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$$$", 137), ("kill -SEGV $$$$", 139)])
def test_a_pod_that_fails(lab: Lab, script: str, code: int) -> None:
    found = lab.run(pod("bad", "sh", "-c", script))
    assert found.status.phase == "Failed"
    assert (ended(found).exit_code, ended(found).reason) == (code, "Error")


def test_a_command_that_is_not_there(lab: Lab) -> None:
    found = lab.run(pod("absent", "no-such-program"))
    assert (ended(found).exit_code, ended(found).reason) == (128, "StartError")
    assert "executable file not found in $PATH" in ended(found).message


def test_python_is_the_one_that_runs_the_tests(lab: Lab) -> None:
    lab.run(pod("python", "python", "-c", "import numpy; print(numpy.arange(3).sum())"))
    assert lab.log("python") == "3\n"


def test_the_environment_comes_from_everywhere(lab: Lab) -> None:
    lab.core.create_namespaced_secret("default", {"metadata": {"name": "env"}, "stringData": {"password": "p w"}})
    lab.core.create_namespaced_config_map("default", {"metadata": {"name": "env"}, "data": {"ONE": "1", "TWO": "2"}})
    environment = [
        {"name": "PLAIN", "value": "a b"},
        {"name": "REFERRING", "value": "$(PLAIN)-$(UNKNOWN)-$$(PLAIN)"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "env", "key": "password"}}},
        {"name": "OPTIONAL", "valueFrom": {"secretKeyRef": {"name": "none", "key": "x", "optional": True}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
        {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
    ]
    container = {
        "env": environment,
        "envFrom": [{"configMapRef": {"name": "env"}, "prefix": "C_"}],
        "args": ["$(PLAIN)", "$(NAME)", "$$(NAME)", "$(NOBODY)"],
        "resources": {"limits": {"memory": "512Mi"}},
    }
    script = "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:]]))"
    found = lab.run(pod("env", "python", "-c", script, labels={"app": "x"}, container=container))
    assert found.status.phase == "Succeeded"
    seen, arguments = json.loads(lab.log("env"))
    assert seen["REFERRING"] == "a b-$(UNKNOWN)-$(PLAIN)"
    assert (seen["PASSWORD"], seen["NAME"], seen["LABEL"], seen["MEMORY"]) == ("p w", "env", "x", "512")
    assert (seen["C_ONE"], seen["C_TWO"], seen["HOSTNAME"]) == ("1", "2", "env")
    assert "OPTIONAL" not in seen
    assert "AIRFLOW_HOME" not in seen, "nothing of the stand-in's own environment"
    assert arguments == ["a b", "env", "$(NAME)", "$(NOBODY)"]


def test_a_missing_secret_is_waited_for(lab: Lab) -> None:
    variable = {"name": "X", "valueFrom": {"secretKeyRef": {"name": "late", "key": "k"}}}
    lab.start(pod("waiting", "sh", "-c", "echo $X", container={"env": [variable]}))

    def reason() -> Any:
        statuses = lab.get("waiting").status.container_statuses
        return statuses and statuses[0].state.waiting and statuses[0].state.waiting.reason

    wait_for(lambda: reason() == "CreateContainerConfigError")
    assert ("Failed", 'Error: secret "late" not found') in lab.events("waiting")
    lab.core.create_namespaced_secret("default", {"metadata": {"name": "late"}, "stringData": {"k": "here"}})
    lab.until("waiting", "Succeeded")
    assert lab.log("waiting") == "here\n"


def test_volumes_are_folders(lab: Lab, tmp_path: Path) -> None:
    lab.core.create_namespaced_config_map("default", {"metadata": {"name": "files"}, "data": {"a.txt": "from a map"}})
    lab.core.create_namespaced_secret("default", {"metadata": {"name": "files"}, "stringData": {"b": "secret"}})
    claim = {"metadata": {"name": "claim"}, "spec": {"accessModes": ["ReadWriteOnce"],
                                                     "resources": {"requests": {"storage": "1Gi"}}}}  # fmt: skip
    lab.core.create_namespaced_persistent_volume_claim("default", claim)
    volumes = [
        {"name": "map", "configMap": {"name": "files"}},
        {"name": "both", "projected": {"sources": [{"secret": {"name": "files", "items": [{"key": "b",
                                                                                         "path": "x/b"}]}}]}},
        {"name": "scratch", "emptyDir": {}},
        {"name": "kept", "persistentVolumeClaim": {"claimName": "claim"}},
        {"name": "host", "hostPath": {"path": str(tmp_path / "new"), "type": "DirectoryOrCreate"}},
    ]  # fmt: skip
    mounts = [
        {"name": name, "mountPath": path}
        for name, path in (
            ("map", "/etc/map"),
            ("both", "/etc/both"),
            ("scratch", "/scratch"),
            ("kept", "/data"),
            ("host", "/out"),
        )
    ]
    script = "cat /etc/map/a.txt /etc/both/x/b; echo kept > /data/file; echo made > $TARGET; ls /scratch"
    container = {"volumeMounts": mounts, "env": [{"name": "TARGET", "value": "/out/file"}], "workingDir": "/scratch"}
    assert lab.run(pod("volumes", "sh", "-c", script, volumes=volumes, container=container)).status.phase == "Succeeded"
    assert lab.log("volumes") == "from a mapsecret"
    assert (tmp_path / "new" / "file").read_text() == "made\n"
    again = pod("again", "cat", "/data/file", volumes=[volumes[3]], container={"volumeMounts": [mounts[3]]})
    lab.run(again)
    assert lab.log("again") == "kept\n"


def test_init_containers_come_first_and_sidecars_last(lab: Lab) -> None:
    mounts = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    side = (
        "trap 'echo ended >> /shared/order; exit 0' TERM; echo sidecar >> /shared/order; while :; do sleep 0.05; done"
    )

    def container(name: str, script: str, **more: Any) -> dict[str, Any]:
        return {"name": name, "image": "i", "command": ["sh", "-c", script], **mounts, **more}

    volumes = [{"name": "shared", "persistentVolumeClaim": {"claimName": "order"}}]
    init = [
        container("first", "echo first >> /shared/order"),
        container("side", side, restartPolicy="Always"),
        container("second", "sleep 0.2; cat /shared/order"),
    ]
    script = "sleep 0.2; echo main >> /shared/order"
    body = pod("ordered", "sh", "-c", script, volumes=volumes, container=mounts, initContainers=init)
    lab.core.create_namespaced_persistent_volume_claim("default", {"metadata": {"name": "order"}, "spec": {}})
    found = lab.run(body)
    assert found.status.phase == "Succeeded"
    assert lab.log("ordered", container="second") == "first\nsidecar\n"
    assert [each.state.terminated.exit_code for each in found.status.init_container_statuses] == [0, 0, 0]
    check = pod("check", "cat", "/shared/order", volumes=volumes, container=mounts)
    lab.run(check)
    assert lab.log("check").split() == ["first", "sidecar", "main", "ended"]


def test_a_failing_init_container_fails_the_pod(lab: Lab) -> None:
    init = [{"name": "init", "image": "i", "command": ["sh", "-c", "exit 4"]}]
    found = lab.run(pod("stopped", "true", initContainers=init))
    assert found.status.phase == "Failed"
    assert found.status.init_container_statuses[0].state.terminated.exit_code == 4
    assert found.status.container_statuses[0].state.waiting.reason == "PodInitializing"


def test_containers_are_started_again_as_the_policy_says(lab: Lab) -> None:
    mounts = [{"name": "shared", "mountPath": "/shared"}]
    script = "echo try; test -e /shared/b && exit 0; test -e /shared/a && touch /shared/b; touch /shared/a; exit 1"
    found = lab.run(pod("again", "sh", "-c", script, restartPolicy="OnFailure",
                        volumes=[{"name": "shared", "emptyDir": {}}], container={"volumeMounts": mounts}))  # fmt: skip
    status = found.status.container_statuses[0]
    assert (found.status.phase, status.restart_count) == ("Succeeded", 2)
    assert status.last_state.terminated.exit_code == 1
    assert "BackOff" in [reason for reason, _ in lab.events("again")]
    assert lab.log("again", previous=True) == "try\n"


def test_memory_over_the_limit_is_killed(lab: Lab) -> None:
    script = "import time; x = bytearray(300_000_000); time.sleep(30)"
    found = lab.run(pod("hungry", "python", "-c", script, container={"resources": {"limits": {"memory": "100Mi"}}}))
    assert (ended(found).exit_code, ended(found).reason) == (137, "OOMKilled")


def test_a_termination_message_comes_from_its_file_or_the_log(lab: Lab) -> None:
    found = lab.run(pod("told", "sh", "-c", "echo because > /dev/termination-log; exit 1"))
    assert ended(found).message == "because\n"
    policy = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    found = lab.run(pod("fallback", "sh", "-c", "echo last words; exit 1", container=policy))
    assert ended(found).message == "last words\n"


def test_grace_is_given_then_taken(lab: Lab) -> None:
    lab.start(pod("polite", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"))
    lab.start(pod("deaf", "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"))
    for name in ("polite", "deaf"):
        lab.until(name, "Running")
    before = time.monotonic()
    for name in ("polite", "deaf"):
        lab.core.delete_namespaced_pod(name, "default", grace_period_seconds=2)
    wait_for(lambda: lab.gone("polite"))
    assert not lab.gone("deaf")
    wait_for(lambda: lab.gone("deaf"))
    assert time.monotonic() - before >= 2
    assert ("Killing", "Stopping container base") in lab.events("deaf")


def test_the_image_that_is_missing(lab: Lab) -> None:
    lab.start(pod("imageless", "true", container={"image": "standin/missing:1"}))

    def reason() -> Any:
        statuses = lab.get("imageless").status.container_statuses
        return statuses and statuses[0].state.waiting.reason

    wait_for(lambda: reason() == "ErrImagePull")
    with pytest.raises(ApiException) as caught:
        lab.log("imageless")
    assert caught.value.status == 400
    wait_for(lambda: reason() == "ImagePullBackOff")
    assert lab.get("imageless").status.phase == "Pending"
    assert {"Pulling", "Failed", "BackOff"} <= {reason for reason, _ in lab.events("imageless")}


def test_the_image_that_comes_late(lab: Lab) -> None:
    found = lab.run(pod("late", "true", container={"image": "standin/slow:0.3"}))
    assert found.status.phase == "Succeeded"
    assert "Error: ErrImagePull" in [message for _, message in lab.events("late")]


def test_a_pod_that_fits_nowhere_says_why_and_waits_for_room(lab: Lab) -> None:
    whole = {"resources": {"requests": {"cpu": "8"}}}
    for name in ("one", "two", "three"):
        lab.start(pod(name, "sleep", "30", container=whole))
    for name in ("one", "two"):
        lab.until(name, "Running")
    assert lab.get("one").spec.node_name != lab.get("two").spec.node_name
    wait_for(lambda: lab.get("three").status.conditions, "the scheduler has tried the third pod")
    (condition,) = [each for each in lab.get("three").status.conditions if each.type == "PodScheduled"]
    assert (condition.status, condition.reason) == ("False", "Unschedulable")
    assert condition.message.startswith("0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes")
    wait_for(lambda: lab.events("three"), "an event tells of it")
    assert lab.events("three") == [("FailedScheduling", condition.message)]
    lab.core.delete_namespaced_pod("one", "default", grace_period_seconds=0)
    lab.until("three", "Running")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"container": {"resources": {"limits": {"nvidia.com/gpu": "1"}}}}, "2 Insufficient nvidia.com/gpu"),
        ({"nodeSelector": {"disk": "ssd"}}, "2 node(s) didn't match Pod's node affinity/selector"),
        (
            {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "nobodys"}}]},
            'persistentvolumeclaim "nobodys" not found',
        ),
    ],
)
def test_what_no_node_has(lab: Lab, spec: dict[str, Any], words: str) -> None:
    lab.start(pod("unfit", "true", **spec))
    wait_for(lambda: any(words in message for _, message in lab.events("unfit")), words)
    assert lab.get("unfit").status.phase == "Pending"


def test_a_deadline_ends_a_pod(lab: Lab) -> None:
    found = lab.run(pod("slow", "sleep", "30", activeDeadlineSeconds=1, terminationGracePeriodSeconds=1))
    assert (found.status.phase, found.status.reason) == ("Failed", "DeadlineExceeded")


def test_pods_have_addresses_and_headless_names(lab: Lab) -> None:
    server = ("import socket; s = socket.create_server(('', 29517), reuse_port=True); "
              "c, _ = s.accept(); c.sendall(b'hello'); c.close()")  # fmt: skip
    caller = (
        "import socket, sys, time\n"
        "for _ in range(100):\n"
        "    try:\n"
        "        print(socket.create_connection((sys.argv[1], 29517), 5).recv(5).decode()); break\n"
        "    except OSError:\n"
        "        time.sleep(0.1)\n"
    )
    lab.start(pod("server", "python", "-c", server, hostname="w-0", subdomain="workers"))
    found = lab.run(pod("caller", "python", "-c", caller, "w-0.workers.default.svc.cluster.local", hostname="w-1",
                        subdomain="workers"))  # fmt: skip
    assert lab.log("caller") == "hello\n"
    assert found.status.pod_ip != lab.get("server").status.pod_ip


def test_many_at_once(lab: Lab) -> None:
    for i in range(60):
        lab.start(pod(f"many-{i}", "sh", "-c", f"echo {i}; sleep 0.3", labels={"many": "1"}))

    def over() -> bool:
        found = lab.core.list_namespaced_pod("default", label_selector="many=1").items
        return [each.status.phase for each in found] == ["Succeeded"] * 60

    wait_for(over, seconds=40)
    results: dict[int, str] = {}
    threads = [threading.Thread(target=lambda i=i: results.update({i: lab.log(f"many-{i}")})) for i in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: f"{i}\n" for i in range(60)}


def test_binary_secrets_reach_files(lab: Lab) -> None:
    data = bytes(range(256))
    lab.core.create_namespaced_secret("default", {"metadata": {"name": "bin"},
                                                  "data": {"k": base64.b64encode(data).decode()}})  # fmt: skip
    body = pod("binary", "python", "-c", "print(open('/s/k','rb').read() == bytes(range(256)))",
               volumes=[{"name": "s", "secret": {"secretName": "bin"}}],
               container={"volumeMounts": [{"name": "s", "mountPath": "/s"}]})  # fmt: skip
    lab.run(body)
    assert lab.log("binary") == "True\n"


def test_a_pod_starts_and_goes_as_slowly_as_in_a_cluster() -> None:
    with KubernetesStandIn(start=0.4, deletion=0.3) as standin:
        lab = Lab(standin)
        lab.run(pod("slow", "true"))
        lab.core.delete_namespaced_pod("slow", "default", grace_period_seconds=0)
        lab.core.delete_namespaced_pod("slow", "default")  # once more while it goes: nothing new
        assert lab.get("slow").metadata.deletion_timestamp
        wait_for(lambda: lab.gone("slow"))
        lab.start(pod("cut-off", "sleep", "60", terminationGracePeriodSeconds=1))
        lab.until("cut-off", "Running")
        lab.core.delete_namespaced_pod("cut-off", "default")
        wait_for(lambda: lab.gone("cut-off"))
        lives = {life["name"]: life for life in standin.pod_times()}
    slow, cut = lives["slow"], lives["cut-off"]
    assert slow["created"] + 0.35 <= slow["started"] <= slow["ended"] <= slow["removed"] - 0.25
    assert cut["started"] < cut["ended"] <= cut["removed"] - 0.25
