"""What people look at: read models folded from an experiment's state, without Airflow and without a server.

`ExperimentView` follows one experiment; each plot is a function of it in a file of its own, and gives plain data.
"""

from automl_core.views.view import ExperimentView

__all__ = ["ExperimentView"]
