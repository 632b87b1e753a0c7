"""Who asks a Label Studio: both kinds of token, patience, and words that hold no secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from automl_core.annotation.label_studio.errors import NotSure, StudioAway, StudioError
from automl_core.annotation.label_studio.server import Server
from tests.unit.annotation.label_studio.stand_in import LEGACY, PERSONAL, StandIn, refusal

URL = "http://studio.example"


def server(
    studio: StandIn | httpx.BaseTransport, token: str = LEGACY, waits: list[float] | None = None, url: str = URL
) -> Server:
    transport = studio.transport() if isinstance(studio, StandIn) else studio
    return Server(url, token, transport=transport, sleep=(waits if waits is not None else []).append)


def always(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.MockTransport:
    return httpx.MockTransport(answer)


@pytest.mark.parametrize("token", [LEGACY, PERSONAL, f"  {LEGACY}\n"])
def test_both_kinds_of_token_are_understood(token: str) -> None:
    with server(StandIn(), token) as asked:
        assert [each["email"] for each in asked.get("/api/users/")] == ["owner@example.com", "ben@example.com"]


def test_an_access_that_runs_out_is_fetched_again_and_nothing_is_done_twice() -> None:
    studio = StandIn(accesses=2)
    with server(studio, PERSONAL) as asked:
        for number in range(5):
            asked.make("/api/projects", {"title": f"one {number}", "label_config": "<View/>"})
    assert len(studio.projects) == 5
    assert studio.made == 3


@pytest.mark.parametrize(
    ("studio", "token", "words"),
    [
        (StandIn(), "f" * 40, r"does not know who asks \(401\): Invalid token\. .*taken for a legacy token"),
        (StandIn(legacy=False), LEGACY, r"legacy token authentication has been disabled"),
        (StandIn(), "a.b.c", r"does not take the personal access token \(401\): it was revoked"),
    ],
)
def test_a_token_that_is_not_taken_is_told_and_not_shown(studio: StandIn, token: str, words: str) -> None:
    with server(studio, token) as asked, pytest.raises(StudioError, match=words) as caught:
        asked.get("/api/users/")
    assert token not in str(caught.value)
    assert not isinstance(caught.value, StudioAway)


def test_a_server_that_repeats_the_token_does_not_make_us_repeat_it() -> None:
    def repeats(request: httpx.Request) -> httpx.Response:
        return httpx.Response(403, json={"detail": f"no rights for {request.headers['authorization']}"})

    with server(always(repeats)) as asked, pytest.raises(StudioError, match="no rights for Token …") as caught:
        asked.get("/api/users/")
    assert LEGACY not in str(caught.value)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_what_passes_is_waited_for(code: int) -> None:
    studio = StandIn()
    waits: list[float] = []
    left = [code, code]
    studio.faults.append(lambda method, path, work: refusal(left.pop(), "later") if left else None)
    with server(studio, waits=waits) as asked:
        assert len(asked.get("/api/users/")) == 2
    assert waits == [1.0, 3.0]


def test_a_server_says_how_long_to_wait_and_nobody_waits_for_ever() -> None:
    def busy(request: httpx.Request) -> httpx.Response:
        return httpx.Response(429, json={"detail": "throttled"}, headers={"retry-after": "3600"})

    waits: list[float] = []
    with server(always(busy), waits=waits) as asked, pytest.raises(StudioAway, match=r"too often \(429\): throttled"):
        asked.get("/api/users/")
    assert waits == [60.0] * 4


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError("refused"), "can't be reached: ConnectError"),
        (httpx.ReadTimeout("slow"), r"does not answer \(GET /api/users/\)"),
        (httpx.RemoteProtocolError("gone"), "ended the connection: RemoteProtocolError"),
    ],
)
def test_a_server_that_is_away_or_hangs_is_told_after_several_tries(error: Exception, words: str) -> None:
    tries: list[Any] = []

    def gone(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        raise error

    with server(always(gone)) as asked, pytest.raises(StudioAway, match=words):
        asked.get("/api/users/")
    assert len(tries) == 5


@pytest.mark.parametrize("error", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("gone"), 500, 504])
def test_what_makes_something_is_never_sent_twice(error: Any) -> None:
    studio = StandIn()

    def fails(method: str, path: str, work: Callable[[], Any]) -> Any:
        work()
        if isinstance(error, int):
            return refusal(error, "failed after all")
        raise error

    studio.faults.append(fails)
    with server(studio) as asked, pytest.raises(NotSure):
        asked.make("/api/projects", {"title": "one", "label_config": "<View/>"})
    assert len(studio.projects) == 1


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), 429])
def test_what_was_certainly_not_made_is_told_apart(error: Any) -> None:
    def fails(request: httpx.Request) -> httpx.Response:
        if isinstance(error, int):
            return httpx.Response(error, json={"detail": "throttled"})
        raise error

    with server(always(fails)) as asked, pytest.raises(StudioAway) as caught:
        asked.make("/api/projects", {})
    assert not isinstance(caught.value, NotSure)


def test_what_is_wrong_is_told_with_its_field() -> None:
    with server(StandIn()) as asked, pytest.raises(StudioError, match=r"\(400\): .*title: Ensure this") as caught:
        asked.make("/api/projects", {"title": "ab"})
    assert caught.value.code == 400


def test_what_is_not_there_is_none_where_that_is_asked() -> None:
    with server(StandIn()) as asked:
        assert asked.get("/api/tasks/7/", missing=True) is None
        asked.delete("/api/tasks/7/")
        with pytest.raises(StudioError, match=r"no such thing, or not for the token's user \(404\)"):
            asked.get("/api/tasks/7/")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, text="<html>Welcome</html>"), "does not answer as a Label Studio does"),
        (httpx.Response(404, text="not here"), "is that its address"),
        (httpx.Response(301, headers={"location": "https://other.example/?token=1"}), "to https://other.example/: "),
    ],
)
def test_another_server_is_told(answer: httpx.Response, words: str) -> None:
    with server(always(lambda request: answer)) as asked, pytest.raises(StudioError, match=words):
        asked.get("/api/users/", missing=True)


@pytest.mark.parametrize(
    ("url", "token", "words"),
    [
        ("studio.example", LEGACY, "begins with http"),
        ("http://", LEGACY, "has a host"),
        ("http://[::1", LEGACY, "begins with http"),
        ("https://anna:secret@studio.example", LEGACY, "don't belong in the address"),
        ("https://studio.example/?token=secret", LEGACY, "ends with its path"),
        (URL, " ", "there is no token"),
        (URL, "two words", "blank"),
    ],
)
def test_an_address_or_a_token_that_can_not_be_used(url: str, token: str, words: str) -> None:
    with pytest.raises(StudioError, match=words) as caught:
        Server(url, token)
    assert "secret" not in str(caught.value)
    assert "two words" not in str(caught.value)


def test_a_path_that_a_proxy_gives_is_kept() -> None:
    seen: list[str] = []

    def notes(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(200, json=[])

    with server(always(notes), url="https://studio.example/labels/") as asked:
        asked.get("/api/users/")
    assert seen == ["/labels/api/users/"]


def test_over_a_socket() -> None:
    with StandIn().serve() as url, Server(url, PERSONAL) as asked:
        assert len(asked.get("/api/users/")) == 2
