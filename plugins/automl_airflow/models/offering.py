"""``offer``: published results become versions, and the run takes one that nobody has decided on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, DownstreamTasksSkipped

from automl_airflow.models.names import ACCEPT, ASK, DECIDE, DEPLOY, EVALUATE
from automl_airflow.models.opening import open_life
from automl_airflow.models.runs import INSTEAD_OF, VERSION, exists, goes_on, run_to_start, start_for
from automl_airflow.models.tasks import Rolling, RolloutOperator

if TYPE_CHECKING:
    from automl_core.models.life import ModelLife, Version
    from automl_core.models.offering import Candidate
    from automl_core.storage.base import ObjectStore

_REST = (EVALUATE, ASK, ACCEPT, DECIDE, DEPLOY)

_GRACE = 600.0
"""Seconds after the end of a question in which the task that waits notes that itself."""


class OfferOperator(RolloutOperator):
    """Offers what is new, takes one version for this run, and starts a run for each other one."""

    ui_color = "#d5e8f7"

    def execute(self, context: Any) -> dict[str, Any]:
        """Name the version that this run is about; the journal decides whose it is.

        Raises:
            DownstreamTasksSkipped: there is nothing to roll out.
            AirflowFailException: the version that the conf names can't be rolled out by this run, or a result could not
                be offered and there is nothing else to do.
        """
        self.check_closed(context)
        life = self.patiently(lambda: open_life(self.place))
        self.patiently(lambda: life.configure(self.file.plain(), self.this_dag(context)))
        wanted = (context["dag_run"].conf or {}).get(VERSION)
        if wanted is not None:
            self._take_named(context, life, wanted)
            return Rolling(int(wanted), self.place).to_json()
        broken = self._offer(context, life)
        broken += self._unguarded(life)
        self._note_expired(context, life)
        mine = self._take_one(context, life)
        for version in self._free(context, life):
            run = start_for(context, version)
            if run is not None:
                self.log.info("version %d: its run is %s", version.number, run)
        if mine is not None:
            self.log.info("this run rolls out version %d, of %s@%s", mine.number, mine.source.experiment,
                          mine.source.run)  # fmt: skip
            return Rolling(mine.number, self.place).to_json()
        if broken:
            raise AirflowFailException("; ".join(broken))
        self.log.info("nothing new was published, and nothing waits for a decision")
        raise DownstreamTasksSkipped(tasks=list(_REST))

    def _take_named(self, context: Any, life: ModelLife, wanted: Any) -> None:
        """Take the version that the run's conf names.

        Raises:
            DownstreamTasksSkipped: it is in use.
            AirflowFailException: there is none, it is retired, or another run is at it.
        """
        from automl_core.models.life import NoSuchVersion, VersionState

        run = str(context["run_id"])
        if not isinstance(wanted, int) or isinstance(wanted, bool):
            raise AirflowFailException(f"conf: {VERSION} is the number of a version; found {wanted!r}")
        try:
            version = life.state.version(wanted)
        except NoSuchVersion as error:
            raise AirflowFailException(f"conf: {error}") from error
        if version.state is VersionState.IN_USE:
            self.log.info("version %d is in use: there is nothing to roll out", wanted)
            raise DownstreamTasksSkipped(tasks=list(_REST))
        if version.state is VersionState.RETIRED:
            raise AirflowFailException(f"version {wanted} is retired: {version.note}")
        if not version.state.undecided:  # to be evaluated anew, or to be put in use: nobody else is at it
            return
        other = version.run if version.run != run else ""
        gone = other and (other == (context["dag_run"].conf or {}).get(INSTEAD_OF) or not goes_on(context, other))
        if not self.patiently(lambda: life.take(wanted, run, instead_of=other if gone else "")):
            holder = life.state.version(wanted).run
            raise AirflowFailException(
                f"the run {holder} is at version {wanted}: answer what it asks, or end it and start this one again"
            )

    def _offer(self, context: Any, life: ModelLife) -> list[str]:
        """Offer what the candidates have published. Returns what could not be offered, in words."""
        from automl_core.models.life import NotOffered
        from automl_core.models.offering import new_candidates

        problems = []
        for source in self.file.sources:
            try:
                store = self._store_of(life, str(source.storage), source.connection)
            except AirflowNotFoundException as error:
                problems.append(f"candidates: {source.experiment}: {error}")
                self.log.error(problems[-1])
                continue
            experiment = source.experiment
            found = self.patiently(lambda s=store, e=experiment: new_candidates(life.refresh(), s, e))  # type: ignore[misc]
            for each in found:
                name = f"{experiment}@{each.source.run}"
                if self._would_leave(each):
                    problems.append(
                        f"{name} can't be offered: its experiment says `closed: true`, and the file of {self.model} "
                        "does not, so its model would leave the closed environment: say closed: true there too"
                    )
                    self.log.error(problems[-1])
                    continue
                try:
                    version = self.patiently(
                        lambda c=each: life.offer(c.source, (c.store, c.model), self.this_dag(context))  # type: ignore[misc]
                    )
                except NotOffered as error:
                    problems.append(f"{name} can't be offered: {error}")
                    self.log.error(problems[-1])
                    continue
                self.log.info("version %d: %s@%s", version.number, each.source.experiment, each.source.run)
        return problems

    def _would_leave(self, candidate: Candidate) -> bool:
        """Whether a copy of a closed run's model would be one of a model that is not closed."""
        from automl_airflow.closed import is_closed
        from automl_airflow.models.closed import is_closed_result

        if is_closed(self.file):
            return False
        return self.patiently(lambda: is_closed_result(candidate.store, candidate.source.prefix))

    def _store_of(self, life: ModelLife, storage: str, connection: str | None) -> ObjectStore:
        from automl_airflow.session import open_experiment_store

        if (storage, connection) == (self.storage, self.connection):
            return life.store
        return self.patiently(lambda: open_experiment_store(storage, connection))

    def _note_expired(self, context: Any, life: ModelLife) -> None:
        """Note questions that ended unanswered while nobody waited for them: their run was deleted, or marked."""
        from automl_core.models.life import Refused, VersionState

        for version in life.state.undecided():
            asked = version.asked
            if version.state is not VersionState.ASKED or asked is None:
                continue
            if asked.until + _GRACE > life.now():
                if version.run and not exists(context, version.run):
                    self.log.info(
                        "version %d: the run %s asks about it, which this Airflow has not: nobody takes it until there "
                        "is an answer, or the time is over", version.number, version.run,
                    )  # fmt: skip
                continue
            try:
                life.expire(version.number, asked.evidence, self.this_dag(context))
            except Refused as refused:
                self.log.info("version %d: %s", version.number, refused)
            else:
                self.log.info("version %d: nobody has answered in time", version.number)

    def _take_one(self, context: Any, life: ModelLife) -> Version | None:
        """The version of this run: the one that it has taken already, or the first that is free."""
        from automl_core.models.life import VersionState

        run = str(context["run_id"])
        over = (VersionState.IN_USE, VersionState.REPLACED, VersionState.TAKEN_BACK, VersionState.RETIRED)
        mine = [each for each in life.state.versions.values() if each.run == run]
        if mine:  # tried again, or cleared
            last = mine[-1]
            if last.state not in over:
                return last
            self.log.info("version %d, which this run rolled out, is %s", last.number, last.state)
            return None
        for version in self._free(context, life):
            number, holder = version.number, version.run
            if version.state is VersionState.ROLLING_OUT:  # by a run whose id tells the next look that it is on
                continue
            if not version.state.undecided or self.patiently(
                lambda n=number, h=holder: life.take(n, run, instead_of=h)  # type: ignore[misc]
            ):
                return life.state.version(number)
        return None

    def _free(self, context: Any, life: ModelLife) -> Iterator[Version]:
        """Versions that wait for a rollout, and that no run of Airflow's has.

        Also those that were accepted and whose run was deleted before it put them in use, and those whose rollout is
        open while the run that looked at it has ended (its task was marked by hand, or failed). Not one that people are
        asked about: its run may be another Airflow's that has the same file, and each would evaluate anew what the
        other one has asked about, so that nobody's answer would ever hold. Where the run was deleted, the time that was
        given ends it.
        """
        from automl_core.models.life import VersionState

        for version in list(life.state.versions.values()):
            if version.state is VersionState.ROLLING_OUT:
                if self.file.served is not None and not self._is_looked_at(context, version):
                    yield version
                continue
            if not version.state.undecided and version.state is not VersionState.ACCEPTED:
                continue
            if version.run and (version.run == str(context["run_id"]) or exists(context, version.run)):
                continue
            if not (version.run and version.state is VersionState.ASKED):
                yield version

    def _is_looked_at(self, context: Any, version: Version) -> bool:
        """Whether a run goes on that looks at the rollout of a version."""
        this = str(context["run_id"])
        return any(run == this or goes_on(context, run) for run in (version.run, run_to_start(context, version)) if run)

    def _unguarded(self, life: ModelLife) -> list[str]:
        """What is wrong where a rollout is open that the file, which names no servers any more, has nobody look at."""
        from automl_airflow.models.deploying import not_served_any_more

        if self.file.served is not None or life.state.rollout is None:
            return []
        words = not_served_any_more(life.state.rollout)
        self.log.error(words)
        return [words]
