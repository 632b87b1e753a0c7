"""Curves in the journal's text form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.states import TrialState
from automl_core.study.entities import Attempt, Trial, Work
from automl_core.study.state import State, pack_curve, unpack_curve

STEPS = st.integers(0, 10**15) | st.floats(0, 1e17).filter(lambda step: not step.is_integer())


@given(st.lists(st.tuples(STEPS, st.integers(-(10**6), 10**6).map(float)), max_size=20))
def test_what_is_packed_is_what_is_unpacked(points: list[tuple[float, float]]) -> None:
    again = unpack_curve(pack_curve(points))
    assert again == tuple(points)
    assert [type(step) for step, _ in again] == [type(step) for step, _ in points]


def test_whole_steps_one_after_the_other_are_not_repeated() -> None:
    assert pack_curve([(0, 0.5), (1, 0.75), (3, 0.8), (4, 0.9)]) == "0:0.5 0.75 3:0.8 0.9"
    assert pack_curve([(0.5, 0.1), (1.5, 0.2)]) == "0.5:0.1 1.5:0.2"
    with pytest.raises(ValueError, match="begins with a step"):
        unpack_curve("0.5 0.75")


def test_the_text_of_the_first_format_is_read() -> None:
    assert unpack_curve("0:0.5 1:0.75") == ((0, 0.5), (1, 0.75))
    assert pack_curve([(0.25, 0.5), (1e-07, 1.0)]) == "0.25:0.5 1e-07:1"


def test_a_snapshot_keeps_a_step_as_it_is() -> None:
    for step in (3, 0.25, None):
        work = Work(0, 0, 1.0, state=TrialState.SUCCEEDED, value=0.5, step=step, attempts=[Attempt(0, 1, 1.0)])
        state = State(created=1.0, trials=[Trial(0, {}, [0])], works={0: work})
        again = State.decode(state.encode()).works[0].step
        assert (again, type(again)) == (step, type(step))
