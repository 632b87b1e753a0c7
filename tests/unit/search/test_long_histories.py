"""With tens of thousands of trials, a model looks at some of them: which, and that nothing changes before."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence, Set
from typing import Any, overload

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from automl_core.search.base import Context, LongHistory, NewTrial, PastTrial
from automl_core.search.bayesian import Bayesian
from automl_core.search.bayesian import surrogate as surrogates
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.subset import _lowest, worth_a_look
from automl_core.search.bayesian.surrogate import Evidence, Surrogate
from automl_core.search.bayesian.warping import views
from automl_core.space import Space
from automl_core.spec.parameters import Parameter
from automl_core.states import TrialState

_SPACE: dict[str, Any] = {
    "x": {"type": "uniform", "low": 0.0, "high": 1.0},
    "rate": {"type": "loguniform", "low": 1e-4, "high": 1.0},
    "option": {"type": "choice", "values": ["a", "b"]},
}
SPACE = Space.from_models(TypeAdapter(dict[str, Parameter]).validate_python(_SPACE))
LOSSES = st.one_of(st.none(), st.integers(0, 5).map(float), st.sampled_from([math.inf, math.nan]))
TOLD = st.lists(st.tuples(LOSSES, st.sampled_from(TrialState)), min_size=1, max_size=40)


def past(number: int, loss: float | None, state: TrialState) -> PastTrial:
    return PastTrial(number, SPACE.sample(random.Random(number)), state, loss=loss)


def bowl(count: int, running: int = 0) -> list[PastTrial]:
    """Trials of a bowl, every seventh of them failed, every fifth stopped early; some still under way."""
    found = []
    for number in range(count):
        params = SPACE.sample(random.Random(number))
        loss = (float(params["x"]) - 0.3) ** 2 + 0.1 * (math.log10(float(params["rate"])) + 2) ** 2  # type: ignore[arg-type]
        state = TrialState.EARLY_STOPPED if number % 5 == 1 else TrialState.SUCCEEDED
        if number >= count - running:
            found.append(PastTrial(number, params, TrialState.RUNNING))
        elif number % 7 == 3:
            found.append(PastTrial(number, params, TrialState.FAILED))
        else:
            found.append(PastTrial(number, params, state, loss=loss))
    return found


class Counting(LongHistory):
    """A long history that knows which of its trials were looked at."""

    def __init__(self, trials: list[PastTrial]) -> None:
        self.trials, self.looked_at = trials, set[int]()

    def keys(self) -> Set[str]:
        return {Space.key(trial.params) for trial in self.trials}

    def losses(self) -> Sequence[float | None]:
        return [trial.loss for trial in self.trials]

    def states(self) -> Sequence[TrialState]:
        return [trial.state for trial in self.trials]

    def __len__(self) -> int:
        return len(self.trials)

    @overload
    def __getitem__(self, index: int) -> PastTrial: ...
    @overload
    def __getitem__(self, index: slice) -> list[PastTrial]: ...
    def __getitem__(self, index: int | slice) -> PastTrial | list[PastTrial]:
        self.looked_at.update(range(len(self))[index] if isinstance(index, slice) else [index])
        return self.trials[index]


def same(one: Evidence, other: Evidence) -> bool:
    """All that they say; losses may come in another order, as long as the places tell which is whose."""
    kinds = ("finished", "censored", "failed", "running", "all", "ended")
    at_places = [each.losses[each.places].tolist() for each in (one, other)]
    return (
        all(getattr(one, kind) == getattr(other, kind) for kind in kinds)
        and at_places[0] == at_places[1] == [trial.loss for trial in (*one.finished, *one.censored)]
        and sorted(one.losses.tolist()) == sorted(other.losses.tolist())
    )


@settings(max_examples=200)
@given(told=TOLD)
def test_looking_at_all_of_a_long_history_says_what_a_short_one_says(
    told: list[tuple[float | None, TrialState]],
) -> None:
    history = [past(number, loss, state) for number, (loss, state) in enumerate(told)]
    for each in (history, Counting(history)):
        assert same(Evidence._of_long(each, len(history)), Evidence.of(history))


@given(told=TOLD, most=st.integers(1, 40))
def test_what_is_not_looked_at_is_counted_and_its_loss_known(
    told: list[tuple[float | None, TrialState]], most: int
) -> None:
    history = [past(number, loss, state) for number, (loss, state) in enumerate(told)]
    whole, part = Evidence.of(history), Evidence.of(history, most)
    assert (part.all, part.ended, part.running) == (whole.all, whole.ended, whole.running)
    assert sorted(part.losses.tolist()) == sorted(whole.losses.tolist())
    assert part.losses[part.places].tolist() == [trial.loss for trial in (*part.finished, *part.censored)]
    looked_at = len(part.finished) + len(part.censored) + len(part.failed)
    assert looked_at == min(most, whole.ended) or len(history) <= most
    if len(whole.losses) and most >= 4:
        assert min(part.losses[part.places]) == min(whole.losses)


def test_no_suggestion_changes_below_the_number_that_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm = Bayesian(Context(space=SPACE, max_trials=1000))
    histories = [bowl(60, running=2), bowl(340)]
    before = [algorithm.suggest(history) for history in histories]
    monkeypatch.setattr(surrogates, "LOOKED_AT", None)
    assert [algorithm.suggest(history) for history in histories] == before
    monkeypatch.setattr(surrogates, "LOOKED_AT", 50)
    assert all(isinstance(each, NewTrial) for each in before)
    assert [algorithm.suggest(history) for history in histories] != before, "the number is looked up"


def test_of_a_long_history_a_suggestion_looks_at_some_trials_and_is_the_same_for_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(surrogates, "LOOKED_AT", 60)
    trials = bowl(600, running=3)
    history = Counting(trials)
    algorithm = Bayesian(Context(space=SPACE, max_trials=1000))
    found = algorithm.suggest(history)
    assert len(history.looked_at) == 60 + 3
    assert found == algorithm.suggest(trials)
    assert isinstance(found, NewTrial)
    assert abs(float(found.params["x"]) - 0.3) < 0.3  # type: ignore[arg-type]


def test_each_row_of_the_model_has_its_own_loss_on_the_scale_of_all_losses() -> None:
    """The best trials are a quarter of what is looked at: of their losses alone, another scale would be found."""
    history = [trial for trial in bowl(600) if trial.state is TrialState.SUCCEEDED]
    encoding = Encoding(SPACE)
    found = Surrogate(encoding, Evidence.of(history, 80), np.random.default_rng(0))
    scaled = [view.values for view in views(np.array([trial.loss for trial in history]))]
    by_row = {tuple(row): place for place, row in enumerate(encoding.rows([trial.params for trial in history]))}
    posterior = found.acquisition.models[0].posterior
    places = [by_row[tuple(row)] for row in posterior.rows]
    assert len(places) == 80
    assert any(np.allclose(posterior.scale(values[places]), posterior.z) for values in scaled)


def test_a_sample_has_the_best_ones_and_failures_as_often_as_they_are() -> None:
    losses = np.random.default_rng(0).random(10_000)
    failed = np.arange(10_000) % 4 == 0
    losses[failed] = np.nan
    chosen = worth_a_look(losses, np.ones(10_000, dtype=np.bool_), 400)
    assert len(chosen) == len(set(chosen.tolist())) == 400
    assert chosen.tolist() == sorted(chosen.tolist())
    assert set(np.argsort(losses)[:100].tolist()) <= set(chosen.tolist())
    assert 50 <= failed[chosen].sum() <= 100, "a quarter of the 300 that are no best ones"


def test_tomorrow_nearly_the_same_trials_are_looked_at() -> None:
    """So a process that asks again has decoded them already."""
    losses = np.random.default_rng(1).random(10_050)
    today = worth_a_look(losses[:10_000], np.ones(10_000, dtype=np.bool_), 400)
    tomorrow = worth_a_look(losses, np.ones(10_050, dtype=np.bool_), 400)
    assert len(set(today.tolist()) & set(tomorrow.tolist())) >= 390


def test_every_kind_of_number_may_be_drawn() -> None:
    """No stride: what alternates from trial to trial must not leave a sample."""
    chosen = worth_a_look(np.full(20_000, np.nan), np.ones(20_000, dtype=np.bool_), 1000)
    for divisor in (2, 3, 8):
        shares = np.bincount(chosen % divisor) / len(chosen)
        assert np.abs(shares - 1 / divisor).max() < 0.06


@given(st.lists(st.integers(0, 4).map(float), max_size=30), st.integers(0, 35))
def test_the_lowest_are_those_that_sorting_finds_the_first_of_equal_ones(values: list[float], count: int) -> None:
    found = _lowest(np.array(values), count)
    assert sorted(found.tolist()) == sorted(np.argsort(np.array(values), kind="stable")[:count].tolist())
