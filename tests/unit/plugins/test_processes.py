"""Ports for components that listen some seconds later."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from automl_airflow.processes import free_port, port_is_free


def test_a_port_is_none_that_an_outgoing_connection_may_take_meanwhile() -> None:
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    ports = [free_port() for _ in range(50)]
    assert not [port for port in ports if first <= port <= last]
    assert len(set(ports)) > 25, "two who ask at once hardly get the same"


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not port_is_free(port)
        monkeypatch.setattr(random.SystemRandom, "sample", lambda self, ports, count: [port, free])
        assert free_port() == free
    assert not port_is_free(0)
