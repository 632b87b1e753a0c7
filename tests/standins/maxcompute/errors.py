"""What MaxCompute answers when it refuses: as HTTP responses, and as the result of a failed task."""

from __future__ import annotations

import uuid
from xml.sax.saxutils import escape


class ServiceError(Exception):
    """A refused request; becomes an HTTP response with an XML body.

    Attributes:
        code: The error's name (``NoSuchTable``) or MaxCompute's number (``ODPS-0420095``).
        status: The HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status

    def to_xml(self, request_id: str | None = None, host: str = "127.0.0.1") -> str:
        """The body that pyodps' ``parse_response`` reads."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{escape(self.code)}</Code><Message><![CDATA[{cdata(self.message)}]]></Message>"
            f"<RequestId>{request_id or new_request_id()}</RequestId><HostId>{host}</HostId></Error>"
        )


class SqlError(Exception):
    """A statement that can't run; becomes the result of a task whose status is Failed.

    ``str()`` is worded as the service words it: ``ODPS-0130131:[1,15] Table not found - table p.x cannot be resolved``.
    """

    def __init__(self, code: str, kind: str, detail: str, at: tuple[int, int] | None = None) -> None:
        place = f"[{at[0]},{at[1]}] " if at else ""
        super().__init__(f"{code}:{place}{kind} - {detail}" if kind else f"{code}:{place}{detail}")
        self.code = code
        self.at = at


def parse_error(detail: str, at: tuple[int, int] | None = (1, 1)) -> SqlError:
    return SqlError("ODPS-0130161", "Parse exception", detail, at)


def semantic_error(detail: str, at: tuple[int, int] | None = (1, 1)) -> SqlError:
    return SqlError("ODPS-0130071", "Semantic analysis exception", detail, at)


def table_not_found(project: str, table: str, at: tuple[int, int] | None = (1, 1)) -> SqlError:
    return SqlError("ODPS-0130131", "Table not found", f"table {project}.{table} cannot be resolved", at)


def permission_error(project: str, obj: str, action: str = "odps:Select") -> SqlError:
    detail = (
        f"Authorization Failed [4019], You have NO privilege '{action}' on "
        f"{{acs:odps:*:projects/{project}/{obj}}}. Explicitly denied by policy. Context ID:{uuid.uuid4()}."
    )
    return SqlError("ODPS-0130013", "Authorization exception", detail, (1, 1))


def invalid_arguments(detail: str) -> SqlError:
    return SqlError("ODPS-0121095", "Invalid arguments", detail)


def partition_error(detail: str) -> SqlError:
    return SqlError("ODPS-0123031", "Partition exception", detail)


def no_such_table(project: str, table: str) -> ServiceError:
    return ServiceError("NoSuchTable", f"Table not found - '{project}.{table}'.", 404)


def no_such_partition(spec: str) -> ServiceError:
    return ServiceError("NoSuchPartition", f"The specified partition does not exist: {spec}", 404)


def cdata(text: str) -> str:
    """Text that can stand in a CDATA section (which itself can't hold ``]]>``)."""
    return text.replace("]]>", "]]]]><![CDATA[>")


def new_request_id() -> str:
    return uuid.uuid4().hex[:24].upper()
