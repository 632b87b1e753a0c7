"""Why pods don't come up, in words that say what to do: read from what the cluster tells of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from automl_core.masking import hidden

_IMAGE = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
_CONFIG = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError"}
_SAID = 600
"""Letters of what somebody else says."""


def problems_of(pods: Iterable[Mapping[str, Any]], events: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """What keeps pods from being ready, each cause once, with how many pods it keeps.

    Args:
        pods: those that were made from the newest state of the file.
        events: the cluster's events by the name of a pod.
    """
    counted: dict[str, int] = {}
    for pod in pods:
        for problem in _problems(pod, events.get(pod["metadata"]["name"], ())):
            counted[problem] = counted.get(problem, 0) + 1
    return [problem if times == 1 else f"{problem} ({times} pods)" for problem, times in counted.items()]


def needs_events(pod: Mapping[str, Any]) -> bool:
    """Whether only events can say what is wrong with a pod: its own state does not."""
    return not is_ready(pod)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod answers requests."""
    return any(each["type"] == "Ready" and each["status"] == "True" for each in _conditions(pod))


def _conditions(found: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    return (found.get("status") or {}).get("conditions") or ()


def _problems(pod: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    status = pod.get("status") or {}
    if is_ready(pod) or pod["metadata"].get("deletionTimestamp"):
        return
    if status.get("phase") in ("Failed", "Succeeded"):
        # one that is evicted for its disk and ends by itself when told to is called a success: only an event says why
        evicted = next((each for each in events if each.get("reason") == "Evicted"), None)
        why = _short(status.get("message") or (evicted or {}).get("message") or "")
        reason = status.get("reason") or ("Evicted" if evicted else "it ended, which a server never does by itself")
        yield f"{reason}{': ' + why if why else ''}{_what_to_do(why)}"
        return
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            reason = condition.get("reason") or ""
            if reason in ("Unschedulable", "SchedulerError"):
                yield f"no node takes it: {_short(condition.get('message') or '')}"
                return
    seen = False
    for container in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        problem = _container(container)
        if problem:
            seen = True
            yield problem
    if seen:
        return
    for event in reversed(events):
        if event.get("type") == "Warning" and event.get("reason") in (
            "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Unhealthy", "FailedScheduling",
        ):  # fmt: skip
            said = _short(event.get("message") or "")
            yield f"{event['reason']}: {said}{_not_ready(said)}"
            return


def _container(status: Mapping[str, Any]) -> str:
    """What is wrong with a container, empty where nothing is or nobody knows yet."""
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated")
    waiting = state.get("waiting") or {}
    reason, message = waiting.get("reason") or "", _short(waiting.get("message") or "")
    if reason in _IMAGE:
        return (
            f"{reason}: the image {status.get('image') or ''} is not there or may not be pulled: {message}. Look at "
            "`deploy.image`, and at imagePullSecrets in `pod_template`"
        )
    if reason in _CONFIG:
        return f"{reason}: {message}"
    ended = state.get("terminated") or last
    if ended is not None and not state.get("running", {}).get("startedAt"):
        return _ended(status, ended)
    if ended is not None and not status.get("ready"):
        return _ended(status, ended)
    return ""


def _ended(status: Mapping[str, Any], ended: Mapping[str, Any]) -> str:
    again = " again and again" if (status.get("restartCount") or 0) > 1 else ""  # a count would be news at each look
    said = _short(ended.get("message") or "")
    code, reason = ended.get("exitCode"), ended.get("reason") or ""
    if reason == "OOMKilled":
        # the code is the server's own where only a version's process was ended, also 0
        return (
            f"OOMKilled{again}: it needs more memory than `deploy.resources.memory`: raise that, or lower `serve.most`"
        )
    words = f"the server ended with exit code {code}{again}"
    return f"{words}, its last lines: {said}" if said else words


def _not_ready(said: str) -> str:
    """What a server means that lives and says that it is not ready: an event has the status alone."""
    if said.startswith("Readiness probe failed") and said.endswith("503"):
        return ". It can't load the version in use, or it ends: its log says why (kubectl logs)"
    return ""


def _what_to_do(why: str) -> str:
    if "emptydir" in why.lower() and "exceeds the limit" in why:
        return ". Raise `deploy.cache`"
    return ""


def _short(text: str) -> str:
    text = hidden(" ".join(text.split()))
    return text if len(text) <= _SAID else f"…{text[-_SAID:]}"
