"""What MaxCompute's errors mean for a trial: try later, try again, or give up at once.

Codes are those of https://help.aliyun.com/zh/maxcompute/user-guide/error-codes: ``ODPS-MMCCCCX``, module, code and
severity. The service's own code and words are always part of what people are told.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of failure, as the trial's record names them."""

    THROTTLED = "throttled"
    QUOTA = "quota"
    TRANSIENT = "transient"
    SYNTAX = "syntax"
    MISSING = "missing"
    PERMISSION = "permission"
    DATA = "data"
    UNKNOWN = "unknown"


BLAMELESS = frozenset({Kind.THROTTLED, Kind.QUOTA, Kind.TRANSIENT})
"""None of the training's fault: waited out, and tried again without counting."""

FINAL = frozenset({Kind.SYNTAX, Kind.MISSING, Kind.PERMISSION, Kind.DATA})
"""The same statement fails in the same way again."""

_CODES: tuple[tuple[str, Kind], ...] = (
    # what the front answers
    ("RequestThrottled", Kind.THROTTLED),
    ("Throttling", Kind.THROTTLED),
    ("FlowExceeded", Kind.THROTTLED),
    ("QuotaExceeded", Kind.QUOTA),
    ("InternalServerError", Kind.TRANSIENT),
    ("ServiceUnavailable", Kind.TRANSIENT),
    ("InternalConnectionError", Kind.TRANSIENT),
    ("NoSuch", Kind.MISSING),
    ("NoPermission", Kind.PERMISSION),
    ("InvalidAuthorization", Kind.PERMISSION),
    ("Unauthorized", Kind.PERMISSION),
    ("SignatureNotMatch", Kind.PERMISSION),
    ("AccessDenied", Kind.PERMISSION),
    ("InvalidParameter", Kind.SYNTAX),
    ("InvalidArgument", Kind.SYNTAX),
    # numbered: the longest match counts
    ("ODPS-0010000", Kind.TRANSIENT),  # system internal error
    ("ODPS-0110061", Kind.TRANSIENT),  # a DDL task failed, mostly for a lock on the metadata
    ("ODPS-0110999", Kind.TRANSIENT),  # optimistic lock conflict of two writers
    ("ODPS-0110141", Kind.TRANSIENT),  # data version exception
    ("ODPS-0111", Kind.TRANSIENT),
    ("ODPS-012", Kind.DATA),  # runtime: types, arguments, partitions, user code
    ("ODPS-0123144", Kind.TRANSIENT),  # a job of the cluster was lost
    ("ODPS-0130", Kind.SYNTAX),
    ("ODPS-0130013", Kind.PERMISSION),
    ("ODPS-0130131", Kind.MISSING),
    ("ODPS-0140", Kind.SYNTAX),
    ("ODPS-0410", Kind.PERMISSION),
    ("ODPS-0420031", Kind.SYNTAX),
    ("ODPS-0420061", Kind.SYNTAX),
    ("ODPS-0420095", Kind.PERMISSION),
    ("ODPS-0420111", Kind.MISSING),
    ("ODPS-0420121", Kind.MISSING),
    ("ODPS-0420153", Kind.TRANSIENT),
    ("ODPS-0421", Kind.THROTTLED),
    ("ODPS-0430", Kind.TRANSIENT),
    ("ODPS-1202", Kind.DATA),  # a PAI command's parameters or data
)

_QUOTA_WORDS = re.compile(r"quota .{0,40}(full|exceed|exhaust|used up)|exceed.{0,40}quota", re.IGNORECASE)
_FLOW_WORDS = re.compile(r"throttl|too many requests|flow ?control|flow exceed", re.IGNORECASE)
_CODE = re.compile(r"ODPS-\d{7}")
_VARIABLE = re.compile(r"\[\d+,\d+\]|'[^']*'|\"[^\"]*\"|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b|\d+")


@dataclass(frozen=True, slots=True)
class Failure:
    """An error of MaxCompute and what it means.

    Attributes:
        kind: what to make of it.
        code: the service's own.
        message: the service's own words, with the code.
    """

    kind: Kind
    code: str
    message: str

    @property
    def blameless(self) -> bool:
        """Whether it is none of the training's fault."""
        return self.kind in BLAMELESS

    @property
    def final(self) -> bool:
        """Whether another attempt would fail in the same way."""
        return self.kind in FINAL

    @property
    def digest(self) -> str:
        """The same for the same error, whatever numbers and quoted names are in it."""
        return hashlib.sha256(f"{self.code} {_VARIABLE.sub('#', self.message)}".encode()).hexdigest()[:16]


def classify(message: str, code: str | None = None, status: int | None = None) -> Failure:
    """What an error means.

    Args:
        message: the service's words.
        code: as the service states it; found in the message when left out.
        status: of the HTTP answer, where the request itself was refused.
    """
    found = _CODE.search(code or "") or _CODE.search(message)
    known = found[0] if found else (code or "").strip()
    return Failure(_kind(message, known, status), known, message.strip())


def _kind(message: str, code: str, status: int | None) -> Kind:
    if status == 429 or _FLOW_WORDS.search(message):
        return Kind.THROTTLED
    if _QUOTA_WORDS.search(message):
        return Kind.QUOTA
    matches = [(len(start), kind) for start, kind in _CODES if code.startswith(start)]
    if matches and not (status is not None and status >= 500):
        return max(matches, key=lambda match: match[0])[1]
    if status is not None and status >= 500:
        return Kind.TRANSIENT
    if status in (401, 403):
        return Kind.PERMISSION
    return Kind.UNKNOWN
