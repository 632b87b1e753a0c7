"""Whose labels are taken where no Airflow says who has which role: in files, and at a terminal.

`people.who` has names, and roles (``role:Op``). Who has a role, Airflow alone knows, and it knows it of whoever is
signed in on the page. So outside of Airflow a person counts whom the file names, or who has labelled on the page, where
the role was asked for; or for whom the person who acts vouches by name, as they do for what they bring. That person
stands in the journal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from automl_core.annotation.project.answering import spelled

if TYPE_CHECKING:
    from automl_core.annotation.project.state import ProjectState

ROLE = "role:"
"""How an entry of ``people.who`` begins that names all of a role, as in `automl_core.annotation.file.relations`."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """A person whose labels are taken.

    Attributes:
        name: as `people.who`, or the page, spells it.
        vouched: whether that they have the role is known by nobody but the person who acts.
    """

    name: str
    vouched: bool = False


class NotAllowed(ValueError):
    """A person whose labels are not taken. The message says who may label.

    Attributes:
        allowed: names.
        suggestion: what to do, where there is something.
    """

    def __init__(self, words: str, allowed: Collection[str], suggestion: str = "") -> None:
        super().__init__(words)
        self.allowed, self.suggestion = tuple(allowed), suggestion


class Authors:
    """Whose labels are taken, by the project's file as its journal has it."""

    def __init__(self, state: ProjectState, vouched: Iterable[str] = ()) -> None:
        """Look nothing up yet.

        Args:
            state: of the project.
            vouched: names that the person who acts has given: their own, or those of whom they bring labels.
        """
        who = (state.document.get("people") or {}).get("who") or []
        self.who = tuple(str(each) for each in who)
        self.roles = tuple(each for each in self.who if each.startswith(ROLE))
        self.names = tuple(each for each in self.who if not each.startswith(ROLE))
        self._vouched = tuple(each for each in vouched if each)
        self._state = state
        self._seen: tuple[str, ...] | None = None

    def allowed(self, name: str) -> Allowed:
        """A person, where their labels are taken.

        Args:
            name: as a file, or who acts, has it.

        Raises:
            NotAllowed: they aren't.
        """
        if not self.who:
            return Allowed(name)
        known = spelled(name, self.names)
        if known is not None:
            return Allowed(known)
        if not self.roles:
            raise NotAllowed(f"{name!r} is none of `people.who`", self.names)
        known = spelled(name, self._on_page())
        if known is not None:
            return Allowed(known)
        known = spelled(name, self._vouched)
        if known is not None:
            return Allowed(known, vouched=True)
        raise NotAllowed(
            f"{name!r} is none that `people.who` names, and has never labelled on the page; whether they have "
            f"{' or '.join(self.roles)} only Airflow knows", self.names,
            f"Vouch for them with --author {name}, or write their name into `people.who`",
        )  # fmt: skip

    def _on_page(self) -> tuple[str, ...]:
        """Who has labelled on the page: Airflow has asked for their role."""
        if self._seen is None:
            self._seen = tuple(dict.fromkeys(vote.author for vote in self._state.votes if vote.where == "page"))
        return self._seen
