"""Where a model is asked about and acted on: its bucket, from here, or the Airflow that has it.

Both give the same plain data, which `automl_core.models.views` describes. On the bucket a person is who they say they
are: whoever has its keys can write any record. Airflow knows who asks.
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from automl_core.cli.models.places import Known, find_model, has_keys, open_here, unknown
from automl_core.cli.models.rollout_desks import RolloutDesk, RolloutsHere, RolloutsThere
from automl_core.cli.places import UserError

if TYPE_CHECKING:
    from automl_core.client.model import Model
    from automl_core.models.life import ModelLife, Person


class Desk(RolloutDesk, Protocol):
    """One model, from here or by a server."""

    name: str

    def overview(self) -> dict[str, Any]:
        """How it stands."""

    def versions(self) -> list[dict[str, Any]]:
        """Its versions, the first first."""

    def version(self, number: int) -> dict[str, Any]:
        """One of them, whole."""

    def evidence(self, number: int, digest: str | None = None) -> dict[str, Any]:
        """What an acceptance rests on, with its digest."""

    def rows(self, number: int) -> dict[str, Any]:
        """The rows of data of the newest evidence."""

    def at(self, when: float) -> dict[str, Any] | None:
        """What was in use at a time."""

    def history(self, since: float | None) -> list[dict[str, Any]]:
        """What has happened, oldest first."""

    def efficiency(self) -> dict[str, Any]:
        """How long versions took, and how many there were."""

    def offer(self, run: str) -> str:
        """Make the result of a run a version; what happened, in words."""

    def answer(self, number: int, digest: str, note: str, *, accepts: bool, use: bool = False) -> str:
        """Accept or reject a version on evidence; what happened, in words."""

    def take_back(self, number: int, why: str, to: int | None) -> str:
        """Take a version out of use; what happened, in words."""

    def retire(self, number: int, why: str) -> str:
        """Set a version aside for good; what happened, in words."""

    def retrain(self, reason: str, experiment: str | None) -> str:
        """Ask for a training; what happened, in words."""

    def score(self, interval: str, why: str, version: int | str) -> str:
        """Have an interval scored again; what happened, in words."""


@contextmanager
def desk(target: str, *, airflow: bool | None = None, by: str | None = None) -> Iterator[Desk]:
    """The desk for a model.

    Args:
        target: its name, its file, or the address of its folder.
        airflow: whether to ask Airflow; None: where AIRFLOW_API_URL says so, the keys are Airflow's, or the file is
            not here.
        by: who acts, on the bucket; the user of this machine when left out.

    Raises:
        UserError, SpecError, StorageError, ClientError: nobody knows the model, or it can't be opened.
    """
    from automl_core.cli.remote import connect
    from automl_core.cli.served import asks_the_server_first
    from automl_core.client.errors import AuthError

    known = find_model(target)
    if airflow is None:
        airflow = not known.storage and (asks_the_server_first() or not has_keys(known))
    if not airflow:
        yield Here(known, by)
        return
    if by is not None:
        raise UserError("--by is for the bucket; Airflow knows who asks it")
    try:
        client = connect()
    except AuthError as error:
        if known.file is None:
            raise UserError(f"{unknown(known.name)} And Airflow can't be asked: {error}") from None
        raise
    with client:
        yield There(client.model(known.name))


def person(by: str | None) -> Person:
    """Who acts on the bucket: who is named, else the user of this machine.

    Raises:
        UserError: nobody is named, and this machine has no name for its user.
    """
    from automl_core.models.life import Person

    try:
        return Person(by or getpass.getuser(), "cli")
    except (KeyError, OSError):
        raise UserError("this machine has no name for its user: say who you are with --by NAME") from None


class Here(RolloutsHere):
    """A model's journal, read and written from here."""

    def __init__(self, known: Known, by: str | None = None) -> None:
        self.known, self.by, self.name = known, by, known.name
        self._life: ModelLife | None = None

    @property
    def life(self) -> ModelLife:
        """Its journal, opened once.

        Raises:
            UserError: there is none: no file here names it, or nothing has happened to it yet.
        """
        from automl_core.models.life import ModelLife

        if self._life is None:
            self._life = ModelLife.open(open_here(self.known), self.name)
            if not self._life.state.seq and self.known.file is None:
                raise UserError(f"{self._life.store.url} has no model {self.name}")
        return self._life

    def who(self) -> Person:
        """Who acts; see `person`."""
        return person(self.by)

    def overview(self) -> dict[str, Any]:
        """See `Desk.overview`."""
        from automl_core.models import views

        return {"model": self.name, **views.overview(self.life.state, self.life.now())}

    def versions(self) -> list[dict[str, Any]]:
        """See `Desk.versions`."""
        from automl_core.models import views

        return views.sorted_versions(self.life.state, "version", ())

    def version(self, number: int) -> dict[str, Any]:
        """See `Desk.version`."""
        from automl_core.models import views

        state = self.life.state
        return {"model": self.name, **views.version_body(state, state.version(number))}

    def evidence(self, number: int, digest: str | None = None) -> dict[str, Any]:
        """See `Desk.evidence`."""
        found = self._digest(number, digest)
        return {"digest": found, **self.life.evidence(found)}

    def rows(self, number: int) -> dict[str, Any]:
        """See `Desk.rows`."""
        found = self._digest(number, None)
        return {"digest": found, **self.life.evidence_rows(found)}

    def _digest(self, number: int, digest: str | None) -> str:
        version = self.life.state.version(number)
        digests = [each.digest for each in (*version.evidence, *version.checks)]
        if version.newest is None:
            raise UserError(f"version {number} of {self.name} was not evaluated yet: `automl model evaluate`")
        if digest is None:
            return version.newest.digest
        matching = [each for each in digests if each.startswith(digest)]
        if len(set(matching)) != 1 or len(digest) < 6:
            few = ", ".join(each[:12] for each in digests[-5:])
            raise UserError(f"version {number} of {self.name} has no evidence {digest}; it has {few}")
        return matching[0]

    def at(self, when: float) -> dict[str, Any] | None:
        """See `Desk.at`."""
        from automl_core.models import views

        return views.used(self.life.state, self.life.state.record_at(when))

    def history(self, since: float | None) -> list[dict[str, Any]]:
        """See `Desk.history`."""
        from automl_core.models import views
        from automl_core.models.life import history

        return [views.event(each) for each in history(self.life.state, since)]

    def efficiency(self) -> dict[str, Any]:
        """See `Desk.efficiency`."""
        from automl_core.models.efficiency import efficiency

        return efficiency(self.life.state)

    def offer(self, run: str) -> str:
        """See `Desk.offer`."""
        from automl_core.cli.models.places import find_result
        from automl_core.models.life import NotOffered
        from automl_core.models.offering import candidate_at

        store, prefix = find_result(self.known, run)
        known = len(self.life.state.versions)
        try:
            # a store of its own would be asked for each file; one store copies within itself
            same = store.url.rstrip("/") == self.life.store.url.rstrip("/")
            found = candidate_at(self.life.store if same else store, prefix, self.life.state)
            version = self.life.offer(found.source, (found.store, found.model), person(self.by))
        except NotOffered as error:
            raise UserError(f"{run}: {error}") from None
        if version.number <= known:
            return f"it is version {version.number} already, and {version.state.lower()}"
        return f"it is version {version.number}: `automl model evaluate {self.name} {version.number}` comes next"

    def answer(self, number: int, digest: str, note: str, *, accepts: bool, use: bool = False) -> str:
        """See `Desk.answer`."""
        who = person(self.by)
        self._check_right(who)
        digest = self._digest(number, digest)
        act = self.life.accept if accepts else self.life.reject
        given = act(number, digest, who, note)
        told = f"version {number} is {given.what}, by {given.by}"
        if not accepts:
            return told
        run = self.life.state.version(number).run
        if run and not use:
            return f"{told}; its rollout {run} puts it in use, or --use, where that has ended"
        champion = self.life.state.champion
        if champion not in (None, number) and self._is_served() and not use:  # steps are there against all at once
            return (
                f"{told}; {self.name}.rollout of Airflow begins its rollout beside version {champion} when it looks "
                "next, or --use puts it in use for all requests at once, with no safeguard"
            )
        self.life.put_in_use(number, who, note)
        return f"{told}, and in use"

    def _is_served(self) -> bool:
        """Whether servers answer for it, so that versions come to their traffic step by step."""
        file = self.known.file
        to = _of(self.life.state.document, "deploy", "to")
        return file.served is not None if file is not None else to in ("servers", "kubernetes")

    def _check_right(self, who: Person) -> None:
        file = self.known.file
        by = file.accept.by if file is not None else _of(self.life.state.document, "accept", "by")
        if by == "nobody":
            raise UserError(f"{self.name}: accept.by says nobody: the conditions of its file alone decide")
        if isinstance(by, list) and who.name not in by:
            raise UserError(
                f"{self.name}: accept.by names {', '.join(by)}, and you are {who.name}; --by NAME says who you are, "
                "and Airflow (--airflow) knows it"
            )

    def take_back(self, number: int, why: str, to: int | None) -> str:
        """See `Desk.take_back`."""
        rollout = self.life.refresh().rollout
        record = self.life.take_back(number, person(self.by), why, to)
        if rollout is not None and rollout.version == number:
            return f"version {number} is taken back; version {record.champion} answers all"
        now = f"version {record.champion} is in use" if record.champion is not None else "nothing is in use"
        stopped = f"; the rollout of version {rollout.version} is stopped" if rollout is not None else ""
        return f"version {number} is taken back; {now}{stopped}"

    def retire(self, number: int, why: str) -> str:
        """See `Desk.retire`."""
        self.life.retire(number, person(self.by), why)
        return f"version {number} is retired"

    def retrain(self, reason: str, experiment: str | None) -> str:
        """See `Desk.retrain`."""
        raise UserError("a retraining is a run of Airflow's: name it with AIRFLOW_API_URL, or --airflow")

    def score(self, interval: str, why: str, version: int | str) -> str:
        """See `Desk.score`."""
        raise UserError(
            "an interval is scored by a run of Airflow's: name it with AIRFLOW_API_URL, or --airflow; "
            "`automl predict` scores a table from here"
        )


