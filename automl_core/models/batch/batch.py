"""The acts of batch scoring: what is owed, the claim on an interval, its end.

Airflow, the command line and tests call these; whichever process dies between two of them, the next one goes on.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from automl_core.data.access import DataError
from automl_core.masking import hidden
from automl_core.models.batch import lineage
from automl_core.models.batch.intervals import Interval, text_of
from automl_core.models.batch.order import Order, Place, Report
from automl_core.models.batch.outcomes import Begun, Outcome, Wish
from automl_core.models.batch.places import text_in
from automl_core.models.batch.planning import Planning
from automl_core.models.batch.scoring import fingerprint_of, look
from automl_core.models.batch.writing import CantWrite, file_name
from automl_core.models.life import Claim, Life, NoSuchVersion, Refused
from automl_core.models.life.layout import batch_prefix
from automl_core.spec.places import BadPlace, parse_place

LOST = 12 * 3600.0
"""Seconds after which a claim of another run counts as one whose run is gone."""


class Batch(Planning):
    """Batch scoring of one model, as its file says. Not shared between threads."""

    def begin(self, interval: Interval, run: str, *, wish: Wish | None = None, adopt: bool = False) -> Begun | Outcome:
        """Claim an interval, and say how it is to be scored; or why not.

        Args:
            interval: which.
            run: who claims it: a run's id; a run that people have cleared goes by another.
            wish: that it be scored although it was.
            adopt: whether what this run has started of it may still go on, and is taken over: the claim stays what it
                is then, with its version. Else a claim of the same run counts no more.

        Raises:
            StorageError: a store is away. Nothing is lost: beginning again tells what stands.
        """
        life = self.life.refresh()
        held = life.scoring.open.get(interval.key)
        adopted = held if adopt and held is not None and held.run == run else None
        token = adopted.token if adopted is not None else uuid.uuid4().hex[:16]
        if wish is None and interval.key in life.scoring.done:
            return self._already(life, interval)
        try:
            version = adopted.version if adopted is not None else self._version(life, interval, wish)
        except (NoSuchVersion, LookupError) as error:
            return Outcome("failed", str(error))
        if version is None:
            words = "no version is in use: it is made up for when there is one"
            self.owed.refresh()
            self.owed.note(interval.key, "no_champion", words)
            return Outcome("no_champion", words)
        try:
            out = self._out_of(interval)
        except (BadPlace, CantWrite, DataError) as error:
            return Outcome("failed", f"deploy.out: {str(error).removeprefix('out: ')}")
        try:
            fingerprint, earlier = self.fingerprint(interval, version)
        except DataError as error:
            return self._missing(interval, str(error))
        except BadPlace as error:
            return Outcome("failed", f"deploy.data: {error}")
        again = wish.words if wish is not None and interval.key in life.scoring.done else ""
        named = wish.version if wish is not None else "now"  # a number may be one of now, or of then
        then = named == "then" or (named != "now" and version not in life.shares_now())
        try:
            claim = self.life.begin_interval(
                interval.key, interval.start or 0.0, interval.end or 0.0, version, run=run, token=token,
                then=then, why=again, instead_of=self._lost(life, interval, run),
            )  # fmt: skip
        except (Refused, NoSuchVersion) as error:
            held = self.life.state.scoring.open.get(interval.key)
            busy = held is not None and held.run != run
            return Outcome("busy" if busy else "failed", str(error))
        if claim.scored:
            return self._already(self.life.state, interval)
        return Begun(claim, self._order(claim, interval, fingerprint.digest, earlier, out, run, token))

    def end(self, begun: Begun, report: Report) -> Outcome:
        """Record what came of a claim. Told again, it changes nothing.

        Raises:
            StorageError: the store is away; to be told again.
        """
        claim, words = begun.claim, hidden(report.words)  # a program's last lines are among them
        self.owed.refresh()
        if report.problem == "cant":
            self.life.give_up_interval(claim, words)
            self.owed.note(claim.key, "failed", words, fingerprint=begun.order.digest, version=claim.version)
            return Outcome("failed", words)
        if report.problem is not None:
            if report.problem != "replaced":
                self.life.give_up_interval(claim, words)
                self.owed.note(claim.key, "failed", words)
            return Outcome("again", words)
        self._keep(begun, report)
        try:
            self.life.end_interval(claim, rows=report.rows, out=report.out, digest=report.digest)
        except Refused as error:
            return Outcome("again", str(error))
        self.owed.settle([claim.key])
        scored = lineage.Scored(
            self.file.name, claim.version, claim.key, claim.generation, begun.order.data.text, report.fingerprint,
            report.out, report.rows, report.digest, report.more,
        )  # fmt: skip
        lineage.tell(scored, self.say)
        return Outcome("scored", f"{report.rows:,} rows by version {claim.version}, into {report.out}", report.rows,
                       claim.version, report.out)  # fmt: skip

    def failed(self, begun: Begun, words: str) -> Outcome:
        """Give a claim back whose process came to nothing: killed, out of time, never started. Worth another try.

        Raises:
            StorageError: the store is away.
        """
        return self.end(begun, Report(problem="later", words=words))

    def score(
        self, interval: Interval, run: str, runner: Callable[[Order], Report], *, wish: Wish | None = None
    ) -> Outcome:
        """Claim, score and record an interval.

        Args:
            interval: which.
            run: who does.
            runner: scores (`automl_core.models.batch.processes.scored`).
            wish: that it be scored although it was.

        Raises:
            StorageError: a store is away.
        """
        begun = self.begin(interval, run, wish=wish)
        return begun if isinstance(begun, Outcome) else self.end(begun, runner(begun.order))

    def fingerprint_now(self, order: Order) -> dict[str, Any]:
        """What lies at the place of the data, for who has scored it elsewhere; empty where that can't be asked.

        Args:
            order: what was scored.
        """
        try:
            return fingerprint_of(order.data, order.earlier, self.home, self.access).to_json()
        except DataError:
            return {}

    def digest_of_out(self, order: Order) -> str:
        """Digest of a table (or partition) of predictions: of its last change, its size and its columns.

        Args:
            order: by which it was written.
        """
        return look(order.out, self.home, self.access).digest

    # --- parts ------------------------------------------------------------------------------------

    def _out_of(self, interval: Interval) -> str:
        """Where the predictions of an interval go; a closed environment refuses here what is on none of its lists.

        Raises:
            BadPlace, CantWrite: nowhere.
            StorageError: the place can't be opened.
        """
        text = text_in(self.out.place, interval, self.bundle)
        place = parse_place(text)
        if place.is_table:
            return text
        if place.in_bucket:
            self.access.store(f"{place.scheme}://{place.root}", self.out.connection)  # asks nobody
        return file_name(text)

    def _version(self, life: Life, interval: Interval, wish: Wish | None) -> int | None:
        if wish is None or wish.version == "now":
            return life.champion
        if wish.version == "then":
            if interval.end is None:
                raise LookupError(f"{interval.key} has no date, so there is no version of then")
            found = life.champion_at(interval.end)
            if found is None:
                raise LookupError(
                    f"no version was in use at {text_of(interval.end)}, the end of {interval.key}; allowed: "
                    '"version": "now", or a number'
                )
            return found
        return life.version(int(wish.version)).number

    def _missing(self, interval: Interval, words: str) -> Outcome:
        self.owed.refresh()
        self.owed.note(interval.key, "missing", words)
        return Outcome("missing", words)

    def _already(self, life: Life, interval: Interval) -> Outcome:
        done = life.scoring.done[interval.key]
        self.owed.refresh()
        self.owed.settle([interval.key])
        more = f", at generation {done.generation}" if done.generation > 1 else ""
        return Outcome("already", f"{interval.key} was scored by version {done.version}{more}", version=done.version)

    def _lost(self, life: Life, interval: Interval, run: str) -> str:
        """The run whose claim on an interval is so old that the run must be gone; empty for none."""
        held = life.scoring.open.get(interval.key)
        if held is None or held.run == run or self.clock() - held.begun < LOST:
            return ""
        self.say(f"the claim of the run {held.run} is {LOST / 3600:.0f} hours old: it counts no more")
        return held.run

    def _order(
        self, claim: Claim, interval: Interval, digest: str, earlier: tuple[Place, ...], out: str, run: str, token: str
    ) -> Order:
        version = self.life.state.version(claim.version)
        output = self.file.output
        return Order(
            name=self.file.name, storage=Place(output.storage, output.connection), version=claim.version,
            model=version.model.prefix, key=claim.key, generation=claim.generation,
            attempt=claim.attempt, data=self.data_of(interval), digest=digest, earlier=earlier,
            out=Place(out, self.out.connection), run=run, token=token,
            report=f"{batch_prefix(self.file.name)}{folder_name(claim.key)}/{claim.generation}-{token}.json",
            keep=tuple(self.deploy.keep), proba=self.deploy.proba,
            lineage=lineage.columns(claim.version, claim.key, claim.generation), home=str(self.home),
        )  # fmt: skip

    def _keep(self, begun: Begun, report: Report) -> None:
        """Leave the details of a score beside the journal, for people: fingerprint, columns, notes."""
        body = report.to_json().encode()
        self.life.store.put(f"{batch_prefix(self.file.name)}{folder_name(begun.claim.key)}/"
                            f"{begun.claim.generation}.json", body)  # fmt: skip


def folder_name(key: str) -> str:
    """The folder of an interval's records below ``batch/``: its key with what no file name may have left out."""
    return key.replace(":", "").replace("/", "_")
