"""Editing a running experiment, and opening one that has ended again: one record of the journal each.

What can be edited is what every process looks at anew with each decision: how many trials, how many at once, the stop
conditions, and the space within its bounds. An edit never takes back what has been bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from automl_core.search.base import Plan
from automl_core.space import Params, Space
from automl_core.spec.errors import Problem, SpecError, did_you_mean, in_file, show
from automl_core.spec.models import Experiment
from automl_core.spec.overrides import Change, apply_overrides, changes_between
from automl_core.spec.parameters import Options, Ranged
from automl_core.stopping.experiment import judge
from automl_core.study.beginning import LANE_THRESHOLD, MAPPED_AT_MOST
from automl_core.study.history import context_of
from automl_core.study.narrowed import is_within
from automl_core.study.progress import progress_of
from automl_core.study.state import State
from automl_core.study.study import Study

EDITABLE: dict[str, tuple[str, ...]] = {
    "trials": ("max", "concurrency", "max_failed", "retries"),
    "stop": ("target", "max_duration", "deadline", "max_cost", "same_error", "no_improvement", "running_trials"),
}
"""Group → fields that a running experiment may be given anew; of ``space``, the limits of its parameters."""

SOURCE = "edit"
"""What problems call the place where an edit stands."""


class NotEditable(RuntimeError):
    """The experiment is not in a state in which this can be done. The message says why."""


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit as it stands in the journal.

    Attributes:
        seq: its record.
        changes: what is otherwise than before.
        slots_before, slots: pieces of work at most, before and after: what Airflow is to start more of.
    """

    seq: int
    changes: tuple[Change, ...]
    slots_before: int
    slots: int

    @property
    def text(self) -> str:
        """The changes in words: ``trials.max 40 → 60``."""
        return describe(self.changes)


def describe(changes: Iterable[Change]) -> str:
    """Changes in words: ``trials.max 40 → 60``."""
    return ", ".join(f"{c.path} {show(c.old)} → {show(c.new)}" for c in changes) or "nothing changed"


def edit(study: Study, wanted: Mapping[str, Any], by: str, *, reopen: bool = False) -> Edit:
    """Change a running experiment, or open one that has ended again.

    Args:
        study: the experiment; the newest state is read.
        wanted: group → what to change in it, as a run's conf has it; null puts an optional field back to its default.
        by: who wants it, for the journal.
        reopen: the experiment has ended and is to go on.

    Raises:
        SpecError: a field that can't be edited, or a value that it can't have; it holds all problems.
        NotEditable: it has ended (or, with ``reopen``, has not), or would stop again at once.
    """
    found: list[Edit] = []
    data: dict[str, Any] = {}
    study.refresh()

    def valid(state: State) -> bool:
        _check_open(state, reopen)
        before = Experiment.model_validate(state.experiment)
        after = edited(state, before, wanted)
        changes = tuple(changes_between(before, after))
        if not changes and not reopen:
            return False
        plan = _plan(state, before, after)
        if reopen:
            _check_goes_on(state, after, plan, study.journal.clock())
        data.update(
            by=by, reopen=reopen, text=describe(changes), changes=[change.to_json() for change in changes],
            experiment=after.model_dump(mode="json"), plan=plan, proposals=_proposals(state, after),
        )  # fmt: skip
        found[:] = [Edit(0, changes, int(state.plan["slots"]), int(plan["slots"]))]
        return True

    record = study.journal.append("edited", data, valid=valid)
    if record is None:
        slots = int(study.state.plan["slots"])
        return Edit(study.state.seq, (), slots, slots)
    return replace(found[0], seq=record.seq)


def edited(state: State, before: Experiment, wanted: Mapping[str, Any]) -> Experiment:
    """The experiment with an edit in it.

    Raises:
        SpecError: a field that can't be edited, or a value that it can't have; it holds all problems.
    """
    problems = list(_misplaced(wanted))
    conf = {group: dict(wanted[group]) for group in EDITABLE if isinstance(wanted.get(group), Mapping)}
    space, more = _space(before, wanted.get("space") or {})
    problems += more
    if problems:
        raise SpecError(in_file(problems, SOURCE))
    at_most = concurrency_at_most(state)
    trials = {"concurrency": before.trials.concurrency, **conf.get("trials", {})}
    limit = before.model_copy(update={"trials": before.trials.model_copy(update={"concurrency": at_most})})
    try:
        after = apply_overrides(limit, {**conf, "trials": trials, **({"space": space} if space else {})}).experiment
    except SpecError as error:
        raise SpecError(in_file(error.problems, SOURCE)) from None
    problems = [*_too_wide(before, after), *_too_many(state, before, after)]
    if problems:
        raise SpecError(in_file(problems, SOURCE))
    return after


def concurrency_at_most(state: State) -> int:
    """Trials at once that the experiment's file allows: Airflow has fixed them when it read the file."""
    changes = [*state.overrides, *(change for act in state.acts for change in act.changes)]
    olds = [int(change["old"]) for change in changes if change["path"] == "trials.concurrency"]
    return max([*olds, int(state.experiment["trials"]["concurrency"])])


def _check_open(state: State, reopen: bool) -> None:
    if state.acts and state.acts[-1].act == "gc":
        raise NotEditable("the run is being deleted (`automl gc`): start a new one instead")
    if not reopen and state.stop is not None:
        raise NotEditable(f"the experiment has stopped ({state.stop.reason}); extend it instead")
    if not reopen:
        return
    if state.stop is None or state.unended:
        raise NotEditable("the experiment still runs: edit it instead")


def _check_goes_on(state: State, after: Experiment, plan: Mapping[str, Any], now: float) -> None:
    progress = progress_of(state, after, now)
    verdict = judge(replace(progress, slots_left=int(plan["slots"]) - len(state.works)), after)
    if verdict is not None:
        raise NotEditable(f"it would stop again at once: {verdict.reason}; change what ends it too")


