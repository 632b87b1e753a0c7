"""Environments of training programs: a lock file → a Python with its packages, made once on each machine.

Airflow's pins leave no room for many a library (statsforecast wants pandas 2, Airflow has pandas 3), so a training may
have packages of its own. `Shelf.ensure` gives the Python; docs/environments.md is the user's side of it.
"""

from automl_core.environments.problems import EnvironmentProblem, NotWanted
from automl_core.environments.shelf import Held, Shelf

__all__ = ["EnvironmentProblem", "Held", "NotWanted", "Shelf"]
