"""What a journal is about to read, read before its state is guarded."""

from __future__ import annotations

import threading
from typing import Any

from automl_core.journal import JOURNAL, Journal, ReadAhead, key_of
from automl_core.storage.testing import CountingStore
from automl_core.study import StudyJournal
from tests.support.memory_store import MemoryStore

PREFIX = "e/r/"


def journal(store: Any) -> Journal[Any]:
    return StudyJournal(store, PREFIX, sleep=lambda _: None)


def test_a_refresh_after_a_look_asks_the_store_nothing_more() -> None:
    inner = CountingStore(MemoryStore())
    writer = journal(inner)
    writer.append("note", {"text": "a"})
    ahead = ReadAhead(inner)
    reader = journal(ahead)
    reader.refresh()
    writer.append("note", {"text": "b"})
    writer.append("note", {"text": "c"})
    assert ahead.look(PREFIX, reader.state.seq)
    before = dict(inner.calls)
    reader.refresh()
    assert dict(inner.calls) == before
    assert reader.state.seq == 3
    assert not ahead.look(PREFIX, 3)


def test_an_answer_is_given_once_and_only_to_who_looked() -> None:
    """Else a writer in another thread would decide by what somebody else read a while ago."""
    inner = MemoryStore()
    writer = journal(inner)
    writer.append("note", {"text": "a"})
    ahead = ReadAhead(inner)
    other = journal(ahead)
    ahead.look(PREFIX, 0)
    writer.append("note", {"text": "b"})
    thread = threading.Thread(target=other.refresh)
    thread.start()
    thread.join()
    assert other.state.seq == 2, "the other thread sees what is there now"
    folder = PREFIX + JOURNAL
    assert ahead.list(folder, start_after=folder + key_of(0)) == [folder + key_of(1)]
    assert ahead.list(folder, start_after=folder + key_of(0)) == [folder + key_of(1), folder + key_of(2)]


def test_what_was_looked_for_from_another_place_is_not_taken() -> None:
    inner = MemoryStore()
    writer = journal(inner)
    for text in "abc":
        writer.append("note", {"text": text})
    ahead = ReadAhead(inner)
    reader = journal(ahead)
    ahead.look(PREFIX, 2)  # the state stands at 0: it was read by somebody who knew more
    reader.refresh()
    assert reader.state.seq == 3
    ahead.look(PREFIX, 3)
    ahead.forget()
    writer.append("note", {"text": "d"})
    reader.refresh()
    assert reader.state.seq == 4


def test_a_record_that_went_between_listing_and_reading_is_left_to_the_journal() -> None:
    inner = MemoryStore()
    writer = journal(inner)
    writer.append("note", {"text": "a"})
    ahead = ReadAhead(inner)
    gone = f"{PREFIX}{JOURNAL}{key_of(2)}"
    inner.put(gone, b"")
    get = inner.get

    def missing(key: str) -> bytes:
        inner.objects.pop(gone, None)
        return get(key)

    inner.get = missing  # type: ignore[method-assign]
    assert ahead.look(PREFIX, 1)
