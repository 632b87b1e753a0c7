"""Asking a cluster from a worker: patiently, and telling what is refused for good from what is refused for now."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from kubernetes.client.exceptions import ApiException  # noqa: TID253  # this module is imported with its operators
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential_jitter
from urllib3.exceptions import HTTPError

from automl_core.backends.base import StartError
from automl_core.backends.kubernetes.quota import never_fits
from automl_core.backends.remote import NotYet

PATIENCE = 300.0
"""Seconds that an API server may be away or overloaded while something is started."""


def ask(call: Callable[[], Any], *, exists_is_fine: bool = False, grown: bool = False) -> Any:
    """Ask the cluster, patiently where it is away or overloaded.

    Args:
        call: the request.
        exists_is_fine: whether a name that is taken is no error; the answer is None then.
        grown: whether it asks for more memory than the file does, so that a refusal says nothing of other trials.

    Raises:
        StartError: it refuses.
        NotYet: it refuses for now (a quota is used up), or was away all the time.
    """
    patience = Retrying(
        retry=retry_if_exception(_may_pass), wait=wait_exponential_jitter(initial=1, max=15),
        stop=stop_after_delay(PATIENCE), reraise=True,
    )  # fmt: skip
    try:
        return patience(call)
    except ApiException as error:
        if exists_is_fine and _is_there_already(error):
            return None
        never = never_fits(reason_of(error))
        if _may_pass(error) or (_is_quota(error) and not never):
            raise NotYet(f"the cluster does not take it for now: {reason_of(error)}") from error
        # 404 and 409 are of this one attempt, and so is what only comes of its having got more memory
        lasting = error.status in (400, 401, 403, 422) and not grown
        why = f" ({never})" if never else ""
        raise StartError(f"the cluster refuses: {reason_of(error)}{why}", systematic=lasting) from error
    except (HTTPError, ConnectionError, TimeoutError) as error:
        raise NotYet(f"the cluster does not answer: {error}") from error


def reason_of(error: ApiException) -> str:
    """What the API server says, without the headers that the client's message has."""
    return f"{error.status} {_said(error).get('message') or error.reason}"


def _said(error: ApiException) -> dict[str, Any]:
    """The API server's answer, empty where it is none of its own."""
    try:
        found = json.loads(error.body)
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_there_already(error: ApiException) -> bool:
    """Whether the name is taken. Not every 409 says so: a quota that others change at the same time is one too."""
    return error.status == 409 and _said(error).get("reason") == "AlreadyExists"


def _is_quota(error: ApiException) -> bool:
    """Whether a quota is used up, which may take hours."""
    return error.status == 403 and "exceeded quota" in str(error.body)


def _may_pass(error: BaseException) -> bool:
    """Whether the very same request may be taken in a moment."""
    if isinstance(error, ApiException):
        conflict = error.status == 409 and not _is_there_already(error)
        return conflict or error.status in (0, None, 429) or error.status >= 500
    return isinstance(error, HTTPError | ConnectionError | TimeoutError)
