"""A deployment's lists as its operator writes them; what can't be read closes."""

from __future__ import annotations

import pytest

from automl_core.closed import read_policy
from automl_core.closed.errors import Unreadable
from automl_core.closed.network import Address, Reach, is_reached, parse_address, parse_name_server, parse_reach
from tests.unit.closed.files import LISTS, policy, problems


def test_nothing_is_set() -> None:
    made = read_policy({}.get)
    assert not made.closed
    assert not made.problems
    assert [each.labels for each in made.name_servers] == [(("k8s-app", "kube-dns"),)]


def test_lists_have_commas_or_lines() -> None:
    made = read_policy({"closed_stores": "s3://a,\n  s3://b at https://minio\ns3://c,"}.get)
    assert [rule.text for rule in made.stores] == ["s3://a", "s3://b at https://minio", "s3://c"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("closed", "ture", "neither True nor False"),
        ("closed_digests", "2", "neither True nor False"),
        ("closed_stores", "lake", "a place such as"),
        ("closed_images", "registry/*", "has no meaning here"),
        ("closed_network", "10.2.0.0/16", "a network and a port"),
        ("closed_network", "10.2.3.4/16:443", "write 10.2.0.0/16 for the network"),
        ("closed_network", "minio.example.com:443", "is no network"),
        ("closed_dns", "kube-dns", "is no network"),
        ("closed_reachable", "10.9.9.9", "an address and a port"),
        ("closed_forbidden", "10.2.7.7:443", "lies in closed_network"),
        ("closed_reachable", "10.3.0.1:443", "does not lie in closed_network"),
        ("closed_resources", "TrainJob=x", "GROUP/KIND=LABEL"),
        ("closed_forbidden", ",".join(f"198.51.100.{each}:443" for each in range(17)), "16 at most"),
        ("closed_probe_image", "evil.org/probe:1", "not on this deployment's list"),
    ],
)
def test_a_mistake_leaves_nothing_open(option: str, value: str, said: str) -> None:
    made = policy(**{option: value})
    assert made.closed
    assert len(made.problems) == 1
    assert said in made.problems[0]
    assert made.problems[0].startswith(f"[automl] {option}: ")
    refused = problems(lists=made)
    assert len(refused) == 1
    assert made.problems[0] in refused[0]


@pytest.mark.parametrize("value", ["True", "true", "1", "yes", "t"])
def test_what_closes(value: str) -> None:
    assert read_policy({**LISTS, "closed": value}.get).closed


@pytest.mark.parametrize("value", ["False", "0", "no", "", "F"])
def test_what_does_not(value: str) -> None:
    assert not read_policy({**LISTS, "closed": value}.get).closed


def test_networks_and_ports() -> None:
    assert parse_reach("10.2.0.0/16:443") == Reach("10.2.0.0/16", 443, 443)
    assert parse_reach("10.2.3.4:8000-8010") == Reach("10.2.3.4/32", 8000, 8010)
    assert parse_reach("2001:db8::/32:443") == Reach("2001:db8::/32", 443, 443)
    assert parse_reach("[2001:db8::1]:443") == Reach("2001:db8::1/128", 443, 443)
    for wrong in ("10.2.0.0/16:0", "10.2.0.0/16:9-8", "10.2.0.0/16:70000", ":443", "10.2.0.0/33:1", "10.2.0.0/16:x"):
        with pytest.raises(Unreadable):
            parse_reach(wrong)


def test_what_a_network_covers() -> None:
    reaches = [parse_reach("10.2.0.0/16:443"), parse_reach("2001:db8::/32:80-90")]
    assert is_reached(Address("10.2.255.1", 443), reaches)
    assert is_reached(Address("10.2.255.1", 444), reaches) is False
    assert is_reached(Address("10.3.0.1", 443), reaches) is False
    assert is_reached(Address("2001:db8::9", 85), reaches)
    assert is_reached(Address("minio.example.com", 443), reaches) is None  # nobody has looked its name up
    assert is_reached(Address("minio.example.com", 444), reaches) is False


def test_addresses() -> None:
    assert parse_address("[2001:db8::1]:443") == Address("2001:db8::1", 443)
    assert str(parse_address("[2001:db8::1]:443")) == "[2001:db8::1]:443"
    assert parse_address("minio.example.com:9000") == Address("minio.example.com", 9000)
    for wrong in ("2001:db8::1:443", "host", "host:", ":1", "host:0", "http://host:1", "a b:1"):
        with pytest.raises(Unreadable):
            parse_address(wrong)


def test_name_servers() -> None:
    pods = parse_name_server("openshift-dns/dns.operator.openshift.io/daemonset-dns=default:5353")
    assert (pods.namespace, pods.port) == ("openshift-dns", 5353)
    assert pods.labels == (("dns.operator.openshift.io/daemonset-dns", "default"),)
    assert parse_name_server("kube-system/k8s-app=kube-dns+tier=a").labels == (("k8s-app", "kube-dns"), ("tier", "a"))
    assert (parse_name_server("169.254.20.10").cidr, parse_name_server("169.254.20.10").port) == (
        "169.254.20.10/32",
        53,
    )
    assert parse_name_server("10.0.0.0/24:5353").port == 5353
