"""The trials of an experiment as a study of Optuna's. Runs in the environment that has Optuna and its dashboard.

python benchmarks/web/optuna_study.py TRIALS.json JOURNAL
"""

from __future__ import annotations

import json
import sys
from typing import Any

STEPS = 10


def main(trials_file: str, journal: str) -> None:
    """Write the journal of one study a key of the file."""
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import FrozenTrial, TrialState, create_trial

    distributions = {
        "learning_rate": FloatDistribution(1e-4, 0.1, log=True),
        "units": IntDistribution(1, 64),
        "solver": CategoricalDistribution(["adam", "sgd", "lbfgs"]),
        "momentum": FloatDistribution(0, 0.99),
        "dropout": FloatDistribution(0, 0.7),
        "layers": IntDistribution(1, 6),
    }

    def trial(params: dict[str, Any], value: float | None) -> FrozenTrial:
        if value is None:
            return create_trial(state=TrialState.FAIL, params=params, distributions=distributions)
        steps = {step: value * step / STEPS for step in range(1, STEPS + 1)}
        return create_trial(value=value, params=params, distributions=distributions, intermediate_values=steps)

    storage = JournalStorage(JournalFileBackend(journal))
    with open(trials_file) as file:
        studies = json.load(file)
    for name, columns in studies.items():
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
        rows = zip(*columns["params"].values(), strict=True)
        names = list(columns["params"])
        made = [trial(dict(zip(names, row, strict=True)), v) for row, v in zip(rows, columns["value"], strict=True)]
        study.add_trials(made)


if __name__ == "__main__":
    main(*sys.argv[1:3])
