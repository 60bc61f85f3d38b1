"""What boto3 raises, as remit's errors, without the texts of either server or library."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    SSLError,
)
from botocore.exceptions import ConnectionError as UnreachableError
from urllib3.exceptions import HTTPError

from remit.errors import RemitError, Unavailable, translating

_CODE = re.compile(r"[A-Za-z0-9]{1,64}")
_DENIED = {"AccessDenied", "403", "AllAccessDisabled", "AccountProblem", "401"}
_SAID = {
    "NoSuchBucket": "there is no such bucket",
    "NoSuchUpload": "what was begun there was removed meanwhile",
    "InvalidAccessKeyId": "the storage does not accept the credentials",
    "SignatureDoesNotMatch": "the storage does not accept the credentials",
    "ExpiredToken": "the storage does not accept the credentials",
    "InvalidToken": "the storage does not accept the credentials",
    "PreconditionFailed": "it was changed meanwhile",
    "NotImplemented": "the storage cannot do what a store needs",
}


def translated(where: str) -> AbstractContextManager[None]:
    """Errors of boto3 as `Unavailable`.

    Args:
        where: the store, or a file in it.
    """

    def into(error: BaseException) -> RemitError:
        return Unavailable(where, _said(error))

    return translating(BotoCoreError, ClientError, HTTPError, into=into)


def code_of(error: ClientError) -> str:
    """The code of the server's answer; a HEAD has no body, so that it is a number there."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if _CODE.fullmatch(code) else "an unknown error"


def status_of(error: ClientError) -> int:
    """The HTTP status of the server's answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def is_denied(error: ClientError) -> bool:
    """Whether the server forbids it, rather than failing at it."""
    return code_of(error) in _DENIED or status_of(error) in (401, 403)


def _said(error: BaseException) -> str:
    if isinstance(error, ClientError):
        code = code_of(error)
        if code in _SAID:
            return f"{_SAID[code]} ({code})."
        return f"the storage {'denies access' if is_denied(error) else 'failed'} ({code})."
    name = type(error).__name__
    if isinstance(error, SSLError):
        return f"the server's certificate could not be verified ({name})."
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return f"no credentials were found in the environment, profile or role ({name})."
    if isinstance(error, UnreachableError | HTTPClientError | HTTPError):
        return f"the storage does not answer ({name})."
    return f"the storage could not be asked ({name})."
