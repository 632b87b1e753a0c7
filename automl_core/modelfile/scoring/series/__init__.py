"""Forecasts of series by a model's file, with numpy and the standard library alone.

Copied into the folder of every model of series, beside those files of `scoring` that it needs; models of tables are
written without it. The grid (`grid`, `zones`, `calendar`) and the features of boosted trees (`features`) are the ones
that training uses, so nothing can differ between the two.
"""
