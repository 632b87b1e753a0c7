"""This release, as what it writes names it: so that an older release can say who wrote what it can't read."""

RELEASE = "0.1.0"
"""The version in pyproject.toml (a test holds them together); read from nowhere, since every process needs it."""
