"""The acts of the loop: rounds, what models label, data sets, trainings, evaluations, the end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from automl_core.annotation.items import pack
from automl_core.annotation.project.acting import Acting, Person, by_json, plain
from automl_core.annotation.project.entities import BadCase, DataSetVersion, Round, Threshold
from automl_core.annotation.project.labels import TakenOnce
from automl_core.annotation.project.rules import not_takeable, threshold_of
from automl_core.annotation.project.state import ProjectState

MOST_TAKEN = 20_000
"""Items that are taken, or taken back, by one record at most."""


class Looping(Acting):
    """What of `Project` is about the loop."""

    # --- rounds ----------------------------------------------------------------------------------

    def begin_round(self, number: int, by: Person) -> Round:
        """Begin a round; one that has begun already is the same one, also after its end.

        Raises:
            Refused: another is open, it is not the next one, or there are to be no more.
        """
        data = {"round": number, "by": by_json(by)}
        self._act("round_begun", data, done=lambda state: number in state.rounds)
        return self.state.rounds[number]

    def end_round(self, number: int, outcome: Mapping[str, Any], by: Person) -> Round:
        """End a round, and with it its batches.

        Args:
            number: which.
            outcome: what came of it, plain JSON.
            by: whose act.

        Raises:
            Refused: there is no such round, or it has ended with another outcome.
            ValueError: the outcome is no plain JSON, or too large for a record.
        """
        data = {"round": number, "outcome": plain("the outcome", outcome), "by": by_json(by)}

        def done(state: ProjectState) -> bool:
            found = state.rounds.get(number)
            return found is not None and not found.open and found.outcome == data["outcome"]

        self._act("round_ended", data, done=done)
        return self.state.rounds[number]

    def stopped(self, round: int, why: str, reasons: Sequence[str], by: Person) -> None:
        """Say that there are to be no more rounds; said again for the same reason, it changes nothing.

        Args:
            round: the last one; 0 where there was none.
            why: the rule that ends it, or a person's words.
            reasons: sentences.
            by: whose act.

        Raises:
            Refused: it is stopped for another reason.
        """
        data = {"round": round, "why": why, "reasons": list(reasons), "by": by_json(by)}

        def done(state: ProjectState) -> bool:
            return state.stopped is not None and (state.stopped.round, state.stopped.why) == (round, why)

        self._act("stopped", data, done=done)

    def reopened(self, why: str, by: Person) -> None:
        """Say that there may be rounds again; nothing where there may be."""
        self._act("reopened", {"why": why, "by": by_json(by)}, done=lambda state: state.stopped is None)

    # --- what models label -------------------------------------------------------------------------

    def found_threshold(
        self,
        round: int,
        models: Sequence[str],
        threshold: float | None,
        look: int,
        promise: Any,
        evidence: Mapping[str, Any],
        by: Person,
    ) -> int:
        """Record what a search for a threshold came to.

        A search has a round, models and its number. One that stands is the same one, whatever it comes to now: a step
        that was killed and runs again may see more labels, and may not search twice for the price of once.

        Args:
            round: in which.
            models: names and versions.
            threshold: None where none was found.
            look: which search it is, from 1.
            promise: what is promised, plain JSON.
            evidence: what it rests on, plain JSON.
            by: whose act.

        Returns:
            The id of the threshold.

        Raises:
            Refused: there is no such round.
            ValueError: it is no plain JSON, or too large for a record.
        """
        data: dict[str, Any] = {
            "round": round, "models": list(models), "threshold": threshold, "look": look,
            "promise": plain("the promise", {"promise": promise})["promise"],
            "evidence": plain("the evidence", evidence), "by": by_json(by),
        }  # fmt: skip

        def same(state: ProjectState) -> Threshold | None:
            return next(
                (each for each in state.found_in(round) if (each.look, each.models) == (look, data["models"])), None
            )

        def fill(state: ProjectState) -> None:
            data["id"] = len(state.thresholds) + 1

        self._act("threshold", data, done=lambda state: same(state) is not None, fill=fill)
        found = same(self.state)
        assert found is not None
        return found.id

    def take(self, threshold_id: int, labels: Mapping[str, str], by: Person) -> TakenOnce:
        """Have models label items by a threshold: those that nobody has labelled or is asked about.

        Args:
            threshold_id: which.
            labels: id → label.
            by: whose act.

        Returns:
            How many were taken, and why others were not.

        Raises:
            Refused: there is no such threshold, or it was taken back.
            NoSuchItem: there is none of an id.
        """
        self.refresh()
        threshold_of(self.state, threshold_id)
        given = [(self.catalog.number_of(id), id, label) for id, label in labels.items()]
        new = same = 0
        left: list[tuple[str, str]] = []
        for start in range(0, len(given), MOST_TAKEN):
            some = given[start : start + MOST_TAKEN]
            data: dict[str, Any] = {"threshold": threshold_id, "by": by_json(by)}
            told: list[tuple[str, str]] = []
            counts = [0, 0]

            def stands(
                state: ProjectState, some: Any = some, data: Any = data, told: Any = told, counts: Any = counts
            ) -> bool:
                told.clear()
                counts[:] = [0, 0]
                wanted: dict[str, list[int]] = {}
                for number, id, label in some:
                    held = state.taken.get(number)
                    if held is not None and (held.threshold, held.label) == (threshold_id, label):
                        counts[1] += 1
                    elif why := not_takeable(state, threshold_id, number):
                        told.append((id, why))
                    else:
                        wanted.setdefault(label, []).append(number)
                        counts[0] += 1
                data["labels"] = {label: pack(numbers) for label, numbers in sorted(wanted.items())}
                found = state.thresholds[threshold_id]
                return not wanted and found.threshold is not None and not found.withdrawn  # else its rule says why

            self._act("taken", data, done=stands)
            new, same = new + counts[0], same + counts[1]
            left.extend(told)
        return TakenOnce(new, same, left)

    def take_back(self, threshold_id: int, ids: Iterable[str] | None, why: str, by: Person) -> int:
        """Take labels of models back: the items are new again, and never taken by that threshold again.

        Args:
            threshold_id: by which they were taken.
            ids: of the items; None for all, and nothing more is taken by the threshold.
            why: in words.
            by: whose act.

        Returns:
            How many were taken back. Items that are not taken by it are passed over.

        Raises:
            Refused: there is no such threshold.
            NoSuchItem: there is none of an id.
        """
        self.refresh()
        threshold_of(self.state, threshold_id)
        many = 0
        numbers = self.numbers_of(ids) if ids is not None else sorted(self.state.taken_by(threshold_id))
        for start in range(0, len(numbers), MOST_TAKEN):
            many += self._take_back(threshold_id, numbers[start : start + MOST_TAKEN], why, by, whole=False)
        if ids is None:
            many += self._take_back(threshold_id, None, why, by, whole=True)
        return many

    def _take_back(self, threshold: int, numbers: Sequence[int] | None, why: str, by: Person, *, whole: bool) -> int:
        data: dict[str, Any] = {"threshold": threshold, "why": why, "by": by_json(by), "whole": whole}
        held: list[int] = []

        def stands(state: ProjectState) -> bool:
            taken = state.taken_by(threshold)
            held[:] = [number for number in (taken if numbers is None else numbers) if number in taken]
            data["items"] = pack(held)
            return state.thresholds[threshold].withdrawn if whole else not held

        return len(held) if self._act("taken_back", data, done=stands) is not None else 0

    # --- data sets, trainings, evaluations ---------------------------------------------------------

    def wrote_set(self, round: int, set: DataSetVersion, by: Person) -> DataSetVersion:
        """Record a data set version, once its files are written.

        Labels that have come since the state was read, on which it was worked out, are not in it: whoever writes a set
        reads once (`refresh`), works it out, and records it.

        Raises:
            Refused: the number is another one's, or not the next; or there is no such round.
        """
        body = msgspec.to_builtins(msgspec.structs.replace(set, round=0, time=0.0, seen=0))
        data = {"round": round, "set": body, "seen": len(self.state.votes), "by": by_json(by)}

        def done(state: ProjectState) -> bool:
            found = state.sets.get(set.number)
            return found is not None and (found.prefix, found.fingerprint) == (set.prefix, set.fingerprint)

        self._act("set_written", data, done=done)
        return self.state.sets[set.number]

    def trained(
        self,
        round: int,
        set: int,
        experiment: str,
        run: str,
        outcome: str,
        model: Mapping[str, Any] | None,
        by: Person,
    ) -> None:
        """Record how a run on a data set version has ended. Told again with another outcome, that counts.

        Args:
            round: in which.
            set: number of the data set version.
            experiment, run: which.
            outcome: its state in the end.
            model: what came of it, plain JSON; None where nothing did.
            by: whose act.

        Raises:
            Refused: there is no such round or data set version.
            ValueError: the model is no plain JSON, or too large for a record.
        """
        data = {
            "round": round, "set": set, "experiment": experiment, "run": run, "outcome": outcome,
            "model": None if model is None else plain("the model", model), "by": by_json(by),
        }  # fmt: skip

        def done(state: ProjectState) -> bool:
            trainings = state.rounds[round].trainings if round in state.rounds else []
            wanted = (set, experiment, run, outcome, data["model"])
            return any((each.set, each.experiment, each.run, each.outcome, each.model) == wanted for each in trainings)

        self._act("trained", data, done=done)

    def evaluated(self, round: int, evidence: Mapping[str, Any], by: Person) -> None:
        """Record how good models are after a round. The newest of a round counts.

        Raises:
            Refused: there is no such round.
            ValueError: the evidence is no plain JSON, or too large for a record.
        """
        data = {"round": round, "evidence": plain("the evidence", evidence), "by": by_json(by)}

        def done(state: ProjectState) -> bool:
            found = state.rounds[round].evaluation if round in state.rounds else None
            return found is not None and found.evidence == data["evidence"]

        self._act("evaluated", data, done=done)

    def bad_cases(
        self,
        round: int,
        model: str,
        opened: Iterable[str],
        fixed: Iterable[str],
        regressed: Iterable[str],
        by: Person,
    ) -> dict[BadCase, int]:
        """Record on which items a model was wrong, and on which it is right now.

        What was fixed before and is wrong again has regressed, whichever way it is named; what is in the state that it
        is named for already stays as it is.

        Args:
            round: in which.
            model: whose evaluation it was.
            opened: ids of items that it is wrong on.
            fixed: ids of bad cases that it is right on.
            regressed: ids of bad cases that were fixed, and are wrong again.
            by: whose act.

        Returns:
            How many came into each state.

        Raises:
            Refused: there is no such round.
            NoSuchItem: there is none of an id.
        """
        self.refresh()
        right = self.numbers_of(fixed)
        wrong = dict.fromkeys([*self.numbers_of(opened), *self.numbers_of(regressed)])
        both = wrong.keys() & set(right)
        if both:
            raise ValueError(f"item {self.catalog.id_of(min(both))} is named as right and as wrong")
        data: dict[str, Any] = {"round": round, "model": model, "by": by_json(by)}
        moves: dict[BadCase, list[int]] = {}

        def stands(state: ProjectState) -> bool:
            moves.clear()
            for number in wrong:
                case = state.cases.get(number)
                if case is None:
                    moves.setdefault(BadCase.OPEN, []).append(number)
                elif case.state is BadCase.FIXED:
                    moves.setdefault(BadCase.REGRESSED, []).append(number)
            for number in right:
                case = state.cases.get(number)
                if case is not None and case.state is not BadCase.FIXED:
                    moves.setdefault(BadCase.FIXED, []).append(number)
            for name in BadCase:
                data[name.lower()] = pack(moves.get(name, []))
            return not moves

        record = self._act("bad_cases", data, done=stands)
        return {name: len(moves.get(name, [])) if record is not None else 0 for name in BadCase}
