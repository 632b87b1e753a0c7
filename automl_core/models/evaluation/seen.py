"""Which rows a model has been trained on, as far as that is known: what it has seen makes it look better than it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.models.evaluation.options import EvaluateOptions, Trained
from automl_core.models.evaluation.prepared import Prepared
from automl_core.models.evaluation.rows import Rows, digests

Mask = NDArray[np.bool_]


def seen(
    prepared: Prepared, subjects: Sequence[Any], options: EvaluateOptions
) -> tuple[dict[str, Any], Mask | None, list[str]]:
    """Compare what models were trained from with the rows that they are measured on.

    Rows are told one by one where those of training can be read: by what the model reads of them and what came. Else
    fingerprints are compared: the same data are the same rows, though a model may have held a part of them back.

    Returns:
        ``seen`` of the evidence; (n,) rows that one of the models is known to have seen, None where that is not known
        row by row; and notes.
    """
    told: dict[str, Any] = {"challenger": None, "champion": None}
    masks: list[Mask] = []
    whole = False
    notes: list[str] = []
    for subject in subjects:
        trained = options.trained.get(subject.role, Trained())
        same = _same(trained.fingerprints, options.fingerprint)
        mask = _rows_of(subject, prepared, trained, notes)
        if mask is not None:
            share = float(np.mean(mask))
            found = {"share": share, "rows": int(np.count_nonzero(mask)), "how": "rows", "note": ""}
            masks.append(mask)
        elif same is not None:
            note = f"the data are those that it was trained from ({same}); a part that it held back may be among them"
            found = {"share": 1.0, "rows": prepared.rows.n, "how": "fingerprint", "note": note}
            whole = whole or subject.role == "challenger"
        else:
            note = "other data, by their fingerprint" if trained.fingerprints and options.fingerprint else ""
            near = _near(trained.fingerprints, options.fingerprint)
            if near is not None:
                note = f"it was trained from {near} as that was then: rows of then may be among these"
                notes.append(f"the {subject.role}: {note}")
            found = {"share": None, "rows": None, "how": "unknown", "note": note}
        told[subject.role] = found
        if found["share"]:
            notes.append(f"{found['share']:.0%} of the rows are of the data that the {subject.role} was trained from")
    if whole or not masks:
        return told, None, notes
    return told, np.logical_or.reduce(masks), notes


def _same(fingerprints: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """The name of a data set with the digest of today's data."""
    digest = now.get("digest")
    if not digest:
        return None
    for name, each in fingerprints.items():
        other = each.get("digest") if isinstance(each, Mapping) else each
        if other == digest:
            return str(name)
    return None


def _near(fingerprints: Mapping[str, Any], now: Mapping[str, Any]) -> str | None:
    """A place of training that is today's, or lies in it, or it in that: a file that has grown, a folder of days."""
    here = str(now.get("place") or "")
    for each in fingerprints.values():
        place = str(each.get("place") or "") if isinstance(each, Mapping) else ""
        if place and here and (place == here or _within(place, here) or _within(here, place)):
            return place
    return None


def _within(place: str, folder: str) -> bool:
    return place.startswith(f"{folder.rstrip('/')}/")


def _rows_of(subject: Any, prepared: Prepared, trained: Trained, notes: list[str]) -> Mask | None:
    schema = getattr(subject, "schema", None)
    if not trained.rows or schema is None:
        return None
    from automl_core.data.access import DataError
    from automl_core.data.reading import read_table

    known: set[tuple[str, str]] = set()
    for place in trained.rows:
        try:
            rows = Rows.of(read_table(place))
            known.update(_named(rows, schema, prepared.target))
        except (DataError, OSError, ValueError, ImportError) as error:
            notes.append(f"what the {subject.role} was trained from can't be read: {error}")
            return None
    return np.asarray([each in known for each in _named(prepared.rows, schema, prepared.target)])


def _named(rows: Rows, schema: Any, target: str) -> list[tuple[str, str]]:
    labels = [text or "" for text in rows.coded(target).texts()]
    return list(zip(digests(schema.read(rows.columns)), labels, strict=True))
