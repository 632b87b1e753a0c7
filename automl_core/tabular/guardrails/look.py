"""What a check is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from automl_core.tabular.guardrails.view import ColumnView, View

if TYPE_CHECKING:
    from automl_core.tabular.structure import Structure


@dataclass(frozen=True)
class Look:
    """A table, what is known of it, and the rows to predict.

    Attributes:
        table: the rows to learn from.
        structure: how they belong together.
        test: rows to predict, without a target that means anything; None where they are not known.
        roles: what columns are for, role → column: ``group``, ``time``, ``weight``, ``id``.
        dropped: columns that checks before this one have taken out.
        own: whether pipelines are judged by a validation set of the user's own, and not by a part of these rows.
    """

    table: View
    structure: Structure
    test: View | None = None
    roles: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    own: bool = False

    @property
    def features(self) -> list[ColumnView]:
        """Columns to learn from: those without a role."""
        taken = set(self.roles.values())
        return [column for column in self.table.columns if column.name not in taken]
