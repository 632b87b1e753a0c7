"""Forecasts of groups of series that no part of the product was tuned on, against AutoETS and AutoTheta."""
