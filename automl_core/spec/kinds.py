"""What a file is about: an experiment where it says nothing, else what its ``kind:`` says."""

from __future__ import annotations

import re
from typing import Any

from automl_core.spec.errors import Problem, did_you_mean, show

EXPERIMENT = "experiment"
MODEL = "model"
ANNOTATION = "annotation"

KINDS = (EXPERIMENT, MODEL, ANNOTATION)
"""What ``kind:`` may say."""

KEY = "kind"

_STATED = re.compile(
    rb"^(?:kind|\"kind\"|'kind'):[ \t]*(?:'([^'\n]*)'|\"([^\"\n]*)\"|([^\s#'\"][^\s#]*))", re.MULTILINE
)


def kind_of(data: Any) -> Any:
    """What kind of file plain data are of: `EXPERIMENT` where they say nothing; may be no known one."""
    return data.get(KEY, EXPERIMENT) if isinstance(data, dict) else EXPERIMENT


def kind_in(text: str | bytes) -> str:
    """The kind that a text states at its top level, found without reading it as YAML where lines tell it."""
    content = text.encode() if isinstance(text, str) else text
    match = _STATED.search(content)
    if match is not None:
        return next(group for group in match.groups() if group is not None).decode(errors="replace")
    if content.lstrip()[:1] == b"{" and b"kind" in content:  # all in braces, as JSON has it
        from automl_core.spec.yaml_reader import read_yaml

        return str(kind_of(read_yaml(content.decode(errors="replace"), "").data))
    return EXPERIMENT


def kind_problem(kind: Any, wanted: str) -> Problem:
    """What to say of a file of another kind than is wanted, without file and line.

    Args:
        kind: as the file has it.
        wanted: one of `KINDS`.
    """
    if kind in KINDS:
        return Problem(f"this is the file of {_A[kind]}, and {_A[wanted]} is wanted here", (KEY,), found=show(kind))
    return Problem(
        f"{show(kind)} is no kind of file", (KEY,), found=show(kind), allowed=KINDS,
        suggestion=did_you_mean(str(kind), KINDS) if isinstance(kind, str) else "",
    )  # fmt: skip


_A = {EXPERIMENT: "an experiment", MODEL: "a model", ANNOTATION: "an annotation project"}

_NOUNS = {EXPERIMENT: "experiment", MODEL: "model", ANNOTATION: "annotation project"}


def a_noun_of(kind: str) -> str:
    """As `noun_of`, with its article."""
    return _A.get(kind, kind)


def noun_of(kind: str) -> str:
    """What a kind of file is about, in words: ``annotation project``; the kind itself where it is no known one."""
    return _NOUNS.get(kind, kind)
