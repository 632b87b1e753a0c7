"""What the report's sections say around their figures."""

UNTESTED = """\
The series are too short to keep their last steps from the search (or it was asked not to), so the figures below are
those of the origins that the search went by, and a little too good for that."""

TESTED = """\
Measured once, at the end: the last {horizon} of each series, which took no part in the search, in choosing the
ensemble or in training."""

ORIGINS = "Forecasts from moments of the past that the search went by, each from what was known then alone."

METRICS = """\
MASE and RMSSE are errors in units of what the seasonal naive forecast errs on the series' past: below 1 is better
than that. Interval: 95 %, by drawing series anew."""

COVERAGE = """\
How often what came lies within the interval. Intervals are made from the residuals of the origins (conformal); those
of an origin are judged without its own."""

STEPS = """\
Errors at each step ahead, in units of the seasonal naive forecast's on the series' past (MASE): how much a forecast
loses with distance."""

BY_ORIGIN = "One point a moment of the past: far apart, the time decides more than the learner does."

PER_SERIES = "The worst first. All of them stand in series.csv beside this file."

PLOTS = """\
The line is what came; dashed, the forecast, with its intervals. Shown are the worst, the middle and the best series
by the metric. What lies right of the last value is ahead of all data."""

ENSEMBLE = """\
The best trial of each learner, without those that err clearly more. Weights are nearly equal, and moved by each series'
own errors at the origins; below are their means."""

CLEAN = "No gap, no time twice, no constant series, none that is short, nothing else that was looked for."

ORIGIN_POINTS = """\
A point is an origin, the stroke the trial's value. Points that lie far apart say that the time decides more than the
learner does."""

USE = """\
A command, or three lines of Python. Newer rows are taken in without a new fit. What comes next, as of today, stands in
forecast.csv beside this file."""

USE_KNOWN = """\
The model needs the future of {known}: rows after the end of a series, without a value of the target, have it."""

CODE = """\
from automl_core import modelfile

model = modelfile.load("MODEL")  # the folder that this file lies in
model.forecast({given})  # a row a series and step: time, forecast, and the ends of its intervals"""

CHECKED = "Before the model was published it was loaded in a fresh process, where it forecast its golden series again."
