"""What is to be done with a rollout, by its tests, its times and what it still waits for. Knows no store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from automl_core.models.life.rollouts import Rollout
from automl_core.models.rollout.evidence import Evidence
from automl_core.models.rollout.rules import Rules
from automl_core.models.rollout.tallies import LONGEST
from automl_core.models.rollout.view import Test
from automl_core.models.rollout.words import long, many

SILENT = 2 * LONGEST
"""Seconds without a word of any server after which no step is passed."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done.

    Attributes:
        act: ``take_back``, ``step`` (to the next one), ``in_use``; empty: nothing.
        why: in words.
        waits: where there is nothing to be done: what the next step waits for.
    """

    act: Literal["", "take_back", "step", "in_use"] = ""
    why: str = ""
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision goes by, beside the rollout.

    Attributes:
        now: seconds since 1970.
        tests: as they stand.
        evidence: what was counted.
        answered: what the challenger answered since the step began.
        heard: when any server was heard last; None: never.
        rules: by what it is judged.
    """

    now: float
    tests: Sequence[Test]
    evidence: Evidence
    answered: int
    heard: float | None
    rules: Rules


def decide(rollout: Rollout, facts: Facts) -> Decision:
    """What is to be done now. The same facts give the same answer, whoever asks and however often.

    A safeguard takes back at once, also what a person holds. What passes a step does so only while nobody holds it.
    """
    for test in facts.tests:
        if test.state == "worse":
            return Decision("take_back", test.words)
    if rollout.held:
        last = next((each for each in reversed(rollout.acts) if each.what == "held"), None)
        by = f" by {last.by}{f': {last.why}' if last.why else ''}" if last is not None else ""
        return Decision(waits=f"it is held{by}")
    here, spent = rollout.now, facts.now - rollout.moved
    free = spent - held_for(rollout, facts.now)
    compares = rollout.kind == "ab" and not here.shadow
    if compares and facts.rules.ab is None:  # its one step is the last: passed like a step, it would be in use
        return _aimless(facts.rules, free)
    ab = facts.rules.ab if compares else None
    if ab is not None:
        better = next((each for each in facts.tests if each.state == "better"), None)
        if better is not None:
            return Decision("in_use", better.words)
        few = _too_few(rollout, facts)
        if free >= ab.within:
            told = next((each.words for each in facts.tests if each.name == "better"), "nothing was measured")
            if few:  # what nobody has asked is nowhere shown to be no worse
                return Decision("take_back", f"neither was shown to be better within {long(ab.within)}: {few}")
            why = f"neither was shown to be better within {long(ab.within)}, and the file says {ab.otherwise}: {told}"
            return Decision("in_use" if ab.otherwise == "challenger" else "take_back", why)
        waits = f"one of the two to be shown better, for {long(ab.within - free)} at most"
        return Decision(waits=f"{waits}; so far {few}" if few else waits)
    waits = _waits(rollout, facts, spent)
    if not waits:
        why = f"nothing worse was shown in {long(spent)} and {many(facts.answered, 'answer')}"
        return Decision("in_use" if rollout.last else "step", why)
    if free >= max(facts.rules.within, here.bake):
        return Decision(
            "take_back", f"step {rollout.step + 1} could not be passed within {long(facts.rules.within)}: {waits}"
        )
    return Decision(waits=waits)


def _aimless(rules: Rules, free: float) -> Decision:
    """Of an A/B whose file has no ``ab`` any more: nothing says which of the two is the better one."""
    gone = "the file has no `ab` any more, so nothing shows one of the two to be better"
    if free >= rules.within:
        return Decision("take_back", f"{gone}, and nobody has decided within {long(rules.within)}")
    return Decision(waits=f"a person to decide: {gone}; it is taken back in {long(rules.within - free)}")


def held_for(rollout: Rollout, now: float) -> float:
    """Seconds for which a person held the rollout since it came into its step."""
    total, since = 0.0, None
    for act in rollout.acts:
        if act.what == "held":
            since = act.time
        elif since is not None and act.what == "released":
            total += max(0.0, act.time - max(since, rollout.moved))
            since = None
    return total + (max(0.0, now - max(since, rollout.moved)) if since is not None else 0.0)


def _too_few(rollout: Rollout, facts: Facts) -> str:
    """How many answers the challenger has given in this step where these are fewer than asked for; else empty."""
    if facts.heard is None:
        return "no server has told of any answer yet"
    if facts.answered < facts.rules.least:
        given = f"{many(facts.answered, 'answer')} of version {rollout.version} in this step"
        return f"{given}, and {facts.rules.least:,} are asked for"
    return ""


def _waits(rollout: Rollout, facts: Facts, spent: float) -> str:
    """What a step lacks before the next one; empty where nothing."""
    here, rules = rollout.now, facts.rules
    few = _too_few(rollout, facts)
    if few or facts.heard is None:
        return few
    judged = rules.errors is not None or rules.p99 is not None
    if judged and (here.share < 1 or here.shadow) and not facts.evidence.errors.weight:
        return f"version {rollout.champion} has answered nothing at the same time: there is nothing to compare with"
    if spent < here.bake:
        return f"its time in this step, {long(here.bake - spent)} more"
    if facts.now - facts.heard > SILENT:
        return f"no server was heard for {long(facts.now - facts.heard)}"
    return ""
