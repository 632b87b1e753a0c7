"""Ledgers of annotation projects as the API server holds them: worked out once for all who look.

A ledger of 100,000 labels takes some seconds, and a project that people label changes every second. So one is kept for
a while that grows with what it took to make: who looks sees a state of some moments ago, and the answer says which.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from automl_airflow.web.held import Answer, Answers
from automl_airflow.web.held_projects import HeldProject
from automl_core.annotation.ledger import Ledger, ledger
from automl_core.annotation.ledger.reading import facts_of
from automl_core.annotation.project import ProjectState

MOST_ANSWERS = 200_000
"""Answers of all ledgers that are held, about: of each a ledger has 1.5 KB."""

FOR_AS_LONG = 10.0
"""Times as long as it took to make, a ledger is shown: making it takes a tenth of one core at most."""


class HeldLedger:
    """One project's ledger, and the answers made of it."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._ledger: Ledger | None = None
        self._made = float("-inf")
        self._took = 0.0
        self._answers = Answers()

    def get(self, held: HeldProject, seq: int = 0) -> Ledger:
        """The ledger, as old as it may be.

        Args:
            held: whose.
            seq: no older than this record of the journal, whatever it costs.
        """
        known = self._ledger
        if known is not None and known.facts.seq >= seq and (self._lasts(held, known) or self._making.locked()):
            _kept.note(self, len(known.facts.answers))
            return known
        with self._making:
            known = self._ledger
            if known is not None and known.facts.seq >= seq and self._lasts(held, known):
                return known  # somebody has made it meanwhile
            began = time.monotonic()
            # a copy: nobody who labels waits for all that is worked out of it
            made = ledger(facts_of(ProjectState.decode(held.use(ProjectState.encode))))
            made.to_json()  # all of it is worked out here, by one of those who ask
            self._made = time.monotonic()
            self._took = self._made - began
            self._ledger = made
            _kept.note(self, len(made.facts.answers))
            return made

    def forget(self) -> None:
        """Hold the ledger no more; who asks again has it made anew. Answers that were made of it stay."""
        self._ledger = None

    def _lasts(self, held: HeldProject, known: Ledger) -> bool:
        return known.facts.seq == held.acts.state.seq or time.monotonic() - self._made < FOR_AS_LONG * self._took

    def answer(self, held: HeldProject, key: Any, build: Callable[[Ledger], Any], seq: int = 0) -> Answer:
        """An answer of the ledger: made once, then handed out to everybody."""
        found = self.get(held, seq)
        etag = f'"l{found.facts.seq}-{hash(key) & 0xFFFFFFFF:x}"'
        known = self._answers.known(key, etag)
        return known if known is not None else self._answers.keep(key, etag, build(found))


class _Kept:
    """Which ledgers are held: those that were made or asked for last, as far as their answers fit into memory."""

    def __init__(self) -> None:
        self._answers: OrderedDict[HeldLedger, int] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, ledger: HeldLedger, answers: int) -> None:
        """One was made, or is used: others go where it is too much."""
        with self._lock:
            self._answers[ledger] = answers
            self._answers.move_to_end(ledger)
            while sum(self._answers.values()) > MOST_ANSWERS and len(self._answers) > 1:
                self._answers.popitem(last=False)[0].forget()


_kept = _Kept()

_ledgers: WeakKeyDictionary[HeldProject, HeldLedger] = WeakKeyDictionary()
_lock = threading.Lock()


def ledger_of(held: HeldProject) -> HeldLedger:
    """The ledger of a project that is held; gone when that is."""
    with _lock:
        found = _ledgers.get(held)
        if found is None:
            found = _ledgers[held] = HeldLedger()
        return found
