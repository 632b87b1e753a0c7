"""``models:`` of an annotation project's file: who predicts. Experiments, or programs that people bring."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from automl_core.spec.base import Model
from automl_core.spec.errors import did_you_mean
from automl_core.spec.placeholders import placeholders
from automl_core.spec.storage_paths import check_storage_path
from automl_core.spec.tasks import Name
from automl_core.spec.values import Period

IN_COMMANDS = ("items", "out", "file_dir")
"""What ``${…}`` may name in the command of a program."""

_OF_PROGRAMS = ("name", "family", "timeout", "env")
_OF_EXPERIMENTS = ("families", "storage", "connection", "within")


class Labeller(Model):
    """One that predicts: the best model of an experiment, which each round trains anew, or a program."""

    experiment: Name | None = Field(None, description="Name of an experiment, which each round runs on the new labels.")
    families: int = Field(
        1, ge=1, le=2, description="2: its two best models of different families, in place of a second experiment."
    )
    storage: str | None = Field(
        None, description="Model storage path of the experiment; this file's when left out."
    )  # fmt: skip
    connection: str | None = Field(
        None, description="Airflow connection of that path. Left out: this file's, where it has the same scheme."
    )
    within: Period = Field(
        7 * 86400.0, description="How long a round waits for the run of an experiment, which may be paused or stand in "
        "a queue; then it goes on without.",
    )  # fmt: skip
    name: Name | None = Field(None, description="Name of a program; of an experiment, its own.")
    family: str | None = Field(
        None, min_length=1, description="Family of a program's model, such as ctc or transformer; two of one family "
        "make the same mistakes.",
    )  # fmt: skip
    command: list[str] | str | None = Field(
        None, description="Program of your own: an argument list, run as it is; or text, run by /bin/sh with "
        "substituted values quoted. ${items} is a file of JSON lines with the items, ${out} the file of JSON lines "
        "that it writes; ${file_dir} is the folder of this file.",
    )  # fmt: skip
    timeout: Period = Field(1800.0, description="Time limit of a program, for all items of a round.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment variables of a program.")

    @field_validator("storage")
    @classmethod
    def _known_scheme(cls, storage: str | None) -> str | None:
        return None if storage is None else check_storage_path(storage)

    @field_validator("command")
    @classmethod
    def _some_command(cls, command: list[str] | str | None) -> list[str] | str | None:
        if command is None:
            return None
        texts = [command] if isinstance(command, str) else command
        if not command or not texts[0].strip():
            raise ValueError("an empty command can't be run")
        named = set()
        for name, closed in (each for text in texts for each in placeholders(text)):
            if not closed:
                raise ValueError(f"'${{{name}' has no closing brace")
            if name not in IN_COMMANDS:
                raise ValueError(
                    f"${{{name}}} has no meaning here; allowed: {', '.join(IN_COMMANDS)}. "
                    f"{did_you_mean(name, IN_COMMANDS) or f'Write $${{{name}}} for a literal ${{{name}}}'}"
                )
            named.add(name)
        for name in ("items", "out"):
            if name not in named:
                raise ValueError(f"${{{name}}} is missing: a program reads ${{items}} and writes ${{out}}")
        return command

    @model_validator(mode="after")
    def _one_kind(self) -> Labeller:
        if (self.experiment is None) == (self.command is None):
            raise ValueError("give either an experiment, or a program with its name, family and command")
        program = self.command is not None
        for key in ("name", "family") if program else ():
            if getattr(self, key) is None:
                raise ValueError(f"{key!r} is missing: a program has a name, a family and a command")
        for key in _OF_EXPERIMENTS if program else _OF_PROGRAMS:
            default = type(self).model_fields[key].get_default(call_default_factory=True)
            if getattr(self, key) != default:
                whose = ("an experiment's", "a program") if program else ("a program's", "an experiment")
                raise ValueError(f"{key}: this is {whose[0]}, and the model is {whose[1]}")
        return self

    @property
    def is_program(self) -> bool:
        """Whether it is a program that people bring; else an experiment."""
        return self.command is not None

    @property
    def title(self) -> str:
        """What it is called: a program by its name, an experiment by its own."""
        return str(self.name if self.is_program else self.experiment)

    @property
    def models(self) -> int:
        """How many models it brings."""
        return self.families
