"""Guardrails: what is wrong with a table, told before a model learns it.

One check a file. What is certain is mended and said; what is doubtful is said, and left to who knows the data. Nothing
is dropped silently: whatever `drops` names has a finding with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from automl_core.tabular.guardrails.finding import Finding, drops

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from automl_core.tabular.structure import Structure

__all__ = ["Finding", "drops", "examine"]


def examine(
    frame: Any,
    schema: Any,
    y: NDArray[Any],
    problem: Any,
    *,
    weights: NDArray[np.float64] | None = None,
    test: Any = None,
    roles: Mapping[str, str] | None = None,
    structure: Structure | None = None,
    own: bool = False,
) -> list[Finding]:
    """What is wrong with a table, the certain findings first.

    Looks at a sample of 20,000 rows where there are more; counts are then estimates, and said to be.

    Args:
        frame: the rows to learn from, in the file's order; the target among them is passed over.
        schema: kinds of its columns.
        y: (n,) numbers, or positions of classes.
        problem: what is predicted.
        weights: (n,) of the rows.
        test: rows to predict, without their target, where they are known.
        roles: what columns are for, role → column: ``group``, ``time``, ``weight``, ``id``. They are no features.
        structure: what `structure.detect` found, if it was asked already.
        own: whether pipelines are judged by a validation set of the user's own.
    """
    from automl_core.tabular.guardrails import (
        belonging,
        cardinality,
        constants,
        equal_rows,
        identifiers,
        imbalance,
        leak,
        missing,
        odd_values,
        shift,
        weighting,
        written,
    )
    from automl_core.tabular.guardrails.look import Look
    from automl_core.tabular.guardrails.view import view, view_of_features
    from automl_core.tabular.structure import detect

    table = view(frame, schema, y, problem, weights=weights)
    found = list(weighting.check(weights))
    if table.count < 2:
        return found
    if structure is None:
        structure = detect(frame, schema, y, problem, weights=weights, test=test)
    asked = None if test is None else view_of_features(test, schema, problem)
    look = Look(table, structure, asked, dict(roles or {}), own=own)
    for check in (
        identifiers,
        leak,
        belonging,
        equal_rows,
        constants,
        cardinality,
        imbalance,
        missing,
        shift,
        odd_values,
        written,
    ):
        found.extend(check.check(replace(look, dropped=frozenset(drops(found)))))
    return sorted(found, key=lambda one: one.certainty != "certain")
