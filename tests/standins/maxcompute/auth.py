"""Who asks: the signature of a request (v2 and v4), the STS token, and whether the project is theirs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, unquote, urlparse

from tests.standins.maxcompute.errors import ServiceError

_MAX_SKEW = 15 * 60


@dataclass(frozen=True)
class Account:
    """A user.

    Attributes:
        sts_token: Set for temporary credentials: the token that must come with every request.
        projects: Those that the user may enter; None for all.
    """

    access_id: str
    secret: str
    sts_token: str | None = None
    projects: frozenset[str] | None = None


def authenticate(
    accounts: Mapping[str, Account], method: str, path: str, query: str, headers: Mapping[str, str]
) -> Account:
    """Whose request it is.

    Args:
        path: As sent, still quoted, without the end point's own path.
        query: As sent, still quoted.
        headers: Names in small letters.

    Raises:
        ServiceError: Nobody's: the header, the key, the signature, the token or the date is wrong.
    """
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    who, _, signature = credentials.rpartition(":")
    if scheme != "ODPS" or not who:
        raise ServiceError("Unauthorized", "The request authorization header is invalid or missing.", 401)
    access_id, *scope = who.split("/")
    account = accounts.get(access_id)
    if account is None:
        raise ServiceError("ODPS-0410051", "Invalid credentials - accessKeyId not found", 401)
    key = account.secret.encode()
    if scope:
        if len(scope) != 4:
            raise ServiceError("ODPS-0410031", "Authentication signature error - unsupported signature format", 401)
        key = b"aliyun_v4" + key
        for part in scope:  # date, region, service, kind of request
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = canonical(method, path, query, headers)
    wanted = base64.b64encode(hmac.new(key, text.encode(), hashlib.sha1).digest()).decode()
    if not hmac.compare_digest(wanted, signature):
        raise ServiceError(
            "ODPS-0410042", "Invalid signature value - User signature does not match the server side signature", 401
        )
    if account.sts_token is not None and headers.get("authorization-sts-token") != account.sts_token:
        raise ServiceError("ODPS-0410061", "Invalid STS token - the security token is missing, wrong or expired", 401)
    _check_date(headers.get("date", ""))
    return account


def _check_date(text: str) -> None:
    now = datetime.now(UTC)
    try:
        sent = parsedate_to_datetime(text)
    except ValueError:
        raise ServiceError("Unauthorized", "The header Date is invalid or missing.", 401) from None
    if abs((now - sent).total_seconds()) > _MAX_SKEW:
        form = "%Y-%m-%dT%H:%M:%S.000Z"
        raise ServiceError(
            "RequestTimeTooSkewed",
            f"The request time is too skewed, max_interval_date:{_MAX_SKEW * 1000},"
            f"expire_date:{sent.strftime(form)},now_date:{now.strftime(form)}",
            403,
        )


def canonical(method: str, path: str, query: str, headers: Mapping[str, str]) -> str:
    """The text that is signed: method, content's type and MD5, date, x-odps-* headers, path and sorted query.

    The client takes the address apart *after* unquoting it, so a ``&`` in a value counts as its end here too.
    """
    address = urlparse(unquote(f"{path}?{query}" if query else path), allow_fragments=False)
    parameters = dict(parse_qsl(address.query, keep_blank_values=True))
    signed = {"content-type": "", "content-md5": "", "date": headers.get("date", "")}
    signed |= {
        name: value
        for name, value in headers.items()
        if name in ("content-type", "content-md5") or name.startswith("x-odps-")
    }
    signed |= {name: value for name, value in parameters.items() if name.startswith("x-odps-")}
    lines = [f"{k}:{v}" if k.startswith("x-odps-") else v for k, v in sorted(signed.items())]
    resource = address.path
    if parameters:
        resource += "?" + "&".join(f"{k}={v}" if v else k for k, v in sorted(parameters.items()))
    return "\n".join([method, *lines, resource])


def check_project(account: Account, project: str) -> None:
    """Refuses who may not enter a project.

    Raises:
        ServiceError: NoPermission.
    """
    if account.projects is not None and project not in account.projects:
        raise ServiceError(
            "NoPermission",
            "ODPS-0420095: Access Denied - Authorization Failed [4002], You don't exist in project "
            f"{project}. Context ID:{account.access_id}.",
            403,
        )
