"""How the columns of the latest data are distributed: kept with an evidence, and compared with an earlier one's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from automl_core.modelfile.scoring.values import Frame, SchemaError
from automl_core.models.drift.reference import reference_of
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.subjects import Subject

MOST_CLASSES = 20
"""Classes whose probabilities are columns; of more the likeliest one's alone would be, which tells little."""


def columns_of(subject: Any, rows: Rows) -> dict[str, Any] | None:
    """How the columns that a model reads, and what it says, are distributed; None of models that aren't ours.

    Args:
        subject: the model.
        rows: all of the data, with labels or without.
    """
    found = _read(subject, rows)
    if found is None or isinstance(found, str):
        return None
    frame, outputs = found
    return reference_of(subject.schema, frame, outputs).to_json()


def drift_words(drift: Mapping[str, Any]) -> list[str]:
    """What a drift says, a line each, the most important first."""
    if drift["drifted"] is None:
        return [f"whether the columns have drifted can't be told: {drift['why']}"]
    moved = [each for each in drift["columns"] if each["drifted"]]
    if not moved:
        return []
    words = (drift.get("attribution") or {}).get("words")
    names = ", ".join(f"{each['name']} ({each['words']})" for each in moved[:5])
    more = f", and {len(moved) - 5} more" if len(moved) > 5 else ""
    said = f"columns have drifted since the evidence that it was accepted on: {names}{more}"
    return [said, words] if words else [said]


def _read(subject: Any, rows: Rows) -> tuple[Frame, dict[str, Any]] | str | None:
    """The rows as the model reads them, and what it says of them; why that can't be; None where it is none of ours."""
    if not isinstance(subject, Subject):
        return None
    try:
        frame = subject.schema.read(rows.columns)
    except SchemaError as error:
        return str(error)
    return frame, outputs_of(subject, subject.model.scorer.outputs(frame))


def outputs_of(subject: Subject, outputs: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """What a model says, as columns of numbers: of two classes the second's probability, of more each.

    Args:
        subject: the model.
        outputs: (n, K) of rows.
    """
    classes = subject.classes
    if not classes:
        return {f"what it says of {subject.target}": outputs[:, 0]}
    places = range(1, 2) if len(classes) == 2 else range(len(classes)) if len(classes) <= MOST_CLASSES else ()
    return {f"probability of {classes[place]}": outputs[:, place] for place in places}
