"""Pods that run trial after trial: what they are made of, and one attempt watched in such a pod on the stand-in."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from automl_core.backends.base import Cause, Exit
from automl_core.backends.contract import TrialContext
from automl_core.backends.kubernetes import lane_job
from automl_core.backends.kubernetes.lane_job import LaneJob, LanePlace
from automl_core.backends.kubernetes.lanes import (
    LANE_LABEL,
    OWN,
    VARIABLE,
    LaneId,
    LaneInPod,
    begin_line,
    end_line,
    key_of,
    places_in_pod,
)
from automl_core.backends.kubernetes.manifest import Manifest, PodOrder, pod_manifest
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, NAME_LABEL, AttemptId
from automl_core.backends.kubernetes.waiting import Limits
from automl_core.spec.kubernetes import KubernetesTask
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.unit.backends.kubernetes_bench import Bench, on

TOKEN, OTHER = "a" * 16, "b" * 16
WELL = Exit(Cause.EXITED, 0, None, "exit code 0", 1.0)


def lane_pod(number: int = 0, lr: float = 0.1, name: str = "train", **fields: Any) -> Manifest:
    """The pod that an attempt would open."""
    task = KubernetesTask.model_validate(
        {"backend": "kubernetes", "image": "tables:3", "command": ["python", "t.py", "${lr}"], "lane": True,
         "env": {"RATE": "${lr}", "PLAIN": "x"}, **fields}
    )  # fmt: skip
    attempt = LaneId(**asdict(AttemptId("s3://b", "churn", "r", number, number, name, 1)))
    context = TrialContext("churn", "r", number, 1, {"lr": lr}, f"/c{number}", f"/m{number}")
    told = json.dumps({"orders": f"churn/scratch/lanes/{attempt.name}/", "places": places_in_pod("s3://b")})
    lane = LaneInPod("automl_core.running.lane", told, "s3", (("AWS_REGION", "eu"),))
    template: Any = task.pod_template or {}
    return pod_manifest(
        PodOrder(task, context, attempt, memory=task.memory_bytes, timeout=60.0, lane=lane, template=template)
    )


def test_a_pod_of_several_has_nothing_of_one_trial() -> None:
    pod = lane_pod()
    (container,) = pod["spec"]["containers"]
    assert container["command"] == ["python", "-m", "automl_core.running.lane"]
    variables = {each["name"]: each.get("value") for each in container["env"]}
    assert set(variables) == {"PYTHONUNBUFFERED", "PLAIN", f"{OWN}AWS_REGION", VARIABLE}
    assert container["envFrom"] == [{"prefix": OWN, "secretRef": {"name": "s3"}}]
    assert "activeDeadlineSeconds" not in pod["spec"], "it has as long as its trials take"
    assert "trial" not in " ".join(pod["metadata"]["labels"])
    assert "initContainers" not in pod["spec"]


def test_the_restricted_standard_holds_for_it_too() -> None:
    (container,) = lane_pod()["spec"]["containers"]
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert lane_pod()["spec"]["automountServiceAccountToken"] is False


def test_trials_share_a_pod_that_would_be_the_same_for_both() -> None:
    assert key_of(lane_pod(0, 0.1)) == key_of(lane_pod(1, 0.2))
    secret = [{"env": "KEY", "connection": "shop", "key": "password"}]
    assert key_of(lane_pod(0, secrets=secret)) == key_of(lane_pod(1, secrets=secret)), "called as its own pod"
    labelled = [{"metadata": {"labels": {"net": side}}} for side in ("in", "out")]
    others = [
        lane_pod(pod_template=labelled[0]), lane_pod(pod_template=labelled[1]),
        lane_pod(image="tables:4"), lane_pod(image="tables:${lr}"), lane_pod(resources={"memory": "1Gi"}),
        lane_pod(node_selector={"zone": "a"}), lane_pod(env={"PLAIN": "y"}),
    ]  # fmt: skip
    keys = [key_of(each) for each in (lane_pod(), *others)]
    assert len(set(keys)) == len(keys)
    assert key_of(lane_pod(0, 0.1, image="t:${lr}")) != key_of(lane_pod(1, 0.2, image="t:${lr}"))


def test_training_tasks_share_no_pod_since_their_secrets_may_differ() -> None:
    """The cluster's secret is called as its pod, whichever connection is in it."""
    one, two = (
        lane_pod(name=name, secrets=[{"env": "KEY", "connection": connection, "key": "password"}])
        for name, connection in (("train", "shop"), ("test", "bank"))
    )
    assert key_of(one) != key_of(two)


