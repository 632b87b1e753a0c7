"""Python in a pod that a network policy selects: connects to nothing that the policies don't allow.

Its interpreter imports this module at its start, since the stand-in puts its folder in PYTHONPATH. What is allowed
stands in a file that the stand-in writes anew when policies change, as a network plugin changes its rules under pods
that run. Nothing of the product is imported here.
"""

import errno
import ipaddress
import json
import os
import sys

_FILE = os.environ.get("STANDIN_FENCE", "")


def _is_allowed(host, port, protocol):
    try:
        with open(_FILE, encoding="utf-8") as file:
            rules = json.load(file)
    except OSError:  # the pod has gone
        return False
    if rules is None:  # no policy selects it
        return True
    address = ipaddress.ip_address(host.partition("%")[0])
    for rule in rules:
        ports = rule["ports"]
        if any(address in ipaddress.ip_network(each) for each in rule["networks"]) and (
            not ports or any(low <= port <= high and kind == protocol for kind, low, high in ports)
        ):
            return True
    return False


def _look(event, arguments):
    if event not in ("socket.connect", "socket.sendto"):
        return
    socket, address = arguments[0], arguments[1]
    if not isinstance(address, tuple) or len(address) < 2:  # of a local socket
        return
    host, port = address[0], address[1]
    import socket as library

    protocol = "UDP" if socket.type & 0xF == library.SOCK_DGRAM else "TCP"
    try:
        fine = _is_allowed(host, port, protocol)
    except ValueError:  # a name: what it means is asked for first, and that number is looked at
        host = library.getaddrinfo(host, port)[0][4][0]
        fine = _is_allowed(host, port, protocol)
    if not fine:
        raise OSError(errno.EHOSTUNREACH, "No route to host")


if _FILE:
    sys.addaudithook(_look)
