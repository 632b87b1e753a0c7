"""What every part speaks of: API objects as plain dictionaries, and errors as Kubernetes `Status` objects."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import msgspec

Object = dict[str, Any]
"""An API object as its JSON says. One that lies in the store is never changed, only replaced."""

encode = msgspec.json.encode


def copy(value: Object) -> Object:
    """A deep copy (through JSON: five times as fast as `copy.deepcopy`)."""
    copied: Object = msgspec.json.decode(encode(value))
    return copied


def timestamp(at: float | None = None) -> str:
    """RFC 3339 in whole seconds, as `metav1.Time` is written."""
    return datetime.fromtimestamp(time.time() if at is None else at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(at: float | None = None) -> str:
    """RFC 3339 in microseconds, as `metav1.MicroTime` is written."""
    return datetime.fromtimestamp(time.time() if at is None else at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_of(text: str) -> float:
    """Unix time of an RFC 3339 timestamp; ValueError where it is none."""
    return datetime.fromisoformat(text).timestamp()


def name_of(value: Object) -> str:
    return str(value["metadata"]["name"])


def namespace_of(value: Object) -> str:
    return str(value["metadata"].get("namespace", ""))


class ApiError(Exception):
    """A request that is refused, as the `Status` object that says so."""

    def __init__(
        self, code: int, reason: str, message: str, *, details: Object | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.retry_after = retry_after
        if retry_after is not None:
            self.details["retryAfterSeconds"] = retry_after

    def status(self) -> Object:
        body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }
        if self.details:
            body["details"] = self.details
        return body


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def not_found(resource: str, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{resource} "{name}" not found', details=_about(resource, name))


def already_exists(resource: str, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{resource} "{name}" already exists', details=_about(resource, name))


def conflict(resource: str, name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, details=_about(resource, name))


def forbidden(resource: str, name: str, why: str) -> ApiError:
    about = f'{resource} "{name}"' if name else resource
    return ApiError(403, "Forbidden", f"{about} is forbidden: {why}", details=_about(resource, name))


def expired(asked: int, oldest: int) -> ApiError:
    return ApiError(410, "Expired", f"too old resource version: {asked} ({oldest})")


def invalid(kind: str, name: str, causes: list[tuple[str, str, str]]) -> ApiError:
    """A 422 as the API server words it. `causes`: (field, reason, message)."""
    texts = [f"{field}: {message}" for field, _, message in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {
        "name": name,
        "kind": kind,
        "causes": [{"reason": reason, "message": message, "field": field} for field, reason, message in causes],
    }
    return ApiError(422, "Invalid", f'{kind} "{name}" is invalid: {text}', details=details)


def _about(resource: str, name: str) -> Object:
    plural, _, group = resource.partition(".")
    about = {"name": name, "kind": plural}
    return about | {"group": group} if group else about
