"""Make series ready: read, looked through, the origins planned once for all trials."""

from automl_core.forecasting.program.prepare import main
from automl_core.training.problems import run

if __name__ == "__main__":
    run(main, hidden=())  # statsforecast needs pandas
