"""Rollouts in words."""

from __future__ import annotations

from collections.abc import Iterator

from automl_core.models.life.events import Event
from automl_core.models.life.rollouts import Rollout, Step


def percent(share: float) -> str:
    """A share for people: ``5 %``, ``0.5 %``."""
    return f"{round(share * 100, 4):g} %"


def step_words(step: Step) -> str:
    """What a step has the challenger do: ``5 %``, or ``shadow of 100 %``."""
    return f"shadow of {percent(step.share)}" if step.shadow else percent(step.share)


def events_of(rollout: Rollout) -> Iterator[Event]:
    """What was done to a rollout, but for its end: that is told with what answers since."""
    version = rollout.version
    for act in rollout.acts:
        step = rollout.steps[act.step]
        now = step_words(step)
        details = {
            "rollout": rollout.id, "step": act.step, "share": step.share, "shadow": step.shadow, "seq": act.seq,
            "kind": rollout.kind,
        }  # fmt: skip
        if act.what == "begun":
            what = "an A/B test" if rollout.kind == "ab" else "a rollout"
            kind, text = "rollout_begun", f"{what} of version {version} beside version {rollout.champion} begun: {now}"
        elif act.what == "step":
            kind, text = "rollout_step", f"version {version} moved to {now}"
        elif act.what == "held":
            kind, text = "rollout_held", f"the rollout of version {version} held at {now}"
        elif act.what == "released":
            kind, text = "rollout_released", f"the rollout of version {version} released at {now}"
        else:
            continue
        text += f", by {act.by}"
        yield Event(act.time, kind, f"{text}: {act.why}" if act.why else text, version, act.by, details)
