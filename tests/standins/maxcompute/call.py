"""A request that has been let in, and the answers to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.responses import Response

from tests.standins.maxcompute.auth import Account
from tests.standins.maxcompute.catalog import Table
from tests.standins.maxcompute.errors import new_request_id, no_such_table
from tests.standins.maxcompute.jobs import Instance
from tests.standins.maxcompute.service import Service


@dataclass
class Call:
    """A request.

    Attributes:
        names: The changing parts of its path, e.g. ``{"project": "p", "table": "t"}``.
        query: The last value of each key; a key alone (``?result``) has an empty one.
        base: The address under which the client found the service, without the end point's path.
    """

    service: Service
    method: str
    names: dict[str, str]
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    account: Account
    base: str

    @property
    def project(self) -> str:
        return self.names["project"].lower()

    def table(self) -> Table:
        """The table that the path names.

        Raises:
            ServiceError: There is none.
        """
        name = self.names["table"].lower()
        table = self.service.engine.catalog.get(self.project, name)
        if table is None:
            raise no_such_table(self.project, name)
        return table

    def instance(self) -> Instance:
        return self.service.instance(self.project, self.names["instance"])


@dataclass
class Reply:
    """What goes back: XML unless ``kind`` says otherwise."""

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/xml"

    def response(self) -> Response:
        headers = {"x-odps-request-id": new_request_id(), **self.headers}
        return Response(self.body, self.status, headers, self.kind)


def as_json(body: str) -> Reply:
    return Reply(body, kind="application/json")


def as_text(body: str) -> Reply:
    return Reply(body, kind="text/plain")
