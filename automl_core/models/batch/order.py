"""What one scoring process is told, and what it tells: plain JSON, the keys apart from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

VARIABLE, KEYS_VARIABLE = "AUTOML_BATCH", "AUTOML_BATCH_KEYS"
"""Environment variables with an `Order` and with its keys, for a process that has no folder of its own."""

ORDER_FILE, KEYS_FILE, REPORT_FILE = "order.json", "keys.json", "report.json"
"""What lies in the folder of a process: what to do, with which keys (removed as soon as they are read), what came."""

Problem = Literal["cant", "changed", "replaced", "later"]
"""How a scoring fails. ``cant``: these data can't be scored by this version, tried again or not. ``changed``: the data
are others than when the interval was claimed. ``replaced``: another attempt has it now. ``later``: a store is away."""

EXITS: dict[Problem, int] = {"cant": 10, "changed": 11, "replaced": 12, "later": 13}
"""Problem → exit status of the process, for who can't read its report."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies, dates filled in.

    Attributes:
        text: the place, or the URL of a store.
        connection: whose keys.
        format: of files whose names don't say it.
    """

    text: str
    connection: str | None = None
    format: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt at one interval.

    Attributes:
        name: the model's.
        storage: the store that the model lies in.
        version: that scores.
        model: the version's folder in that store, ending with '/'.
        key, generation, attempt, run, token: of the claim; see `automl_core.models.life`.
        data: what is read.
        digest: of the data's fingerprint when the interval was claimed.
        earlier: places with earlier rows of the same series, oldest first; a model of series runs on by them.
        out: the file that is written.
        report: key in the storage where the report goes too; empty for none.
        keep: columns that are copied.
        proba: whether the probability of each class is written.
        lineage: columns of the same value in each row.
        home: AUTOML_HOME.
        memory: bytes of address space at most; None for no limit of ours.
        program: who scores a model that this product has not written (`by_program.told`); None: nobody.
    """

    name: str
    storage: Place
    version: int
    model: str
    key: str
    generation: int
    attempt: int
    data: Place
    digest: str
    out: Place
    run: str = ""
    token: str = ""
    earlier: tuple[Place, ...] = ()
    report: str = ""
    keep: tuple[str, ...] = ()
    proba: bool = False
    lineage: Mapping[str, Any] = field(default_factory=dict)
    home: str = "."
    memory: int | None = None
    program: Mapping[str, Any] | None = None

    def to_json(self) -> str:
        """As text; columns stay in their order."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            body = json.loads(text)
            for name in ("storage", "data", "out"):
                body[name] = Place(**body[name])
            body["earlier"] = tuple(Place(**each) for each in body["earlier"])
            body["keep"] = tuple(body["keep"])
            return cls(**body)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"no order of a batch: {error}") from None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it.

    Attributes:
        rows: written.
        rows_in: read; a model of series reads other rows than it writes.
        out: place of what was written.
        digest: SHA-256 of its bytes.
        fingerprint: of what was read, as `automl_core.data.fingerprint` has it.
        columns: of what was written, in their order.
        notes: what was strange about the rows, in words.
        seconds: that scoring took, without starting the process.
        memory: bytes of resident memory at most; None where that isn't known.
        problem: how it failed, None where it did not.
        words: why, for people.
        more: what a backend adds.
    """

    rows: int = 0
    rows_in: int = 0
    out: str = ""
    digest: str = ""
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    memory: int | None = None
    problem: Problem | None = None
    words: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read back what `to_json` wrote.

        Raises:
            ValueError: it is something else.
        """
        try:
            body = json.loads(text)
            body["columns"], body["notes"] = tuple(body["columns"]), tuple(body["notes"])
            return cls(**body)
        except (TypeError, KeyError) as error:
            raise ValueError(f"no report of a batch: {error}") from None
