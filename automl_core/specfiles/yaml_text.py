"""YAML that readers of YAML 1.1 (PyYAML, …) and of YAML 1.2 (Go's, JavaScript's, …) take for the same.

They differ in what a plain word is: ``1e-5`` is text in 1.1 and a number in 1.2, ``on`` is true in 1.1 and text in 1.2,
``0o17`` and ``012`` are numbers in the one or the other. So numbers are written in the form that both know
(``1.0e-05``), and text is quoted unless no version could take it for anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./-]*[A-Za-z0-9_/])?")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "none"})


def to_yaml(body: Mapping[str, Any]) -> str:
    """The text of a mapping, its keys in their own order.

    Raises:
        ValueError: a value is of no type that YAML has.
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what some reader might take for something else, and writes everything out: no anchors."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        plain = _PLAIN.fullmatch(value) is not None and value.lower() not in _WORDS
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')

    Dumper.add_representer(str, text)
    Dumper.add_representer(tuple, lambda dumper, value: dumper.represent_list(value))
    try:
        found: str = yaml.dump(
            dict(body), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=1 << 30, default_flow_style=False
        )
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return found
