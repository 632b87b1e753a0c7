"""Whether the curve model knows anything of combinations that were never started: a check on the history itself."""

from __future__ import annotations

import numpy as np

from automl_core.search.freeze_thaw.model import Array, CurveModel

_FEWEST = 4  # losses at a budget: the order of fewer says nothing
_CHANCE, _SURE = 0.1, 0.4  # rank correlations below and above which the model is trusted not at all, and fully


def trust(model: CurveModel) -> float:
    """How far to trust the model with new combinations, from 0 (no better than chance) to 1.

    Each trial is predicted as if it had never been started, at the budgets that it has finished, and the order of
    the predictions at each budget compared with that of the losses (`rank_skill`). A model that predicts a bad order
    is no better than chance at saying what to start, whatever likelihood its hyperparameters have.

    Args:
        model: conditioned on what is known, and on nothing that it believes (`CurveModel.believing`).
    """
    skill = rank_skill(model.left_out(), model.losses, model.points.times)
    return float(np.clip((skill - _CHANCE) / (_SURE - _CHANCE), 0.0, 1.0))


def rank_skill(predicted: Array, losses: Array, times: Array) -> float:
    """Kendall's rank correlation of predictions with losses, ties in either counted as neither.

    Within each time, and the mean over times with as many weights as they have losses. A trend along training, which
    any model sees, so counts for nothing.

    Args:
        predicted: shape (n,).
        losses: shape (n,).
        times: budgets on any scale, shape (n,).

    Returns:
        From -1 to 1; 0 where no time has four losses.
    """
    taus, weights = [], []
    for time in np.unique(times):
        there = np.flatnonzero(times == time)
        if len(there) < _FEWEST:
            continue
        rounded = np.round(predicted[there], 9)  # so that rounding errors, which differ between machines, tell nothing
        above = np.triu_indices(len(there), 1)
        agree = np.sign(rounded[:, None] - rounded)[above] * np.sign(losses[there][:, None] - losses[there])[above]
        taus.append(float(agree.mean()))
        weights.append(len(there))
    return float(np.average(taus, weights=weights)) if taus else 0.0
