"""What an experiment may come to by its own limits, before anybody knows how long a trial takes."""

from __future__ import annotations

from typing import Any

from automl_core.spec.models import Experiment


def most_of(experiment: Experiment) -> dict[str, Any]:
    """The most that trials may take.

    Args:
        experiment: its file.

    Returns:
        ``seconds``: of training over all trials, None without a limit on time; ``cost``: by the dearest training task
        for all of that time, or ``stop.max_cost`` where that is less; None where prices are not known or nothing
        limits the time.
    """
    stop, trials = experiment.stop, experiment.trials
    limits = [each for each in (stop.deadline, stop.max_duration) if each is not None]
    seconds = min(limits) * trials.concurrency if limits else None
    if trials.timeout is not None and trials.budget is None:
        attempts = trials.max * (1 + trials.retries) * len(experiment.tasks)
        by_timeout = trials.timeout * attempts
        seconds = by_timeout if seconds is None else min(seconds, by_timeout)
    prices = [task.hourly_price for task in experiment.tasks]
    known = not any(task.has_other_prices for task in experiment.tasks)
    cost = max(prices) * seconds / 3600 if seconds is not None and known else None
    if stop.max_cost is not None:
        cost = stop.max_cost if cost is None else min(cost, stop.max_cost)
    return {"seconds": seconds, "cost": cost}
