"""``watch:`` of a model's file: how often the champion is looked at, and when it is to be trained anew."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from automl_core.models.file.values import Every, Loss, Period, WorseBy, loss_of
from automl_core.spec.base import Model
from automl_core.spec.tasks import Name

MOST_LOOKS = 1000
"""Looks in a row at most that a file may ask for."""


def _parse_in_a_row(value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and 0 <= value <= MOST_LOOKS:
        return value
    raise ValueError(f"true, or a number of looks in a row (0 … {MOST_LOOKS:,}), is wanted here")


InARow = Annotated[
    int,
    BeforeValidator(_parse_in_a_row),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"type": "integer", "minimum": 0, "maximum": MOST_LOOKS}]}),
]
"""Looks in a row: true is one, false and 0 none."""


class When(Model):
    """What a look must find, for the model to be trained anew: any of these."""

    worse_by: WorseBy | None = Field(
        None, description="How much worse than when it was accepted, by labels: a share such as 2%, or a number in the "
        "metric's unit.",
    )  # fmt: skip
    metric: str | None = Field(None, min_length=1, description="Of which metric; that of `evaluate` when left out.")
    estimated: bool = Field(
        False, description="Whether a loss that is estimated without labels counts as well, where its whole interval, "
        "with the estimate's own error, is worse by `worse_by`.",
    )  # fmt: skip
    drift: InARow = Field(0, description="Whether drift of the table counts: true, or so many looks in a row.")

    @property
    def loss(self) -> Loss | None:
        """How much worse is too much, None where the file says nothing of that."""
        return None if self.worse_by is None else loss_of(self.worse_by)

    @model_validator(mode="after")
    def _asks(self) -> When:
        if self.worse_by is None and not self.drift:
            raise ValueError("it asks for nothing: give `worse_by: 2%`, `drift: 3`")
        if self.worse_by is None and (self.estimated or self.metric is not None):
            what = "estimated" if self.estimated else "metric"
            raise ValueError(f"`{what}` is about a loss, and nothing says how large: give `worse_by: 2%`")
        return self


class Retrain(Model):
    """When a run of the experiment is asked for, and how often at most."""

    model_config = ConfigDict(serialize_by_alias=True)

    experiment: Name | None = Field(
        None, description="Experiment that trains it; that of `candidates` when left out, where there is one."
    )
    when: When | None = Field(None, description="After a loss, or drift.")
    every: Period | None = Field(None, description="After so long a time since the last training, whatever was found.")
    at_most: int = Field(2, ge=1, le=1000, description="Retrainings at most within `in`: a brake against loops.")
    in_: Period = Field(7 * 86400.0, alias="in", description="The time that `at_most` is about.")

    @model_validator(mode="after")
    def _some_reason(self) -> Retrain:
        if self.when is None and self.every is None:
            raise ValueError("nothing says when it is trained anew; give `when: {worse_by: 2%}`, `every: 30d`")
        return self


class Tls(Model):
    """TLS of an end point, by files of the machine that asks (PEM); paths are relative to AUTOML_HOME."""

    ca: str | None = Field(
        None, min_length=1, description="Certificates that have signed the server's; the system's when left out."
    )
    cert: str | None = Field(None, min_length=1, description="Own certificate, where the server asks for one.")
    key: str | None = Field(None, min_length=1, description="Its key, where that is a file of its own.")

    @model_validator(mode="after")
    def _some_file(self) -> Tls:
        if self.ca is None and self.cert is None:
            raise ValueError("it names no file: give `ca`, or `cert` and `key`")
        if self.key is not None and self.cert is None:
            raise ValueError("`key` is that of `cert`, which is missing")
        return self


class Endpoint(Model):
    """The server that the regression tests are sent to, by its plain protocol."""

    url: str | None = Field(
        None, description="Of the server, such as https://models.example:8080; that of the Service when left out, "
        "where `deploy.to` is kubernetes.",
    )  # fmt: skip
    connection: str | None = Field(
        None, min_length=1, description="Airflow connection whose password is the server's token."
    )
    tls: Tls | None = Field(None, description="Files of TLS; the system's certificates when left out.")
    timeout: Period = Field(10.0, description="How long one answer may take.")

    @field_validator("url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        return url if url is None else _checked_url(url)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"this is no address: {error}; allowed: https://HOST:PORT") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError("the address of a server is wanted here: https://HOST:PORT or http://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no secret stands in an address: name an Airflow connection (`connection`)")
    if parts.query or parts.fragment:
        raise ValueError("the address of a server has neither ? nor #; the routes are added to it")
    return url.rstrip("/")


class Watch(Model):
    """The champion is evaluated on the latest data that have labels, again and again."""

    every: Every = Field(86400.0, description="How often: a duration such as 1h or 1d, or a cron line.")
    retrain: Retrain | None = Field(None, description="When it is trained anew; never by itself when left out.")
    drift: bool = Field(
        True, description="Whether a look says which columns have drifted since the evidence of the acceptance."
    )
    estimate: bool = Field(
        True, description="Whether a look estimates the metric of a classifier where labels have not come yet."
    )
    endpoint: Endpoint | Literal[False] | None = Field(
        None, description="Server that `evaluate.tests` are sent to as well. Left out: the Service, where "
        "`deploy.to` is kubernetes, else none; false: none.",
    )  # fmt: skip

    @property
    def cron(self) -> str | None:
        """The cron line, None where it is a duration."""
        return self.every if isinstance(self.every, str) else None

    @property
    def seconds(self) -> float | None:
        """The duration, None where it is a cron line."""
        return None if isinstance(self.every, str) else self.every
