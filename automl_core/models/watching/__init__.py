"""The champion looked at again and again: what it is worth on the latest data, whether that is a loss, what follows.

Docs: docs/model-watch.md. The package decides; `automl_airflow.models.watch_dag` runs it.
"""

from automl_core.models.watching.judging import Accepted, Judgement, judge
from automl_core.models.watching.looks import Look, Looks, read_look, read_looks, thin, write_look
from automl_core.models.watching.retraining import Wish, conf_of, run_of, wish_of
from automl_core.models.watching.series import series_of

__all__ = [
    "Accepted", "Judgement", "Look", "Looks", "Wish", "conf_of", "judge", "read_look", "read_looks", "run_of",
    "series_of", "thin", "wish_of", "write_look",
]  # fmt: skip
