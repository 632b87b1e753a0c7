"""``evaluate``: the version and the champion on the same rows of the latest data, in a process of its own."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.models.lineage import Seen
from automl_airflow.models.tasks import RolloutOperator

if TYPE_CHECKING:
    from automl_airflow.models.latest import Latest
    from automl_core.models.evaluation import EvaluateOptions
    from automl_core.models.file import ModelFile
    from automl_core.models.life import ModelLife, Version

TRIES = 5
"""Evaluations at most while one champion follows another."""


class EvaluateOperator(RolloutOperator):
    """Makes the evidence that an answer rests on."""

    ui_color = "#e4f2dc"

    def execute(self, context: Any) -> dict[str, Any]:
        """Evaluate, and record what was found.

        Raises:
            AirflowFailException: the version or the data can't be evaluated; trying again won't help.
        """
        from automl_core.models.evaluation import NotEvaluated
        from automl_core.models.life import Refused, VersionState

        self.check_closed(context)
        life, version = self.open(context)
        newest = version.newest
        settled = version.state in (VersionState.ACCEPTED, VersionState.ROLLING_OUT)
        if settled and newest is not None and newest.champion == life.state.champion:
            self.log.info("version %d was %s already", version.number, version.decision)
            return {"evidence": newest.digest, "ok": newest.verdict}
        for _ in range(TRIES):
            champion = life.state.champion
            try:
                evidence, rows = self._evaluate(context, life, version)
            except NotEvaluated as error:
                raise AirflowFailException(f"version {version.number} was not evaluated: {error}") from error
            if life.refresh().champion == champion:
                break
            self.log.info("version %s is the champion since: once more, beside it", life.state.champion)
        else:
            raise AirflowFailException("the champion changed again and again while this version was evaluated")
        try:
            digest = self.patiently(lambda: life.evaluated(version.number, evidence, rows))
        except Refused as refused:
            raise AirflowFailException(str(refused)) from refused
        place, data = life.store.url.rstrip("/"), evidence["data"]
        self.lineage_read = (
            Seen(str(data["place"]), str((data.get("fingerprint") or {}).get("digest", ""))),
            Seen(f"{place}/{version.model.prefix}", version.model.digest),
        )
        self.lineage_written = (Seen(f"{place}/{life.prefix}evidence/{digest}.json", digest),)
        verdict = evidence["verdict"]
        self.log.info("evidence %s: %s: %s", digest[:12], _said(verdict["ok"]), "; ".join(verdict["reasons"]))
        return {"evidence": digest, "ok": verdict["ok"], "reasons": verdict["reasons"]}

    def _evaluate(self, context: Any, life: ModelLife, version: Version) -> tuple[dict[str, Any], dict[str, Any]]:
        """The evidence and its rows, as `automl_core.models.evaluation` lays them out."""
        from automl_airflow.models.folders import folder_of
        from automl_airflow.models.latest import latest_of
        from automl_core.data.access import DataError
        from automl_core.models.evaluation import Request, run_apart
        from automl_core.models.evaluation.document import rows_of
        from automl_core.models.evaluation.unmeasured import unmeasured
        from automl_core.models.life.evidence import cases_left

        state, file = life.state, self.file
        champion = state.version(state.champion) if state.champion is not None else None
        with ExitStack() as stack:
            challenger = stack.enter_context(folder_of(life.store, version.model.prefix))
            other = stack.enter_context(folder_of(life.store, champion.model.prefix)) if champion is not None else None
            try:
                data = stack.enter_context(
                    latest_of(file, state, context, say=self.log.info, wanted=lambda: not self.killed)
                )
            except DataError as error:
                raise AirflowFailException(f"evaluate.data: {error}") from error
            options = options_of(file, Path(self.path), version, champion, stack, self.log.info)
            options = on_data(options, data)
            self.log.info("version %d beside %s on %s", version.number,
                          f"version {champion.number}" if champion else "no champion", data.place)  # fmt: skip
            if data.rows == 0:
                return unmeasured(challenger, options, 0, data.notes), rows_of([])
            earlier = cases_left(life.store, life.name, champion)
            request = Request(challenger, other, data.path, options, earlier, data.format)
            evidence, rows = run_apart(request, say=self.log.info, wanted=lambda: not self.killed)
            evidence["notes"] = [*evidence["notes"], *data.notes]
            return evidence, rows


def on_data(options: EvaluateOptions, data: Latest) -> EvaluateOptions:
    """What is measured and how, on data that were found."""
    return replace(
        options, place=data.place, fingerprint=dict(data.fingerprint), target=data.target or options.target,
        key=data.key or options.key,
    )  # fmt: skip


def options_of(
    file: ModelFile, path: Path, version: Version, champion: Version | None, stack: ExitStack, say: Any
) -> EvaluateOptions:
    """What is measured and how, by a model's file.

    Args:
        file: it.
        path: where it lies; its tests may lie beside it.
        version: that is measured.
        champion: that it is compared with.
        stack: holds the environment of the file's program for as long as it is open.
        say: is told of what takes time.

    Raises:
        AirflowFailException: the tests or the environment can't be used.
    """
    from automl_core.models.file.options import evaluate_options
    from automl_core.spec.errors import SpecError

    environment = environment_of(file, path, stack, say)
    try:
        return evaluate_options(file, path, version, champion, environment)
    except SpecError as error:
        raise AirflowFailException(f"evaluate.tests: {error}") from error


def environment_of(file: ModelFile, path: Path, stack: ExitStack, say: Any) -> str | None:
    """The folder of the environment that the program of a file runs in; None: Airflow's own.

    Args:
        file: the model's.
        path: where it lies, and the lock file beside it.
        stack: holds the environment for as long as it is open.
        say: is told of what takes time.

    Raises:
        AirflowFailException: it can't be had.
    """
    from automl_airflow.session import home
    from automl_core.environments import EnvironmentProblem
    from automl_core.environments.beside import environment_beside
    from automl_core.spec.lock_files import LockError

    program = file.evaluate.program
    wanted = program.environment if program is not None else None
    try:
        found = stack.enter_context(environment_beside(wanted, path.parent, home(), say=say))
    except (LockError, EnvironmentProblem) as error:
        raise AirflowFailException(f"evaluate.program.environment: {error}") from error
    return str(found) if found is not None else None


def _said(ok: bool | None) -> str:
    return {True: "the conditions are met", False: "the conditions are not met", None: "it can't be told"}[ok]
