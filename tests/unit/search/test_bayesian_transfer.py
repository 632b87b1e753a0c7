"""Transfer in the bayesian search: earlier experiments weigh as much as they rank today's trials right."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from automl_core.search.base import Context, History, NewTrial, PastTrial, rng_for
from automl_core.search.bayesian import Bayesian
from automl_core.search.bayesian.acquisition import Acquisition, Model
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.gp import Columns, Fit, Posterior
from automl_core.search.bayesian.source import Scaled, Source, correct, usable
from automl_core.search.bayesian.surrogate import Evidence, Surrogate
from automl_core.search.bayesian.transfer import left_out, mix
from automl_core.search.bayesian.warping import normalise
from automl_core.search.earlier import as_history, translate
from automl_core.space import Space
from automl_core.states import TrialState
from tests.contract.search_suite import build

MIXED: dict[str, Any] = {
    "lr": {"type": "loguniform", "low": 1e-4, "high": 1e-1},
    "solver": {"type": "choice", "values": ["adam", "sgd", "rmsprop"]},
    "depth": {"type": "int", "low": 1, "high": 9},
    "drop": {"type": "uniform", "low": 0, "high": 1},
}
SPACE = build(MIXED)


def bowl(params: Any) -> float:
    off = (math.log10(params["lr"]) + 2.4) ** 2 + 0.05 * (params["depth"] - 6) ** 2 + (params["drop"] - 0.3) ** 2
    return float(off + {"adam": 0.0, "sgd": 0.4, "rmsprop": 0.2}[params["solver"]])


def observed(loss: Callable[[Any], float], count: int, label: str, space: Space = SPACE) -> History:
    rng = rng_for(0, label)
    drawn = [space.sample(rng) for _ in range(count)]
    return as_history(translate(space, [(params, loss(params)) for params in drawn]).observations)


@cache
def source(loss: Callable[[Any], float], count: int = 30) -> Source:
    return Source(Encoding(SPACE), observed(loss, count, "earlier"), np.random.default_rng(0))


def today(count: int, loss: Callable[[Any], float] = bowl) -> Surrogate:
    return Surrogate(Encoding(SPACE), Evidence.of(observed(loss, count, "today")), np.random.default_rng(1))


@cache
def posteriors(count: int) -> list[Posterior]:
    return [model.posterior for model in today(count).acquisition.models]


def test_losses_that_say_nothing_make_no_source() -> None:
    params = [SPACE.sample(rng_for(0, i)) for i in range(6)]

    assert usable(as_history([(each, float(i)) for i, each in enumerate(params)]))
    assert not usable(as_history([(each, 0.5) for each in params]))
    assert not usable(as_history([(each, float(i)) for i, each in enumerate(params[:3])]))


def test_a_parameter_that_the_earlier_experiment_did_not_have_makes_no_difference() -> None:
    encoding = Encoding(SPACE)
    without = [
        ({k: v for k, v in trial.params.items() if k != "drop"}, trial.loss) for trial in observed(bowl, 20, "a")
    ]
    history = as_history(translate(SPACE, without).observations)  # type: ignore[arg-type]

    known = Source(encoding, history, np.random.default_rng(0))
    rows = encoding.sample(1, np.random.default_rng(0)).repeat(3, axis=0)
    rows[:, 3] = [0.0, 0.4, 1.0]

    assert np.ptp(known.mean(rows)) < 1e-12
    value, gradient = known.gradient(rows[0], np.arange(3))
    assert value == pytest.approx(known.mean(rows)[0])
    assert gradient[2] == 0 != gradient[0]


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.4, 1.6)])
def test_gradients_of_a_weighted_mixture_with_a_trend_are_those_of_differences(weights: tuple[float, float]) -> None:
    own, encoding = posteriors(12)[0], Encoding(SPACE)
    around = correct(source(bowl), own)
    models = [Model(p, p.smoothed().min(axis=0), w) for p, w in zip((own, around), weights, strict=True)]
    acquisition = Acquisition(Columns(encoding.numeric, encoding.categorical, warped=False), models)
    row, moving, step = encoding.sample(1, np.random.default_rng(5))[0], np.array([0, 2]), 1e-6

    value, gradient = acquisition.gradient(row, moving)

    assert value == pytest.approx(float(acquisition(row[None])[0]))
    for position, slope in zip(moving, gradient, strict=True):
        column = encoding.numeric[position]
        ahead, behind = row.copy(), row.copy()
        ahead[column] += step
        behind[column] -= step
        difference = (acquisition(ahead[None]) - acquisition(behind[None]))[0] / (2 * step)
        assert slope == pytest.approx(difference, rel=1e-3)


def test_leaving_one_out_is_what_the_process_without_it_predicts() -> None:
    history = observed(bowl, 9, "today")
    encoding = Encoding(SPACE)
    rows = encoding.rows([trial.params for trial in history])
    losses = normalise(np.array([trial.loss for trial in history], dtype=np.float64))
    columns = Columns(encoding.numeric, encoding.categorical, warped=True, main_effects=True)
    hyper = Fit(columns, rows, losses).ensemble(np.random.default_rng(0), 0)[0]
    whole = Posterior(columns, hyper, rows, losses)
    whole.trend = Scaled(source(bowl), 0.5)
    whole._set(rows, (whole.z - whole.trend(rows))[:, None])

    mean, variance = left_out(whole)

    for i in range(len(rows)):
        kept = np.arange(len(rows)) != i
        rest = Posterior(columns, hyper, rows[kept], losses[kept])
        rest.trend = whole.trend
        rest._set(rows[kept], whole.targets[kept])
        expected, spread = rest.predict(rows[[i]])
        assert mean[i] == pytest.approx(expected[0, 0], abs=1e-6)
        assert variance[i] == pytest.approx(spread[0] + whole.noise, abs=1e-6)


def test_what_ranks_todays_trials_right_has_the_weight_on_any_scale() -> None:
    mixture = mix([source(lambda params: 1e6 * bowl(params) - 5)], posteriors(8), np.random.default_rng(0))

    assert mixture.shares[0] > 0.5
    assert len(mixture.posteriors) == len(mixture.weights) == len(posteriors(8)) + 1
    assert np.mean(mixture.weights) == pytest.approx(1)
    assert min(mixture.weights) > 0


@pytest.mark.parametrize("count", [5, 10, 25])
def test_what_ranks_them_the_other_way_round_has_none(count: int) -> None:
    own = posteriors(count)

    mixture = mix([source(lambda params: -bowl(params))], own, np.random.default_rng(0))

    assert mixture.shares == (0.0,)
    assert mixture.posteriors == tuple(own)
    assert set(mixture.weights) == {1.0}


def test_noise_weighs_less_than_what_agrees() -> None:
    noise = np.random.default_rng(3)
    sources = [source(lambda _: float(noise.standard_normal())), source(bowl)]

    shares = mix(sources, posteriors(12), np.random.default_rng(0)).shares

    assert shares[0] < 0.1 < 0.5 < shares[1]


def test_todays_own_process_takes_over_as_trials_come_in() -> None:
    half = source(lambda params: bowl(params) + 3 * abs(params["drop"] - 0.9))

    early, late = (mix([half], posteriors(count), np.random.default_rng(0)).shares[0] for count in (8, 80))

    assert late < early


def test_values_that_are_all_equal_give_no_weight() -> None:
    own = [model.posterior for model in today(8, lambda _: 0.5).acquisition.models]

    assert mix([source(bowl)], own, np.random.default_rng(0)).shares == (0.0,)


def run(algorithm: Bayesian, trials: int) -> list[PastTrial]:
    history: list[PastTrial] = []
    for number in range(trials):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        history.append(PastTrial(number, decision.params, TrialState.SUCCEEDED, loss=bowl(decision.params)))
    return history


def best(history: list[PastTrial]) -> float:
    return min(trial.loss for trial in history if trial.loss is not None)


def search(*earlier: History, **changes: Any) -> Bayesian:
    return Bayesian(Context(**{"space": SPACE, "max_trials": 30, "earlier": earlier, **changes}))


def test_a_helpful_experiment_gives_a_start() -> None:
    near = observed(lambda params: 2 * bowl({**params, "drop": min(params["drop"] + 0.1, 1.0)}), 40, "earlier")

    warm = run(search(near), 7)

    assert best(warm[:5]) < 0.5 * best(run(search(), 5))
    assert "by earlier experiments" in search(near).suggest(warm).note  # type: ignore[union-attr]


def test_a_misleading_one_costs_a_trial_and_then_the_search_is_as_without() -> None:
    against = observed(lambda params: -bowl(params), 40, "earlier")

    warm, cold = run(search(against), 10), run(search(), 4)

    assert warm[0].loss == max(trial.loss for trial in warm if trial.loss is not None)
    assert [trial.params for trial in warm[1:5]] == [trial.params for trial in cold]
    for number in (6, 8, 10):
        assert search(against).suggest(warm[:number]).note.endswith(", 0% by earlier experiments")  # type: ignore[union-attr]
    assert search(against).describe(warm)["earlier"] == [0.0]


def test_the_first_ones_are_those_proposed_and_further_design_follows_only_without_guidance() -> None:
    helpful, misleading = observed(bowl, 40, "earlier"), observed(lambda params: -bowl(params), 40, "earlier")
    for past in (helpful, misleading):
        proposed = search(past).propose()
        assert [p.params for p in proposed] == [trial.params for trial in run(search(past), len(proposed))]
    after = len(search(helpful).propose())
    told = run(search(helpful), after + 1)
    assert search(helpful).suggest(told[:after]).note.startswith("log EI")  # type: ignore[union-attr]
    told = run(search(misleading), after + 1)
    assert search(misleading).suggest(told[:after]).note.startswith("initial design")  # type: ignore[union-attr]


def test_running_early_stopped_and_failed_trials_are_taken_with_transfer() -> None:
    past = observed(bowl, 30, "earlier")
    history = run(search(past), 12)
    history[3] = PastTrial(3, history[3].params, TrialState.FAILED)
    history[4] = PastTrial(4, history[4].params, TrialState.EARLY_STOPPED, loss=history[4].loss)
    history += [PastTrial(12, SPACE.sample(rng_for(0, "running")), TrialState.RUNNING)]

    decisions = []
    for _ in range(3):
        decision = search(past).suggest(history)
        assert isinstance(decision, NewTrial)
        decisions.append(Space.key(decision.params))
        history.append(PastTrial(len(history), decision.params, TrialState.RUNNING))

    assert len(set(decisions)) == 3


def test_with_several_objectives_only_the_best_are_tried() -> None:
    past = observed(bowl, 30, "earlier")
    algorithm = search(past, objectives=2)
    history: list[PastTrial] = []
    for number in range(7):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        assert ("earlier experiment" in decision.note) is (number == 0)
        losses = bowl(decision.params), -float(decision.params["drop"])  # type: ignore[arg-type]
        done = PastTrial(number, decision.params, TrialState.SUCCEEDED, loss=float(number), objectives=losses)
        history.append(done)
    assert history[0].params == past[0].params
