"""What the life of a model is made of: persons, versions, evidence, decisions, shares. Folded by `Life`.

Times are seconds since 1970. Everything is plain JSON in the journal and in its snapshot.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from automl_core.journal.persons import BY_HAND, How, Person

__all__ = [
    "BY_HAND", "CHECKS_KEPT", "Asked", "Decision", "EvidenceRef", "How", "ModelCopy", "Moved", "Person", "Retraining",
    "Shares", "Source", "Version", "VersionState",
]  # fmt: skip


class VersionState(StrEnum):
    """Where a version is in its life; docs/model-journal.md has what may come next."""

    OFFERED = "OFFERED"
    EVALUATED = "EVALUATED"
    ASKED = "ASKED"
    ACCEPTED = "ACCEPTED"
    ROLLING_OUT = "ROLLING_OUT"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    IN_USE = "IN_USE"
    REPLACED = "REPLACED"
    TAKEN_BACK = "TAKEN_BACK"
    RETIRED = "RETIRED"

    @property
    def undecided(self) -> bool:
        """Whether a rollout has still something to do before a person's answer, or waits for it."""
        return self in (VersionState.OFFERED, VersionState.EVALUATED, VersionState.ASKED)


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """The published result that became a version.

    Attributes:
        storage: URL of the model storage path that the run lies in.
        experiment, run: its names.
        prefix: the run's folder there, ending with '/'.
        trial: the best trial; None where that isn't known.
        metric, value: what it was chosen by.
        fingerprints: of the data that it was trained on, by the name of the data set.
        reason: why it was trained, where somebody or something had asked for that.
        started, published: when its run began, and when its result was published; 0 where that isn't known.
    """

    storage: str
    experiment: str
    run: str
    prefix: str = ""
    trial: int | None = None
    metric: str = ""
    value: float | None = None
    fingerprints: dict[str, Any] = {}
    reason: dict[str, Any] = {}
    started: float = 0.0
    published: float = 0.0

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells one result from every other."""
        return (self.storage.rstrip("/"), self.experiment, self.run)


class ModelCopy(msgspec.Struct, frozen=True, omit_defaults=True):
    """The copy of a published model that a version is.

    Attributes:
        prefix: its folder in the model's storage, ending with '/'.
        digest: of the names and contents of all its files (sha256).
        kind: ``model-file`` for a folder with a model.json of ours, ``folder`` for anything else.
        problem: what a model file predicts (``binary``, ``regression``, ``forecasting``, …); empty for a folder.
        files, bytes: how many, and how large in sum.
        target: the column that it predicts; empty where that isn't known.
    """

    prefix: str
    digest: str
    kind: str
    problem: str = ""
    files: int = 0
    bytes: int = 0
    target: str = ""


class EvidenceRef(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an evaluation came to; the whole of it is the object ``evidence/DIGEST.json``.

    Attributes:
        digest: names it, and changes with anything in it.
        time: when it was recorded.
        champion: the version that it was compared with; None where there was none.
        verdict: whether the conditions of the model's file hold; None where it can't tell.
        summary: metric, values, difference and reasons, for lists.
        rows: whether rows of data lie beside it.
    """

    digest: str
    time: float
    champion: int | None = None
    verdict: bool | None = None
    summary: dict[str, Any] = {}
    rows: bool = False


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question to people.

    Attributes:
        evidence: the digest that they are asked about.
        time: since when.
        until: when it ends unanswered.
        whom: user names; empty for anybody with the right.
        run: the rollout's run that waits for the answer.
    """

    evidence: str
    time: float
    until: float
    whom: list[str] = []
    run: str = ""


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was answered.

    Attributes:
        what: ``accepted``, ``rejected`` or ``expired``.
        by: who; of an expiry, the run that noted it.
        time: when it was recorded.
        evidence: the digest that it rests on.
        note: what the person wrote.
        answered: when the person answered; `time` where nothing else is known.
    """

    what: str
    by: Person
    time: float
    evidence: str
    note: str = ""
    answered: float = 0.0

    def __str__(self) -> str:
        """For people: ``accepted by anna (rest)``."""
        return f"{self.what} by {self.by}"


