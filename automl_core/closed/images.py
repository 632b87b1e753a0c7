"""Container images: the whole name of one, and whether a list allows it.

By the grammar of image references that container runtimes share (the Go package distribution/reference, and
``reference/docker`` in containerd): what stands before the first slash is a registry only where it has a dot, a colon
or an upper-case letter, or is ``localhost``; any other name is one of docker.io, and one without a slash lies in its
``library``. Where a reference has a tag and a digest, the digest alone says what is pulled.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from automl_core.closed.errors import Unreadable

DOCKER = "docker.io"
_OFFICIAL = "library"
_ALIASES = {"index.docker.io": DOCKER, "registry-1.docker.io": DOCKER}

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")
_REGISTRY = re.compile(rf"(?:localhost|{_LABEL}(?:\.{_LABEL})+|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Image:
    """An image by its whole name.

    Attributes:
        registry: host, in lower case, with its port unless that is 443.
        repository: path in the registry.
        tag: None where the reference has a digest: that says what is pulled.
        digest: None where the reference has none.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    def __str__(self) -> str:
        """The whole name."""
        end = f"@{self.digest}" if self.digest else f":{self.tag}"
        return f"{self.registry}/{self.repository}{end}"


@dataclass(frozen=True, slots=True)
class ImageRule:
    """What one entry of a list allows: a registry, what lies below a path in it, one tag or one digest.

    Attributes:
        registry: as of an image.
        path: parts of the repository's path with which it has to begin.
        tag, digest: the only one of that very repository; None where any will do.
        text: the entry, as people wrote it.
    """

    registry: str
    path: tuple[str, ...]
    tag: str | None
    digest: str | None
    text: str

    def allows(self, image: Image) -> bool:
        """Whether it allows an image.

        A rule with a tag says nothing of a reference that has a digest: the tag beside it is not looked at when it is
        pulled.
        """
        parts = tuple(image.repository.split("/"))
        if image.registry != self.registry:
            return False
        if self.tag is None and self.digest is None:
            return parts[: len(self.path)] == self.path
        return parts == self.path and (self.tag, self.digest) == (image.tag, image.digest)


def parse_image(text: str) -> Image:
    """The whole name of an image.

    Raises:
        Unreadable: it is no reference that a container runtime takes; the text says why.
    """
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise Unreadable(f"{text!r} has no digest after its @; a digest is sha256: and 64 digits of 0-9 and a-f")
    tag = None
    if ":" in name.rpartition("/")[2]:
        name, _, tag = name.rpartition(":")
        if not _TAG.fullmatch(tag):
            raise Unreadable(f"{text!r} has no tag after its colon; a tag has letters, digits, '_', '.' and '-'")
    if _IDENTIFIER.fullmatch(name):
        raise Unreadable(f"{text!r} is the id of an image and no name")
    registry, repository = _split(name)
    if not _PATH.fullmatch(repository) or not _DOMAIN.fullmatch(registry):
        raise Unreadable(f"{text!r} is no image: a name such as registry.example.com/team/train:3 is wanted")
    return Image(_host(registry), repository, None if at else tag or "latest", digest if at else None)


def parse_rule(text: str) -> ImageRule:
    """What an entry of the deployment's list allows.

    ``registry.example.com`` is a whole registry (one with a port and no dot takes a slash behind it: ``hub:5000/``), a
    name with a slash at its end all below it, another one that repository and what lies below; with a tag or a digest
    just that.

    Raises:
        Unreadable: it can't be read.
    """
    if "*" in text:
        raise Unreadable(f"{text!r}: '*' has no meaning here; an entry allows all that lies below it")
    if _REGISTRY.fullmatch(text):
        return ImageRule(_host(text), (), None, None, text)
    if text.endswith("/"):
        first, _, path = text.rstrip("/").partition("/")
        registry = first if path == "" and (":" in first or "." in first or first == "localhost") else ""
        if registry:
            return ImageRule(_host(registry), (), None, None, text)
        registry, repository = _split(text)
        parts = tuple(repository.rstrip("/").split("/"))
    else:
        image = parse_image(text)
        registry, parts = image.registry, tuple(image.repository.split("/"))
        if image.digest is not None:
            return ImageRule(registry, parts, None, image.digest, text)
        if ":" in text.rpartition("/")[2]:
            return ImageRule(registry, parts, image.tag, None, text)
    if not _PATH.fullmatch("/".join(parts)) or not _DOMAIN.fullmatch(registry):
        raise Unreadable(f"{text!r} is no image and no registry: such as registry.example.com/team/ is wanted")
    return ImageRule(_host(registry), parts, None, None, text)


def refusal(text: str, rules: Sequence[ImageRule], *, digests: bool) -> str:
    """Why an image is not allowed, empty where it is.

    Args:
        text: its name, as the file or a pod has it.
        rules: the deployment's list.
        digests: whether only images by their digests are allowed.
    """
    try:
        image = parse_image(text)
    except ValueError as error:
        return str(error)
    if not any(rule.allows(image) for rule in rules):
        whole = "" if str(image) == text else f", which is {image},"
        return f"the image {text!r}{whole} is not on this deployment's list"
    if digests and image.digest is None:
        return (
            f"the image {text!r} is named by a tag, which may mean another image tomorrow, and this deployment takes "
            "images by their digests only"
        )
    return ""


def fixed_part_is_allowed(text: str, rules: Sequence[ImageRule]) -> bool:
    """Whether what stands before the first ``${`` of a name already lies below an allowed path, whatever follows."""
    fixed, _, _ = text.partition("${")
    if "/" not in fixed:  # what follows may still make a registry of it
        return False
    name = fixed[:-1] if fixed[-1] in ":@" else fixed.rpartition("/")[0] + "/"
    try:
        wanted = parse_rule(name)
    except ValueError:
        return False
    return any(
        rule.tag is None and rule.digest is None and rule.registry == wanted.registry
        and wanted.path[: len(rule.path)] == rule.path
        for rule in rules
    )  # fmt: skip


def _split(name: str) -> tuple[str, str]:
    """Registry and path of a name without tag and digest."""
    first, slash, rest = name.partition("/")
    has_registry = slash and (any(sign in first for sign in ".:") or first == "localhost" or first != first.lower())
    if not has_registry:
        return DOCKER, name if slash else f"{_OFFICIAL}/{name}"
    if _host(first) == DOCKER and "/" not in rest:
        rest = f"{_OFFICIAL}/{rest}"
    return first, rest


def _host(registry: str) -> str:
    host = registry.lower().removesuffix(":443")
    return _ALIASES.get(host, host)