def test_names_and_labels_are_valid_whatever_the_experiment_is_called() -> None:
    for name in ("churn", "7 Ärger — und mehr " * 9, "-", "x" * 200):
        found = LaneId("s3://b", name, "manual__1", 3, 3, name, 1, key="k" * 20)
        assert re.fullmatch(r"[a-z]([a-z0-9-]{0,50}[a-z0-9])", found.name), found.name
        assert found.labels[NAME_LABEL] == found.name
        assert found.labels[LANE_LABEL] == "k" * 20
        assert found.owns(found.labels)
        attempt = AttemptId("s3://b", name, "manual__1", 3, 3, name, 1)
        assert found.name != attempt.name
        assert found.labels[JOURNAL_LABEL] == attempt.labels[JOURNAL_LABEL]


@pytest.fixture(scope="module")
def standin() -> Iterator[KubernetesStandIn]:
    with KubernetesStandIn(back_off=0.5) as made:
        yield made


class Orders:
    """What the storage has, for one attempt."""

    def __init__(self, ended: Exit | None = None, *, away: bool = False) -> None:
        self.said, self.away, self.stops, self.followed_by = ended, away, 0, False

    async def stop(self) -> None:
        self.stops += 1
        if self.away:
            raise OSError("the store is away")

    async def ended(self) -> Exit | None:
        return self.said

    async def followed(self) -> bool:
        return self.followed_by

    async def close(self) -> bool:
        if self.away:
            raise OSError("the store is away")
        return not self.followed_by


def watched(bench: Bench, name: str, orders: Orders, *, first: bool = False, **more: Any) -> LaneJob:
    return LaneJob(bench.hub, name, Limits(), orders, LanePlace(TOKEN, first, time.time()), **more)


def script(*lines: str, then: str = "sleep 300") -> str:
    return "; ".join([*(f"echo '{line}'" for line in lines), then])


def test_of_a_pods_log_an_attempt_has_its_own_lines_and_its_end(standin: KubernetesStandIn) -> None:
    async def look(bench: Bench) -> None:
        name = bench.start(
            script(
                begin_line(OTHER, 1.0), "loss=9", end_line(OTHER, WELL), begin_line(TOKEN, 2.0), "loss=1",
                "[automl-lane] the storage is asked again", "loss=0.5", end_line(TOKEN, WELL), begin_line(OTHER, 3.0),
                "loss=8",
            )
        )  # fmt: skip
        job = watched(bench, name, Orders())
        lines, notes, ended = await bench.follow(job)
        assert lines == ["loss=1", "loss=0.5"]
        assert [note for note in notes if not note.startswith("unreachable")] == ["the storage is asked again"]
        assert ended == WELL
        await job.remove()
        assert await bench.hub.pod(name) is not None, "it waits for the next"
        await job.close()

    on(standin, look)


def test_an_end_that_the_log_has_lost_is_asked_of_the_storage(
    standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_job, "_ASK_EVERY", 0.5)

    async def look(bench: Bench) -> None:
        job = watched(bench, bench.start(script(begin_line(TOKEN, 2.0), "loss=1")), Orders(WELL))
        lines, notes, ended = await bench.follow(job)
        assert lines == ["loss=1"]
        assert ended == WELL
        assert any("lines may be missing" in note for note in notes)
        await job.close()

    on(standin, look)


@pytest.mark.parametrize("known", [True, False])
def test_lines_of_the_next_trial_are_not_told_to_one_whose_end_the_log_has_lost(
    standin: KubernetesStandIn, known: bool
) -> None:
    async def look(bench: Bench) -> None:
        others = script(begin_line(TOKEN, 2.0), "loss=1", begin_line(OTHER, 3.0), "loss=8", then="exit 1")
        orders = Orders(WELL if known else None)
        orders.followed_by = True
        job = watched(bench, bench.start(others), orders)
        lines, _, ended = await bench.follow(job)
        assert lines == ["loss=1"]
        assert ended is not None
        assert ended == WELL if known else ended.blameless, "whatever has become of the pod since"
        await job.close()

    on(standin, look)


