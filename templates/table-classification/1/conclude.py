"""Make the model of all trials: ensemble, refit, calibration, one look at the test part, report."""

from automl_core.tabular.program.conclude import main
from automl_core.training.problems import run

if __name__ == "__main__":
    run(main)
