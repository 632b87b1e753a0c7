"""Times of series: frequencies, the local clock, and the grid that numbers a series' steps.

Here, since a model of series that has gone elsewhere needs it too: numpy and the standard library alone.
"""
