"""One order of events on nothing but an object store, folded into whatever its caller makes of them."""

from automl_core.journal.acting import Acting, Refused
from automl_core.journal.ahead import ReadAhead
from automl_core.journal.fold import Fold, take_in
from automl_core.journal.journal import JOURNAL, Contended, Journal, LaterRelease
from automl_core.journal.persons import BY_HAND, How, Person
from automl_core.journal.records import BadRecord, LaterFormat, Record, decode, key_of, seq_of
from automl_core.journal.segments import SEGMENTS, Segmented
from automl_core.journal.snapshots import LEAST_INTERVAL, SNAPSHOT, SNAPSHOTS

__all__ = [
    "BY_HAND",
    "JOURNAL",
    "LEAST_INTERVAL",
    "SEGMENTS",
    "SNAPSHOT",
    "SNAPSHOTS",
    "Acting",
    "BadRecord",
    "Contended",
    "Fold",
    "How",
    "Journal",
    "LaterFormat",
    "LaterRelease",
    "Person",
    "ReadAhead",
    "Record",
    "Refused",
    "Segmented",
    "decode",
    "key_of",
    "seq_of",
    "take_in",
]
