"""The programs of templates/series-forecasting: prepare, a trial, conclude.

Training programs like any other: parameters come from the spec file, places from the environment, metrics are printed.
What they do is the engine's (`automl_core.forecasting`); here stands how a file's words become its options, and what
is left where.
"""
