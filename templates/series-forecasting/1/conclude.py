"""Make the model of all trials: ensemble, last fit, intervals, one look at the end, report."""

from automl_core.forecasting.program.conclude import main
from automl_core.training.problems import run

if __name__ == "__main__":
    run(main, hidden=())  # statsforecast needs pandas
