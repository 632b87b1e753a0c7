"""What onnxruntime says of the golden rows, against what the model said of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.onnx.problems import Disagrees
from automl_core.modelfile.scoring import golden
from automl_core.modelfile.scoring.values import Coded, Frame, Schema

TOLERANCE = 1e-5
"""What outputs may differ by: ONNX adds the leaves of trees in float32; a thousand of them lose five digits at most."""

NAMED = 5
"""Rows that a refusal names."""


def feeds(frame: Frame) -> dict[str, NDArray[Any]]:
    """A frame as a graph's inputs: (n, 1) float64 with NaN for gaps, (n, 1) texts with empty ones."""
    found: dict[str, NDArray[Any]] = {}
    for name, column in frame.columns.items():
        if isinstance(column, Coded):
            texts = [text or "" for text in column.texts()]
            found[name] = np.asarray(texts, dtype=object).reshape(-1, 1)
        else:
            found[name] = np.asarray(column, dtype=np.float64).reshape(-1, 1)
    return found


def compare(data: bytes, folder: Path, document: Mapping[str, Any], tolerance: float = TOLERANCE) -> str:
    """Score a folder's golden rows by a graph, together and each alone.

    Args:
        data: the graph, serialized.
        folder: of the model.
        document: its scorer's.
        tolerance: as `TOLERANCE`.

    Returns:
        What was compared, in words.

    Raises:
        Disagrees: outputs or classes are others, or the runtime can't run the graph.
    """
    said = json.loads((folder / golden.FILE).read_text(encoding="utf-8"))
    rows, expected = said["rows"], np.asarray(said["outputs"], dtype=np.float64)
    if not len(rows):
        raise Disagrees("the model has no golden rows, so nothing says that the graph is right")
    frame = Schema.from_json(document["schema"]).read(rows)
    session = _Session(data)
    together, labels = session.run(frame)
    alone = [session.run(frame.take(np.asarray([place])))[0] for place in range(len(rows))]
    worst = 0.0
    for how, outputs in (("together", together), ("one by one", np.concatenate(alone))):
        each = [golden.largest(own, other) for own, other in zip(outputs, expected, strict=True)]
        worst = max(worst, *each)
        wrong = [place for place, difference in enumerate(each) if not difference <= tolerance]
        if wrong:
            raise Disagrees(_refusal(wrong, each, rows, how, tolerance))
    if labels is not None and labels != [str(label) for label in said["predictions"]]:
        wrong = [place for place, (a, b) in enumerate(zip(labels, said["predictions"], strict=True)) if a != str(b)]
        named = ", ".join(f"row {place} ({labels[place]}, not {said['predictions'][place]})" for place in wrong[:NAMED])
        raise Disagrees(f"onnxruntime calls golden rows another class: {named}")
    return f"{len(rows)} golden rows, together and one by one: largest difference {worst:.3g}"


def _refusal(wrong: Sequence[int], each: Sequence[float], rows: Sequence[Any], how: str, tolerance: float) -> str:
    named = ", ".join(f"row {place} by {each[place]:.3g}" for place in wrong[:NAMED])
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    first = json.dumps(rows[wrong[0]], ensure_ascii=False)[:300]
    return (
        f"onnxruntime differs from the model on {len(wrong)} of {len(rows)} golden rows, scored {how} (allowed:"
        f" {tolerance:g}): {named}{more}; row {wrong[0]} is {first}. No file was written"
    )


class _Session:
    """A graph that onnxruntime has taken, on one thread: golden rows are few."""

    def __init__(self, data: bytes) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        with _told():
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        self._wanted = {each.name for each in self._session.get_inputs()}

    def run(self, frame: Frame) -> tuple[NDArray[np.float64], list[str] | None]:
        """Outputs, and classes where there are any."""
        with _told():
            found = self._session.run(None, {k: v for k, v in feeds(frame).items() if k in self._wanted})
        if len(found) == 1:
            return np.asarray(found[0], dtype=np.float64), None
        return np.asarray(found[1], dtype=np.float64), [str(each) for each in found[0]]


@contextmanager
def _told() -> Iterator[None]:
    """The runtime's errors, which have no common kind, as one of ours."""
    try:
        yield
    except Exception as error:
        raise Disagrees(f"onnxruntime can't run the graph: {type(error).__name__}: {error}") from None
