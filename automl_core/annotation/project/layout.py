"""Where things of a project lie in a storage path: below ``_annotation/NAME/``, where no experiment can lie."""

from __future__ import annotations

import re

ANNOTATION = "_annotation/"
"""The folder of all projects. Names of experiments begin with a letter, so none of them collides with it."""

ITEMS = "items/"
BATCHES = "batches/"
ROUNDS = "rounds/"
SETS = "sets/"
NEWEST = "newest/"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,149}")


def annotation_prefix(name: str) -> str:
    """The folder of a project, ending with '/'.

    Raises:
        ValueError: that is no name of a project.
    """
    if not _NAME.fullmatch(name) or ".." in name:
        raise ValueError(
            f"{name!r:.80} is no name of a project: letters, digits, '_', '-' and '.', 150 at most, "
            "a letter or digit first"
        )
    return f"{ANNOTATION}{name}/"


def choices_key(prefix: str, digest: str) -> str:
    """The object with what was chosen for a batch, and why."""
    return f"{prefix}{BATCHES}{digest}.json"


def round_prefix(prefix: str, number: int) -> str:
    """The folder of what a round keeps, ending with '/'."""
    return f"{prefix}{ROUNDS}{number}/"
