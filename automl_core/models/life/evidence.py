"""Evidence in the bucket: an object that its digest names, so nobody accepts what has changed meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from automl_core.models.evaluation.document import digest_of, earlier_of, summary_of
from automl_core.models.life.entities import Version
from automl_core.models.life.layout import evidence_key, evidence_rows_key
from automl_core.storage.base import NotFound, ObjectStore

__all__ = ["cases_left", "digest_of", "kept_of", "read_evidence", "read_evidence_rows", "write_evidence"]


def write_evidence(
    store: ObjectStore, name: str, digest: str, evidence: Mapping[str, Any], rows: Mapping[str, Any] | None
) -> None:
    """Write the objects of an evidence; the same again is the same bytes.

    Raises:
        StorageError: the store refuses or is away.
    """
    if rows is not None:
        store.put(evidence_rows_key(name, digest), _bytes(rows))
    store.put(evidence_key(name, digest), _bytes(evidence))


def read_evidence(store: ObjectStore, name: str, digest: str) -> dict[str, Any]:
    """An evidence by its digest.

    Raises:
        LookupError: there is none.
        ValueError: what lies there has another digest: somebody has changed it.
        StorageError: the store refuses or is away.
    """
    evidence = _read(store, evidence_key(name, digest), digest)
    if digest_of(evidence) != digest:
        raise ValueError(f"{store.url}/{evidence_key(name, digest)} is not what was recorded: its digest is another")
    return evidence


def read_evidence_rows(store: ObjectStore, name: str, digest: str) -> dict[str, Any]:
    """The rows of data of an evidence. Whoever calls sees to it that the reader may see data.

    Raises:
        LookupError: there are none.
        StorageError: the store refuses or is away.
    """
    return _read(store, evidence_rows_key(name, digest), digest)


def cases_left(store: ObjectStore, name: str, champion: Version | None) -> list[dict[str, Any]]:
    """The bad cases that a champion was left with when it was last measured, for the next evaluation to follow.

    Args:
        store: the model storage path.
        name: of the model.
        champion: the version in use; None where there is none.

    Raises:
        StorageError: the store refuses or is away.
    """
    found = [each for each in champion.evidence if each.rows] if champion is not None else []
    if not found:
        return []
    try:
        return earlier_of(read_evidence_rows(store, name, found[-1].digest))
    except LookupError:  # removed since: nothing is followed
        return []


def kept_of(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """What the journal keeps of an evidence for lists: its summary, and the verdict's reasons; no row of data.

    Of evidence that another program made, and that lacks what a summary tells, the verdict alone.
    """
    verdict = evidence.get("verdict") or {}
    try:
        kept = summary_of(evidence)
    except (KeyError, TypeError):
        kept = {"ok": verdict.get("ok")}
    return {**kept, "when": verdict.get("when", ""), "reasons": list(verdict.get("reasons") or ())}


def _bytes(body: Mapping[str, Any]) -> bytes:
    return (json.dumps(body, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def _read(store: ObjectStore, key: str, digest: str) -> dict[str, Any]:
    try:
        read = json.loads(store.get(key))
    except NotFound:
        raise LookupError(f"there is no evidence {digest[:12]} at {store.url}/{key}") from None
    return dict(read)