class There(RolloutsThere):
    """A model as the Airflow that has it tells of it."""

    def __init__(self, model: Model) -> None:
        self.model, self.name = model, model.name

    def overview(self) -> dict[str, Any]:
        """See `Desk.overview`."""
        return self.model.overview()

    def versions(self) -> list[dict[str, Any]]:
        """See `Desk.versions`."""
        return self._all("versions", "versions")

    def version(self, number: int) -> dict[str, Any]:
        """See `Desk.version`."""
        return self.model.version(number)

    def evidence(self, number: int, digest: str | None = None) -> dict[str, Any]:
        """See `Desk.evidence`."""
        return self.model.evidence(number, digest)

    def rows(self, number: int) -> dict[str, Any]:
        """See `Desk.rows`."""
        return self.model.get(f"versions/{number}/evidence/rows")

    def at(self, when: float) -> dict[str, Any] | None:
        """See `Desk.at`."""
        return self.model.at(when)

    def history(self, since: float | None) -> list[dict[str, Any]]:
        """See `Desk.history`."""
        return self._all("history", "events", **({} if since is None else {"since": since}))

    def _all(self, part: str, key: str, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.model.get(part, offset=len(found), limit=500, **query)
            found += page[key]
            if not page[key] or len(found) >= page["matched"]:
                return found

    def efficiency(self) -> dict[str, Any]:
        """See `Desk.efficiency`."""
        return self.model.efficiency

    def offer(self, run: str) -> str:
        """See `Desk.offer`."""
        experiment, at, run_id = run.partition("@")
        if not at:
            run_id = self.model.client.run(experiment).run_id
        return self.model.offer(f"{experiment}/{run_id}")

    def answer(self, number: int, digest: str, note: str, *, accepts: bool, use: bool = False) -> str:
        """See `Desk.answer`."""
        if use:
            raise UserError("--use is for the bucket; in Airflow a version's rollout puts it in use")
        return (self.model.accept if accepts else self.model.reject)(number, digest, note)

    def take_back(self, number: int, why: str, to: int | None) -> str:
        """See `Desk.take_back`."""
        return self.model.take_back(number, why, to)

    def retire(self, number: int, why: str) -> str:
        """See `Desk.retire`."""
        return self.model.retire(number, why)

    def retrain(self, reason: str, experiment: str | None) -> str:
        """See `Desk.retrain`."""
        return self.model.retrain(reason, experiment)

    def score(self, interval: str, why: str, version: int | str) -> str:
        """See `Desk.score`."""
        return self.model.score(interval, why, version)


def _of(document: Mapping[str, Any], group: str, field: str) -> Any:
    return (document.get(group) or {}).get(field)
