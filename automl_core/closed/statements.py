"""Statements of MaxCompute: projects and places that they name.

What an account may read in MaxCompute is decided there, by the rights of the connection's account: that is the fence.
What can be seen in the text is refused before it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from automl_core.closed.places import is_allowed, parse_place
from automl_core.closed.policy import Policy
from automl_core.spec.errors import Path as Where
from automl_core.spec.errors import Problem, show
from automl_core.spec.maxcompute import MaxComputeTask, SelectMetrics, TableMetrics

_COMMENT = re.compile(r"--[^\n]*")
_PLACE = re.compile(r"\b(?:oss|odps|https?)://[^\s'\"`;,)]+", re.IGNORECASE)
_TABLE = re.compile(
    r"\b(?:from|join|into|overwrite|table|update|exists|view)\s+(?:table\s+)?(?:if\s+(?:not\s+)?exists\s+)?"
    r"`?([A-Za-z_]\w*)`?\s*\.\s*`?[A-Za-z_]",
    re.IGNORECASE,
)
_PAI = re.compile(r"-D\w*(?:table|model)\w*\s*=\s*\"?([A-Za-z_]\w*)\.[A-Za-z_]", re.IGNORECASE)


def problems_of(task: MaxComputeTask, where: Where, policy: Policy) -> Iterator[Problem]:
    """What a task's statements name that is not on the deployment's list of data.

    Args:
        task: it.
        where: its place in the file.
        policy: the deployment's lists.
    """
    if task.project is not None and not _project_is_allowed(task.project, policy):
        yield _refused(f"the project {task.project}", (*where, "project"), task.project, policy)
    texts: list[tuple[Where, str]] = []
    if isinstance(task.sql, str):
        texts.append(((*where, "sql"), task.sql))
    else:
        for index, item in enumerate(task.sql):
            at = (*where, "sql", index)
            texts.append((at, item) if isinstance(item, str) else ((*at, "sql"), item.sql))
    if isinstance(task.metrics, SelectMetrics):
        texts.append(((*where, "metrics", "sql"), task.metrics.sql))
    if isinstance(task.metrics, TableMetrics):
        texts.append(((*where, "metrics", "table"), f"from {task.metrics.table}"))
    texts += [((*where, "export", table), f"from {table}") for table in task.export]
    if task.model is not None:
        texts += [((*where, "model", "table"), f"from {task.model.table}")] if task.model.table else []
        texts += [((*where, "model", "export"), task.model.export)] if task.model.export else []
    for at, text in texts:
        yield from _text(text, at, policy)


def _text(text: str, where: Where, policy: Policy) -> Iterator[Problem]:
    plain = _COMMENT.sub("", text)
    for found in dict.fromkeys(_PLACE.findall(plain)):
        scheme, _, rest = found.partition("://")
        if scheme.lower() in ("http", "https"):
            yield _refused(f"the address {scheme}://{rest.partition('@')[2] or rest}", where, scheme, policy)
            continue
        # oss://end-point/bucket/path is how MaxCompute writes one, too
        places = [f"{scheme.lower()}://{rest.rpartition('@')[2]}"]
        if scheme.lower() == "oss" and "." in rest.partition("/")[0]:
            places = [f"oss://{rest.rpartition('@')[2].partition('/')[2]}"]
        if not all(_place_is_allowed(each, policy) for each in places):
            yield _refused(f"the place {places[0]}", where, places[0], policy)
    for project in dict.fromkeys([*_TABLE.findall(plain), *_PAI.findall(plain)]):
        if not _project_is_allowed(project, policy):
            yield _refused(f"the project (or schema) {project}", where, project, policy)


def _place_is_allowed(text: str, policy: Policy) -> bool:
    from pathlib import Path

    fixed = text.partition("${")[0]
    try:
        place = parse_place(fixed.rpartition("/")[0] if fixed != text else text, Path("/"))
    except ValueError:
        return False
    return is_allowed(place, (*policy.data, *policy.stores))


def _project_is_allowed(name: str, policy: Policy) -> bool:
    return any(rule.place.scheme == "odps" and rule.place.root == name.lower() for rule in policy.data)


def _refused(what: str, where: Where, found: str, policy: Policy) -> Problem:
    listed = tuple(rule.text for rule in policy.data if rule.place.scheme in ("odps", "oss"))
    return Problem(
        f"{what} is not on this deployment's list of data", where, found=show(found),
        allowed=listed or ("none: [automl] closed_data has no odps:// and no oss://",),
    )  # fmt: skip
