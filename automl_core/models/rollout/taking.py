"""Tallies taken into a guard's state, each once. Knows no store."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.models.life.rollouts import Rollout
from automl_core.models.rollout.judging import Judge
from automl_core.models.rollout.looks import Checkpoint, Heard
from automl_core.models.rollout.tallies import Place, Tally
from automl_core.models.rollout.view import Point

GONE = 6 * 3600.0
"""Seconds of silence after which a server is no longer kept: it was ended, and another start has another name."""

MANY = 1_000
"""Servers that are kept at most; beyond, those go that were silent for `SOON_GONE`: servers that crash all the time."""

SOON_GONE = 600.0

SLACK = 300.0
"""Seconds by which servers' clocks may differ from the guard's: it matters for tallies of servers that are gone."""

POINTS = 240
"""Moments of the course that are kept; then every second of the older half goes."""

_APART = 60.0


def take_in(
    state: Checkpoint, rollout: Rollout, found: Sequence[tuple[Place, Tally | None]], judge: Judge, now: float
) -> None:
    """Fold tallies into a state, and keep its books.

    Args:
        state: is changed.
        rollout: as the journal has it.
        found: tallies that are not in it, of each server in order; None for what could not be read.
        judge: of the rollout's tests.
        now: seconds since 1970.
    """
    for place, tally in found:
        before = state.heard.get(place.server)
        if tally is None or tally.step >= len(rollout.steps):
            state.unreadable += 1
            state.heard[place.server] = Heard(place.place, now, before.answers if before else 0)
            continue
        if before is None and state.forgotten[0] and tally.ended <= state.forgotten[1] + SLACK:
            state.old += 1  # of a server that was dropped: nobody knows any more whether it was counted
            state.heard[place.server] = Heard(place.place, now)
            continue
        answers = sum(each.answers for each in (*tally.versions.values(), *tally.shadow.values()))
        ahead = max(tally.ended - now, 0.0)
        state.heard[place.server] = Heard(place.place, now, (before.answers if before else 0) + answers, ahead)
        state.folded += 1
        state.late += tally.step != rollout.step
        step = rollout.steps[tally.step]
        state.evidence.fold(
            tally, champion=rollout.champion, challenger=rollout.version, share=0.0 if step.shadow else step.share,
            rules=judge.rules, alphas=judge.alphas, now=now,
        )  # fmt: skip
    _forget(state, now)
    moves = [each.step for each in rollout.acts if each.what in ("begun", "step")]
    if state.visit[0] != len(moves):  # it has come into this step since; and where it was there before, begins anew
        again = rollout.step in moves[:-1]
        state.visit = (len(moves), state.evidence.step(rollout.step).tried.answers if again else 0)
    _remember(state, rollout, now)


def _forget(state: Checkpoint, now: float) -> None:
    silent = {name: now - each.time for name, each in state.heard.items()}
    gone = [name for name, length in silent.items() if length > GONE]
    if len(state.heard) - len(gone) > MANY:
        rest = sorted((name for name in silent if silent[name] > SOON_GONE), key=lambda name: -silent[name])
        gone = list(dict.fromkeys([*gone, *rest[: len(state.heard) - MANY]]))
    for name in gone:
        last = state.heard.pop(name)
        state.forgotten = (state.forgotten[0] + 1, max(state.forgotten[1], last.time))


def _remember(state: Checkpoint, rollout: Rollout, now: float) -> None:
    last = state.history[-1] if state.history else None
    if last is not None and last.step == rollout.step and now - last.time < _APART and rollout.open:
        return
    pair = state.evidence.step(rollout.step)
    rates = [None if not total.answers else total.rate for total in (pair.champion, pair.tried)]
    state.history.append(Point(now, rollout.step, state.evidence.errors.value, *rates))
    if len(state.history) > POINTS:
        half = len(state.history) // 2
        state.history = state.history[:half:2] + state.history[half:]
