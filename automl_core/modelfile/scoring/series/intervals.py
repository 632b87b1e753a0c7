"""Intervals from residuals of the rolling origins, at any level (split conformal prediction, Vovk et al. 2005).

Document::

    {"type": "conformal",
     "kind": "absolute" | "signed",
     "scores": (G, H, N) float64,       of each group and step ahead, sorted upwards, NaN behind where there are fewer:
                                        residuals (value less forecast) by the series' scale; their sizes if absolute
     "group": (S,) int64,               the group of each series
     "new": 0,                          the group of series that training had not
     "scale": (S,) float64,             of each series, above 0
     "season": m,                       the scale of a new series, and of a known one that was updated where "follows"
                                        says so: its mean absolute difference of values a season apart
     "follows": bool,
     "least": float}                    below which no scale goes

An absolute interval of level L goes as far as the ceil(L (n + 1))-th of n scores, up and down; a signed one from the
floor((1 - L) / 2 (n + 1))-th to the ceil((1 + L) / 2 (n + 1))-th. Where n is too small for a level, the outermost score
is widened as the quantiles of a normal distribution stand. Steps beyond H have the last one's scores times
sqrt(step / H): what a random walk's errors do.
"""
