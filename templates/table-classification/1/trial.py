"""Judge one pipeline fold by fold: ``python trial.py --config spec.yaml``."""

from automl_core.tabular.program.trial import main
from automl_core.training.problems import run

if __name__ == "__main__":
    run(main)
