"""``pkcs11:`` URIs (RFC 7512), as far as remit needs them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, unquote_to_bytes

from remit.errors import UsageError

_FORM = (
    "a token is named pkcs11:token=LABEL?module-path=/PATH.so&pin-source=file:/PATH (with serial=NUMBER "
    "if there are several of that label, with object=LABEL or id=%HH... for a signing key; special "
    "characters percent-encoded)."
)
_PATH = {"token", "serial", "object", "id", "type"}
_QUERY = {"module-path", "pin-source"}


@dataclass(frozen=True, slots=True)
class TokenUri:
    """A token, how to reach it, and perhaps a key in it.

    Attributes:
        module: the PKCS#11 module, a shared library.
        pin: the private file that holds the user's PIN.
        object: the key's CKA_LABEL. id: its CKA_ID. One of them is enough.
    """

    token: str
    module: Path
    pin: Path
    serial: str | None = None
    object: str | None = None
    id: bytes | None = None

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Read the URI.

        Raises:
            UsageError: it has another form, or holds a PIN. No part of it is repeated.
        """
        path, _, query = uri.removeprefix("pkcs11:").partition("?")
        if "pin-value" in unquote(uri):
            raise UsageError(
                "a PIN in a URI shows in settings and process lists: put it into a file, mode 0600, and "
                "name that as pin-source=file:/PATH. Change the PIN, since it may have been seen."
            )
        named, options = _fields(path, ";", _PATH), _fields(query, "&", _QUERY)
        pin, module = options.get("pin-source", ""), options.get("module-path", "")
        token, kind = named.get("token"), named.get("type", "private")
        places = pin.startswith("file:/") and module.startswith("/")
        if not uri.startswith("pkcs11:") or not token or not places or kind != "private":
            raise UsageError(_FORM)
        file = re.sub("^file:(//(?=/))?", "", pin)
        key_id = unquote_to_bytes(named["id"]) if "id" in named else None
        return cls(
            unquote(token),
            Path(unquote(module)),
            Path(unquote(file)),
            unquote(named["serial"]) if "serial" in named else None,
            unquote(named["object"]) if "object" in named else None,
            key_id,
        )

    def __str__(self) -> str:
        """The token alone, for messages."""
        return f"token {self.token}"


def _fields(text: str, separator: str, known: set[str]) -> dict[str, str]:
    """Each ``name=value``, still encoded; an unknown, empty or repeated name is an error."""
    pairs = [part.partition("=") for part in text.split(separator)] if text else []
    fields = {name: value for name, _, value in pairs}
    if len(fields) != len(pairs) or not fields.keys() <= known or not all(fields.values()):
        raise UsageError(_FORM)
    return fields
