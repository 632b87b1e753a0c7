"""What training programs tell people is no metric, whatever the names in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.metrics.stdout import StdoutSource
from automl_core.spec.metrics import StdoutMetrics
from automl_core.training import problems


def _read(capsys: pytest.CaptureFixture[str], text: str) -> tuple[str, list[object]]:
    problems.say(text)
    line = capsys.readouterr().out.rstrip("\n")
    return line, list(StdoutSource(StdoutMetrics(source="stdout", step=["origin"])).feed(line))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("loss: 4 values, ets needs 10: seasonal naive", "loss – 4 values, ets needs 10: seasonal naive"),
        ("a series called mase=3: nothing", "a series called mase – 3: nothing"),
        ("'loss': nan", "'loss' – nan"),
        ("from 2024-03-31T14:00:00+02:00 to 12:30", "from 2024-03-31T14:00:00+02:00 to 12:30"),
        ("horizon: is needed", "horizon: is needed"),
    ],
)
def test_a_note_is_no_metric(text: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    line, found = _read(capsys, text)
    assert line == f"note – {told}"
    assert found == []


@given(
    name=st.text("ab1_ ./:='\"-é", min_size=1, max_size=6), sign=st.sampled_from([":", "=", ": ", " = "]),
    number=st.sampled_from(["3", "-0.5", ".5", "nan", "Infinity", "1e-3", "1,234.5"]),
)  # fmt: skip
def test_no_name_makes_a_note_a_metric(name: str, sign: str, number: str) -> None:
    line = problems._VALUE.sub(r"\1 – ", f"note – {name}{sign}{number} values")
    assert list(StdoutSource(StdoutMetrics(source="stdout", step=["origin"])).feed(line)) == []
