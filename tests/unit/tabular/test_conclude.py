"""What conclude decides about speed: who gives a minute does not wait long for predictions."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from automl_core.tabular.conclude import _too_slow
from automl_core.tabular.deadline import Deadline
from automl_core.tabular.finals import Finals
from automl_core.tabular.options import Options
from automl_core.tabular.prepared import prepare


class _Busy:
    """A scorer that takes 20 ms of CPU for anything."""

    def outputs(self, frame: Any) -> np.ndarray:
        until = time.process_time() + 0.02
        while time.process_time() < until:
            pass
        return np.zeros(frame.n)


def test_a_model_that_would_take_long_to_score_a_batch_keeps_fewer_models() -> None:
    data = {"x": list(range(100)), "y": [each * 0.5 for each in range(100)]}
    prepared = prepare(data, Options.of(target="y", structure=False))
    members = Finals([{}] * 10, "bag", [])
    # 0.2 ms a row, 0.2 s of a thousand rows: 2 s of deadline give 0.05
    found = _too_slow(prepared, _Busy(), members, Deadline(2.0, 2.0))  # type: ignore[arg-type]
    assert found is not None
    assert 1 <= found <= 3
    assert _too_slow(prepared, _Busy(), members, Deadline(900.0, 900.0)) is None  # type: ignore[arg-type]
    assert _too_slow(prepared, _Busy(), members, Deadline(None, None)) is None  # type: ignore[arg-type]
    assert _too_slow(prepared, _Busy(), Finals([{}] * 10, "refit", []), Deadline(2.0, 2.0)) is None  # type: ignore[arg-type]
