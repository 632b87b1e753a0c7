"""Why a run was started: what its conf says beside what it changes, and what its first record keeps of it.

A person writes a line; a model that asks for a retraining says which one, and what it has found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from automl_core.spec.errors import Problem, SpecError, in_file, show

REASON = "reason"
"""Key of a run's conf, and of the identity in its first record."""

TRANSFER = "transfer"
"""Key of a run's conf: true where it is to learn from the latest runs, however few its file asks for."""

LONGEST = 4_000
"""Characters of a reason as JSON: it stands in each snapshot of the run's journal."""

_ALLOWED = ("a line of text", "{text: …} with more keys, such as the model that asks for it")


def reason_of(conf: Mapping[str, Any]) -> dict[str, Any]:
    """The reason in a run's conf, as a mapping with its words under ``text``; empty where it has none.

    Args:
        conf: of the run.

    Raises:
        SpecError: what stands there is none.
    """
    given = conf.get(REASON)
    if given is None or given == "":
        return {}
    found = {"text": given.strip()} if isinstance(given, str) else given
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        raise _wrong("a reason is text, or a mapping with its text", given)
    if not isinstance(found.get("text"), str) or not found["text"].strip():
        raise _wrong("a reason says in words why", given)
    try:
        size = len(json.dumps(found, allow_nan=False))
    except (TypeError, ValueError):
        raise _wrong("a reason is plain JSON", given) from None
    if size > LONGEST:
        raise _wrong(f"a reason has at most {LONGEST:,} characters, and this one {size:,}", None)
    return dict(found)


def _wrong(message: str, given: Any) -> SpecError:
    found = show(given) if given is not None else ""
    return SpecError(in_file([Problem(message, (REASON,), found=found, allowed=_ALLOWED)], "conf of the run"))
