"""One byte form for each JSON value (RFC 8785), and the digests made of it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, BinaryIO

import rfc8785

Json = Any
"""A JSON value: dict, list, str, int, bool or None. Floats do not occur in what remit signs."""


_ASTRAL = re.compile(rb"[\xf0-\xf4]")


def dumps(value: Json) -> bytes:
    """The canonical bytes of a JSON value.

    Raises:
        rfc8785.CanonicalizationError: it has none.
    """
    try:
        data = _plain(value)
        if not _has_astral(data) and _parse(data) == value:
            return data
    except (ValueError, TypeError, RecursionError):
        pass  # a float, a key that is no text, or nothing that is JSON: the library says which
    return rfc8785.dumps(value)


def loads(data: bytes) -> Json:
    """Parse bytes that must be canonical already.

    Raises:
        ValueError: not JSON, or not the one canonical form of it. A second spelling of a signed
            file is refused, so that no byte of it can change unnoticed.
    """
    try:
        value = _parse(data)
        same = _form(value, data) == data
    except (ValueError, RecursionError, rfc8785.CanonicalizationError):
        raise ValueError("not JSON") from None
    if not same:
        raise ValueError("not in canonical form")
    return value


def _form(value: Json, data: bytes) -> bytes:
    return rfc8785.dumps(value) if _has_astral(data) else _plain(value)


def _has_astral(data: bytes) -> bool:
    return not data.isascii() and _ASTRAL.search(data) is not None


def _plain(value: Json) -> bytes:
    """RFC 8785's form of what has no floats, and no characters that UTF-16 sorts otherwise.

    An order of magnitude faster than by a library made for all of it.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _parse(data: bytes) -> Json:
    return json.loads(data, parse_int=_exact_int, parse_float=_no_float, parse_constant=_no_float)


def _exact_int(text: str) -> int:
    if abs(value := int(text)) >= 1 << 53:
        raise ValueError("beyond what every reader of JSON holds exactly")
    return value


def _no_float(_: str) -> None:
    raise ValueError("no floats")


def sha256(data: bytes) -> str:
    """``sha256:`` and the digest in hex."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256_of(file: BinaryIO) -> str:
    """The digest of a whole file, which is rewound."""
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    file.seek(0)
    return "sha256:" + digest.hexdigest()
