"""A server of models, asked by its plain protocol, as any client does; and what goes wrong with that, told apart.

What is wrong with the way to a server says nothing of the model behind it: `Trouble` is no failed test.
"""

from __future__ import annotations

import ssl
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from automl_core.bearer import BadToken, bearer
from automl_core.models.traffic.watched import WATCHED

if TYPE_CHECKING:
    import httpx

Cause: TypeAlias = Literal[
    "away", "slow", "unauthorized", "tls", "protocol", "refused", "unavailable", "no_model", "version"
]

MOST_ROWS = 500
"""Rows of one request."""

LONGEST = 300.0
"""Seconds that all requests of a look may take."""


class Trouble(Exception):
    """No answer of the model came; the message says why, in words.

    Attributes:
        cause: of what kind that is.
    """

    def __init__(self, cause: Cause, message: str) -> None:
        """See the class."""
        super().__init__(message)
        self.cause = cause


class RefusedRows(ValueError):
    """The server answered that the model can't read these rows; the message is the server's."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached.

    Attributes:
        url: its address, without a route.
        token: sent as a bearer token; None: none is.
        ca: file of the certificates that have signed the server's; None: the system's.
        cert, key: files of an own certificate.
        timeout: seconds that one answer may take.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    timeout: float = 10.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered.

    Attributes:
        versions: (n,) which version answered each row.
        record: the rollout record under which it did.
        predictions: (n,) classes as texts, or numbers.
        classes, probabilities: K names, (n, K); empty and None where numbers are predicted.
    """

    versions: tuple[int, ...]
    record: int
    predictions: Sequence[Any]
    classes: tuple[str, ...]
    probabilities: Sequence[Sequence[float]] | None


class Endpoint:
    """A model behind a server.

    Attributes:
        requests, rows: asked so far.
        seconds: that each request took.
    """

    def __init__(self, way: Way, model: str, *, transport: httpx.BaseTransport | None = None) -> None:
        """Make ready; nothing is asked yet.

        Args:
            way: to the server.
            model: its name.
            transport: in place of the network, for tests.

        Raises:
            Trouble: the token can't be sent, or a file of TLS can't be used.
        """
        import httpx

        self.way, self.model, self.rows = way, model, 0
        self.seconds: list[float] = []
        try:
            headers = bearer(way.token)
        except BadToken as error:
            raise Trouble("unauthorized", f"{way.url} is not asked: {error}") from None
        verify: Any = _context(way) if way.url.startswith("https:") else True
        self._http = httpx.Client(
            base_url=way.url, headers=headers, verify=verify, timeout=way.timeout, transport=transport,
            follow_redirects=False,  # a token is sent to nobody else
        )  # fmt: skip
        self._until = time.monotonic() + LONGEST

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    @property
    def requests(self) -> int:
        """How many were answered, or refused."""
        return len(self.seconds)

    def ask(self, rows: Sequence[Mapping[str, Any]], key: str | None = None) -> Reply:
        """What the model says of rows.

        Their request has an id that begins with `WATCHED`, so that its answers are taken for nobody's.

        Args:
            rows: plain values each, `MOST_ROWS` at most.
            key: of all of them, by which their version is chosen; None: by the model's own rule.

        Raises:
            RefusedRows: the model can't read them.
            Trouble: there was no answer.
        """
        body: dict[str, Any] = {"rows": list(rows), "id": f"{WATCHED}{uuid.uuid4().hex}"}
        if key is not None:
            body["keys"] = [key] * len(rows)
        told = self._post(body)
        self.rows += len(rows)
        return _reply(told, len(rows), self.way.url)

    def _post(self, body: dict[str, Any]) -> Any:
        import httpx

        way, began = self.way, time.monotonic()
        if began > self._until:
            raise Trouble("slow", f"{way.url} took longer than {LONGEST:g} s for all requests of this look")
        try:
            answer = self._http.post(f"/models/{self.model}/predict", json=body)
        except httpx.TimeoutException as error:
            what = "can't be reached" if isinstance(error, httpx.ConnectTimeout) else "has not answered"
            cause: Cause = "away" if isinstance(error, httpx.ConnectTimeout) else "slow"
            raise Trouble(cause, f"{way.url} {what} within {way.timeout:g} s") from None
        except httpx.TransportError as error:
            raise _of_transport(error, way) from None
        except httpx.RequestError as error:  # it came, and can't be unpacked
            raise Trouble("protocol", f"{way.url} answered something that can't be read: {error}") from None
        self.seconds.append(time.monotonic() - began)
        if answer.status_code == 200:
            return _json(answer, way.url)
        raise _of_status(answer, way, self.model)


