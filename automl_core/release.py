"""This release, as what it writes names it: so that an older release can say who wrote what it can't read."""

RELEASE = "0.1.0"
"""The version of both distributions, which both pyproject.toml read here; itself read from nowhere, since every process
needs it."""
