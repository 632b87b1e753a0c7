"""The acts in the life of a model. Each is one record of its journal, decided by the store.

Every act may be repeated after an answer that never came: the same act changes nothing and gets the same answer. One
that somebody else made impossible raises `Refused`, with who and when.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import msgspec

from automl_core.models.life.acting import Acting, by_json
from automl_core.models.life.batches import Batches
from automl_core.models.life.copying import copy_to, read_original
from automl_core.models.life.entities import Decision, Person, Retraining, Source, Version, VersionState
from automl_core.models.life.evidence import digest_of, kept_of, read_evidence, read_evidence_rows, write_evidence
from automl_core.models.life.layout import MODEL
from automl_core.models.life.life import Life
from automl_core.models.life.refusals import Refused
from automl_core.models.life.using import Using
from automl_core.storage.base import ObjectStore


class ModelLife(Using, Batches, Acting):
    """One model: its state, and what can be done to it. One for each thread."""

    @classmethod
    def open(
        cls,
        store: ObjectStore,
        name: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Self:
        """Open a model of a storage and read its state; one that isn't there yet is empty.

        Args:
            store: the model storage path.
            name: of the model.
            clock: seconds since 1970; simulated in tests.
            sleep: how to wait between two tries; simulated in tests.

        Raises:
            StorageError: the store refuses or is away.
        """
        life = cls(store, name, clock=clock, sleep=sleep)
        life.refresh()
        return life

    # --- what its file says ---------------------------------------------------------------------

    def configure(self, document: Mapping[str, Any], by: Person) -> bool:
        """Record what the model's file says, where that is new. Returns whether it was.

        Args:
            document: plain JSON, without any secret.
            by: whose act; the DAG that read the file, say.
        """
        body = msgspec.to_builtins(dict(document))
        data = {"document": body, "by": by_json(by)}
        return self._act("configured", data, done=lambda life: life.document == body) is not None

    # --- versions -------------------------------------------------------------------------------

    def offer(self, source: Source, copy_from: tuple[ObjectStore, str], by: Person) -> Version:
        """Make a published result a version: its model is copied and checked, then recorded.

        The same result again is the same version, and nothing is copied.

        Args:
            source: the result.
            copy_from: the store and the folder (ending with '/') of its published model.
            by: whose act.

        Raises:
            NotOffered: there is no model to copy, or it is broken.
            StorageError: a store refuses or is away. Offering again makes it good.
        """
        known = self.refresh().by_source(source.key)
        if known is not None:
            return known
        original = read_original(*copy_from)
        body = {"source": msgspec.to_builtins(source), "by": by_json(by)}
        while True:
            number = len(self.state.versions) + 1
            prefix = copy_to(original, self.store, self.name, number)
            model = {
                "prefix": prefix, "digest": original.digest, "kind": original.kind, "problem": original.problem,
                "files": len(original.hashes), "bytes": original.bytes, "target": original.target,
            }  # fmt: skip
            data = {**body, "version": number, "model": model}
            try:
                self._act("offered", data, done=lambda life: life.by_source(source.key) is not None)
            except Refused:
                if number > len(self.state.versions):
                    raise
                if self.state.versions[number].model.prefix != prefix:  # else that result has the very same files
                    self.store.delete_prefix(prefix.removesuffix(MODEL))
                continue  # another result became this number while this one was copied
            version = self.state.by_source(source.key)
            assert version is not None
            return version

    def take(self, version: int, run: str, *, instead_of: str = "") -> bool:
        """Claim a version for a rollout's run. Returns whether the run has it: False where another run does.

        Args:
            version: which.
            run: the run's id.
            instead_of: a run that is known to be gone; its claim counts no more.

        Raises:
            NoSuchVersion: there is none.
        """
        data = {"version": version, "run": run, "from": instead_of}
        try:
            self._act("taken", data, done=lambda life: life.version(version).run == run)
        except Refused:
            return False
        return True

    def evaluated(self, version: int, evidence: Mapping[str, Any], rows: Mapping[str, Any] | None = None) -> str:
        """Write an evidence, then record it. On a version in use it is a check that changes nothing of its acceptance.

        Args:
            version: which.
            evidence: plain JSON, see `automl_core.models.evaluation`.
            rows: what of it shows rows of data: an object of its own, for those who may see data.

        Returns:
            The evidence's digest.

        Raises:
            Refused: newer evidence is there, or the version is retired, or its files are gone.
            ValueError: it is no plain JSON.
            NoSuchVersion: there is none.
        """
        digest = digest_of(evidence)
        verdict = (evidence.get("verdict") or {}).get("ok")
        champion = evidence.get("champion")
        data = {
            "version": version, "digest": digest, "verdict": verdict, "summary": kept_of(evidence),
            "champion": champion.get("version") if isinstance(champion, Mapping) else champion,
            "rows": rows is not None,
        }  # fmt: skip

        def done(life: Life) -> bool:
            found = life.version(version)
            answers = found.state in (VersionState.IN_USE, VersionState.ROLLING_OUT)
            checks = found.checks[-1:] if answers else []
            return any(each.digest == digest for each in [*found.evidence[-1:], *checks])

        self.refresh().version(version)
        write_evidence(self.store, self.name, digest, evidence, rows)
        self._act("evaluated", data, done=done)
        return digest

    def evidence(self, digest: str) -> dict[str, Any]:
        """An evidence by its digest, as it was recorded.

        Raises:
            LookupError: there is none.
            ValueError: it was changed since.
        """
        return read_evidence(self.store, self.name, digest)

    def evidence_rows(self, digest: str) -> dict[str, Any]:
        """The rows of data of an evidence; for those alone who may see data.

        Raises:
            LookupError: there are none.
        """
        return read_evidence_rows(self.store, self.name, digest)

    # --- people's answers -------------------------------------------------------------------------

    def ask(self, version: int, digest: str, *, until: float, whom: Sequence[str] = (), run: str = "") -> None:
        """Ask people about a version.

        The same run may ask again, with another time; another one may once the time is over.

        Args:
            version: which.
            digest: of the evidence that they are to read.
            until: when it ends unanswered, seconds since 1970.
            whom: user names; empty for anybody with the right.
            run: the rollout's run that waits for the answer.

        Raises:
            Refused: the evidence is not the newest or its champion is none any more, an answer stands, or another run
                asks already.
        """
        wanted = {"digest": digest, "until": float(until), "whom": list(whom), "run": run}

        def done(life: Life) -> bool:
            found = life.version(version)
            held = found.asked if found.state is VersionState.ASKED else None
            return held is not None and wanted == {
                "digest": held.evidence, "until": held.until, "whom": held.whom, "run": held.run,
            }  # fmt: skip

        self.refresh()
        self._act("asked", {"version": version, **wanted, "at": self.now()}, done=done)

    def accept(self, version: int, digest: str, by: Person, note: str = "", *, at: float | None = None) -> Decision:
        """Accept a version on an evidence.

        Args:
            version: which.
            digest: of the evidence that was read.
            by: who; with ``how="conditions"`` the evidence must say itself that they hold.
            note: in their words.
            at: when they answered, where that was before now (Airflow's page tells).

        Raises:
            Refused: an answer stands already, the evidence is not the newest, its champion is none any more, or the
                time is over.
            NoSuchVersion: there is none.
        """
        return self._decide("accepted", version, digest, by, note, at)

    def reject(self, version: int, digest: str, by: Person, note: str = "", *, at: float | None = None) -> Decision:
        """Reject a version on an evidence; see `accept`."""
        return self._decide("rejected", version, digest, by, note, at)

    def expire(self, version: int, digest: str, by: Person | None = None) -> Decision:
        """Note that nobody has answered in time; see `accept`."""
        return self._decide("expired", version, digest, by or Person("nobody", "dag"), "", None)

    def _decide(
        self, what: str, version: int, digest: str, by: Person, note: str, at: float | None
    ) -> Decision:  # fmt: skip
        def found(life: Life) -> Decision | None:
            decisions = life.version(version).decisions
            return next((each for each in decisions if each.evidence == digest), None)

        def done(life: Life) -> bool:
            given = found(life)
            same_person = given is not None and (given.by.name == by.name or what == "expired")
            return given is not None and given.what == what and same_person

        self.refresh()
        answered = self.now() if at is None else float(at)
        data = {
            "version": version, "digest": digest, "what": what, "by": by_json(by), "note": note, "answered": answered
        }  # fmt: skip
        self._act("decided", data, done=done)
        decision = found(self.state)
        assert decision is not None
        return decision

    # --- the end ------------------------------------------------------------------------------------

    def retire(self, version: int, by: Person, why: str) -> Version:
        """Set a version aside for good.

        Raises:
            Refused: it is in use, or retired for another reason.
            NoSuchVersion: there is none.
        """

        def done(life: Life) -> bool:
            found = life.version(version)
            return found.state is VersionState.RETIRED and found.note == why

        self._act("retired", {"version": version, "by": by_json(by), "why": why}, done=done)
        return self.state.version(version)

    def note_removed(self, version: int, by: Person) -> None:
        """Record that a version's files are removed; to be written before the first of them goes.

        Raises:
            Refused: it may still be needed.
            NoSuchVersion: there is none.
        """
        data = {"version": version, "by": by_json(by)}
        self._act("removed", data, done=lambda life: life.version(version).removed is not None)

    # --- retraining -------------------------------------------------------------------------------

    def ask_retraining(
        self, experiment: str, reason: Mapping[str, Any], by: Person, *, at_most: int, within: float
    ) -> Retraining:
        """Ask for a run of an experiment; whoever asked starts it, and says so with `retraining_started`.

        The same reason asked for again by the same way, while no run has started, is the same retraining.

        Args:
            experiment: which.
            reason: why, plain JSON; goes into the run's conf.
            by: who. A person's wish heeds only that no retraining of it goes on.
            at_most, within: no more than so many in so many seconds.

        Raises:
            Braked: not now; the message says when, as far as that is known.
        """
        body = msgspec.to_builtins(dict(reason))

        def same(life: Life) -> Retraining | None:
            for each in life.retrainings.values():
                waits = not each.run and each.ended is None
                if waits and (each.experiment, each.reason, each.by) == (experiment, body, by):
                    return each
            return None

        self.refresh()
        data = {
            "experiment": experiment, "reason": body, "by": by_json(by), "at_most": at_most, "within": within,
            "at": self.now(),
        }  # fmt: skip
        self._act("retrain", data, done=lambda life: same(life) is not None)
        found = same(self.state)
        assert found is not None
        return found

    def retraining_started(self, id: int, run: str) -> Retraining:
        """Say which run came of a retraining.

        Raises:
            Refused: there is no such retraining, it is over, or another run came of it.
        """
        self._act(
            "retraining", {"id": id, "run": run},
            done=lambda life: id in life.retrainings and life.retrainings[id].run == run,
        )  # fmt: skip
        return self.state.retrainings[id]

    def retraining_ended(self, id: int, outcome: str) -> Retraining:
        """Say that a retraining is over without a version: its run failed, or could not be started.

        Raises:
            Refused: there is no such retraining, or it is over otherwise.
        """
        self._act(
            "retraining", {"id": id, "outcome": outcome},
            done=lambda life: id in life.retrainings and life.retrainings[id].outcome == outcome,
        )  # fmt: skip
        return self.state.retrainings[id]
