# /// script
# requires-python = ">=3.11"
# dependencies = ["optuna==5.0.0"]
# ///
"""Records what Optuna writes: run once with each release of it, in an environment of its own.

    python make.py [FOLDER]

It writes study-<release>.sql, journal-<release>.log and expected-<release>.json beside itself, or there. The first is
`sqlite3`'s dump of the database file; the last is what Optuna itself says of the same studies. (2.10.1 wants
SQLAlchemy before 1.4.40, and has no journal.)
"""

import json
import math
import os
import sqlite3
import sys
import tempfile
import warnings
from pathlib import Path

import optuna
from optuna.trial import TrialState

HERE = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
optuna.logging.set_verbosity(optuna.logging.ERROR)
warnings.simplefilter("ignore")
OLD = optuna.__version__.startswith("2.")


def branches(trial):
    """Conditional parameters, every kind of distribution, pruning, failures, infinite and NaN values."""
    model = trial.suggest_categorical("model", ["tree", "net", None, 3, 2.5, True])
    trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    trial.suggest_float("drop", 0.0, 0.9, step=0.1)
    trial.suggest_float("free", -1.0, 1.0)
    trial.suggest_int("width", 16, 300, log=True)
    trial.suggest_int("batch", 10, 99, step=8)
    if model == "net":
        trial.suggest_int("layers", 1, 4)
    elif model == "tree":
        # the range changes from trial to trial, which Optuna allows for numbers
        trial.suggest_int("depth", 1, 4 + trial.number)
    trial.set_user_attr("seconds", 1.5 * trial.number)
    trial.set_user_attr("words", {"not": "a number"})
    if trial.number % 7 == 3:
        raise ValueError("as it happens")
    if trial.number == 2 and not OLD:
        trial.report(float("inf"), 0)
    for step in range(3):
        trial.report(trial.number + step / 10, step * 5)
        if trial.number % 5 == 4 and step == 1:
            raise optuna.TrialPruned
    if trial.number == 1:
        raise optuna.TrialPruned  # with what it had reported last
    if trial.number == 5:
        if not OLD:  # a NaN had no place there
            trial.report(float("nan"), 99)
        return float("nan")  # a failed trial
    ends = {} if OLD else {8: math.inf, 9: -math.inf}
    return ends.get(trial.number, trial.number * 0.25)


def two(trial):
    x = trial.suggest_float("x", 0, 1)
    trial.set_user_attr("latency_ms", 10 * x)
    return x, 1 - x


def fill(storage):
    made = optuna.create_study(
        study_name="branches", storage=storage, direction="minimize", sampler=optuna.samplers.RandomSampler(seed=5)
    )
    made.optimize(branches, n_trials=16, catch=(ValueError,))
    made.enqueue_trial({"lr": 0.01})  # waits
    if not OLD:
        made.add_trial(
            optuna.trial.create_trial(
                params={"lr": 0.02, "extra": "a,b"},
                distributions={
                    "lr": optuna.distributions.FloatDistribution(1e-5, 1.0, log=True),
                    "extra": optuna.distributions.CategoricalDistribution(["a,b", "c"]),
                },
                value=7.0,
            )
        )
        made.ask()  # takes what waits, and never ends
    several = optuna.create_study(
        study_name="two", storage=storage, directions=["minimize", "maximize"],
        sampler=optuna.samplers.NSGAIISampler(seed=1, constraints_func=lambda t: (t.params["x"] - 0.5, -1.0)),
    )  # fmt: skip
    if hasattr(several, "set_metric_names"):
        several.set_metric_names(["loss", "accuracy"])
    several.optimize(two, n_trials=4)
    optuna.create_study(study_name="empty", storage=storage)
    gone = optuna.create_study(study_name="gone", storage=storage)
    gone.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    optuna.delete_study(study_name="gone", storage=storage)


def told(storage):
    """What Optuna says: study → trials."""
    found = {}
    for name in ("branches", "two", "empty"):
        study = optuna.load_study(study_name=name, storage=storage)
        found[name] = {
            "directions": [each.name for each in study.directions],
            "trials": [
                {
                    "number": trial.number,
                    "state": trial.state.name,
                    "params": trial.params,
                    "values": [repr(value) for value in trial.values or []],
                    "steps": {step: repr(value) for step, value in trial.intermediate_values.items()},
                    "started": trial.datetime_start and trial.datetime_start.timestamp(),
                    "ended": trial.datetime_complete and trial.datetime_complete.timestamp(),
                }
                for trial in study.trials
            ],
        }
        assert all(trial.state in TrialState for trial in study.trials)
    return found


def main():
    os.environ["TZ"] = "Asia/Tokyo"  # naive times are local ones
    import time

    time.tzset()
    release = optuna.__version__
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/study.db"
        fill(optuna.storages.RDBStorage(url))
        expected = {"sqlite": told(url)}
        with sqlite3.connect(f"{folder}/study.db") as database:
            (HERE / f"study-{release}.sql").write_text("\n".join(database.iterdump()) + "\n")
        if not OLD:
            file = f"{folder}/journal.log"
            if hasattr(optuna.storages, "journal"):
                backend = optuna.storages.journal.JournalFileBackend(file)
            else:
                backend = optuna.storages.JournalFileStorage(file)
            storage = optuna.storages.JournalStorage(backend)
            fill(storage)
            expected["journal"] = told(storage)
            (HERE / f"journal-{release}.log").write_bytes(Path(file).read_bytes())
    (HERE / f"expected-{release}.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
