"""``evaluate:`` of a model's file: on what versions are evaluated, and by what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from automl_core.models.evaluation.tests import RegressionTest
from automl_core.models.file.values import Data, Period, check_place, texts_not_empty
from automl_core.spec.base import Model
from automl_core.spec.environment import Environment
from automl_core.spec.errors import did_you_mean
from automl_core.spec.placeholders import placeholders

FEEDBACK = "feedback"
"""What ``evaluate.data`` says for the logged answers that outcomes have come for."""

IN_COMMANDS = ("rows", "predictions", "model_dir", "file_dir")
"""What ``${…}`` may name in the command of a program."""


class Program(Model):
    """A program that scores models which are not this product's: it gets a batch and leaves predictions."""

    command: list[str] | str = Field(
        description="An argument list, run as it is; or text, run by /bin/sh with substituted values quoted. "
        "${rows}, ${predictions} and ${model_dir} are paths of the batch, of what is to be written, of the version; "
        "${file_dir} is the folder of this file."
    )
    environment: Environment | None = Field(
        None, description="Lock file of an environment that each machine makes once; Airflow's own when left out."
    )
    format: Literal["csv", "parquet", "jsonl"] = Field("csv", description="Of the file with the rows.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment variables.")
    timeout: Period = Field(1800.0, description="Time limit of one version's scoring.")

    @field_validator("command")
    @classmethod
    def _some_command(cls, command: list[str] | str) -> list[str] | str:
        if not command or (isinstance(command, str) and not command.strip()):
            raise ValueError("an empty command can't be run")
        for text in [command] if isinstance(command, str) else command:
            for name, closed in placeholders(text):
                if not closed:
                    raise ValueError(f"'${{{name}' has no closing brace")
                if name not in IN_COMMANDS:
                    raise ValueError(
                        f"${{{name}}} has no meaning here; allowed: {', '.join(IN_COMMANDS)}. "
                        f"{did_you_mean(name, IN_COMMANDS) or f'Write $${{{name}}} for a literal ${{{name}}}'}"
                    )
        return command


class Evaluate(Model):
    """How a version is evaluated before people are asked, and the champion with it, on the same rows."""

    data: str | Data = Field(
        description="The latest data: a place, as data sets of experiments have it, or a group with its connection; or "
        "the word feedback: the answers that outcomes have come for."
    )
    target: str | None = Field(
        None, min_length=1, description="Column with what is predicted; the model's own target when left out."
    )
    key: str | None = Field(
        None,
        min_length=1,
        description="Column that names a row, by which bad cases are found again; when left out, a digest of the row's "
        "features does.",
    )
    group: str | None = Field(
        None,
        min_length=1,
        description="Column of what belongs together (a customer with several rows): intervals are drawn by it. `key` "
        "when left out.",
    )
    metric: str | None = Field(
        None, min_length=1, description="By what versions are compared; the metric that the model was searched by when "
        "left out.",
    )  # fmt: skip
    slices: Annotated[list[str], AfterValidator(texts_not_empty("a column"))] = Field(
        default_factory=list, description="Columns whose values are looked at one by one as well."
    )
    tests: list[RegressionTest] | str = Field(
        default_factory=list,
        description="Regression tests, which every version has to pass: a list, or a YAML file beside this one.",
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the intervals.")
    least_rows: int = Field(100, ge=1, description="With fewer rows the evidence says that it can't tell.")
    program: Program | None = Field(
        None, description="Scores models that are not this product's: a command, a batch in, predictions out."
    )

    _places = field_validator("data")(check_place)

    @property
    def by_feedback(self) -> bool:
        """Whether the data are the answers that outcomes have come for."""
        return self.data == FEEDBACK

    @field_validator("tests")
    @classmethod
    def _a_file_beside(cls, tests: list[RegressionTest] | str) -> list[RegressionTest] | str:
        if isinstance(tests, str) and ("://" in tests or "${" in tests or not tests.endswith((".yaml", ".yml"))):
            raise ValueError("a list of tests, or the path of a YAML file beside this one, is wanted here: tests.yaml")
        return tests
