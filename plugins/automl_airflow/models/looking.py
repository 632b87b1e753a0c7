"""``look``: the champion alone on the latest data, judged against what it was accepted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from automl_airflow.models.alerts import tell
from automl_airflow.models.tasks import RolloutOperator

if TYPE_CHECKING:
    from automl_airflow.models.latest import Latest
    from automl_airflow.models.served_looks import Seen
    from automl_core.models.estimating.record import Record
    from automl_core.models.evaluation import EvaluateOptions
    from automl_core.models.life import Life, ModelLife, Version
    from automl_core.models.watching import Accepted, Judgement, Look


@dataclass(slots=True)
class _Found:
    """What a look has found.

    Attributes:
        evidence: of the rows that have labels; None where none has.
        judgement: what that comes to.
        data: those rows.
        seen: what the model was asked of late, by servers or in batches, where that is known.
        details: see `automl_core.models.watching.Looks`.
    """

    evidence: dict[str, Any] | None
    judgement: Judgement
    data: Latest
    seen: Seen
    details: dict[str, Any]


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
            found = self._look(context, life, run, before.looks)
            self._tell(found, before.newest)
        self.log.info("version %d: %s: %s", found.version, found.state, found.why)
        return {"state": found.state, "why": found.why, "version": found.version, "look": found.key}

    def _tell(self, found: Look, last: Look | None) -> None:
        """Tell people of what was not so in the last look at this version."""
        then = last if last is not None and last.version == found.version else None
        if found.state == "worse" and (then is None or then.state != "worse"):
            tell(self.file, "loss", found.why, version=found.version, metric=found.metric, value=found.value)
        elif found.estimate.get("worse") and (then is None or not then.estimate.get("worse")):
            metric, value = found.estimate["metric"], found.estimate["value"]
            tell(
                self.file, "loss", found.estimate["words"], version=found.version, metric=metric, value=value,
                estimated=True,
            )  # fmt: skip
        if found.drift.get("state") == "drifted" and (then is None or then.drift.get("state") != "drifted"):
            words = "; ".join(found.drift["words"])
            tell(self.file, "drift", words, version=found.version, columns=found.drift["drifted"])
        if found.live.get("state") == "failed" and (then is None or then.live.get("state") != "failed"):
            tell(self.file, "tests", found.live["why"], version=found.version, url=found.live["url"])

    def _look(self, context: Any, life: ModelLife, run: str, looks: Sequence[Look]) -> Look:
        from automl_core.models.watching import Look, thin, write_look
        from automl_core.models.watching.series import short_of

        state = life.state
        if state.champion is None:
            raise AirflowSkipException(f"no version of {self.model} is in use: there is nothing to look at")
        version = state.version(state.champion)
        found = self._found(context, life, version, looks)
        judgement, data, evidence = found.judgement, found.data, found.evidence or {}
        metric, value = evidence.get("metric") or {}, _value_of(evidence, judgement.metric)
        look = Look(
            time=life.now(), run=run, version=version.number, state=judgement.state, why=judgement.why,
            metric=judgement.metric, direction=str(metric.get("direction") or ""), value=value.get("value"),
            low=value.get("low"), high=value.get("high"), accepted=judgement.accepted,
            loss_low=judgement.loss["low"], loss_high=judgement.loss["high"], limit=judgement.limit,
            rows=int((evidence.get("data") or {}).get("scored") or 0), counts=dict(data.counts or {}),
            since=found.seen.since, until=found.seen.until,
        )  # fmt: skip
        for name, value in short_of(found.details).items():
            setattr(look, name, value)
        notes = [*judgement.reasons, *self._told(found), *data.notes, *evidence.get("notes", ())]
        written = self.patiently(
            lambda: write_look(life.store, life.name, look, found.evidence, notes, found.details)
        )  # fmt: skip
        self.patiently(lambda: thin(life.store, life.name, life.now()))
        return written

    def _told(self, found: _Found) -> list[str]:
        """What the details say, a line each; what asks for attention is a warning in the log."""
        from automl_airflow.models.served_looks import words_of
        from automl_core.models.evaluation.columns import drift_words

        told: list[str] = []
        wrong: list[str] = []
        drift, estimate = found.details.get("drift"), found.details.get("estimate") or {}
        if drift is not None:
            told += drift_words(drift)
            wrong += told if drift["drifted"] else []
        if estimate.get("words"):
            told.append(estimate["words"])
            contradicted = estimate.get("checked") is not None and not estimate["checked"]["within"]
            wrong += told[-1:] if estimate["worse"] or contradicted else []
        retrain = self.file.watch.retrain if self.file.watch is not None else None
        if retrain is not None and retrain.when is not None and retrain.when.estimated and estimate["state"] == "none":
            told.append(f"watch.retrain.when.estimated asks for nothing here: {estimate['why']}")
            wrong += told[-1:]
        live = found.details.get("live")
        if live is not None:
            told.append(words_of(live))
            wrong += told[-1:] if live["state"] != "passed" or live["other"] else []
        for words in told:
            (self.log.warning if words in wrong else self.log.info)("%s", words)
        return [*told, *found.seen.notes]

    def _found(self, context: Any, life: ModelLife, version: Version, looks: Sequence[Look]) -> _Found:
        """The champion's evidence (none where no row has a label), what it comes to, and what needs no label."""
        from automl_airflow.compat import bundle_folder
        from automl_airflow.models.evaluating import on_data, options_of
        from automl_airflow.models.folders import folder_of
        from automl_airflow.models.latest import latest_of
        from automl_airflow.models.served_looks import Seen, answers_of, live_of, scored_of
        from automl_core.data.access import DataError
        from automl_core.models.evaluation import NotEvaluated, Request, run_apart
        from automl_core.models.evaluation.unlabelled import not_estimated, why_not
        from automl_core.models.watching import judge
        from automl_core.models.watching.judging import judge_estimate, nothing_there

        file = self.file
        when = file.watch.retrain.when if file.watch is not None and file.watch.retrain is not None else None
        metric = when.metric if when is not None else None
        limit = when.loss if when is not None else None
        accepted = self._accepted(life, life.state, version)
        with ExitStack() as stack:
            folder = stack.enter_context(folder_of(life.store, version.model.prefix))
            try:
                data = stack.enter_context(
                    latest_of(file, life.state, context, say=self.log.info, wanted=lambda: not self.killed)
                )
            except DataError as error:
                raise AirflowFailException(f"evaluate.data: {error}") from error
            options = options_of(file, Path(self.path), version, None, stack, self.log.info)
            options = replace(options, metric=metric or options.metric, latency=False)
            options = self._without_labels(life, version, options, looks)
            evidence: dict[str, Any] | None = None
            if data.rows == 0:
                judgement = nothing_there(metric or file.evaluate.metric or "")
            else:
                self.log.info("version %d on %s", version.number, data.place)
                request = Request(folder, None, data.path, on_data(options, data), (), data.format)
                try:
                    evidence, _ = run_apart(request, say=self.log.info, wanted=lambda: not self.killed)
                except NotEvaluated as error:
                    raise AirflowFailException(f"version {version.number} was not evaluated: {error}") from error
                judgement = judge(evidence, accepted, limit=limit, metric=metric)
            details: dict[str, Any] = {}
            for name in ("drift", "estimate"):
                if evidence is not None and name in evidence:
                    details[name] = evidence.pop(name)
            seen: Seen | None = None
            last, bundle = next(iter(looks), None), bundle_folder(context)
            given: dict[str, Any] = {"say": self.log.info, "wanted": lambda: not self.killed}
            if file.served is not None:
                seen = self.patiently(lambda: answers_of(file, life, version, folder, options, last, **given))
            elif _kind_of(folder) != "forecasting":
                seen = self.patiently(lambda: scored_of(file, life, version, folder, options, last, bundle, **given))
            of_labels = seen is None  # else what it was asked of late, in place of rows of another time
            if seen is not None:
                labelled = details.get("estimate") or {}
                details = dict(seen.details)
                if "estimate" in details and labelled.get("checked") is not None:
                    # of the metric that was checked, also where there was no answer: the record goes by its name
                    same = {name: labelled[name] for name in ("checked", "metric", "direction")}
                    details["estimate"] = {**details["estimate"], **same}
            seen = seen or Seen()
            live = live_of(file, life, folder, options, seen.rows, bundle)
            if live is not None:
                details["live"] = live
        if file.watch is None or file.watch.estimate:
            details.setdefault("estimate", not_estimated(*why_not(_kind_of(folder))))
            details["estimate"] = judge_estimate(details["estimate"], accepted, limit=limit) | {
                "record": record_of(looks, version.number, details["estimate"].get("metric")).to_json()
            }
        if evidence is not None:
            ok = {"holds": True, "worse": False, "cant_tell": None}[judgement.state]
            evidence["verdict"] = {
                "when": "watched", "margin": judgement.limit, "ok": ok,
                "reasons": [judgement.why, *judgement.reasons],
            }  # fmt: skip
            if "drift" in details and of_labels:
                evidence["drift"] = details["drift"]  # of these very rows
        return _Found(evidence, judgement, data, seen, details)

    def _without_labels(
        self, life: ModelLife, version: Version, options: EvaluateOptions, looks: Sequence[Look]
    ) -> EvaluateOptions:
        """What is asked for beside the metric: drift and an estimate, by the evidence that the champion stands on."""
        from automl_core.models.watching.judging import alarms_of

        watch = self.file.watch
        if watch is not None and not (watch.drift or watch.estimate):
            return options
        kept = self._kept(life, version)
        if watch is None or watch.drift:
            options = replace(options, reference=dict(kept.get("columns") or {}), alarms=alarms_of(watch))
        if watch is None or watch.estimate:
            record = record_of(looks, version.number, options.metric)
            options = replace(options, answers=dict(kept.get("answers") or {}), excess=record.excess)
        return options

    def _kept(self, life: ModelLife, version: Version) -> dict[str, Any]:
        """What is kept of the rows that the champion was accepted on; empty where nobody knows."""
        digest = life.state.shares[-1].accepted.get(version.number, "")
        try:
            return dict(self.patiently(lambda: life.evidence_rows(digest)))
        except (LookupError, ValueError) as error:
            self.log.info("drift and an estimate without labels are not told: %s", error)
            return {}

    def _accepted(self, life: ModelLife, state: Life, version: Version) -> Accepted | None:
        """What the champion's acceptance rests on; None where that is gone or was changed, which is said."""
        from automl_core.models.watching import Accepted

        digest = state.shares[-1].accepted.get(version.number, "")
        try:
            return Accepted.of(digest, life.evidence(digest))
        except (LookupError, ValueError) as error:
            self.log.warning("the evidence that version %d was accepted on can't be read: %s", version.number, error)
            return None


def _kind_of(folder: Path) -> str | None:
    """What a model predicts; None of models that aren't ours."""
    from automl_core.modelfile.model import BrokenModel, read_info
    from automl_core.modelfile.scoring.documents import LaterFormat

    try:
        return str(read_info(folder)["problem"].get("kind"))
    except (BrokenModel, LaterFormat):
        return None


def _value_of(evidence: Mapping[str, Any], metric: str) -> Mapping[str, Any]:
    """The champion's value of a metric, with its interval; empty where it was not measured."""
    return ((evidence.get("metrics") or {}).get(metric) or {}).get("challenger") or {}


def record_of(looks: Sequence[Look], version: int, metric: str | None) -> Record:
    """What estimates of a version were off by where labels came, by the looks at it.

    Args:
        looks: the newest first.
        version: that is in use.
        metric: that is estimated; None or empty: whichever was.
    """
    from automl_core.models.estimating.record import Check, Record

    told = [
        each.estimate for each in looks
        if each.version == version and each.estimate and (not metric or metric == each.estimate.get("metric"))
    ]  # fmt: skip
    checks = [Check.from_json(each.get("checked")) for each in told]
    return Record.of([each for each in checks if each is not None])
