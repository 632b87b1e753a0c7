"""Which image a reference names, and what an entry of a list allows, where good guesses are wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.closed.errors import Unreadable
from automl_core.closed.images import fixed_part_is_allowed, parse_image, parse_rule, refusal

DIGEST = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "f" * 64


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("python", "docker.io/library/python:latest"),
        ("python:3.12", "docker.io/library/python:3.12"),
        ("library/python", "docker.io/library/python:latest"),
        ("team/train", "docker.io/team/train:latest"),
        ("docker.io/python", "docker.io/library/python:latest"),
        ("index.docker.io/python", "docker.io/library/python:latest"),
        ("localhost/train", "localhost/train:latest"),
        ("hub:5000/train", "hub:5000/train:latest"),
        ("hub:5000", "docker.io/library/hub:5000"),  # a tag, not a port
        ("Registry.Example.com/ml/train:V1", "registry.example.com/ml/train:V1"),
        ("registry.example.com:443/ml/train", "registry.example.com/ml/train:latest"),
        ("registry.example.com:8443/ml/train", "registry.example.com:8443/ml/train:latest"),
        (f"python:3.12@{DIGEST}", f"docker.io/library/python@{DIGEST}"),
        ("Team/train", "team/train:latest"),  # an upper-case letter makes a registry of it
    ],
)
def test_the_whole_name(text: str, whole: str) -> None:
    assert str(parse_image(text)) == whole


@pytest.mark.parametrize(
    "text",
    ["", "Python", "a//b", "a/../b", "a/./b", "python:", "python@sha256:12", f"python@md5:{'a' * 32}", "a b", "https://x/y",
     "/python", "python/", f"python@{DIGEST}x", "0123456789abcdef" * 4,
     "registry.example.com/ml/train:3/evil"],
)  # fmt: skip
def test_what_is_no_image(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_image(text)


@pytest.mark.parametrize(
    ("rule", "image", "allowed"),
    [
        ("registry.example.com/ml", "registry.example.com/ml/train:3", True),
        ("registry.example.com/ml", "registry.example.com/ml:3", True),
        ("registry.example.com/ml", "registry.example.com/ml-evil/train:3", False),
        ("registry.example.com/ml/", "registry.example.com/mlx:3", False),
        ("registry.example.com", "registry.example.com/any/thing:3", True),
        ("registry.example.com", "registry.example.com.evil.org/any/thing:3", False),
        ("registry.example.com", "evil.org/registry.example.com/train", False),
        ("registry.example.com", "registry.example.com:5000/train", False),
        ("registry.example.com", "REGISTRY.example.com/train", True),
        ("registry.example.com:5000", "registry.example.com:5000/train", True),
        ("hub:5000/", "hub:5000/train", True),
        ("hub:5000/", "docker.io/library/hub:5000", False),
        ("python", "python:3.12", True),
        ("python", "docker.io/library/python:3.12-slim", True),
        ("python", "evil/python:3.12", False),
        ("python", "registry.example.com/library/python:3.12", False),
        ("docker.io", "python:3.12", True),
        ("library/", "python:3.12", True),
        ("team/", "team/train", True),
        ("team/", "python", False),
        ("python:3.12", "python:3.12", True),
        ("python:3.12", "python:3.13", False),
        ("python:3.12", f"python:3.12@{OTHER}", False),  # the digest is what is pulled
        (f"python@{DIGEST}", f"python:3.99@{DIGEST}", True),
        (f"python@{DIGEST}", f"python@{OTHER}", False),
        (f"python@{DIGEST}", "python:latest", False),
        ("python:3.12", "python:3.12/more", False),
    ],
)
def test_what_an_entry_allows(rule: str, image: str, allowed: bool) -> None:
    assert (refusal(image, [parse_rule(rule)], digests=False) == "") is allowed


def test_where_digests_are_wanted_a_tag_is_refused() -> None:
    rules = [parse_rule("registry.example.com/ml/")]
    assert "by their digests only" in refusal("registry.example.com/ml/train:3", rules, digests=True)
    assert refusal(f"registry.example.com/ml/train@{DIGEST}", rules, digests=True) == ""
    assert "not on this deployment's list" in refusal(f"evil.org/train@{DIGEST}", rules, digests=True)


def test_what_is_said_names_the_whole_image() -> None:
    said = refusal("python:3.12", [parse_rule("registry.example.com/ml/")], digests=False)
    assert said == "the image 'python:3.12', which is docker.io/library/python:3.12, is not on this deployment's list"


@pytest.mark.parametrize("text", ["*", "registry.example.com/*", "", "//", "a//b", "https://registry.example.com/ml"])
def test_what_is_no_entry(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_rule(text)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("registry.example.com/ml/${x}", True),
        ("registry.example.com/ml/tr${x}", True),
        ("registry.example.com/ml/train:${x}", True),
        ("registry.example.com/ml${x}", False),  # ml-evil
        ("registry.example.com:${x}/ml/train", False),
        ("${x}/ml/train", False),
        ("python:${x}", False),  # python:5000/evil
        ("python${x}", False),
    ],
)
def test_what_stands_before_a_placeholder(text: str, allowed: bool) -> None:
    rules = [parse_rule("registry.example.com/ml/"), parse_rule("python")]
    assert fixed_part_is_allowed(text, rules) is allowed


NAMES = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,4})?", fullmatch=True)


@given(st.lists(NAMES, min_size=1, max_size=4), st.lists(NAMES, min_size=1, max_size=4), NAMES)
def test_a_path_allows_what_begins_with_all_of_its_parts(path: list[str], other: list[str], tag: str) -> None:
    rule = parse_rule("r.example.com/" + "/".join(path))
    image = parse_image("r.example.com/" + "/".join(other) + f":{tag}")
    assert rule.allows(image) is (other[: len(path)] == path)


@given(st.text(max_size=60))
def test_any_text_is_an_image_or_is_refused_in_words(text: str) -> None:
    try:
        image = parse_image(text)
    except Unreadable:
        return
    assert parse_image(str(image)) == image
