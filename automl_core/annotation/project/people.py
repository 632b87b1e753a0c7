"""The acts with people: batches are sent, tasks are claimed, labels come back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from automl_core.annotation.project import choices as kept
from automl_core.annotation.project.acting import Acting, Person, by_json
from automl_core.annotation.project.answering import Given, Sorted, looked_at, sorted_out
from automl_core.annotation.project.choices import Choice, Chosen
from automl_core.annotation.project.columns import pack_column, pack_votes
from automl_core.annotation.project.entities import Batch
from automl_core.annotation.project.handing import tasks_for
from automl_core.annotation.project.labels import Label, Labelled
from automl_core.annotation.project.layout import choices_key
from automl_core.annotation.project.rules import batch_of
from automl_core.annotation.project.state import ProjectState

MOST_SENT = 8_000
"""Items that a record sends at most: some 70 kilobytes."""

MOST_LABELS, MOST_LABEL_BYTES = 2_000, 30_000
"""Labels, and bytes of their texts, in a record at most."""

MOST_CLAIMED = 1_000
"""Tasks that somebody gets at once at most."""


class People(Acting):
    """What of `Project` is about people and their answers."""

    # --- batches ---------------------------------------------------------------------------------

    def send(
        self,
        round: int,
        choices: Sequence[Choice],
        to: str,
        votes: int,
        by: Person,
        until: float | None = None,
        price: float = 0.0,
        *,
        name: str = "",
    ) -> Batch:
        """Ask people about items.

        A round sends one batch of a name. What stands already is returned, whatever is chosen now: a step that was
        killed after it has sent chooses anew, and differently, since what is sent is not chosen again.

        Args:
            round: the round, which is open.
            choices: items in the order of their priority. Those that are retired, or that people are asked about
                already, are left out.
            to: where they go: ``page``, ``files`` or ``label-studio``.
            votes: how many people each item is for.
            by: whose act.
            until: when waiting for answers ends, seconds since 1970; None for never.
            price: of one answer.
            name: tells the batches of a round from each other.

        Raises:
            Refused: there is no such round, or it has ended.
            NoSuchItem: there is none of an id.
            StorageError: the store refuses or is away. Sending again makes it good.
        """
        standing = self.refresh().batch_of(round, name)
        if standing is None:
            chosen = kept.chosen(choices)
            digest, data = kept.encode(chosen)
            self.numbers_of(each.item for each in chosen)
            self.store.create(choices_key(self.prefix, digest), data)
            body = {
                "round": round, "name": name, "to": to, "votes": votes, "until": until, "price": float(price),
                "digest": digest, "of": len(chosen), "by": by_json(by),
            }  # fmt: skip
            self._send(round, name, chosen, 0, body)
        while True:
            batch = self.state.batch_of(round, name)
            assert batch is not None
            if batch.complete or batch.closed is not None:
                return batch
            body = {"by": by_json(by)}
            self._send(round, name, self.choices(batch.number), batch.read, body)

    def _send(self, round: int, name: str, chosen: Sequence[Chosen], at: int, body: dict[str, Any]) -> None:
        some = chosen[at : at + MOST_SENT]
        numbers = self.numbers_of(each.item for each in some)
        data = {**body, "at": at, "read": len(some)}

        def done(state: ProjectState) -> bool:
            batch = state.batch_of(round, name)
            return batch is not None and (at == 0 or batch.read > at or batch.closed is not None)

        def fill(state: ProjectState) -> None:
            batch = state.batch_of(round, name)
            data["batch"] = batch.number if batch is not None else len(state.batches) + 1
            open = [place for place, each in enumerate(numbers) if not (each in state.retired or each in state.tasks)]
            data["items"] = [numbers[place] for place in open]
            data["kinds"] = pack_column([some[place].kind for place in open]) if open else []

        self._act("sent", data, done=done, fill=fill)

    def choices(self, batch: int) -> list[Chosen]:
        """What was chosen for a batch, and why; some may not have been sent, since they were closed meanwhile.

        Reasons name what models think: not to be shown to people before they have labelled.

        Raises:
            Refused: there is no such batch.
            StorageError: the store refuses or is away, or the object is gone.
        """
        digest = batch_of(self.state, batch).digest
        return kept.decode(self.store.get(choices_key(self.prefix, digest)), digest)

    def close_batch(self, batch: int, why: str, by: Person) -> Batch:
        """End a batch: what nobody has answered may be chosen again. Answers that come later are taken all the same.

        Raises:
            Refused: there is no such batch.
        """
        data = {"batch": batch, "why": why, "by": by_json(by)}
        self._act("closed", data, done=lambda state: batch in state.batches and state.batches[batch].closed is not None)
        return self.state.batches[batch]

    # --- tasks -----------------------------------------------------------------------------------

    def claim(self, who: str, many: int, lease: float, *, to: str = "page") -> list[str]:
        """Take tasks for somebody, for a while; first those that they have already.

        No task is with more people than are asked for it, and nobody gets one of a batch again that they have answered.
        What somebody has answered in an earlier batch they get last.

        Args:
            who: their name.
            many: how many at most, those that they have among them.
            lease: seconds after which a task that is not answered may be another's.
            to: where the batches were sent.

        Returns:
            Ids of items, in the order of their priority; none where there is nothing to do.

        Raises:
            ValueError: no name, or a lease that is no time.
            StorageError: the store refuses or is away. Claiming again tells.
        """
        if not who.strip():
            raise ValueError("who claims tasks has a name")
        if not lease > 0:
            raise ValueError(f"{lease} is no number of seconds to have a task")
        many = min(many, MOST_CLAIMED)
        data: dict[str, Any] = {"who": who}
        items: list[int] = []

        def held(state: ProjectState) -> bool:
            at = self.now()
            items[:] = tasks_for(state, who, many, at, to)
            data.update(items=list(items), at=at, until=at + lease)
            mine = state.claimed_by(who, at)
            return all(mine.get(number, 0.0) - at >= lease / 2 for number in items)

        self._act("claimed", data, done=held)
        return self.catalog.ids_of(items)

    def release(self, who: str, ids: Iterable[str]) -> int:
        """Give tasks back that somebody has. Returns how many they had.

        Raises:
            NoSuchItem: there is none of an id.
            StorageError: the store refuses or is away.
        """
        self.refresh()
        numbers = self.numbers_of(ids)
        data: dict[str, Any] = {"who": who}

        def mine(state: ProjectState) -> list[int]:
            return [number for number in numbers if who in state.claims.get(number, {})]

        def fill(state: ProjectState) -> None:
            data["items"] = mine(state)

        record = self._act("released", data, done=lambda state: not mine(state), fill=fill)
        return len(data["items"]) if record is not None else 0

    # --- labels ----------------------------------------------------------------------------------

    def label(self, labels: Sequence[Label], by: Person, *, file: str = "") -> Labelled:
        """Take in labels of people, and imported ones.

        The same answer again adds nothing. Another one by the same author on the same item counts instead of the one
        before, which stays in the history; one that was given before that goes into the history alone. A label of a
        retired item is kept with it. An item that two people have labelled has both labels, whoever it was for: what
        somebody has given is never lost.

        Args:
            labels: any number, in the order in which they were given.
            by: who brings them.
            file: digest of the file that they are from, where they are: once all of it stands, it is known
                (`ProjectState.brought`), and brought again it says nothing new.

        Returns:
            What became of them. Those that can't be taken are named there, and keep no other from being taken.

        Raises:
            LaterRelease: a later release writes this journal.
            StorageError: the store refuses or is away. Bringing them again makes it good.
        """
        self.refresh()
        given, refused = looked_at(labels, self.state, self.catalog, self.now())
        new = same = changed = older = 0
        lots = list(_dealt(given)) or [[]]
        for place, some in enumerate(lots):
            last = file if place == len(lots) - 1 else ""
            data: dict[str, Any] = {"by": by_json(by), **({"file": last} if last else {})}
            found: list[Sorted] = []

            def stands(
                state: ProjectState, some: Any = some, data: dict[str, Any] = data, found: list[Sorted] = found,
                last: str = last,
            ) -> bool:  # fmt: skip
                found[:] = [sorted_out(state, some, self.now())]
                data["labels"] = pack_votes(found[0].votes) if found[0].votes else {"item": [], "time": []}
                return not found[0].votes and (not last or last in state.brought)

            self._act("labelled", data, done=stands)
            new, same, changed = new + found[0].new, same + found[0].same, changed + found[0].changed
            older += found[0].older
        return Labelled(new, same, changed, refused, older)


def _dealt(given: Sequence[Given]) -> Iterator[list[Given]]:
    """Labels in as many lots as they need records, in their order."""
    lot: list[Given] = []
    size = 0
    for each in given:
        own = len(each.label.label.encode()) + len(each.label.author.encode())
        if lot and (len(lot) >= MOST_LABELS or size + own > MOST_LABEL_BYTES):
            yield lot
            lot, size = [], 0
        lot.append(each)
        size += own
    if lot:
        yield lot
