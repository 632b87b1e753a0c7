"""When an experiment stops, and when a trial is stopped early."""

from automl_core.stopping.base import EarlyStoppingRule, StopDecision, TrialCurve, create_rule
from automl_core.stopping.experiment import Progress, Verdict, judge

__all__ = ["EarlyStoppingRule", "Progress", "StopDecision", "TrialCurve", "Verdict", "create_rule", "judge"]
