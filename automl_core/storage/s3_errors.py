"""What an S3 server or client error means for a person, and whether to try again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.storage.base import AccessRefused, NotFound, StorageError, StorageUnavailable

_MAY_PASS = frozenset(
    (
        "ConditionalRequestConflict",
        "InternalError",
        "OperationAborted",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
    )
)
_REFUSED = frozenset(
    (
        "AccessDenied",
        "AllAccessDisabled",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurityToken",
        "InvalidToken",
        "SecurityTokenExpired",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    )
)
"""Codes that other credentials may mend; of S3, of STS and of Alibaba OSS."""

_CREDENTIALS = "check the access key, secret and session token that this experiment's connection holds"
_REMEDIES = {
    "AccessDenied": "these credentials lack the right to do that there (a missing object is answered like this "
    "where they lack s3:ListBucket)",
    "AuthorizationHeaderMalformed": "the bucket is in another region; name it in the connection",
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "InvalidSecurityToken": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "NoSuchBucket": "make the bucket first, or correct its name",
    "NotImplemented": "the server lacks this; create-only writes need If-None-Match, and Alibaba OSS an oss:// path",
    "PermanentRedirect": "the bucket is in another region; name it in the connection",
    "RequestTimeTooSkewed": "set this machine's clock",
    "SecurityTokenExpired": _CREDENTIALS,
    "SecondLevelDomainForbidden": "Alibaba OSS is written oss://bucket/prefix, not s3://",
    "SignatureDoesNotMatch": _CREDENTIALS,
}
_NO_CREDENTIALS = (
    "Airflow's tasks take them from the connection that output.connection names, anything else from its environment "
    "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
)


def explain(error: Exception) -> tuple[type[StorageError], str]:
    """Which of our errors a client's error is, and why it came, in words.

    Args:
        error: a `ClientError` (the server answered), a `BotoCoreError` (it did not), or an `OSError`
            (of the local file).
    """
    from botocore import exceptions
    from s3transfer.exceptions import RetriesExceededError

    if isinstance(error, exceptions.ClientError):
        return _explain_answer(error.response)
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return AccessRefused, f"{error}; {_NO_CREDENTIALS}"
    if isinstance(error, (exceptions.CredentialRetrievalError, exceptions.TokenRetrievalError)):
        return AccessRefused, f"{error}; {_CREDENTIALS}"
    if isinstance(error, exceptions.SSLError) and "CERTIFICATE_VERIFY_FAILED" in str(error):
        return StorageError, f"{error}; give this machine the certificate of its authority (AWS_CA_BUNDLE)"
    if isinstance(error, RetriesExceededError):
        return StorageUnavailable, str(error.last_exception)
    if isinstance(error, (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError)):
        return StorageUnavailable, str(error)
    return StorageError, str(error)


def _explain_answer(response: Mapping[str, Any]) -> tuple[type[StorageError], str]:
    code = response.get("Error", {}).get("Code") or "no error code"
    message = response.get("Error", {}).get("Message") or "no message"
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in ("NoSuchKey", "404", "NotFound"):
        return NotFound, "there is no such object"
    why = f"{code}: {message}" + (f" (HTTP {status})" if status else "")
    if code in _REMEDIES:
        why += f"; {_REMEDIES[code]}"
    if code in _REFUSED or (status in (401, 403) and code in ("401", "403", "no error code")):
        return AccessRefused, why
    passing = code in _MAY_PASS or status == 429 or (status >= 500 and status != 501)
    return (StorageUnavailable if passing else StorageError), why


def lacks(error: Exception) -> bool:
    """Whether a server says of an operation that it has none of that kind."""
    from botocore import exceptions

    if not isinstance(error, exceptions.ClientError):
        return False
    code = error.response.get("Error", {}).get("Code")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    return status in (405, 501) or code in ("NotImplemented", "MethodNotAllowed", "501", "405")
