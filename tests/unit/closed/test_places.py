"""Whether a place lies below an allowed one, and at which server."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.closed.errors import Unreadable
from automl_core.closed.places import is_allowed, parse_place, parse_rule, server_of

HOME = Path("/srv/home")


@pytest.mark.parametrize(
    ("rule", "place", "allowed"),
    [
        ("s3://lake", "s3://lake", True),
        ("s3://lake", "s3://lake/", True),
        ("s3://lake", "s3://lake/a/b", True),
        ("s3://lake", "s3://lake-public", False),
        ("s3://lake", "s3://lake.public/a", False),
        ("s3://lake", "s3://Lake/a", False),  # another bucket
        ("s3://lake", "oss://lake/a", False),
        ("s3://lake/models", "s3://lake/models-old", False),
        ("s3://lake/models/", "s3://lake/models", True),
        ("s3://lake/models", "s3://lake", False),
        ("s3://lake/models", "s3://lake/Models", False),
        ("s3://lake/models", "s3://lake/models%2f..", False),
        ("file:///srv/automl", "file:///srv/automl/x", True),
        ("file:///srv/automl", "/srv/automl", True),
        ("file:///srv/automl", "file:///srv/automl-old", False),
        ("file:///srv/automl", "file:///srv/automl/../secret", False),
        ("file:///srv/automl", "file:///srv/other/../automl/x", True),
        ("file:///srv/home", "file://./runs", True),
        ("file:///srv/home", "file://../runs", False),
        ("odps://sales", "odps://Sales/orders/ds=1", True),
        ("odps://sales", "odps://sales_dev/orders", False),
        ("claim://data", "claim://data", True),
        ("claim://data", "claim://data2", False),
    ],
)
def test_what_an_entry_allows(rule: str, place: str, allowed: bool) -> None:
    assert is_allowed(parse_place(place, HOME), [parse_rule(rule)]) is allowed


@pytest.mark.parametrize(
    "place", ["s3://lake/models/../data", "s3://lake/./x", "s3://lake/a//b", "s3://", "s3:///x", "ftp://x", "s3://.."]
)
def test_what_is_no_place(place: str) -> None:
    with pytest.raises(Unreadable):
        parse_place(place, HOME)


@pytest.mark.parametrize(
    "rule", ["lake", "s3://", "s3://lake/*", "file://relative", "file:///srv/../etc", "s3://a at ftp://x",
             "claim://x at https://y", "s3://lake/../x"],
)  # fmt: skip
def test_what_is_no_entry(rule: str) -> None:
    with pytest.raises(Unreadable):
        parse_rule(rule)


def test_a_password_in_an_entry_is_not_said_again() -> None:
    for text in (
        "s3://key:s3cr3t@lake",
        "s3://key:s3cr3t/../x@lake",
        "s3://lake at https://key:s3cr3t@minio.example.com",
    ):
        with pytest.raises(Unreadable) as caught:
            parse_rule(text)
        assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "server", "allowed"),
    [
        ("s3://lake", "https://s3.amazonaws.com", True),
        ("s3://lake", "https://s3.eu-central-1.amazonaws.com", True),
        ("s3://lake", "https://s3-us-west-2.amazonaws.com", True),
        ("s3://lake", "https://s3.dualstack.us-east-1.amazonaws.com", True),
        ("s3://lake", "https://s3-fips.us-gov-west-1.amazonaws.com", True),
        ("s3://lake", "https://s3.cn-north-1.amazonaws.com.cn", True),
        ("s3://lake", "http://s3.amazonaws.com", False),
        ("s3://lake", "https://ec2-203-0-113-25.compute-1.amazonaws.com", False),  # anybody's machine
        ("s3://lake", "https://s3.amazonaws.com.evil.org", False),
        ("s3://lake", "https://evil.org/s3.amazonaws.com", False),
        ("s3://lake", "https://s3.amazonaws.com@evil.org", False),
        ("s3://lake", "https://minio.example.com:9000", False),
        ("s3://lake at https://minio.example.com:9000", "https://MINIO.example.com:9000/", True),
        ("s3://lake at https://minio.example.com:9000", "http://minio.example.com:9000", False),
        ("s3://lake at https://minio.example.com:9000", "https://minio.example.com", False),
        ("s3://lake at https://minio.example.com", "https://minio.example.com:443", True),
        ("s3://lake at minio.example.com", "https://minio.example.com", True),
        ("s3://lake at https://minio.example.com", "https://minio.example.com.", True),
        ("s3://lake at https://minio.example.com:9000", "https://s3.amazonaws.com", False),
        ("oss://lake", "https://oss-cn-hangzhou.aliyuncs.com", True),
        ("oss://lake", "https://s3.oss-cn-hangzhou-internal.aliyuncs.com", True),
        ("oss://lake", "https://evil.aliyuncs.com", False),
        ("odps://sales", "https://service.cn-hangzhou.maxcompute.aliyun.com/api", True),
        ("odps://sales", "https://service.evil.org/api", False),
    ],
)
def test_at_which_server(rule: str, server: str, allowed: bool) -> None:
    made = parse_rule(rule)
    assert is_allowed(made.place, [made], server) is allowed


def test_an_address_has_one_way_of_writing() -> None:
    assert (
        server_of("HTTPS://Minio.Example.com") == server_of("minio.example.com:443/") == "https://minio.example.com:443"
    )
    assert server_of("http://[::1]:9000") == "http://[::1]:9000"
    for wrong in ("", "ftp://x", "https://", "https://x:port", "file:///x"):
        with pytest.raises(Unreadable):
            server_of(wrong)


def test_links_are_followed_where_that_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "allowed").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "secret")
    rules = [parse_rule(f"file://{tmp_path}/allowed")]
    place = f"file://{tmp_path}/allowed/link"
    assert is_allowed(parse_place(place, tmp_path), rules)
    assert not is_allowed(parse_place(place, tmp_path, real=True), rules)


PARTS = st.lists(st.from_regex(r"[a-z]{1,4}[-.]?[a-z0-9]{0,3}", fullmatch=True), max_size=4)


@given(PARTS, PARTS)
def test_an_entry_allows_what_begins_with_all_of_its_parts(rule: list[str], place: list[str]) -> None:
    made = parse_rule("/".join(["s3://lake", *rule]))
    assert is_allowed(parse_place("/".join(["s3://lake", *place]), HOME), [made]) is (place[: len(rule)] == rule)


@given(st.text(alphabet="./ab", max_size=12))
def test_no_way_of_writing_leads_out_of_a_folder(rest: str) -> None:
    import os

    place = parse_place(f"file:///srv/automl/{rest}", HOME)
    real = os.path.normpath(f"/srv/automl/{rest}")
    inside = real == "/srv/automl" or real.startswith("/srv/automl/")
    assert is_allowed(place, [parse_rule("file:///srv/automl")]) is inside
