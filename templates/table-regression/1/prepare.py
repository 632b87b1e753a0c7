"""Make a table ready: looked through, its columns understood, split once for all trials."""

from automl_core.tabular.program.prepare import main
from automl_core.training.problems import run

if __name__ == "__main__":
    run(main)