def test_a_training_that_prints_such_a_line_keeps_its_output(standin: KubernetesStandIn) -> None:
    async def look(bench: Bench) -> None:
        said = script(begin_line(TOKEN, 2.0), "loss=1", begin_line(OTHER, 3.0), "loss=0.5", end_line(TOKEN, WELL))
        lines, _, ended = await bench.follow(watched(bench, bench.start(said), Orders()))
        assert lines == ["loss=1", "loss=0.5"]
        assert ended == WELL

    on(standin, look)


def test_a_pod_that_others_print_in_is_asked_all_the_same(
    standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotation has taken all of it, and the trials that follow never fall silent."""
    monkeypatch.setattr(lane_job, "_ASK_EVERY", 0.5)

    async def look(bench: Bench) -> None:
        more = "while :; do echo loss=8; sleep 0.1; done"
        job = watched(bench, bench.start(script(begin_line(OTHER, 3.0), then=more)), Orders(WELL))
        job._heard_at = 0.0
        lines, _, ended = await bench.follow(job)
        assert (lines, ended) == ([], WELL)
        await job.close()

    on(standin, look)


def test_what_ends_a_pod_before_a_later_trial_has_begun_is_not_that_trials_fault(standin: KubernetesStandIn) -> None:
    async def look(bench: Bench) -> None:
        over = script(begin_line(OTHER, 1.0), end_line(OTHER, WELL), then="exit 1")
        _, ended = await bench.run(watched(bench, bench.start(over), Orders()))
        assert ended.blameless
        assert ended.cause is Cause.LOST
        assert "before it had begun" in ended.reason

    on(standin, look)


@pytest.mark.parametrize("away", [False, True])
def test_the_pod_of_the_last_trial_stays_where_another_has_begun_in_it(standin: KubernetesStandIn, away: bool) -> None:
    async def look(bench: Bench) -> None:
        orders = Orders(WELL, away=away)
        orders.followed_by = True
        name = bench.start(script(begin_line(TOKEN, time.time()), end_line(TOKEN, WELL)))
        job = watched(bench, name, orders, last=lambda: True)
        await bench.follow(job)
        await job.remove()
        if not away:
            await job.end(0.5)
        pod = await bench.hub.pod(name)
        assert pod is not None
        assert not pod["metadata"].get("deletionTimestamp")
        await job.close()

    on(standin, look)


@pytest.mark.parametrize("away", [False, True])
def test_a_pod_that_does_not_end_its_trial_is_ended(
    standin: KubernetesStandIn, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    monkeypatch.setattr(lane_job, "_LATE", 0.5)

    async def look(bench: Bench) -> None:
        orders = Orders(away=away)
        job = watched(bench, bench.start(script(begin_line(TOKEN, time.time()), "loss=1")), orders)
        await bench.follow(job, until="loss=1")
        await job.end(0.5)
        _, _, ended = await bench.follow(job)
        assert orders.stops == 1
        assert ended is not None
        assert ended.cause is Cause.TERMINATED
        await job.close()

    on(standin, look)


def test_a_pod_that_ends_well_takes_its_trial_along_all_the_same(standin: KubernetesStandIn) -> None:
    async def look(bench: Bench) -> None:
        job = watched(bench, bench.start(script(begin_line(TOKEN, time.time()), "loss=1", then="exit 0")), Orders())
        _, ended = await bench.run(job)
        assert ended.blameless
        assert ended.cause is Cause.LOST
        assert "its pod ended before it" in ended.reason
        await job.close()

    on(standin, look)


def test_a_first_trial_whose_pod_cannot_begin_is_the_images_mistake(standin: KubernetesStandIn) -> None:
    async def look(bench: Bench) -> None:
        job = watched(bench, bench.start("echo No module named automl_core; exit 1"), Orders(), first=True)
        _, ended = await bench.run(job)
        assert ended.systematic
        assert ended.final
        assert "No module named automl_core" in ended.reason
        await job.close()

    on(standin, look)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"workers": 2}, "lane: 2 workers train as one"),
        ({"command": None}, "lane: state the command"),
        ({"lane": {"idle": "0s"}}, "from 1s to 1h"),
        ({"lane": {"idle": "2h"}}, "from 1s to 1h"),
    ],
)
def test_what_a_lane_cannot_be(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        lane_pod(**fields)
