"""Whether rows have drifted away from those that a model was accepted on: one answer for a whole table."""

from automl_core.models.drift.comparing import ColumnDrift, TableDrift, per_look, table_drift
from automl_core.models.drift.reference import Reference, reference_of

__all__ = ["ColumnDrift", "Reference", "TableDrift", "per_look", "reference_of", "table_drift"]
