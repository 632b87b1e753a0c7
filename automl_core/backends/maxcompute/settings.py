"""``SET key=value;`` before statements: the service takes such settings as hints of an instance, not as a statement.

Submitted by itself a SET is an instance that ends at once and leaves nothing behind: what it says holds for its own
instance alone. MaxCompute's console keeps the settings of a session and sends them with each statement after them;
so does this, for the statements of one training task.
"""

from __future__ import annotations

from automl_core.backends.contract import TrialContext, value_text
from automl_core.backends.maxcompute.lexer import tokenize
from automl_core.backends.maxcompute.rendering import value_of
from automl_core.backends.substitution import Placeholder, PlaceholderError, parse


def setting_of(statement: str) -> tuple[str, str] | None:
    """Key and value of a SET, ``${…}`` as they are; None for any other statement.

    Raises:
        PlaceholderError: it begins with SET and is none.
    """
    tokens = [token for token in tokenize(statement) if token.kind != "comment"]
    words = [place for place, token in enumerate(tokens) if token.kind != "space"]
    if not words or tokens[words[0]].keyword != "SET":
        return None
    key, equals, value = "".join(token.text for token in tokens[words[0] + 1 :]).partition("=")
    key, value = key.strip(), value.strip()
    if not equals or not key or not value or any(not (char.isalnum() or char in "_.-") for char in key):
        shown = " ".join(statement.split())[:60]
        raise PlaceholderError(
            f"{shown!r} is no setting; SET key=value is one, such as SET odps.sql.allow.fullscan=true"
        )
    return key, value


def render_setting(value: str, context: TrialContext) -> str:
    """A setting's value with the trial's values in it.

    Raises:
        PlaceholderError: a ``${…}`` has no meaning, or the trial has no value for it.
    """
    return "".join(_text(piece, context) for piece in parse(value))


def _text(piece: str | Placeholder, context: TrialContext) -> str:
    if isinstance(piece, str):
        return piece
    value = value_of(piece, context)
    if value is None:
        raise PlaceholderError(f"a setting needs a value, and the trial has none for ${{{piece.name}}}")
    return value_text(value)
