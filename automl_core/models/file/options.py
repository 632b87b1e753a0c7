"""From a model's file to what an evaluation is told: the same by Airflow and on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.models.file.beside import regression_tests
from automl_core.models.file.model import ModelFile

if TYPE_CHECKING:
    from automl_core.models.evaluation.options import EvaluateOptions, Program
    from automl_core.models.life import Version
    from automl_core.models.life.rollouts import Kind, Step


def evaluate_options(
    file: ModelFile, path: Path, version: Version, champion: Version | None, environment: str | None = None
) -> EvaluateOptions:
    """What is measured and how, by a model's file; on which data, whoever has found them adds.

    Args:
        file: the model's.
        path: where that lies; its tests may lie beside it.
        version: that is measured.
        champion: that it is compared with.
        environment: folder of the environment of the file's program; None: what is there.

    Raises:
        SpecError: the regression tests beside the file can't be used.
    """
    from automl_core.models.evaluation.options import EvaluateOptions, Trained

    given, accept = file.evaluate, file.accept
    trained = {"challenger": Trained(fingerprints=version.source.fingerprints)}
    if champion is not None:
        trained["champion"] = Trained(fingerprints=champion.source.fingerprints)
    program = program_of(file, path, environment) if given.program is not None else None
    return EvaluateOptions(
        version=version.number, champion=champion.number if champion is not None else None, target=given.target,
        key=given.key, group=given.group, metric=given.metric, slices=tuple(given.slices),
        tests=tuple(regression_tests(file, path)), confidence=given.confidence, least_rows=given.least_rows,
        when=accept.when, margin=accept.margin, trained=trained, program=program,
    )  # fmt: skip


def program_of(file: ModelFile, path: Path, environment: str | None) -> Program:
    """The program that scores models which aren't ours, in evaluations and for batch scoring.

    Args:
        file: the model's, with ``evaluate.program``.
        path: where that lies.
        environment: folder of the program's environment; None: what is there.

    Raises:
        ValueError: the file names none.
    """
    from automl_core.models.evaluation.options import Program

    given = file.evaluate.program
    if given is None:
        raise ValueError(f"{file.name} names no program (evaluate.program)")
    command = given.command if isinstance(given.command, str) else tuple(given.command)
    return Program(
        command=command,
        format=given.format,
        environment=environment,
        timeout=given.timeout,
        variables=dict(given.env),
        folder=str(path.absolute().parent),
    )


def rollout_steps(file: ModelFile) -> tuple[Kind, list[Step]]:
    """What a rollout of a served model goes through, as `ModelLife.begin_rollout` takes it: its kind, and its steps.

    Args:
        file: the model's, with ``deploy: {to: servers}`` or ``kubernetes``.

    Raises:
        ValueError: no server answers for it.
    """
    from automl_core.models.life.rollouts import Step

    served = file.served
    if served is None:
        raise ValueError(f"{file.name} is answered by no server: its file has no `deploy: {{to: servers}}`")
    shadow = [Step(served.shadow.share, served.shadow.for_, shadow=True)] if served.shadow is not None else []
    if served.ab is not None:
        return "ab", [*shadow, Step(served.ab.share)]
    return "steps", [*shadow, *(Step(share, served.bake) for share in served.shares)]
