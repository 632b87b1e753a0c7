"""Telling people: of a trial's failure, a new best, and the end, through Airflow's notifiers.

An alert never costs a trial or a result: what goes wrong with it is said in the log.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from automl_core.spec.alerts import WEBHOOK, Alerts
from automl_core.states import TrialState

if TYPE_CHECKING:
    from airflow.sdk.bases.notifier import BaseNotifier

    from automl_core.journal import Record
    from automl_core.spec.stages import StageName
    from automl_core.study import Study
    from automl_core.study.stages import StageStudy
    from automl_core.study.state import StopRecord

log = logging.getLogger(__name__)


def prepare(study: Study, record: Record) -> Callable[[], None] | None:
    """What a record that this process has written gives rise to: calling it sends the alert. None for nothing."""
    if record.kind not in ("ended", "closed") or study.experiment.alerts is None:
        return None
    state = study.state
    work = state.works[int(record.data["slot"])]
    if work.state is TrialState.FAILED:
        text = f"trial {work.trial} failed: {work.reason}"
        return _alert(study, "failure", text, trial=work.trial, reason=work.reason)
    if not work.state.has_value or "new_best" not in study.experiment.alerts.on:
        return None
    best = study.best()
    if best is None or best[0] != work.trial or state.counted(state.trials[work.trial]) is not work:
        return None
    text = f"trial {work.trial} is the best so far: {study.experiment.goal.label} {best[1]:.6g}"
    return _alert(study, "new_best", text, trial=work.trial, value=best[1], params=state.trials[work.trial].params)


def stages_ended(study: Study, stages: Mapping[StageName, StageStudy]) -> None:
    """Tell of each stage that failed, was lost, or was to run and never did, as of a trial that failed."""
    from automl_airflow.stages import never_begun

    for stage, begun in stages.items():
        work = begun.state.works.get(0)
        if work is None or work.state not in (TrialState.FAILED, TrialState.SYS_CANCELED):
            continue
        send = _alert(study, "failure", f"{stage} failed: {work.reason}", stage=stage, reason=work.reason)
        if send is not None:
            send()
    never = never_begun(study, stages)
    if never:
        send = _alert(study, "failure", f"conclude was never begun: {never}", stage="conclude", reason=never)
        if send is not None:
            send()


def experiment_ended(study: Study, stop: StopRecord) -> None:
    """Tell of the end, once what there is is published."""
    if study.experiment.alerts is None:
        return
    best = study.best()
    label = study.experiment.goal.label
    result = f"; best is trial {best[0]} with {label} {best[1]:.6g}" if best else "; no trial has a value"
    send = _alert(
        study, "end", f"{stop.state}: {stop.reason}{result}", state=stop.state, reason=stop.reason,
        trial=best[0] if best else None, value=best[1] if best else None,
    )  # fmt: skip
    if send is not None:
        send()


def _alert(study: Study, occasion: str, text: str, **facts: Any) -> Callable[[], None] | None:
    alerts = study.experiment.alerts
    if alerts is None or occasion not in alerts.on:
        return None
    name, run = study.state.name, study.state.run
    body = {"on": occasion, "experiment": name, "run": run, "text": f"{name}: {text}", **facts}
    return partial(send, alerts, body)


def send(alerts: Alerts, body: dict[str, Any]) -> None:
    """Send one alert. Never raises."""
    try:
        notifier = make_notifier(alerts, body)
        context: Any = {"automl": body}
        notifier.render_template_fields(context)
        notifier.notify(context)
        log.info("alert %s: %s", body["on"], body["text"])
    except Exception as error:  # whatever a notifier of anybody's does
        log.warning("the alert %s was not sent by %s: %s", body["on"], alerts.notifier, error)


def make_notifier(alerts: Alerts, body: dict[str, Any]) -> BaseNotifier:
    """The notifier that a file names.

    Raises:
        ImportError, AttributeError: there is no such class.
        TypeError: it is no notifier, or takes other arguments.
    """
    from airflow.sdk.bases.notifier import BaseNotifier

    if alerts.notifier == WEBHOOK:
        from automl_airflow.webhook import WebhookNotifier

        return WebhookNotifier(str(alerts.url_connection), body)
    module, _, name = alerts.notifier.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    if not isinstance(found, type) or not issubclass(found, BaseNotifier):
        raise TypeError(f"{alerts.notifier} is no Airflow notifier")
    return found(**alerts.arguments)
