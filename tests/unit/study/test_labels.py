"""What people write on runs and trials: a record of its own that changes nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.journal import Record
from automl_core.study.labels import NO_LABEL, RUN, Label, changed, labelled
from automl_core.study.state import State, Trial


def state_of(*notes: dict[str, Any]) -> State:
    state = State(trials=[Trial(0, {}, []), Trial(1, {}, [])])
    for seq, data in enumerate(notes, start=1):
        state.apply(Record(seq, f"{seq}", 100.0 + seq, "note", data))
    return state


def test_a_label_is_folded_field_by_field() -> None:
    state = state_of(
        {"label": {"name": "first"}, "by": "ann"},
        {"label": {"tags": ["a"]}, "by": "ben"},
        {"label": {"comment": "x"}, "trial": 1, "by": "ann"},
    )
    assert state.labels[RUN] == Label("first", ("a",), "", "ben", 102.0)
    assert state.labels[1] == Label("", (), "x", "ann", 103.0)
    assert state.acts == []  # they push no act of a person out


def test_labels_outlive_a_snapshot_and_older_ones_are_read_without() -> None:
    state = state_of({"label": {"name": "first"}, "by": "ann"})
    again = State.decode(state.encode())
    assert again.labels == {RUN: state.labels[RUN]}
    older = state_of()
    del_labels = older.encode().replace(b',"labels":{}', b"")
    assert b"labels" not in del_labels
    assert State.decode(del_labels).labels == {}


@pytest.mark.parametrize("data", [{"label": {"name": "x"}, "trial": 2}, {"label": 7}, {"label": {"tags": 7}}])
def test_a_label_of_nothing_is_skipped_and_said(data: dict[str, Any]) -> None:
    state = state_of(data)
    assert state.labels == {}
    assert 1 in state.skipped


def test_a_note_of_an_act_is_no_label() -> None:
    state = state_of({"act": "rerun", "trial": 0, "by": "ann", "text": "again"})
    assert state.labels == {}
    assert [act.act for act in state.acts] == ["rerun"]


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "name": st.text(max_size=30),
            "tags": st.lists(st.text(st.characters(exclude_characters=","), max_size=8), max_size=5),
            "comment": st.text(max_size=60),
        },
    )
)
def test_what_was_written_once_changes_nothing_when_written_again(wanted: dict[str, Any]) -> None:
    fields = changed(NO_LABEL, wanted)
    label = labelled(NO_LABEL, {"label": fields, "by": "ann"}, 1.0)
    assert changed(label, wanted) == {}
    assert changed(label, {"name": label.name, "tags": label.tags, "comment": label.comment}) == {}
    assert "\n" not in label.name
