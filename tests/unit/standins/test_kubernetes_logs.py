"""Logs and metrics of the Kubernetes stand-in's pods."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
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


def test_the_log_gives_what_is_asked_for(lab: Lab) -> None:
    script = "i=0; while [ $i -lt 20 ]; do echo line $i; i=$((i+1)); done; sleep 1.2; printf 'no end'"
    lab.run(pod("lines", "sh", "-c", script))
    lines = lab.log("lines").split("\n")
    assert lines == [*(f"line {i}" for i in range(20)), "no end"]
    assert lab.log("lines", tail_lines=3).split("\n") == ["line 18", "line 19", "no end"]
    assert lab.log("lines", limit_bytes=9) == "line 0\nli"
    stamped = [line.split(" ", 1) for line in lab.log("lines", timestamps=True).split("\n")]
    times = [stamp for stamp, _ in stamped]
    assert times == sorted(set(times)), "each line has a time of its own"
    assert all(len(stamp) == len("2026-11-21T08:00:00.123456789Z") for stamp in times)
    since = datetime.fromisoformat(times[-1][:26] + "+00:00").replace(microsecond=0)
    passed = math.ceil((datetime.now(UTC) - since).total_seconds())
    assert lab.log("lines", since_seconds=passed).endswith("no end")
    assert "line 19" not in lab.log("lines", since_seconds=1)


def test_a_log_can_be_followed(lab: Lab) -> None:
    lab.start(pod("followed", "sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.2; done"))
    lab.until("followed", "Running")
    stream = lab.core.read_namespaced_pod_log("followed", "default", follow=True, _preload_content=False)
    assert b"".join(stream.stream()).decode() == "1\n2\n3\n"


GLUED = """import sys, time
bar = "\\r" + "x" * 99
for step in range(3):
    sys.stderr.write(bar * 164), sys.stderr.flush(), time.sleep(0.2)
    print("accuracy=0.5", step, flush=True), time.sleep(0.2)
"""


def test_what_follows_a_record_without_an_end_is_glued_to_it(lab: Lab) -> None:
    lab.run(pod("glued", "python", "-c", GLUED))
    lines = lab.log("glued", timestamps=True).split("\n")
    glued = [line for line in lines if "accuracy" in line]
    assert [line[31 + 16_384 :] for line in glued] == [f"accuracy=0.5 {step}" for step in range(3)]
    assert lab.log("glued", tail_lines=2).startswith("accuracy"), "a tail counts records"


def test_after_a_rotation_there_is_only_the_new_file_and_a_follower_sees_both(lab: Lab, tmp_path: Path) -> None:
    script = f"echo old; until test -e '{tmp_path}/go-on'; do sleep 0.05; done; echo new; sleep 0.5; echo last"
    lab.start(pod("turned", "sh", "-c", script))
    wait_for(lambda: lab.log("turned") == "old\n" if lab.get("turned").status.phase == "Running" else None)
    stream = lab.core.read_namespaced_pod_log("turned", "default", follow=True, _preload_content=False)
    lab.standin.rotate("turned")
    (tmp_path / "go-on").touch()
    assert b"".join(stream.stream()).decode() == "old\nnew\nlast\n"
    lab.until("turned", "Succeeded")
    assert lab.log("turned") == "new\nlast\n"
    lab.standin.remove_containers("turned")
    assert lab.log("turned").startswith("unable to retrieve container logs for containerd://")


def test_a_node_has_no_more_than_so_many_watchers_and_shows_lines_late() -> None:
    with KubernetesStandIn(log_watchers=1, log_delay=0.3, nodes=1) as standin:
        lab = Lab(standin)
        for name in ("one", "two"):
            lab.start(pod(name, "sh", "-c", "echo here; exec sleep 20"))
            lab.until(name, "Running")
        held = lab.core.read_namespaced_pod_log("one", "default", follow=True, _preload_content=False)
        parts = held.stream()
        assert next(parts) == b"here\n"
        wait_for(lambda: lab.log("two"))
        text = lab.log("two", follow=True)
        assert text == "here\nfailed to create fsnotify watcher: too many open files"
        parts.close()


def test_a_log_of_several_containers_must_be_named(lab: Lab) -> None:
    body = pod("two", "true")
    body["spec"]["containers"].append({"name": "other", "image": "i", "command": ["true"]})
    lab.run(body)
    for query, words in (({}, "choose one of: [base other]"), ({"container": "x"}, "container x is not valid")):
        with pytest.raises(ApiException) as caught:
            lab.log("two", **query)
        assert caught.value.status == 400
        assert words in str(caught.value.body)


def test_a_flood_of_output_is_kept_whole(lab: Lab) -> None:
    found = lab.run(pod("flood", "python", "-c", "for i in range(100_000): print('x' * 40, i)"))
    assert found.status.phase == "Succeeded"
    lines = lab.log("flood").splitlines()
    assert len(lines) == 100_000
    assert lines[-1].endswith(" 99999")
    assert lab.log("flood", tail_lines=2).splitlines() == lines[-2:]


def test_metrics_tell_what_runs(lab: Lab) -> None:
    lab.start(pod("measured", "python", "-c", "x = bytearray(50_000_000)\nwhile True: pass"))
    lab.until("measured", "Running")
    api = client.CustomObjectsApi(lab.connection)

    def look() -> Any:
        try:
            found = api.get_namespaced_custom_object("metrics.k8s.io", "v1beta1", "default", "pods", "measured")
        except ApiException:
            return None
        usage = found["containers"][0]["usage"]
        return int(usage["memory"].removesuffix("Ki")) > 50_000 and int(usage["cpu"].removesuffix("n")) > 10_000_000

    wait_for(look)
