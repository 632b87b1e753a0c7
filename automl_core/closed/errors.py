"""What goes wrong in reading an image, a place or an address."""

from __future__ import annotations


class Unreadable(ValueError):
    """A text is none of what is wanted. The message says what is, and shows no password."""