class Moved(msgspec.Struct, frozen=True, array_like=True):
    """When a version came into a state."""

    state: VersionState
    time: float


class Version(msgspec.Struct, omit_defaults=True):
    """One published result that was offered to the model.

    Attributes:
        number: from 1.
        state: see docs/model-journal.md.
        source: what it is a copy of.
        model: the copy.
        offered_at, offered_by: when, by whom.
        evidence: what was found before it answered, the newest last. A decision rests on the newest.
        checks: what was found while it answered, the newest last; at most `CHECKS_KEPT`.
        asked: the newest question; None where there was none, or since the evidence is newer.
        decisions: all answers, in order; never two on the same evidence.
        run: the rollout's run that has it; empty while none has.
        moves: the states that it came into, with times.
        first_scored: when it had first scored an interval, or answered; None before.
        retraining: number of the retraining that it came of.
        removed: when its files were removed; None while they are there.
        note: why it was taken back or retired.
    """

    number: int
    state: VersionState
    source: Source
    model: ModelCopy
    offered_at: float
    offered_by: Person
    evidence: list[EvidenceRef] = []
    checks: list[EvidenceRef] = []
    asked: Asked | None = None
    decisions: list[Decision] = []
    run: str = ""
    moves: list[Moved] = []
    first_scored: float | None = None
    retraining: int | None = None
    removed: float | None = None
    note: str = ""

    @property
    def newest(self) -> EvidenceRef | None:
        """The evidence that a decision must rest on."""
        return self.evidence[-1] if self.evidence else None

    @property
    def decision(self) -> Decision | None:
        """The answer that was given on the newest evidence, if one was."""
        newest = self.newest
        return next((each for each in self.decisions if newest and each.evidence == newest.digest), None)

    @property
    def accepted_on(self) -> str:
        """The digest of the evidence that its last acceptance rests on; empty where nobody has accepted it."""
        return next((each.evidence for each in reversed(self.decisions) if each.what == "accepted"), "")

    def reached(self, state: VersionState) -> float | None:
        """When it came into a state last; None where it never did."""
        return next((each.time for each in reversed(self.moves) if each.state is state), None)


CHECKS_KEPT = 50


class Shares(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who answers since when: the rollout record.

    Attributes:
        time: since when.
        shares: version → share of the traffic; they add up to 1. Empty: nothing is in use. The champion of a rollout
            whose challenger answers all is there with 0: it stays ready.
        champion: the version that answers all who are not in a rollout of another.
        cause: ``in_use``, ``taken_back``, ``rollout_begun`` or ``rollout_step``.
        by: whose act.
        why: in words.
        seq: the record's place in the journal.
        accepted: version → the digest of the evidence that its acceptance rests on; those in `shadow` too.
        rollout: the id of the rollout that is open; None while none is.
        shadow: version → share of the requests that it is asked as well, its answers not given.
    """

    time: float
    shares: dict[int, float]
    champion: int | None
    cause: str
    by: Person
    why: str
    seq: int
    accepted: dict[int, str] = {}
    rollout: int | None = None
    shadow: dict[int, float] = {}


class Retraining(msgspec.Struct, omit_defaults=True):
    """A run of an experiment that was asked for.

    Attributes:
        id: from 1.
        experiment: whose run.
        reason: why, plain JSON; goes into the run's conf.
        by: who asked.
        time: when.
        run: the run that came of it; empty before.
        started, ended: when; None before.
        outcome: what became of it, in words; empty while it goes on.
        version: the version that came of it.
    """

    id: int
    experiment: str
    reason: dict[str, Any]
    by: Person
    time: float
    run: str = ""
    started: float | None = None
    ended: float | None = None
    outcome: str = ""
    version: int | None = None
