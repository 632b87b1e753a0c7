"""A bearer token as the header of a request.

HTTP libraries quote a header that they can't send in their message, and that message goes to logs and records. So what
can't be sent is refused before they see it, in words without the token.
"""

from __future__ import annotations


class BadToken(ValueError):
    """A token that no header can have; the message does not say which."""


def bearer(token: str | None) -> dict[str, str]:
    """The header that shows a token; none for an empty one.

    Args:
        token: without the white space around it, which a file or a form has left there.

    Raises:
        BadToken: it has letters that a header can't have.
    """
    found = (token or "").strip()
    if any(not "!" <= letter <= "~" for letter in found):
        raise BadToken(
            "the token can't be sent: it has a blank, a line break or a letter beyond ASCII in it; a single token is "
            "wanted, as it stands on its line"
        )
    return {"Authorization": f"Bearer {found}"} if found else {}