def _context(way: Way) -> ssl.SSLContext:
    """How the server is known, and who asks.

    Raises:
        Trouble: a file can't be used.
    """
    try:
        context = ssl.create_default_context(cafile=way.ca)
    except (OSError, ssl.SSLError) as error:
        raise Trouble("tls", f"watch.endpoint.tls.ca: {way.ca} can't be used: {error}") from None
    if way.cert is not None:
        try:
            context.load_cert_chain(way.cert, way.key)
        except (OSError, ssl.SSLError) as error:
            named = way.cert if way.key is None else f"{way.cert} with {way.key}"
            raise Trouble("tls", f"watch.endpoint.tls.cert: {named} can't be used: {error}") from None
    return context


def _of_transport(error: Exception, way: Way) -> Trouble:
    """What is wrong with a way on which no answer came."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Trouble("tls", f"the certificate of {way.url} is not good here: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return Trouble("tls", f"no TLS with {way.url}: {cause.reason or cause}")
        cause = cause.__cause__ or cause.__context__
    text = str(error) or type(error).__name__
    if "ALERT" in text.upper():  # where the library has kept no more of it than its words
        return Trouble("tls", f"no TLS with {way.url}: {text}")
    if type(error).__name__ in ("RemoteProtocolError", "ReadError", "WriteError"):
        hint = "" if way.url.startswith("https:") else "; does it speak https?"
        return Trouble("protocol", f"{way.url} broke the connection off: {text}{hint}")
    return Trouble("away", f"{way.url} can't be reached: {text}")


def _of_status(answer: httpx.Response, way: Way, model: str) -> Exception:
    status, said, url = answer.status_code, _message(answer), way.url
    if status == 422:
        return RefusedRows(said)
    if status in (401, 403) and way.token is None:
        hint = "name the Airflow connection whose password it is (watch.endpoint.connection)"
        return Trouble("unauthorized", f"{url} wants a token ({status}): {hint}")
    if status in (401, 403):
        return Trouble("unauthorized", f"{url} wants another token ({status}): {said}")
    if status == 404:
        return Trouble("no_model", f"{url} has no model {model!r}: {said}")
    if status in (429, 503, 502, 504):
        return Trouble("unavailable", f"{url} can't answer now ({status}): {said}")
    if 300 <= status < 400:
        return Trouble("refused", f"{url} sends requests elsewhere ({status}), where no token is sent to")
    return Trouble("refused", f"{url} answered {status}: {said}")


def _message(answer: httpx.Response) -> str:
    """What an error says, by the server's own words where it is one of ours."""
    try:
        error = answer.json()["error"]
        return str(error["message"] if isinstance(error, Mapping) else error)[:500]
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text.split())[:200] or "nothing else"


def _json(answer: httpx.Response, url: str) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise Trouble("protocol", f"{url} answered something that is no JSON: {answer.text[:80]!r}") from None


def _reply(told: Any, rows: int, url: str) -> Reply:
    """An answer of the plain protocol.

    Raises:
        Trouble: it is none.
    """
    try:
        versions = told.get("versions") or [told["version"]] * rows
        found = Reply(
            tuple(int(each) for each in versions), int(told["record"]), told["predictions"],
            tuple(map(str, told.get("classes", ()))), told.get("probabilities"),
        )  # fmt: skip
        lengths = {len(found.predictions), len(found.versions)}
        lengths |= {len(found.probabilities)} if found.probabilities is not None else set()
        if lengths == {rows}:
            return found
        why = f"of {lengths} rows in place of {rows}"
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"without what it must have ({type(error).__name__}: {error})"
    raise Trouble("protocol", f"{url} is no server of models, or of another release: it answered {why}")
