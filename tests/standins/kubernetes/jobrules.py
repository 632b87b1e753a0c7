"""How the ends of a job's pods decide about the job: backoffLimit, podFailurePolicy, successPolicy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.standins.kubernetes.objects import Object, name_of, namespace_of, seconds_of

INDEX = "batch.kubernetes.io/job-completion-index"


@dataclass
class Verdict:
    """What a job's ended pods amount to."""

    succeeded: list[Object] = field(default_factory=list)
    indexes: set[int] = field(default_factory=set)
    failed_indexes: set[int] = field(default_factory=set)
    failures: int = 0
    over: bool = False
    failed: bool = False
    reason: str = ""
    message: str = ""

    def fail(self, reason: str, message: str) -> None:
        if not self.over:
            self.over = self.failed = True
            self.reason, self.message = reason, message

    def succeed(self, reason: str, message: str) -> None:
        if not self.over:
            self.over = True
            self.reason, self.message = reason, message

    def retry_at(self, back_off: float, ended: list[Object]) -> float:
        """Unix time from which pods are made again after failures: doubled each time, at most six minutes."""
        if not self.failures:
            return 0.0
        last = max((finish_of(pod) for pod in ended if pod["status"].get("phase") != "Succeeded"), default=0.0)
        return last + min(back_off * 2.0 ** min(self.failures - 1, 16), 360.0)


def finish_of(pod: Object) -> float:
    times = [
        seconds_of(ended["finishedAt"])
        for each in pod["status"].get("containerStatuses") or ()
        if (ended := each["state"].get("terminated")) and ended.get("finishedAt")
    ]
    return max(times, default=0.0)


def index_of(pod: Object) -> int:
    """A pod's completion index; -1 where its job is not indexed."""
    return int((pod["metadata"].get("annotations") or {}).get(INDEX, -1))


def judge_pods(job: Object, ended: list[Object]) -> Verdict:
    """Count a job's ended pods and say whether it is over."""
    spec, verdict = job["spec"], Verdict()
    per_index: Counter[int] = Counter()
    for pod in ended:
        index = index_of(pod)
        if pod["status"].get("phase") == "Succeeded":
            if index < 0 or index not in verdict.indexes:
                verdict.succeeded.append(pod)
            verdict.indexes.add(index)
            continue
        action, message = failure_action(spec, pod)
        if action == "Ignore":
            continue
        verdict.failures += 1
        per_index[index] += 1
        if action == "FailIndex":
            verdict.failed_indexes.add(index)
        elif action == "FailJob":
            verdict.fail("PodFailurePolicy", message)
    limit = spec.get("backoffLimitPerIndex")
    if limit is not None:
        verdict.failed_indexes |= {index for index, count in per_index.items() if count > limit}
    _success(spec, verdict)
    if spec.get("maxFailedIndexes") is not None and len(verdict.failed_indexes) > spec["maxFailedIndexes"]:
        verdict.fail("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
    if verdict.failures > spec["backoffLimit"]:
        verdict.fail("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    completions = spec.get("completions")
    if completions is not None and len(verdict.succeeded) >= completions:
        verdict.succeed("CompletionsReached", "Reached expected number of succeeded pods")
    if completions is not None and verdict.failed_indexes and (
        len(verdict.succeeded) + len(verdict.failed_indexes) >= completions
    ):  # fmt: skip
        verdict.fail("FailedIndexes", "Job has failed indexes")
    if completions is None and verdict.succeeded:
        verdict.succeed("CompletionsReached", "Reached expected number of succeeded pods")
    return verdict


def _success(spec: Object, verdict: Verdict) -> None:
    for i, rule in enumerate((spec.get("successPolicy") or {}).get("rules") or ()):
        named = parse_ranges(rule["succeededIndexes"]) if rule.get("succeededIndexes") else None
        done = verdict.indexes & named if named is not None else verdict.indexes
        needed = rule.get("succeededCount") or (len(named) if named is not None else None)
        if needed is not None and len(done) >= needed:
            verdict.succeed("SuccessPolicy", f"Matched rules at index {i}")


def failure_action(spec: Object, pod: Object) -> tuple[str, str]:
    """What the podFailurePolicy says of one failed pod, and the words for it."""
    place = f"pod {namespace_of(pod)}/{name_of(pod)}"
    for i, rule in enumerate((spec.get("podFailurePolicy") or {}).get("rules") or ()):
        codes = rule.get("onExitCodes")
        if codes:
            for each in [*(pod["status"].get("initContainerStatuses") or ()),
                         *(pod["status"].get("containerStatuses") or ())]:  # fmt: skip
                ended = each["state"].get("terminated")
                if not ended or ended["exitCode"] == 0 or codes.get("containerName") not in {None, "", each["name"]}:
                    continue
                if (ended["exitCode"] in codes["values"]) is (codes["operator"] == "In"):
                    return rule["action"], (
                        f"Container {each['name']} for {place} failed with exit code {ended['exitCode']} matching "
                        f"{rule['action']} rule at index {i}"
                    )
        for wanted in rule.get("onPodConditions") or ():
            for found in pod["status"].get("conditions") or ():
                if found["type"] == wanted["type"] and found["status"] == (wanted.get("status") or "True"):
                    return rule["action"], (f"Pod {namespace_of(pod)}/{name_of(pod)} has condition {found['type']} "
                                            f"matching {rule['action']} rule at index {i}")  # fmt: skip
    return "Count", ""


def index_ranges(indexes: set[int]) -> str:
    """`0-2,4` of {0, 1, 2, 4}."""
    runs: list[list[int]] = []
    for index in sorted(each for each in indexes if each >= 0):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def parse_ranges(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found
