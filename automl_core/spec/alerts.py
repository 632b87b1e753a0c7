"""The ``alerts:`` of an experiment file: who is told of what."""

from __future__ import annotations

import re
from typing import Any, Literal, TypeAlias

from pydantic import Field, field_validator, model_validator

from automl_core.spec.base import Model

Occasion: TypeAlias = Literal["failure", "new_best", "end"]

WEBHOOK = "webhook"


def _usual() -> list[Occasion]:
    return ["failure", "end"]


class Alerts(Model):
    """What is told, and through which of Airflow's notifiers."""

    on: list[Occasion] = Field(
        default_factory=_usual,
        min_length=1,
        description="`failure`: a trial failed for good; `new_best`: one is better than all before; "
        "`end`: the experiment ended.",
    )
    notifier: str = Field(
        WEBHOOK,
        description="`webhook`, or the class path of an Airflow notifier "
        "(`airflow.providers.slack.notifications.slack.SlackNotifier`).",
    )
    url_connection: str | None = Field(
        None,
        description="Airflow connection with the webhook's address (host, or host, port and schema); its password is "
        "sent as a bearer token.",
    )
    arguments: dict[str, Any] = Field(
        default_factory=dict,
        description="Arguments of another notifier; `{{ automl.text }}` in them is what happened. No secrets: "
        "name a connection.",
    )

    @field_validator("notifier")
    @classmethod
    def _known_notifier(cls, notifier: str) -> str:
        if notifier != WEBHOOK and not re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+", notifier):
            raise ValueError(
                f"{notifier!r} is neither {WEBHOOK!r} nor the path of a class, such as package.module.Class"
            )
        return notifier

    @model_validator(mode="after")
    def _complete(self) -> Alerts:
        if self.notifier == WEBHOOK and not self.url_connection:
            raise ValueError("url_connection: the webhook's address is wanted; name an Airflow connection that has it")
        if self.notifier == WEBHOOK and self.arguments:
            raise ValueError("arguments: the webhook takes none; they belong to another notifier")
        if self.notifier != WEBHOOK and self.url_connection:
            raise ValueError("url_connection: only the webhook has one; give other notifiers their arguments")
        return self
