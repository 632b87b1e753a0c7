"""What following a run says while no trial is trained."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from automl_core.cli.follow import follow
from automl_core.states import ExperimentState, TrialState


class Looks:
    """A run as it is seen, look after look: its state in Airflow and its summary."""

    def __init__(self, *looks: tuple[str, Any]) -> None:
        self.looks, self.at, self.notes = looks, -1, list[str]()

    def run(self, dag_id: str, run_id: str) -> Any:
        self.at += 1
        state = self.looks[self.at][0]
        return SimpleNamespace(dag_id=dag_id, run_id=run_id, state=state, over=state == "success")

    def look(self, run: Any) -> Any:
        return self.looks[self.at][1]

    def update(self, now: Any, state: str) -> None:
        """What a display shows of a summary is tested with it."""

    def note(self, text: str) -> None:
        self.notes.append(text)

    def close(self) -> None:
        """Nothing to leave as it was."""


def summary(running: int, reason: str = "") -> Any:
    state = ExperimentState.FINISHED if reason else ExperimentState.RUNNING
    return SimpleNamespace(reason=reason, state=state, counts={TrialState.RUNNING: running})


def test_it_says_what_is_done_before_the_first_trial_and_after_the_last() -> None:
    all_ended = summary(0, "24 of at most 24 trials have ended")
    seen = Looks(
        ("queued", None), ("running", None), ("running", None), ("running", summary(0)), ("running", summary(2)),
        ("running", summary(1, "the target is reached")), ("running", all_ended), ("running", all_ended),
        ("success", all_ended),
    )  # fmt: skip
    fake = cast(Any, seen)
    started = cast(Any, SimpleNamespace(dag_id="name", run_id="run"))
    ending = follow(fake, started, fake, fake, sleep=lambda _: None, clock=lambda: 0.0)
    assert ending.good
    assert [note.partition(":")[0] for note in seen.notes] == ["the search begins", "no trial runs any more"]
