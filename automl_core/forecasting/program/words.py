"""What the template for series says of each parameter."""

from __future__ import annotations

from collections.abc import Mapping

HELP: Mapping[str, str] = {
    "learner": "What learns; each has parameters of its own",
    "form": "Which form; auto: the best of all by an information criterion, series by series",
    "criterion": "What chooses a form of each series",
    "season": "How the season is taken out",
    "learning_rate": "Step size: how much of each step counts",
    "num_leaves": "Leaves of a tree: what most decides how much a tree can say",
    "min_data_in_leaf": "Rows that a leaf needs",
    "feature_fraction": "Share of the columns that each tree sees",
    "bagging_fraction": "Share of the rows that each tree sees",
    "lambda_l1": "L1 penalty of leaves",
    "lambda_l2": "L2 penalty of leaves",
    "block": "Steps ahead that a forest is asked for at once; 0: the whole horizon",
    "base": "What a forest's answer is added to",
    "unit": "What makes series of different sizes alike",
    "objective": "What is minimized",
    "iterations": "Trees",
    "logarithm": "Whether logarithms are learned",
    "seasonal_naive.form": "What is said where there is no season",
    "inner": "What forecasts the series once its seasons are taken out",
    "intermittent.form": "Syntetos-Boylan's (sba) or Teunter-Syntetos-Babai's (tsb) method; auto: by the series",
    "order": "How many neighbouring lags there may be; of short series a sixth of their values",
    "approximation": "Whether orders are chosen by a quicker approximation",
    "series": "Whether a forest is told which series it is",
}
"""Parameter, with or without its learner → what it is."""

OPTION_HELP: Mapping[str, str] = {
    "horizon": "Steps to forecast; left out: as is usual for the frequency, which the log of prepare says",
    "frequency": "Of the steps, such as h, D, W-MON, MS or 15min; auto: found",
    "season": "Length of the season in steps, or a list, the main one first; 1: none; auto: found",
    "zone": "Time zone whose clock the series follow, such as Europe/Berlin; auto: times as they are written",
    "metric": "What learners are judged by",
    "quantile": "Which quantile is forecast, with the metric pinball",
    "levels": "Shares of what comes that intervals are to hold",
    "duplicates": "What several values of a series at one time become; refuse: they are named",
    "unusable": "What becomes of series that can't be read: the table is refused, or they are left out and named",
    "nonnegative": "Whether forecasts end at zero; left out: of series that have never been below it",
    "origins": "Moments in the past from which forecasts are judged; left out: by the length of the series",
    "step": "Steps between two of these; left out: by the room that there is",
    "test": "Keep the last horizon for the one look at the end; left out: where series are long enough",
    "ensemble": "Learners in the model at most",
    "threads": "Threads of a trial; trials run side by side",
    "seed": "Of all that chance decides",
}
"""Option → what it is."""
