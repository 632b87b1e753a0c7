"""Signing in to Airflow's API server and asking it, whichever of its REST APIs."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import unquote

import httpx

from automl_core.bearer import BadToken, bearer
from automl_core.client.credentials import Credentials
from automl_core.client.errors import (
    AuthError,
    ClientError,
    Conflict,
    Invalid,
    NoAnswer,
    NotKnown,
    Unreachable,
    Unreadable,
)

_PASSING = (429, 500, 502, 503, 504)
"""Refusals that may pass: too many at once, a database that is locked, a server that restarts, a store that is away."""

_BEGIN_AGAIN = (1.0, 3.0, 6.0, 10.0, 10.0)
"""Seconds before a run is begun once more whose beginning failed."""


def new_run_id() -> str:
    """An id for a run, in the form that Airflow gives runs that a person starts; no two are the same."""
    alphabet = string.ascii_letters + string.digits
    return f"manual__{datetime.now(UTC).isoformat()}_{''.join(secrets.choice(alphabet) for _ in range(8))}"


class ApiClient:
    """What the clients of both REST APIs share. Use it in a ``with`` statement."""

    prefix: ClassVar[str] = "/api/v2"
    """Where the API lies on the server."""

    headers: ClassVar[dict[str, str]] = {}
    """What is sent with each request besides who asks."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Asks nothing yet; a token is fetched with the first request.

        Args:
            credentials: where, and who asks.
            transport: of the HTTP client; the network when left out.
            sleep, clock: how to wait and how to tell the time, in seconds.

        Raises:
            ClientError: the address is none.
        """
        self.url = credentials.url
        self._credentials = credentials
        self._token = credentials.token
        try:
            host = httpx.URL(credentials.url).host
            # a proxy of the environment can't reach a server on this machine
            near = host in ("localhost", "127.0.0.1", "::1")
            self._http = httpx.Client(base_url=credentials.url, timeout=30, transport=transport, trust_env=not near)
        except httpx.InvalidURL as error:
            raise ClientError(f"{credentials.url} is no address: {error} (AIRFLOW_API_URL)") from None
        self._sleep, self._clock = sleep, clock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """One request below `prefix`, and the object that it is answered with.

        Raises:
            ClientError: the server can't be reached, or refuses; the message says why.
        """
        return self._request(method, path, **arguments)

    def fetch(self, path: str, target: Path) -> Path:
        """Write a file of the server's to a file, or into a folder, of this machine. Returns where it lies."""
        place = target / unquote(path).rsplit("/", 1)[-1] if target.is_dir() else target
        partial = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
        try:
            with self._open(path, {}) as response, partial.open("wb") as file:
                for chunk in response.iter_bytes():
                    file.write(chunk)
            partial.replace(place)  # what breaks off half way takes no whole file's place
        finally:
            partial.unlink(missing_ok=True)
        return place

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str], read: float = 60.0) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on.

        Args:
            path: below `prefix`.
            headers: besides those of every request.
            read: seconds without a line after which it counts as broken off.

        Raises:
            Unreachable: no answer, or it broke off.
        """
        with self._open(path, headers, timeout=httpx.Timeout(30, read=read)) as response:
            yield response.iter_lines()

    def begin(self, path: str, body: Mapping[str, Any], exists: Callable[[], bool]) -> dict[str, Any]:
        """Begin a run whose id the body names, once, though a server may fail half way or its answer may be lost.

        A database that is locked for a moment answers 500, and nobody knows whether the run was begun: its id tells.

        Args:
            path: below `prefix`.
            body: what to post, with the run's id.
            exists: whether a run of that id is there.

        Raises:
            Conflict: there was a run of that id before.
            ClientError: the server refuses, or goes on failing for half a minute.
        """
        for wait in (*_BEGIN_AGAIN, None):
            try:
                return self._request("POST", path, json=dict(body))
            except Conflict:
                if wait == _BEGIN_AGAIN[0]:
                    raise
                return {}  # the answer before this one was lost: it is ours
            except Unreachable as error:
                if wait is None or isinstance(error, Unreadable):
                    raise
            self._sleep(wait)
            if self._is_there(exists):
                return {}
        raise AssertionError("unreachable")

    @staticmethod
    def _is_there(exists: Callable[[], bool]) -> bool:
        try:
            return exists()
        except NotKnown:
            return False
        except NoAnswer:
            raise
        except Unreachable:
            return False  # asked again, and refused then if it is there

    def pause(self, seconds: float) -> None:
        """Wait before the next try."""
        self._sleep(seconds)

    def now(self) -> float:
        """The client's clock, in seconds."""
        return self._clock()

    @contextmanager
    def _open(self, path: str, headers: Mapping[str, str], **options: Any) -> Iterator[httpx.Response]:
        for again in (bool(self._credentials.password), False):
            self._token = self._token or self._login()
            named = {**self._shown(), **self.headers, **headers}
            try:
                with self._http.stream("GET", f"{self.prefix}{path}", headers=named, **options) as response:
                    if again and response.status_code == httpx.codes.UNAUTHORIZED:
                        self._token = ""  # it has run out
                        continue
                    if not response.is_success:
                        response.read()
                        self._check(response, f"GET {path}")
                    yield response
                    return
            except httpx.TransportError as error:
                raise Unreachable(f"Airflow at {self.url} broke off: {str(error) or type(error).__name__}") from None

    def _request(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        response = self._send(method, f"{self.prefix}{path}", **arguments)
        if response.status_code == httpx.codes.UNAUTHORIZED and self._credentials.password:
            self._token = ""  # it has run out
            response = self._send(method, f"{self.prefix}{path}", **arguments)
        self._check(response, f"{method} {path}")
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ClientError(f"{self.url} answers {method} {path} with something else than JSON: is this Airflow?")
        return body

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        if not self._token:
            self._token = self._login()
        headers = {**self._shown(), "Accept": "application/json", **self.headers}
        return self._exchange(method, path, headers=headers, **arguments)

    def _shown(self) -> dict[str, str]:
        try:
            return bearer(self._token)
        except BadToken as error:
            raise AuthError(f"Airflow at {self.url} is not asked: {error}: check AIRFLOW_API_TOKEN") from None

    def _login(self) -> str:
        body = {"username": self._credentials.username, "password": self._credentials.password}
        response = self._exchange("POST", "/auth/token", json=body)
        if response.status_code in (400, 401, 403, 422):
            raise AuthError(
                f"Airflow at {self.url} refuses the user {self._credentials.username!r}: "
                "check AIRFLOW_USERNAME and AIRFLOW_PASSWORD"
            )
        self._check(response, "POST /auth/token")
        try:
            return str(response.json()["access_token"])
        except (ValueError, KeyError, TypeError):
            raise ClientError(f"{self.url} gives no token at /auth/token: is this Airflow 3?") from None

    def _exchange(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request; a read is tried again over a short gap (an API server that restarts)."""
        for wait in (0.5, 2.0, None):
            try:
                return self._http.request(method, path, **arguments)
            except httpx.TransportError as error:
                reason = str(error) or type(error).__name__
                if wait is None or method != "GET":
                    raise NoAnswer(
                        f"Airflow at {self.url} gives no answer ({reason}): is it running? "
                        "AIRFLOW_API_URL says where it is"
                    ) from None
                self._sleep(wait)
        raise AssertionError("unreachable")

    def _check(self, response: httpx.Response, what: str) -> None:
        if response.is_success:
            return
        status, detail = response.status_code, _detail(response)
        if status == httpx.codes.UNAUTHORIZED:
            hint = "the token has run out or is of another server" if self._credentials.token else "sign in again"
            raise AuthError(f"Airflow at {self.url} does not accept who asks (401): {hint}")
        if status == httpx.codes.FORBIDDEN:
            who = self._credentials.username or "the token's user"
            raise AuthError(f"{who} may not do this at {self.url} (403 for {what}): {detail}")
        if status == httpx.codes.NOT_FOUND:  # a route that isn't there has no words of its own
            raise NotKnown(f"Airflow at {self.url} has no {what}: is AutoML in it?" if detail in _BARE else detail)
        if status == httpx.codes.CONFLICT:
            raise Conflict(detail)
        if status == httpx.codes.SERVICE_UNAVAILABLE and _is_ours(response):
            raise Unreadable(f"{detail} (says Airflow at {self.url})")
        if status == httpx.codes.UNPROCESSABLE_ENTITY:
            raise Invalid(f"Airflow at {self.url} answers {what} with {status}: {detail}", _problems(response))
        text = f"Airflow at {self.url} answers {what} with {status}: {detail}"
        raise Unreachable(text) if status in _PASSING else ClientError(text)


_BARE = ("", "Not Found")


def _is_ours(response: httpx.Response) -> bool:
    """Whether the API itself says so, rather than something before it that stands in for a server that is away."""
    try:
        return isinstance(response.json()["detail"], str)
    except (ValueError, KeyError, TypeError):
        return False


def _detail(response: httpx.Response) -> str:
    """What the server says of a refusal, in one line."""
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = response.text
    if isinstance(detail, list):  # validation errors of FastAPI
        detail = "; ".join(
            f"{'.'.join(str(p) for p in e.get('loc', ()))}: {e.get('msg')}" for e in detail if isinstance(e, dict)
        )
    text = " ".join(str(detail.get("reason") if isinstance(detail, dict) else detail).split())
    return text if len(text) <= 300 else text[:299] + "…"


def _problems(response: httpx.Response) -> list[dict[str, Any]]:
    """What the server says is wrong, place by place."""
    try:
        return [dict(problem) for problem in response.json().get("problems", [])]
    except (ValueError, AttributeError, TypeError):
        return []