def _misplaced(wanted: Mapping[str, Any]) -> Iterator[Problem]:
    groups = (*EDITABLE, "space")
    for group, fields in wanted.items():
        if group not in groups:
            message = f"{group!r} can't be edited while an experiment runs"
            yield Problem(message, (group,), allowed=groups, suggestion=did_you_mean(group, groups))
        elif not isinstance(fields, Mapping):
            yield Problem("a mapping is wanted", (group,), found=show(fields))
        elif group in EDITABLE:
            for field in fields:
                if field not in EDITABLE[group]:
                    message = f"{field!r} can't be edited while an experiment runs"
                    guess = did_you_mean(str(field), EDITABLE[group])
                    yield Problem(message, (group, str(field)), allowed=EDITABLE[group], suggestion=guess)


def _space(before: Experiment, wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """An edit of the space as overrides: options that are left out keep their place with a weight of 0."""
    conf: dict[str, Any] = {}
    problems: list[Problem] = []
    if not isinstance(wanted, Mapping):
        return conf, problems  # `_misplaced` has said so
    for name, fields in wanted.items():
        model, path = before.space.get(name), ("space", str(name))
        allowed = ("low", "high") if isinstance(model, Ranged) else ("values",) if isinstance(model, Options) else ()
        if model is None or not allowed:
            editable = [n for n, m in before.space.items() if isinstance(m, Ranged | Options)]
            message = "there is no such parameter at the top of the space" if model is None else "it has no limits"
            problems.append(Problem(message, path, allowed=tuple(editable)))
        elif not isinstance(fields, Mapping) or not set(fields) <= set(allowed):
            problems.append(Problem("only its limits can be edited", path, found=show(fields), allowed=allowed))
        elif isinstance(model, Ranged):
            low, high = fields.get("low", model.low), fields.get("high", model.high)
            conf[name] = dict(fields)
            numbers = all(_is_number(value) for value in (model.default, low, high))
            if numbers and not low <= model.default <= high:
                conf[name]["default"] = None  # it was tried at the start
        elif isinstance(model, Options):
            kept, more = _kept(model, fields["values"], (*path, "values"))
            problems += more
            weights = model.weights or [1.0] * len(model.values)
            conf[name] = {"weights": [w if o in kept else 0.0 for o, w in zip(model.options, weights, strict=True)]}
            if model.default is not None and model.default not in kept:
                conf[name]["default"] = None  # as of a range: it was tried at the start
    return conf, problems


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kept(model: Options, values: Any, path: tuple[str, ...]) -> tuple[list[Any], list[Problem]]:
    weights = model.weights or [1.0] * len(model.values)
    left = [option for option, weight in zip(model.options, weights, strict=True) if weight > 0]
    allowed = tuple(show(option) for option in left)
    if not isinstance(values, list) or not values:
        return left, [Problem("a list of values is wanted", path, found=show(values), allowed=allowed)]
    wrong = [v for v in values if not any(v == o and type(v) is type(o) for o in left)]
    if wrong:
        return left, [Problem("a value that the space doesn't have", path, found=show(wrong[0]), allowed=allowed)]
    return values, []


def _too_wide(before: Experiment, after: Experiment) -> Iterator[Problem]:
    for name, old in before.space.items():
        new = after.space[name]
        if isinstance(old, Ranged) and isinstance(new, Ranged) and not old.low <= new.low <= new.high <= old.high:
            limits = f"a range within {old.low:g}..{old.high:g}"
            found = f"{new.low:g}..{new.high:g}"
            message = "a space can be narrowed while an experiment runs, not widened"
            yield Problem(message, ("space", name), found=found, allowed=(limits,))


def _too_many(state: State, before: Experiment, after: Experiment) -> Iterator[Problem]:
    from automl_core.search.registry import algorithm_class

    narrowed = before.space != after.space
    more = after.trials.max > int(state.plan["trials"])
    most = int(state.plan.get(MAPPED_AT_MOST, LANE_THRESHOLD))
    other = after.trials.max != before.trials.max
    if algorithm_class(state.algorithm).uses_budget and (narrowed or other):
        path = ("space",) if narrowed else ("trials", "max")
        message = f"the rungs of {state.algorithm} are laid out before the start"
        yield Problem(message, path, suggestion="Start a new run for it: clone this one")
    elif more and state.lanes is None and after.trials.max > most:
        message = f"an experiment that started with at most {most} trials can't have more"
        if most < LANE_THRESHOLD:
            message += f" ([core] max_map_length of its Airflow was {most} then): start a new run, which uses lanes"
        yield Problem(message, ("trials", "max"), found=show(after.trials.max), allowed=(f"at most {most}",))


def _plan(state: State, before: Experiment, after: Experiment) -> dict[str, Any]:
    if before.trials.max == after.trials.max and before.space == after.space:
        return state.plan
    plan = _new_plan(after)
    # slots are task instances in Airflow: there can be more of them, never fewer
    return {**state.plan, "slots": max(plan.slots, int(state.plan["slots"])), "trials": plan.trials}


def _new_plan(after: Experiment) -> Plan:
    from automl_core.search import create

    context = context_of(after, Space.from_models(after.space))
    try:
        return create(after.search.algorithm, context).plan()
    except ValueError as error:
        raise SpecError(in_file([Problem(str(error), ("search",))], SOURCE)) from None


def _proposals(state: State, after: Experiment) -> list[Params]:
    """The combinations known before the start, without those still to come that lie outside the space now."""
    space, bound = Space.from_models(after.space), len(state.trials)
    return state.proposals[:bound] + [params for params in state.proposals[bound:] if is_within(params, space)]
