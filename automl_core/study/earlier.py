"""Finding earlier runs in the model storage path, and what of them today's experiment can learn from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from automl_core.journal import JOURNAL, BadRecord, decode, key_of
from automl_core.search.base import History
from automl_core.search.earlier import Incompatible, Observation, translate
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.storage.base import NotFound, ObjectStore, StorageError
from automl_core.study.history import history_of
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import folders_of, safe
from automl_core.study.sources import EarlierRun
from automl_core.study.state import State

MOST_OBSERVATIONS = 2000
"""Taken of all earlier runs together: they stand in the first record, and in each snapshot of the journal."""

_TELLING = 5
"""Trials that must have finished a budget for it to be the one at which an earlier run is looked at."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A run that was asked for: where it lies, and its state if it could be read."""

    experiment: str
    run: str
    prefix: str = ""
    state: State | None = None
    reason: str = ""


def find_earlier(
    store: ObjectStore, experiment: Experiment, own_prefix: str, team: str | None = None
) -> list[EarlierRun]:
    """The earlier runs that ``search.transfer`` asks for, with the observations that today's space can hold.

    What can't be used (another goal, another space, a run that can't be read) is returned with its reason; it
    never raises because of an earlier run.

    Args:
        store: the model storage path.
        experiment: today's file.
        own_prefix: folder of today's run, which is none of the earlier ones.
        team: whose experiment this is; a run of another team's is not looked into, whoever could read it.

    Returns:
        The latest ended runs of this experiment, newest first, then those of ``transfer.experiments`` in their
        order; no run twice.
    """
    transfer = experiment.search.transfer
    if transfer is None:
        return []
    found: dict[str, _Found] = {}
    for item in _asked_for(store, experiment, own_prefix):
        if item.prefix != own_prefix:
            found.setdefault(item.prefix or f"{item.experiment}@{item.run}", item)
    space = Space.from_models(experiment.space)
    most = min(transfer.max_trials, max(1, MOST_OBSERVATIONS // max(1, len(found))))
    return [_taken(item, experiment, space, most, team) for item in found.values()]


def _asked_for(store: ObjectStore, experiment: Experiment, own_prefix: str) -> Iterator[_Found]:
    transfer = experiment.search.transfer
    assert transfer is not None
    if transfer.runs:
        yield from _latest_ended(store, experiment.name, transfer.runs, own_prefix)
    for text in transfer.experiments:
        name, _, run = text.partition("@")
        if run:
            found = [_read(store, name, folder, run) for folder in folders_of(run)]
            yield next((each for each in found if each.state is not None), found[0])
            continue
        latest = list(_latest_ended(store, name, 1, own_prefix))
        yield from latest or [_Found(name, "", reason="no run of it has ended in this model storage path")]


def _latest_ended(store: ObjectStore, name: str, count: int, own_prefix: str) -> Iterator[_Found]:
    """The newest runs of an experiment that have ended, and those newer than the last of them that can't be read."""
    try:
        runs = sorted(_runs(store, name), reverse=True)
    except StorageError as error:
        yield _Found(name, "", reason=f"its runs can't be listed: {error}")
        return
    for _, folder in runs:
        if count == 0:
            return
        if f"{safe(name)}/{folder}/" == own_prefix:
            continue
        item = _read(store, name, folder, folder)
        if item.state is not None and item.state.stop is None:
            continue  # it runs, or its last task never ran
        count -= item.state is not None
        yield item


def _runs(store: ObjectStore, name: str) -> Iterator[tuple[float, str]]:
    """When each run of an experiment began, and its folder: two requests a run, whatever it holds."""
    top = f"{safe(name)}/"
    after = ""
    while keys := store.list(top, start_after=after, limit=1):
        folder, slash, _ = keys[0].removeprefix(top).partition("/")
        after = f"{top}{folder}0" if slash else keys[0]  # '0' follows '/': everything below the folder is passed over
        try:
            first = decode(store.get(f"{top}{folder}/{JOURNAL}{key_of(1)}"), 1).record
        except (NotFound, BadRecord):
            continue
        yield first.time, folder


def _read(store: ObjectStore, name: str, folder: str, run: str) -> _Found:
    prefix = f"{safe(name)}/{folder}/"
    journal = StudyJournal(store, prefix, sleep=lambda _: None)  # nobody writes there any more
    try:
        state = journal.refresh()
    except (StorageError, ValueError, TypeError, LookupError) as error:
        return _Found(name, run, prefix, reason=f"its journal can't be read: {error}")
    if not state.created:
        why = next(iter(journal.unreadable.values()), "there is none")
        return _Found(name, run, prefix, reason=f"its journal can't be read: {why}")
    return _Found(name, state.run or run, prefix, state)


def _taken(item: _Found, experiment: Experiment, space: Space, most: int, team: str | None) -> EarlierRun:
    if item.state is None:
        return EarlierRun(item.experiment, item.run, reason=item.reason)
    theirs_is = item.state.identity.get("team")
    if theirs_is and theirs_is != team:
        whose = f"and this experiment is of the team {team}" if team else "and this experiment is no team's"
        return EarlierRun(item.experiment, item.run, reason=f"it is of the team {theirs_is}, {whose}")
    taken = EarlierRun(item.experiment, item.run, trials=len(item.state.trials))
    try:
        theirs = Experiment.model_validate(item.state.experiment)
        taken.reason = _other_goal(experiment, theirs)
        if taken.reason:
            return taken
        translated = translate(space, _observations(history_of(item.state, theirs)), most)
    except Incompatible as error:
        taken.reason = f"its space doesn't fit: {error}"
        return taken
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        taken.reason = f"its file can't be read by this release: {_why(error)}"
        return taken
    taken.params = [params for params, _ in translated.observations]
    taken.losses = [loss for _, loss in translated.observations]
    taken.dropped = dict(translated.dropped)
    return taken


def _why(error: Exception) -> str:
    """The error in a line, without what it found there: that is another experiment's."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in problems[:3])


def _other_goal(today: Experiment, theirs: Experiment) -> str:
    """In what another experiment's goal differs so that its values can't be compared, empty if in nothing."""
    ours, other = today.goal, theirs.goal
    if [objective.weights for objective in ours.all_objectives] != [each.weights for each in other.all_objectives]:
        metrics = " and ".join(each.label for each in other.all_objectives)
        return f"another goal: its metric is {metrics}"
    if [objective.direction for objective in ours.all_objectives] != [each.direction for each in other.all_objectives]:
        return "another goal: its metric goes in the other direction"
    if ours.constraints != other.constraints:
        return "another goal: its constraints differ"
    return ""


def _observations(history: History) -> list[Observation]:
    """Combinations with comparable losses: with budgets, those at the highest budget that enough trials finished."""
    finished: Counter[int] = Counter(level for trial in history for level in trial.losses_at)
    if not finished:
        return [(trial.params, math.nan if trial.loss is None else trial.loss) for trial in history]
    telling = [level for level, count in finished.items() if count >= _TELLING]
    level = max(telling) if telling else max(finished, key=lambda each: (finished[each], each))
    return [(trial.params, trial.losses_at.get(level, math.nan)) for trial in history]
