"""Batch scoring of a model's champion: each interval of data once, by one version, whoever dies meanwhile.

The model's journal says which version has scored which interval; a journal beside it (`owed`) says which intervals are
still to be scored, and why. A process of its own, a pod or SQL scores.
"""

from automl_core.models.batch.batch import Batch
from automl_core.models.batch.intervals import Interval, Timetable, interval_at
from automl_core.models.batch.order import Order, Report
from automl_core.models.batch.outcomes import Begun, Outcome, Plan, Wish

__all__ = ["Batch", "Begun", "Interval", "Order", "Outcome", "Plan", "Report", "Timetable", "Wish", "interval_at"]
