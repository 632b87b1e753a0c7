"""What holds tests to this machine (tests/conftest.py)."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize("connect", ["connect", "connect_ex"])
def test_a_test_reaches_this_machine_alone(connect: str) -> None:
    with socket.socket() as client:
        with pytest.raises(AssertionError, match=r"192\.0\.2\.1:9, which is not this machine"):
            getattr(client, connect)(("192.0.2.1", 9))  # of nobody: RFC 5737
        assert client.connect_ex(("127.0.0.1", 1)) != 0
