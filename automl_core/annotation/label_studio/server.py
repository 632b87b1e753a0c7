"""Label Studio's REST API (1.23), as far as annotation needs it.

Over httpx, which the command line brings anyway. Label Studio's own client (label-studio-sdk 2.1) needs pandas, OpenCV
and nltk wherever somebody polls, and sends any request again after a 5xx; an import must not be sent twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from automl_core.annotation.label_studio.errors import NotSure, StudioAway, StudioError
from automl_core.bearer import BadToken, bearer

_BUSY = (408, 425, 429, 500, 502, 503, 504)
_WAITS = (1.0, 3.0, 8.0, 20.0)
"""Seconds before a question is asked once more."""

_LONGEST_WAIT = 60.0
"""What a server may ask for by Retry-After; in a trigger nobody waits for longer."""

_SAID = 300
"""Letters of a server's own words that are told."""

LATE = httpx.Timeout(60.0, connect=10.0)
"""A server that hangs is told after this; SQLite under a busy Label Studio 1.23 takes 20 s for an import."""


class Server:
    """A Label Studio that is asked as somebody. Use it in a ``with`` statement; not shared between threads."""

    def __init__(
        self, url: str, token: str, *, transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep, timeout: httpx.Timeout | float = LATE,
    ) -> None:  # fmt: skip
        """Asks nothing yet.

        Args:
            url: address, with the path that a proxy gives it.
            token: a personal access token (it has two dots), or a legacy one; both are on the page of one's account.
            transport: of the HTTP client; the network when left out.
            sleep: how to wait between two tries, seconds.
            timeout: how long to wait for an answer.

        Raises:
            StudioError: the address is none, or has a password in it; there is no token, or it can't be sent.
        """
        try:
            parts = urlsplit(url.strip())
            host = parts.hostname
        except ValueError:
            parts, host = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not host:
            raise StudioError("the address of a Label Studio begins with http:// or https:// and has a host")
        if parts.password or parts.username:
            raise StudioError("user and password don't belong in the address of a Label Studio: it is shown in logs")
        if parts.query or parts.fragment:
            raise StudioError("the address of a Label Studio ends with its path: nothing of ? or # belongs to it")
        self.url = url.strip().rstrip("/")
        self._token = token.strip()
        self._personal = self._token.count(".") == 2  # a JSON Web Token; legacy ones are 40 hexadecimal digits
        try:
            shown = bearer(self._token)
        except BadToken as error:
            raise StudioError(f"the Label Studio {self.url} is not asked: {error}") from None
        if not shown:
            raise StudioError(
                f"the Label Studio {self.url} is not asked: there is no token. Make one on the page of your account "
                "there, and give it as the password of the connection"
            )
        self._secrets = {self._token}
        self._http = httpx.Client(
            base_url=self.url, timeout=timeout, transport=transport,
            trust_env=host not in ("localhost", "127.0.0.1", "::1"),
        )  # fmt: skip
        self._header = {} if self._personal else {"Authorization": f"Token {self._token}"}
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    # --- what may be asked twice ----------------------------------------------------------------

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, missing: bool = False) -> Any:
        """What stands at a path; with ``missing`` None where there is nothing.

        Raises:
            StudioError: it refuses.
            StudioAway: it can't be asked now; several tries were made.
        """
        return self._patient("GET", path, missing=missing, params=params)

    def patch(self, path: str, body: Mapping[str, Any]) -> Any:
        """Change what stands at a path; the same again changes nothing. Raises as `get`."""
        return self._patient("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        """Delete what stands at a path; what is gone is gone. Raises as `get`."""
        self._patient("DELETE", path, missing=True)

    # --- what may not ---------------------------------------------------------------------------

    def make(self, path: str, body: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Send what makes something new; never sent twice.

        Raises:
            StudioError: it refuses, nothing was made.
            StudioAway: it was not reached, or is too busy (429): nothing was made.
            NotSure: no answer came, or one of a failure: Label Studio stores tasks of imports that it answers with 500.
        """
        answer = self._answer("POST", path, params=params, json=body)
        if answer.is_success:
            return self._body(answer)
        if answer.status_code in _BUSY and answer.status_code != 429:
            raise NotSure(self._words(answer), answer.status_code)
        raise self._error(answer)

    # --- how ------------------------------------------------------------------------------------

    def _patient(self, method: str, path: str, *, missing: bool = False, **arguments: Any) -> Any:
        for wait in (*_WAITS, None):
            try:
                answer = self._answer(method, path, **arguments)
            except StudioAway:
                if wait is None:
                    raise
            else:
                if answer.is_success:
                    return self._body(answer) if answer.status_code != 204 else None
                if missing and answer.status_code == 404 and self._json(answer) is not None:
                    return None
                if answer.status_code not in _BUSY or wait is None:
                    raise self._error(answer)
                wait = max(wait, _asked_to_wait(answer))
            self._sleep(wait)
        raise AssertionError("the last try ends it")

    def _answer(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request; with a personal access token that has run out meanwhile, once more."""
        if self._personal and not self._header:
            self._refresh()
        answer = self._sent(method, path, **arguments)
        if answer.status_code == 401 and self._personal:  # access lives for five minutes; nothing was done with it
            self._refresh()
            answer = self._sent(method, path, **arguments)
        return answer

    def _refresh(self) -> None:
        """A new access token for the personal one."""
        answer = self._sent("POST", "/api/token/refresh/", json={"refresh": self._token}, headers={})
        if answer.status_code in (400, 401, 403):
            raise StudioError(
                f"the Label Studio {self.url} does not take the personal access token ({answer.status_code}): it was "
                "revoked, or is another server's. Make a new one on the page of your account there"
            )
        if not answer.is_success:
            raise self._error(answer)
        body = self._body(answer)
        access = body.get("access") if isinstance(body, dict) else None
        if not isinstance(access, str):
            raise StudioError(self._no_studio(answer))
        self._secrets.add(access)
        self._header = {"Authorization": f"Bearer {access}"}

    def _sent(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **arguments: Any
    ) -> httpx.Response:
        try:
            return self._http.request(
                method, path, headers=dict(self._header if headers is None else headers), **arguments
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise StudioAway(f"the Label Studio {self.url} can't be reached: {type(error).__name__}") from None
        except httpx.TimeoutException:
            raise NotSure(f"the Label Studio {self.url} does not answer ({method} {path})") from None
        except httpx.HTTPError as error:
            raise NotSure(f"the Label Studio {self.url} ended the connection: {type(error).__name__}") from None
        except httpx.InvalidURL:
            raise StudioError(f"{self.url} is no address of a Label Studio") from None

    def _body(self, answer: httpx.Response) -> Any:
        found = self._json(answer)
        if found is None:
            raise StudioError(self._no_studio(answer))
        return found

    def _json(self, answer: httpx.Response) -> Any:
        try:
            found = answer.json()
        except ValueError:
            return None
        return found if isinstance(found, dict | list) else None

    def _error(self, answer: httpx.Response) -> StudioError:
        return (StudioAway if answer.status_code in _BUSY else StudioError)(self._words(answer), answer.status_code)

    def _words(self, answer: httpx.Response) -> str:
        code, said = answer.status_code, self._said(answer)
        if code in _BUSY:
            what = "is asked too often" if code == 429 else "fails"
            return f"the Label Studio {self.url} {what} ({code}){said}"
        if answer.is_redirect:
            place = httpx.URL(answer.headers.get("location", "")).copy_with(query=None, fragment=None, userinfo=b"")
            return f"the Label Studio {self.url} sends elsewhere ({code}), to {place}: give that address"
        if self._json(answer) is None:
            return self._no_studio(answer)
        if code == 401:
            what = (
                "a personal access token"
                if self._personal
                else "a legacy token; an organisation may have turned those off"
            )
            return f"the Label Studio {self.url} does not know who asks ({code}){said}. The token is taken for {what}"
        if code == 403:
            return f"the Label Studio {self.url} does not allow this to the token's user ({code}){said}"
        if code == 404:
            return f"the Label Studio {self.url} has no such thing, or not for the token's user ({code}){said}"
        return f"the Label Studio {self.url} refuses ({code}){said}"

    def _no_studio(self, answer: httpx.Response) -> str:
        return f"{self.url} does not answer as a Label Studio does ({answer.status_code}): is that its address?"

    def _said(self, answer: httpx.Response) -> str:
        """The server's own words, for people: without a token that it repeats."""
        found = self._json(answer)
        if not isinstance(found, dict):
            return ""
        parts = [str(found.get("detail") or found.get("error") or "")]
        fields = found.get("validation_errors")
        if isinstance(fields, dict):
            for field, texts in fields.items():
                listed = texts if isinstance(texts, list) else [texts]
                # behind :: it repeats the task, which is data; for tasks that are right it has an empty mapping
                parts.append(f"{field}: {' '.join(str(each).partition(' ::')[0] for each in listed if each)}")
        text = "; ".join(part for part in parts if part)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return f": {text[:_SAID].rstrip('. ')}" if text else ""


def _asked_to_wait(answer: httpx.Response) -> float:
    """Seconds that a server asks for by Retry-After, bounded; 0 where it says none."""
    try:
        return min(max(float(answer.headers.get("retry-after", 0)), 0.0), _LONGEST_WAIT)
    except ValueError:
        return 0.0
