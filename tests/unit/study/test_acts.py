"""What people did stays in the state, as far as it keeps acts at all."""

from __future__ import annotations

from typing import Any

from automl_core.journal import Record
from automl_core.study.acts import ACTS_KEPT, PROOF
from automl_core.study.state import State


def told(state: State, seq: int, data: dict[str, Any]) -> None:
    state.apply(Record(seq, f"{seq}", 100.0 + seq, "note", data))


def test_proofs_of_network_policies_push_out_nothing_that_a_person_did() -> None:
    state = State()
    told(state, 1, {"act": "rerun", "by": "ann"})
    for seq in range(2, ACTS_KEPT + 20):
        told(state, seq, {"act": PROOF, "by": "automl", "text": f"uid-{seq}"})
    assert len(state.acts) == ACTS_KEPT
    assert state.acts[0].act == "rerun"
    assert state.acts[-1].text == f"uid-{ACTS_KEPT + 19}", "the newest proof is the one that somebody asks for"


def test_of_what_people_did_the_newest_stay() -> None:
    state = State()
    for seq in range(1, ACTS_KEPT + 4):
        told(state, seq, {"act": "rerun", "by": "ann", "text": str(seq)})
    told(state, ACTS_KEPT + 4, {"act": PROOF, "by": "automl", "text": "uid"})
    assert [state.acts[0].text, state.acts[-1].text] == ["5", "uid"]
