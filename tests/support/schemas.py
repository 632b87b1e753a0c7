"""JSON schemas of DAGs' parameters, each found to be a schema once in a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def checked_once() -> Iterator[None]:
    """Let jsonschema hold each schema against the schema of schemas once, and not for each value that is validated.

    Airflow validates all parameters of a DAG each time one is written down or read: eight times until a test has a run.
    The values are validated each time as ever, and a schema that is none is refused as often as it comes.
    """
    from jsonschema import Draft7Validator, Draft202012Validator

    with pytest.MonkeyPatch.context() as patch:
        for validator in (Draft7Validator, Draft202012Validator):  # ours, and what is none's own
            patch.setattr(validator, "check_schema", _once(validator.check_schema))
        yield


def _once(check: Callable[..., None]) -> Callable[..., None]:
    known: set[str] = set()

    def check_once(schema: Any, *arguments: Any, **options: Any) -> None:
        key = repr((schema, arguments, options))  # as Python has it: a tuple is no list to jsonschema
        if key not in known:
            check(schema, *arguments, **options)
            known.add(key)

    return check_once
