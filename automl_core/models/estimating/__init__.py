"""A classifier's quality where labels have not come yet: what its own probabilities, calibrated, let one expect.

`kept` is what an evidence keeps for it, `calibrating` makes probabilities mean what they say, `performance` estimates,
`record` says how far estimates were off where labels came. Docs: docs/model-watch.md, "Before the labels come".
"""
