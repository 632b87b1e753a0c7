"""Parts of the Kubernetes stand-in that need no process."""

from __future__ import annotations

import asyncio
import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.standins.kubernetes import watching
from tests.standins.kubernetes.disruption import mark_deleted
from tests.standins.kubernetes.environment import expand, pod_address, replace_hosts
from tests.standins.kubernetes.logs import TIME, ContainerLog, contents, records_of, start_of
from tests.standins.kubernetes.objects import ApiError, seconds_of
from tests.standins.kubernetes.patching import merge, strategic_merge
from tests.standins.kubernetes.quantity import parse_quantity
from tests.standins.kubernetes.resources import parse_path
from tests.standins.kubernetes.selectors import label_selector
from tests.standins.kubernetes.store import Store
from tests.standins.kubernetes.volumes import PathMap

PATHS = PathMap({"/data": "/host/claim", "/data/models": "/host/models", "/dev/termination-log": "/host/message"})


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("/data", "/host/claim"),
        ("/data/x", "/host/claim/x"),
        ("/data/models/m.pt", "/host/models/m.pt"),
        ("--dir=/data", "--dir=/host/claim"),
        ("file:///data/x", "file:///host/claim/x"),
        ('{"dir": "/data"}', '{"dir": "/host/claim"}'),
        ("cp /data/a /data/b", "cp /host/claim/a /host/claim/b"),
        ("echo > /dev/termination-log", "echo > /host/message"),
        ("/database", "/database"),
        ("/data.csv", "/data.csv"),
        ("/my/data", "/my/data"),
        ("s3://bucket/data", "s3://bucket/data"),
        ("relative/data", "relative/data"),
    ],
)
def test_mount_paths_are_mapped_at_a_paths_boundary(text: str, mapped: str) -> None:
    assert PATHS.apply(text) == mapped


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"), ("x$(A)y$(B)", "x1y2"), ("$(C)", "$(C)"), ("$$(A)", "$(A)"), ("$$$(A)", "$1"),
        ("$A ${A}", "$A ${A}"), ("$(A", "$(A"), ("$$", "$"), ("$", "$"),
    ],
)  # fmt: skip
def test_references_are_expanded_as_kubernetes_does(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expanded


@pytest.mark.parametrize("end", ["", ".ns", ".ns.svc", ".ns.svc.cluster.local"])
def test_names_of_a_headless_service_are_addresses(end: str) -> None:
    pod = {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"subdomain": "ring"}}
    address = pod_address("ns", "job-0.ring")
    assert address.startswith("127.")
    assert replace_hosts(f"tcp://job-0.ring{end}:29500", pod) == f"tcp://{address}:29500"
    assert replace_hosts(f"job-0.ring{end},job-1.ring{end}", pod).count("127.") == 2


@pytest.mark.parametrize("text", ["ring", "a.ringing", "job-0.ring.other", "job-0.ring-2"])
def test_other_names_stay(text: str) -> None:
    pod = {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"subdomain": "ring"}}
    assert replace_hosts(text, pod) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", "1"), ("500m", "0.5"), ("1.5Gi", str(1.5 * 2**30)), ("1e3", "1000"), ("2k", "2000"), ("64Mi", str(2**26)),
     (".5", "0.5"), ("12345n", "0.000012345")],
)  # fmt: skip
def test_quantities(text: str, number: str) -> None:
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "x", "1 Gi", "1gi", "1.5.2", "Gi", None, "1Gi\n"])
def test_what_is_no_quantity(text: object) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        parse_quantity(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("ab", min_size=1, max_size=2), JSON, max_size=4)


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_says_what_holds_afterwards(current: dict[str, Any], patch: dict[str, Any]) -> None:
    merged = merge(current, patch)
    for key, value in patch.items():
        if value is None:
            assert key not in merged
        elif not isinstance(value, dict):
            assert merged[key] == value
    assert {key: merged[key] for key in current if key not in patch} == {
        key: value for key, value in current.items() if key not in patch
    }
    assert merge(merged, patch) == merged


def test_a_strategic_merge_knows_lists_by_their_keys() -> None:
    current = {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]}
    patch = {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}, {"name": "b", "$patch": "delete"},
                            {"name": "c"}]}  # fmt: skip
    assert strategic_merge(current, patch) == {
        "containers": [
            {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}, {"name": "Y", "value": "2"}]},
            {"name": "c"},
        ]
    }
    assert strategic_merge({"args": ["a", "b"]}, {"args": ["c"]}) == {"args": ["c"]}
    assert strategic_merge({"finalizers": ["a"]}, {"finalizers": ["b"]}) == {"finalizers": ["a", "b"]}
    assert strategic_merge({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}) == {
        "finalizers": ["b"]
    }


LABELS = st.dictionaries(st.sampled_from(["a", "b", "x/y"]), st.sampled_from(["", "1", "2"]))


@given(LABELS)
def test_selectors_hold_what_they_say(labels: dict[str, str]) -> None:
    value = {"metadata": {"labels": labels}}
    assert label_selector("a=1")(value) is (labels.get("a") == "1")
    assert label_selector("a==1, b != 2")(value) is (labels.get("a") == "1" and labels.get("b") != "2")
    assert label_selector("x/y in (1,2)")(value) is (labels.get("x/y") in {"1", "2"})
    assert label_selector("x/y notin (1)")(value) is (labels.get("x/y") != "1")
    assert label_selector("a,!b")(value) is ("a" in labels and "b" not in labels)


