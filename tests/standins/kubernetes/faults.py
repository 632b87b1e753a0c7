"""Errors on demand, the rights that the token has, and a journal of all requests."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from tests.standins.kubernetes.objects import ApiError, Object, bad_request
from tests.standins.kubernetes.resources import Target

USER = "system:serviceaccount:default:standin"

REASONS = {
    400: ("BadRequest", "the server rejected our request for an unknown reason"),
    401: ("Unauthorized", "Unauthorized"),
    403: ("Forbidden", ""),
    404: ("NotFound", "the server could not find the requested resource"),
    409: ("Conflict", "Operation cannot be fulfilled: the object has been modified; please apply your changes to the "
                      "latest version and try again"),
    410: ("Expired", "too old resource version: 1 (1000)"),
    422: ("Invalid", "the server rejected our request due to an error in our request"),
    429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
    500: ("InternalError", "Internal error occurred: on purpose"),
    503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
    504: ("Timeout", "the server was unable to return a response in the time allotted"),
}  # fmt: skip


@dataclass
class Fault:
    """Requests that shall fail: the next `count` (all without), or each `every`-th, of those that match.

    `verb` and `resource` are RBAC's (`get`, `pods/log`); `*` stands for all of them.
    """

    status: int
    verb: str = "*"
    resource: str = "*"
    name: str | None = None
    namespace: str | None = None
    count: int | None = None
    every: int | None = None
    retry_after: int | None = None
    message: str | None = None
    delay: float = 0.0
    """Seconds before the answer. With status 200 the request is only slow."""
    seen: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.status != 200 and self.status not in REASONS:
            raise bad_request(f"status: {self.status} is none of 200, {', '.join(map(str, REASONS))}")
        for name in ("count", "every"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise bad_request(f"{name}: {value} is not a positive number")

    def strikes(self, verb: str, target: Target) -> bool:
        if self.verb not in {"*", verb} or self.resource not in {"*", target.full_name}:
            return False
        if self.name not in {None, target.name} or self.namespace not in {None, target.namespace}:
            return False
        self.seen += 1
        if self.every is not None and self.seen % self.every:
            return False
        if self.count is not None:
            if self.count == 0:
                return False
            self.count -= 1
        return True

    def error(self, verb: str, target: Target) -> ApiError | None:
        if self.status == 200:
            return None
        reason, message = REASONS[self.status]
        if self.status == 403 and self.message is None:
            return denied(verb, target)
        retry_after = self.retry_after if self.retry_after is not None else (1 if self.status == 429 else None)
        return ApiError(self.status, reason, self.message or message, retry_after=retry_after)


def denied(verb: str, target: Target) -> ApiError:
    """The refusal of somebody who lacks a right, in the words of RBAC."""
    group = target.resource.group
    scope = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    named = f' "{target.name}"' if target.name else ""
    plural = target.full_name if target.subresource else target.resource.plural
    full = f"{target.resource.full_name}{named}"
    message = f'{full} is forbidden: User "{USER}" cannot {verb} resource "{plural}" in API group "{group}" {scope}'
    return ApiError(403, "Forbidden", message, details={"name": target.name or "", "kind": target.resource.plural})


class Faults:
    """The faults that stand, and the rules that the token's rights come from (None: it may do all)."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._rules: list[Object] | None = None

    def add(self, values: dict[str, Any]) -> None:
        try:
            self._faults.append(Fault(**values))
        except TypeError as error:
            raise bad_request(f"no such fault: {error}") from error

    def clear(self) -> None:
        self._faults.clear()
        self._rules = None

    def restrict(self, rules: list[Object] | None) -> None:
        """Hold the token to the rules of an RBAC Role or ClusterRole."""
        self._rules = rules

    def allowed(self, verb: str, group: str, resource: str, name: str | None) -> bool:
        if self._rules is None:
            return True
        return any(
            {"*", verb} & set(rule["verbs"])
            and {"*", group} & set(rule["apiGroups"])
            and {"*", resource} & set(rule["resources"])
            and (not rule.get("resourceNames") or name in rule["resourceNames"])
            for rule in self._rules
        )

    def meet(self, verb: str, target: Target) -> tuple[float, ApiError | None]:
        """Seconds to wait, then the error that a request shall meet, if any."""
        if not self.allowed(verb, target.resource.group, target.full_name, target.name):
            return 0.0, denied(verb, target)
        for fault in self._faults:
            if fault.strikes(verb, target):
                return fault.delay, fault.error(verb, target)
        return 0.0, None


class Journal:
    """Which requests came, by verb and resource and status; the last of them one by one."""

    def __init__(self, length: int = 20_000) -> None:
        self._counts: Counter[tuple[str, str, str, int]] = Counter()
        self._last: deque[Object] = deque(maxlen=length)

    def note(self, verb: str, target: Target, status: int, path: str, query: str) -> None:
        self._counts[verb, target.resource.group, target.full_name, status] += 1
        self._last.append({
            "time": time.time(), "verb": verb, "group": target.resource.group, "resource": target.full_name,
            "namespace": target.namespace, "name": target.name, "path": path, "query": query, "status": status,
        })  # fmt: skip

    def clear(self) -> None:
        self._counts.clear()
        self._last.clear()

    def report(self) -> Object:
        return {
            "counts": [
                {"verb": verb, "group": group, "resource": resource, "status": status, "count": count}
                for (verb, group, resource, status), count in sorted(self._counts.items())
            ],
            "requests": list(self._last),
        }
