"""Why a pod does not train yet, and when that is to end its attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.backends.kubernetes.ends import Kind
from automl_core.backends.kubernetes.holds import Hold, hold, starting, too_much
from automl_core.backends.kubernetes.quota import never_fits
from automl_core.backends.kubernetes.waiting import Limits, WaitingRoom

CREATED = "2026-11-21T10:00:00Z"
BASE = {"name": "base", "state": {"waiting": {"reason": "PodInitializing"}}}


def placed(init: dict[str, Any] | None = None, base: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod that a node has taken and that does not train yet."""
    return {
        "metadata": {"name": "p", "creationTimestamp": CREATED},
        "spec": spec,
        "status": {
            "phase": "Pending",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "initContainerStatuses": [init] if init else [],
            "containerStatuses": [base or BASE],
        },
    }


RUNNING = {"name": "stage", "state": {"running": {"startedAt": CREATED}}}


def room(seconds: float, **limits: Any) -> WaitingRoom:
    now = datetime.fromisoformat(CREATED).timestamp() + seconds
    return WaitingRoom(Limits(pending=15.0, **limits), lambda: now)


def test_an_init_container_that_never_ends_fails_where_the_file_says_so_and_is_named() -> None:
    pod = placed(RUNNING)
    assert hold(pod) is None
    assert room(14, pending_fails=True).judge(pod) is None
    held = room(16, pending_fails=True).judge(pod)
    assert held is not None
    assert held.kind is Kind.PENDING
    assert "init container stage" in str(held)
    waits = room(16)
    assert waits.judge(pod) is None
    assert any("stage" in note and "15s" in note for note in waits.take_notes())


def test_what_takes_long_is_named_in_each_of_its_steps() -> None:
    sidecar = {**RUNNING, "name": "proxy", "started": True}
    beside = {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]}
    found = starting(placed(sidecar, {"name": "base", "state": {"waiting": {"reason": "ContainerCreating"}}}, **beside))
    assert found is not None
    assert "ContainerCreating: its image" in str(found)
    late = starting(placed({**sidecar, "started": False}, **beside))
    assert late is not None
    assert "proxy" in late.message
    waits = starting(placed({"name": "stage", "state": {"waiting": {"reason": "PodInitializing"}}}))
    assert waits is not None
    assert "stage is still to be started" in waits.message
    trains = placed(RUNNING, {"name": "base", "state": {"running": {"startedAt": CREATED}}})
    assert starting(trains) is None
    trains["status"]["conditions"] = []
    assert starting(placed(RUNNING) | {"status": {**placed()["status"], "conditions": []}}) is None


CRASHES = {
    "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 1m20s"}},
    "lastState": {"terminated": {"exitCode": 42, "message": "not yet"}},
}


def test_what_its_own_rules_start_again_is_waited_for_and_a_sidecar_is_not() -> None:
    ruled = placed({"name": "stage", **CRASHES}, initContainers=[{"name": "stage", "restartPolicy": "OnFailure"}])
    found = hold(ruled)
    assert found is not None
    assert (found.kind, found.message) == (Kind.PENDING, "stage: not yet")
    sidecar = placed({"name": "proxy", **CRASHES}, initContainers=[{"name": "proxy", "restartPolicy": "Always"}])
    held = hold(sidecar)
    assert held is not None
    assert held.kind is Kind.CONFIG
    beside = placed()
    beside["status"]["containerStatuses"].append({"name": "other", **CRASHES})
    assert hold(beside) is None, "the training does not wait for what is beside it"


QUOTA = 'pods "x" is forbidden: exceeded quota: team, requested: {}, used: {}, limited: {}'


@pytest.mark.parametrize(
    ("message", "workers", "never"),
    [
        (QUOTA.format("limits.memory=12Gi", "limits.memory=0", "limits.memory=10Gi"), 1, True),
        (QUOTA.format("limits.memory=12Gi,pods=1", "limits.memory=9Gi,pods=3", "limits.memory=10Gi,pods=9"), 1, True),
        (QUOTA.format("limits.memory=4Gi", "limits.memory=8Gi", "limits.memory=10Gi"), 1, False),
        (QUOTA.format("limits.memory=4Gi", "limits.memory=8Gi", "limits.memory=10Gi"), 3, True),
        (QUOTA.format("pods=1", "pods=4", "pods=4"), 4, False),
        (QUOTA.format("requests.cpu=2500m", "requests.cpu=0", "requests.cpu=2"), 1, True),
        (QUOTA.format("limits.memory=1e3", "limits.memory=0", "limits.memory=1"), 1, False),
        ('pods "x" is forbidden: failed quota: q: must specify limits.cpu for: base', 1, False),
        ("Error creating: the network is down", 1, False),
    ],
)
def test_a_quota_that_never_lets_a_pod_be_is_told_from_one_that_is_used_up(
    message: str, workers: int, never: bool
) -> None:
    assert bool(never_fits(message, workers)) is never
    held = too_much(Hold(Kind.PENDING, "FailedCreate", message), workers)
    assert held.kind is (Kind.CONFIG if never else Kind.PENDING)
    assert ("quota team ever allows" in held.message) is never


AMOUNTS = st.dictionaries(
    st.sampled_from(["pods", "requests.cpu", "limits.memory", "requests.nvidia.com/gpu"]),
    st.integers(1, 500), min_size=1,
)  # fmt: skip


@given(AMOUNTS, st.integers(1, 8), st.data())
def test_a_quota_that_is_used_up_is_waited_for_whatever_it_says(
    hard: dict[str, int], workers: int, data: st.DataObject
) -> None:
    wanted = {name: data.draw(st.integers(1, 600), name) for name in hard}
    said = [",".join(f"{name}={amount}" for name, amount in of.items()) for of in (wanted, hard, hard)]
    never = never_fits(QUOTA.format(*said), workers)
    assert bool(never) is any(wanted[name] * workers > hard[name] for name in hard)
    assert all((f"{name}: " in never) is (wanted[name] * workers > hard[name]) for name in hard)


@given(st.text(), st.text())
def test_other_words_of_the_cluster_are_no_quotas(before: str, after: str) -> None:
    assert never_fits(f"{before} is forbidden {after}") == ""
    assert isinstance(never_fits(f"{before}exceeded quota: team, requested: {after}, used: , limited: {after}"), str)
