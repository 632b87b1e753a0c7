"""One order of events on nothing but an object store, folded into whatever its caller makes of them."""

from automl_core.journal.ahead import ReadAhead
from automl_core.journal.fold import Fold, take_in
from automl_core.journal.journal import JOURNAL, Contended, Journal, LaterRelease
from automl_core.journal.records import BadRecord, LaterFormat, Record, decode, key_of, seq_of
from automl_core.journal.snapshots import LEAST_INTERVAL, SNAPSHOT, SNAPSHOTS

__all__ = [
    "JOURNAL",
    "LEAST_INTERVAL",
    "SNAPSHOT",
    "SNAPSHOTS",
    "BadRecord",
    "Contended",
    "Fold",
    "Journal",
    "LaterFormat",
    "LaterRelease",
    "ReadAhead",
    "Record",
    "decode",
    "key_of",
    "seq_of",
    "take_in",
]
