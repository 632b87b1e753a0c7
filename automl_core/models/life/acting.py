"""A model's journal, and acts on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from automl_core.journal import Refused
from automl_core.journal.acting import Acting as JournalActing
from automl_core.journal.persons import by_json
from automl_core.models.life import news
from automl_core.models.life.layout import model_prefix
from automl_core.models.life.life import Life
from automl_core.models.life.refusals import NoSuchVersion
from automl_core.models.life.rules import RULES
from automl_core.storage.base import ObjectStore

__all__ = ["Acting", "by_json"]


class Acting(JournalActing[Life]):
    """A model's journal, and acts on it. Not shared between threads: each opens its own."""

    RULES = RULES
    REFUSALS: ClassVar[tuple[type[Exception], ...]] = (Refused, NoSuchVersion)

    def __init__(
        self,
        store: ObjectStore,
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open a model; reads nothing yet.

        Args:
            store: the model storage path.
            name: of the model.
            clock: seconds since 1970; simulated in tests.
            sleep: how to wait between two tries; simulated in tests.
        """
        super().__init__(store, model_prefix(name), Life, clock=clock, sleep=sleep)
        self.name = name

    def stands(self, kind: str, seq: int) -> None:
        """Tell followers of what changes what answers."""
        if kind in news.CHANGING:
            news.tell(self.store, self.name, seq)
