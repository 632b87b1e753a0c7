"""The template version that an experiment was made from, as the whole experiment names it."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from automl_core.spec.base import Model

TEMPLATE_NAME = "(?:[a-z0-9][a-z0-9_.-]{0,39}/)?[a-z0-9][a-z0-9_.-]{0,79}"
"""What a template may be called: its folder, and what stands before the ``@``. One slash may stand in it, behind the
group that the template is of: ``tao/dino``."""


class TemplateVersion(Model):
    """A version of a template, and by its digest exactly this one.

    An experiment file says ``template: name@version``; `automl_core.templates` makes a whole experiment of it, which
    names the version like this.
    """

    name: str = Field(pattern=f"^{TEMPLATE_NAME}$", description="Name of the template.")
    version: int = Field(ge=1, description="Its version.")
    digest: str = Field(
        pattern="^sha256:[0-9a-f]{64}$", description="SHA-256 over template.yaml and the program's files."
    )

    @model_validator(mode="before")
    @classmethod
    def _not_expanded(cls, data: Any) -> Any:
        if isinstance(data, str):
            raise ValueError(f"the experiment is not whole before the template {data!r} is laid under it")
        return data

    @property
    def label(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"
