"""What is published of an experiment and shown of it: files, best model, leaderboard, forecast, summary."""

from automl_core.results.forecast import Forecast, Pace, forecast, forecast_plan, pace_of
from automl_core.results.leaderboard import Leaderboard, Row, leaderboard
from automl_core.results.publish import Published, publish, publish_study
from automl_core.results.summary import Best, Summary, summary

__all__ = [
    "Best", "Forecast", "Leaderboard", "Pace", "Published", "Row", "Summary",
    "forecast", "forecast_plan", "leaderboard", "pace_of", "publish", "publish_study", "summary",
]  # fmt: skip