@given(st.text(max_size=20))
def test_no_selector_and_no_path_brings_the_server_down(text: str) -> None:
    for parse in (label_selector, parse_path):
        code = 400
        try:
            parse(text)
        except ApiError as error:
            code = error.code
        assert code in {400, 404}


@given(st.lists(st.binary(max_size=60), max_size=12), st.integers(0, 12))
def test_a_log_keeps_every_byte(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], tail: int) -> None:
    path = tmp_path_factory.mktemp("log") / "0.log"
    log = ContainerLog(path)
    for part in parts:
        log.write(part)
    log.close()
    whole = b"".join(parts)
    with log.open() as file:
        records = records_of(file.read())
        assert contents(b"".join(records)) == whole
        times = [record[:TIME] for record in records]
        assert times == sorted(set(times))
        assert log.tail(tail) == b"".join(records_of(whole)[-tail:] if tail else [])
        if times:
            start, begins = start_of(file, since=times[len(times) // 2], tail=None)
            file.seek(start)
            assert [record[:TIME] for record in records_of(file.read())] == times[len(times) // 2 :]
            assert begins, "no record before the last is a part of a line here"


def test_a_tail_is_found_in_a_long_log(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "0.log")
    for i in range(20_000):
        log.write(b"x" * (i % 300) + b" %d\n" % i)
    log.close()
    last = records_of(log.tail(5000))
    assert [int(line.split()[-1]) for line in last] == list(range(15_000, 20_000))


def test_an_endless_line_does_not_pile_up(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "0.log")
    for _ in range(100):
        log.write(b"." * 10_000)
    assert log.path.stat().st_size > 900_000
    log.close()
    assert contents(log.path.read_bytes()) == b"." * 1_000_000


def test_records_of_two_streams_lie_in_the_order_of_their_writing(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "0.log")
    log.write(b"\rbar" * 5000, "stderr")  # 20,000 bytes: a record of 16,384, and a rest that waits
    log.write(b"accuracy=0.5\n", "stdout")
    log.end("stderr")
    log.close()
    heads = [record[TIME + 1 :].split(b" ", 2) for record in records_of(log.path.read_bytes())]
    assert [(stream, tag, len(content) - 1) for stream, tag, content in heads] == [
        (b"stderr", b"P", 16_384), (b"stdout", b"F", 12), (b"stderr", b"P", 20_000 - 16_384),
    ]  # fmt: skip


def test_versions_rise_and_nothing_happens_without_a_change() -> None:
    store = Store()
    made = store.create("configmaps", {"metadata": {"name": "a", "namespace": "n"}, "data": {}})
    version = made["metadata"]["resourceVersion"]
    same = store.edit("configmaps", "n", "a", lambda _: None)
    assert same is not None
    assert same["metadata"]["resourceVersion"] == version
    changed = store.edit("configmaps", "n", "a", lambda held: held.update(data={"x": "1"}))
    assert changed is not None
    assert int(changed["metadata"]["resourceVersion"]) > int(version)
    assert [change.type for change in store.since("configmaps", int(version))] == ["MODIFIED"]


def test_a_short_history_forgets() -> None:
    store = Store(history=3)
    for i in range(6):
        store.create("configmaps", {"metadata": {"name": f"c{i}", "namespace": "n"}})
    assert len(list(store.since("configmaps", store.version - 3))) == 3
    with pytest.raises(ApiError, match="too old resource version"):
        store.since("configmaps", store.version - 4)


def test_a_bookmark_is_never_ahead_of_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is slow finds changes waiting when a bookmark is due, and goes on from the last thing that was told."""
    monkeypatch.setattr(watching, "BOOKMARKS", 0.02)
    store, target = Store(), parse_path("/api/v1/namespaces/default/configmaps")

    async def main() -> list[tuple[str, int]]:
        told: list[tuple[str, int]] = []
        query = {"resourceVersion": str(store.version), "allowWatchBookmarks": "true", "timeoutSeconds": "30"}
        stream = watching.watch(store, target, query)
        async for line in stream:
            event = json.loads(line)
            told.append((event["type"], int(event["object"]["metadata"]["resourceVersion"])))
            number = sum(kind == "ADDED" for kind, _ in told)
            if number >= 6:
                break
            if told[-1][0] == "BOOKMARK":
                for each in range(2):  # more than one comes while nobody reads
                    name = f"c{number}-{each}-{len(told)}"
                    store.create("configmaps", {"metadata": {"name": name, "namespace": "default"}})
                if len(told) < 4:
                    await asyncio.sleep(0.05)  # the next bookmark is due before these are sent
        await stream.aclose()
        return told

    told = asyncio.run(main())
    assert [version for _, version in told] == sorted(version for _, version in told)
    assert {kind for kind, _ in told} == {"ADDED", "BOOKMARK"}


def test_an_object_that_is_asked_to_go_is_to_be_gone_after_its_grace() -> None:
    """As `rest.BeforeDelete` has it: who reads when it was asked takes the grace off again."""
    value: dict[str, Any] = {"metadata": {}}
    began = int(time.time())
    mark_deleted(value, 30)
    first = seconds_of(value["metadata"]["deletionTimestamp"])
    assert began + 30 <= first <= time.time() + 30
    mark_deleted(value, 60)
    assert seconds_of(value["metadata"]["deletionTimestamp"]) == first, "a longer one changes nothing"
    mark_deleted(value, 2)
    assert seconds_of(value["metadata"]["deletionTimestamp"]) == first - 28
    assert value["metadata"]["deletionGracePeriodSeconds"] == 2
