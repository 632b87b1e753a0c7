"""``look``: the champion alone on the latest data, judged against what it was accepted on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from automl_airflow.models.alerts import tell
from automl_airflow.models.tasks import RolloutOperator

if TYPE_CHECKING:
    from automl_airflow.models.latest import Latest
    from automl_core.models.life import Life, ModelLife, Version
    from automl_core.models.watching import Accepted, Judgement, Look


class LookOperator(RolloutOperator):
    """Evaluates the champion, and keeps what it found: one look a run, however often the task is tried."""

    ui_color = "#e4f2dc"

    def execute(self, context: Any) -> dict[str, Any]:
        """Look.

        Raises:
            AirflowSkipException: nothing is in use.
            AirflowFailException: the champion or the data can't be evaluated, or a closed environment refuses the file;
                trying again won't help.
        """
        from automl_airflow.models.opening import open_life
        from automl_core.models.watching import read_looks

        self.check_closed(context)
        life: ModelLife = self.patiently(lambda: open_life(self.place))
        run = str(context["run_id"])
        before = self.patiently(lambda: read_looks(life.store, life.name))
        found = next((each for each in before.looks if each.run == run), None)
        if found is None:
            found = self._look(context, life, run)
            last = before.newest
            if found.state == "worse" and (last is None or (last.state, last.version) != ("worse", found.version)):
                tell(self.file, "loss", found.why, version=found.version, metric=found.metric, value=found.value)
        self.log.info("version %d: %s: %s", found.version, found.state, found.why)
        return {"state": found.state, "why": found.why, "version": found.version, "look": found.key}

    def _look(self, context: Any, life: ModelLife, run: str) -> Look:
        from automl_core.models.watching import Look, write_look

        state = life.state
        if state.champion is None:
            raise AirflowSkipException(f"no version of {self.model} is in use: there is nothing to look at")
        version = state.version(state.champion)
        evidence, judgement, data = self._judged(context, life, version)
        metric = (evidence or {}).get("metric") or {}
        value = ((evidence or {}).get("metrics") or {}).get(judgement.metric, {}).get("challenger") or {}
        look = Look(
            time=life.now(), run=run, version=version.number, state=judgement.state, why=judgement.why,
            metric=judgement.metric, direction=str(metric.get("direction") or ""), value=value.get("value"),
            low=value.get("low"), high=value.get("high"), accepted=judgement.accepted,
            loss_low=judgement.loss["low"], loss_high=judgement.loss["high"], limit=judgement.limit,
            rows=int(((evidence or {}).get("data") or {}).get("scored") or 0), counts=dict(data.counts or {}),
        )  # fmt: skip
        notes = [*judgement.reasons, *data.notes, *(evidence or {}).get("notes", ())]
        return self.patiently(lambda: write_look(life.store, life.name, look, evidence, notes))

    def _judged(
        self, context: Any, life: ModelLife, version: Version
    ) -> tuple[Mapping[str, Any] | None, Judgement, Latest]:
        """The champion's evidence (none where no row has a label), what it comes to, and the data."""
        from automl_airflow.models.evaluating import on_data, options_of
        from automl_airflow.models.folders import folder_of
        from automl_airflow.models.latest import latest_of
        from automl_core.data.access import DataError
        from automl_core.models.evaluation import NotEvaluated, Request, run_apart
        from automl_core.models.watching import judge
        from automl_core.models.watching.judging import nothing_there

        file = self.file
        when = file.watch.retrain.when if file.watch is not None and file.watch.retrain is not None else None
        metric = when.metric if when is not None else None
        accepted = self._accepted(life, life.state, version)
        with ExitStack() as stack:
            folder = stack.enter_context(folder_of(life.store, version.model.prefix))
            try:
                data = stack.enter_context(
                    latest_of(file, life.state, context, say=self.log.info, wanted=lambda: not self.killed)
                )
            except DataError as error:
                raise AirflowFailException(f"evaluate.data: {error}") from error
            if data.rows == 0:
                return None, nothing_there(metric or file.evaluate.metric or ""), data
            options = on_data(options_of(file, Path(self.path), version, None, stack, self.log.info), data)
            options = replace(options, metric=metric or options.metric, latency=False)
            self.log.info("version %d on %s", version.number, data.place)
            request = Request(folder, None, data.path, options, (), data.format)
            try:
                evidence, _ = run_apart(request, say=self.log.info, wanted=lambda: not self.killed)
            except NotEvaluated as error:
                raise AirflowFailException(f"version {version.number} was not evaluated: {error}") from error
        limit = when.loss if when is not None else None
        judgement = judge(evidence, accepted, limit=limit, metric=metric)
        ok = {"holds": True, "worse": False, "cant_tell": None}[judgement.state]
        evidence["verdict"] = {
            "when": "watched", "margin": judgement.limit, "ok": ok, "reasons": [judgement.why, *judgement.reasons],
        }  # fmt: skip
        return evidence, judgement, data

    def _accepted(self, life: ModelLife, state: Life, version: Version) -> Accepted | None:
        """What the champion's acceptance rests on; None where that is gone or was changed, which is said."""
        from automl_core.models.watching import Accepted

        digest = state.shares[-1].accepted.get(version.number, "")
        try:
            return Accepted.of(digest, life.evidence(digest))
        except (LookupError, ValueError) as error:
            self.log.warning("the evidence that version %d was accepted on can't be read: %s", version.number, error)
            return None
