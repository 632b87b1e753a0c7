"""A guard's state as people see it."""

from __future__ import annotations

import msgspec

from automl_core.models.life.rollouts import Rollout
from automl_core.models.rollout.deciding import Decision, Facts
from automl_core.models.rollout.judging import Judge, notes
from automl_core.models.rollout.looks import Checkpoint
from automl_core.models.rollout.tallies import LONGEST, Counts
from automl_core.models.rollout.view import View
from automl_core.models.rollout.words import long, many, percent

QUIET = 1.5 * LONGEST
"""Seconds after which a server that said nothing is named: each says at least that it is there in `LONGEST`."""

AHEAD = 30.0
"""Seconds by which a server's clock is ahead before that is said."""

_NAMED = 5


def show(
    model: str, rollout: Rollout, state: Checkpoint, judge: Judge, facts: Facts, decision: Decision, *, late: bool,
    did: list[str],
) -> View:  # fmt: skip
    """Make the view of a state, and lay it into that.

    Args:
        model: its name.
        rollout: as the journal has it.
        state: gets the view.
        judge: of its tests.
        facts: that the decision went by.
        decision: what is to be done.
        late: whether metrics of late labels are measured.
        did: what was done.
    """
    here, ab = rollout.now, facts.rules.ab
    patience = ab.within if rollout.kind == "ab" and ab is not None and not here.shadow else here.bake
    found = state.evidence
    view = View(
        model=model, rollout=rollout.id, kind=rollout.kind, version=rollout.version, champion=rollout.champion,
        time=facts.now, begun=rollout.begun, step=rollout.step,
        steps=[{"share": each.share, "bake": each.bake, "shadow": each.shadow} for each in rollout.steps],
        share=here.share, shadow=here.shadow, since=rollout.moved, may_move_at=rollout.moved + patience,
        held=rollout.held, look=state.number, waits=decision.waits, tests=list(facts.tests),
        notes=_notes(rollout, state, judge, facts, late), servers=state.servers(),
        answers={
            "champion": found.champion.answers, "challenger": found.challenger.answers,
            "shadow": sum(each.shadow.answers for each in found.steps.values()), "here": facts.answered,
        },
        seconds={"champion": _latency(found.champion), "challenger": _latency(found.challenger)},
        agreed=found.agreed / found.compared if found.compared else None,
        metric={
            name: {"time": each.time, "words": each.words, "problem": each.problem}
            for name, each in state.measured.items()
        } or None,
        history=state.history, did=list(did), ended=rollout.ended, outcome=rollout.outcome,
        why=rollout.why if rollout.ended is not None else "",
    )  # fmt: skip
    view.words = _sentence(rollout, view, decision)
    state.view = msgspec.to_builtins(view)
    return view


def _latency(counts: Counts) -> dict[str, float | None]:
    mean = counts.seconds / counts.answers if counts.answers else None
    return {"mean": mean, "p50": counts.quantile(0.5), "p99": counts.quantile(0.99)}


def _sentence(rollout: Rollout, view: View, decision: Decision) -> str:
    place = f"step {rollout.step + 1} of {len(rollout.steps)}"
    if rollout.ended is not None:
        told = {"promoted": "is in use", "taken_back": "was taken back", "stopped": "was stopped"}
        return f"version {rollout.version} {told.get(rollout.outcome, rollout.outcome)} in {place}: {rollout.why}"
    share = percent(rollout.now.share)
    does = f"is asked as well for {share}, its answers are not given" if rollout.now.shadow else f"answers {share}"
    if rollout.kind == "ab" and not rollout.now.shadow:
        place = "A/B"
    shown = [each for each in view.tests if each.state in ("worse", "better")]
    state = shown[0].words if shown else "nothing worse is shown"
    waits = f"; it waits for: {decision.waits}" if decision.waits else ""
    return f"{place}: version {rollout.version} {does}, since {long(view.time - rollout.moved)}; {state}{waits}"


def _notes(rollout: Rollout, state: Checkpoint, judge: Judge, facts: Facts, late: bool) -> list[str]:
    told = notes(state.evidence, rollout.step, judge)
    now = facts.now
    if rollout.open:
        told += _of_servers(state, now)
        if rollout.now.share >= 1 and not rollout.now.shadow:
            told.append(
                f"version {rollout.version} has all and is held to fixed rates: a bad hour for all looks like its own"
            )
    if facts.rules.metrics and not late:
        told.append(f"{', '.join(facts.rules.metrics)} can't be measured here, so nothing is decided by it")
    if state.late:
        told.append(f"{_tallies(state.late)} of another step came when it was over; they count like all others")
    if state.unreadable:
        told.append(f"{_tallies(state.unreadable)} could not be read, and are left out; the log names them")
    if state.old:
        told.append(
            f"{_tallies(state.old)} came too late from servers that had been silent for hours, and are left out"
        )
    if state.evidence.other:
        told.append(f"{many(state.evidence.other, 'answer')} of other versions are left out")
    return told


def _tallies(count: int) -> str:
    return "1 tally" if count == 1 else f"{count:,} tallies"


def _of_servers(state: Checkpoint, now: float) -> list[str]:
    told = []
    silent = sorted((now - each.time, name) for name, each in state.heard.items() if now - each.time > QUIET)
    if silent:
        named = ", ".join(f"{name} ({long(length)} ago)" for length, name in silent[:_NAMED])
        more = f" and {len(silent) - _NAMED} more" if len(silent) > _NAMED else ""
        told.append(f"{len(silent)} of {many(len(state.heard), 'server')} were last heard: {named}{more}")
    if state.forgotten[0]:
        told.append(f"{many(state.forgotten[0], 'server')} that had been silent for long are no longer listed")
    ahead = sorted(((each.ahead, name) for name, each in state.heard.items() if each.ahead > AHEAD), reverse=True)
    if ahead:
        named = ", ".join(f"{name} ({long(length)})" for length, name in ahead[:_NAMED])
        told.append(f"clocks are ahead: {named}; nothing is decided by servers' clocks")
    return told
