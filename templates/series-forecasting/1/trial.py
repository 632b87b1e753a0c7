"""Judge one learner origin by origin: ``python trial.py --config spec.yaml``."""

from automl_core.forecasting.program.trial import main
from automl_core.training.problems import run

if __name__ == "__main__":
    run(main, hidden=())  # statsforecast needs pandas
