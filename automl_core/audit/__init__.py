"""Who took what out of a closed environment, and which data were read in it: records that nobody changes."""

from automl_core.audit.records import FOLDER, AuditRecord, read_data, read_records, record

__all__ = ["FOLDER", "AuditRecord", "read_data", "read_records", "record"]
