"""Forecasts of series by a model's file, with numpy and the standard library alone.

Copied into the folder of every model of series, beside those files of `scoring` that it needs; models of tables are
written without it. The grid (`scoring.calendars`), fields of the calendar (`calendar`) and the features of boosted
trees (`features`) are the ones that training uses, so nothing can differ between the two.

The document of a whole model, JSON values and arrays (`scoring.documents` says how they lie in a file); S series::

    {"format": 1,
     "problem": {"kind": "forecasting", "target": "sales"},
     "columns": {"time": "date", "target": "sales",
                 "series": ["store", …]},  whose values tell series apart; empty: the table is one series
     "grid": {…},                          calendars.grid.Grid.as_json
     "horizon": 14,                        steps that the model was made and its intervals were measured for
     "seasons": [7],                       lengths in steps, shortest first; empty: none
     "levels": [0.8, 0.9, 0.95],           of intervals, where nobody asks for others
     "known": [                            columns whose future is known, in the order in which features have them
         {"name": "promo", "kind": "number" | "category",
          "categories": [texts],           a category's code is its place here; what is not here is NaN, and said
          "missing": bool}],               whether training had missing values: only then may they be missing later
     "series": {
         "names": [S texts],               as a panel has them: several columns' values are joined by " / "
         "keys": {"store": [S texts], …},  each one's values in the columns that tell series apart
         "trained": S,                     how many of them training had; those that came later stand behind them
         "first": (S,) int64,              slot of each one's first value ever
         "last": (S,) int64,               slot of its last value: forecasts begin at the next
         "values": (S, K) float64},        its last K values, the last column is `last`; NaN: missing, or before `first`
     "members": [
         {"name": "ets", "weight": 0.4 | (S,) float64,      weights of a series' members are brought to a sum of 1
          "models": [ … ]}],               see models: each forecasts some series (local) or all (global)
     "combine": "mean" | "median",         of members; a median passes over those of weight 0 and takes the others alike
     "intervals": None | {…},              see intervals
     "limits": {"low": None | 0.0 | (S,) float64,           forecasts and bounds are cut to these; -inf: none
                "high": None | number | (S,) float64,       a new series has the widest; they hold until a value
                "said": bool}}                              is beyond them, or throughout (said; not there: false)

A member that has no model for a series says nothing of it. A member's forecast that is no number is the seasonal naive
one of the kept values, and so is that of a series of which no member speaks; both are said.
"""
