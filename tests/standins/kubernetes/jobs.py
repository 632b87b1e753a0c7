"""The job controller: makes an (indexed) job's pods, counts their ends, says when the job is over."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from random import Random

from tests.standins.kubernetes.admission import admit, generated_name
from tests.standins.kubernetes.disruption import mark_deleted
from tests.standins.kubernetes.events import EventRecorder
from tests.standins.kubernetes.jobrules import INDEX, Verdict, index_of, index_ranges, judge_pods
from tests.standins.kubernetes.objects import ApiError, Object, copy, name_of, namespace_of, seconds_of, timestamp
from tests.standins.kubernetes.podstatus import condition, set_condition
from tests.standins.kubernetes.resources import POD
from tests.standins.kubernetes.store import Change, Store


class JobController:
    """`back_off`: seconds before a failed pod is replaced."""

    def __init__(self, store: Store, events: EventRecorder, random: Random, *, back_off: float) -> None:
        self._store = store
        self._events = events
        self._random = random
        self._back_off = back_off
        self._dirty: set[tuple[str, str]] = set()
        self._wake = asyncio.Event()
        self._counted: dict[str, dict[str, Object]] = {}
        """Job uid → pod uid → the pod as it ended: pods may be deleted, the counts stay."""
        self._surplus: set[str] = set()
        """Pods that were ended because the job needs them no more: how they end counts for nothing."""
        store.listen(self._notice)

    def _notice(self, change: Change) -> None:
        resource, namespace, name = change.key
        if resource == "jobs":
            if change.type == "DELETED":
                self._counted.pop(change.object["metadata"]["uid"], None)
            else:
                self._mark(namespace, name)
        elif resource == "pods":
            for owner in change.object["metadata"].get("ownerReferences") or ():
                if owner["kind"] == "Job":
                    uid = change.object["metadata"]["uid"]
                    if (is_over(change.object) or change.type == "DELETED") and uid not in self._surplus:
                        ended = self._counted.setdefault(owner["uid"], {})
                        ended.setdefault(uid, change.object)
                    self._mark(namespace, owner["name"])

    def _mark(self, namespace: str, name: str) -> None:
        self._dirty.add((namespace, name))
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            dirty, self._dirty = self._dirty, set()
            for namespace, name in sorted(dirty):
                job = self._store.find("jobs", namespace, name)
                if job is not None:
                    self._reconcile(job)
            await asyncio.sleep(0.02)

    def _reconcile(self, job: Object) -> None:
        if finished(job):
            self._expire(job)
            return
        if job["metadata"].get("deletionTimestamp"):
            return
        uid = job["metadata"]["uid"]
        ended = self._counted.setdefault(uid, {})
        active = [pod for pod in self._alive(job, ended) if not pod["metadata"].get("deletionTimestamp")]
        verdict = judge_pods(job, list(ended.values()))
        started = (job.get("status") or {}).get("startTime")
        deadline = job["spec"].get("activeDeadlineSeconds")
        if deadline is not None and started and not verdict.over:
            left = seconds_of(started) + deadline - time.time()
            if left <= 0:
                verdict.fail("DeadlineExceeded", "Job was active longer than specified deadline")
            else:
                asyncio.get_running_loop().call_later(left + 0.05, self._mark, namespace_of(job), name_of(job))
        if verdict.over or job["spec"]["suspend"]:
            for pod in active:
                self._end(pod)
        else:
            self._make_missing(job, active, verdict, list(ended.values()))
        alive = self._alive(job, ended)
        active = [pod for pod in alive if not pod["metadata"].get("deletionTimestamp")]
        self._report(job, verdict, active, len(alive) - len(active))

    def _alive(self, job: Object, ended: dict[str, Object]) -> list[Object]:
        """A job's pods that have not ended."""
        keys = self._store.dependents(job["metadata"]["uid"])
        pods = [pod for key in keys if key[0] == "pods" and (pod := self._store.find(*key)) is not None]
        return [pod for pod in pods if pod["metadata"]["uid"] not in ended]

    def _make_missing(self, job: Object, active: list[Object], verdict: Verdict, ended: list[Object]) -> None:
        spec = job["spec"]
        completions, parallelism = spec.get("completions"), spec["parallelism"]
        wanted = parallelism if completions is None else min(parallelism, completions - len(verdict.succeeded))
        later = verdict.retry_at(self._back_off, ended) - time.time()
        if later > 0:
            asyncio.get_running_loop().call_later(later, self._mark, namespace_of(job), name_of(job))
            return
        count = max(0, wanted - len(active))
        if spec["completionMode"] != "Indexed":
            for _ in range(count):
                self._make(job, None)
            return
        taken = {index_of(pod) for pod in active} | verdict.indexes | verdict.failed_indexes
        for index in [each for each in range(completions or 0) if each not in taken][:count]:
            self._make(job, index)

    def _make(self, job: Object, index: int | None) -> None:
        template = copy(job["spec"]["template"])
        metadata = template.get("metadata") or {}
        middle = "" if index is None else f"{index}-"
        metadata |= {
            "name": generated_name(f"{name_of(job)}-{middle}", self._random),
            "namespace": namespace_of(job),
            "ownerReferences": [{
                "apiVersion": "batch/v1", "kind": "Job", "name": name_of(job), "uid": job["metadata"]["uid"],
                "controller": True, "blockOwnerDeletion": True,
            }],
        }  # fmt: skip
        spec = template["spec"]
        if index is not None:
            metadata["labels"] = (metadata.get("labels") or {}) | {INDEX: str(index)}
            metadata["annotations"] = (metadata.get("annotations") or {}) | {INDEX: str(index)}
            spec.setdefault("hostname", f"{name_of(job)}-{index}"[:63])
            variable = {
                "name": "JOB_COMPLETION_INDEX",
                "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}},
            }
            for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
                container["env"] = [*(container.get("env") or ()), variable]
        pod: Object = {"metadata": metadata, "spec": spec}
        try:
            admit(self._store, POD, pod)
        except ApiError as error:
            self._events.record(job, "FailedCreate", f"Error creating: {error.message}", source="job-controller",
                                warning=True)  # fmt: skip
            return
        made = self._store.create("pods", pod)
        self._events.record(job, "SuccessfulCreate", f"Created pod: {name_of(made)}", source="job-controller")

    def _end(self, pod: Object) -> None:
        self._surplus.add(pod["metadata"]["uid"])
        if pod["spec"].get("nodeName"):
            grace = pod["spec"]["terminationGracePeriodSeconds"]
            self._store.edit("pods", namespace_of(pod), name_of(pod), lambda held: mark_deleted(held, grace))
        else:
            self._store.remove("pods", namespace_of(pod), name_of(pod))

    def _report(self, job: Object, verdict: Verdict, active: list[Object], terminating: int) -> None:
        ready = sum(
            1 for pod in active
            if any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", ()))
        )  # fmt: skip

        def change(held: Object) -> None:
            status = held.setdefault("status", {})
            if not held["spec"]["suspend"]:
                status.setdefault("startTime", timestamp())
            counts = Counter({"active": len(active), "succeeded": len(verdict.succeeded), "failed": verdict.failures})
            for name, count in counts.items():
                if count or name in status:
                    status[name] = count
            status |= {"ready": ready, "terminating": terminating, "uncountedTerminatedPods": {}}
            if held["spec"]["completionMode"] == "Indexed":
                status["completedIndexes"] = index_ranges(verdict.indexes)
                if held["spec"].get("backoffLimitPerIndex") is not None:
                    status["failedIndexes"] = index_ranges(verdict.failed_indexes)
            if held["spec"]["suspend"]:
                set_condition(status, condition("Suspended", True, "JobSuspended", "Job suspended"))
            elif any(each["type"] == "Suspended" for each in status.get("conditions") or ()):
                set_condition(status, condition("Suspended", False, "JobResumed", "Job resumed"))
            if verdict.over:
                target = "FailureTarget" if verdict.failed else "SuccessCriteriaMet"
                set_condition(status, condition(target, True, verdict.reason, verdict.message))
                if not active and not terminating:
                    kind = "Failed" if verdict.failed else "Complete"
                    set_condition(status, condition(kind, True, verdict.reason, verdict.message))
                    if not verdict.failed:
                        status["completionTime"] = timestamp()

        self._store.edit("jobs", namespace_of(job), name_of(job), change)
        if verdict.over and not active and not terminating:
            reason, text = (verdict.reason, verdict.message) if verdict.failed else ("Completed", "Job completed")
            self._events.record(job, reason, text, source="job-controller", warning=verdict.failed)

    def _expire(self, job: Object) -> None:
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        last = max(seconds_of(each["lastTransitionTime"]) for each in job["status"]["conditions"])
        left = last + ttl - time.time()
        if left > 0:
            asyncio.get_running_loop().call_later(left + 0.05, self._mark, namespace_of(job), name_of(job))
        else:
            self._store.remove("jobs", namespace_of(job), name_of(job))


def finished(job: Object) -> bool:
    return any(each["type"] in {"Complete", "Failed"} and each["status"] == "True"
               for each in (job.get("status") or {}).get("conditions") or ())  # fmt: skip


def is_over(pod: Object) -> bool:
    return pod["status"].get("phase") in {"Succeeded", "Failed"}
