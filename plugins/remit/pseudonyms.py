"""Pseudonyms: what is hashed of a value, under which secret, and how a wrong secret is known.

A pseudonym is HMAC-SHA-256, under 32 secret random bytes, over the value's canonical text in UTF-8.

Guarantee: the same canonical text gives the same pseudonym in every table, run and declared type,
so that joins survive; a check value says nothing of the secret, and is the pseudonym of no text.
Not guaranteed: anonymity. Whoever has the secret can try every id there is.
The caller must keep the secret out of arguments, logs and evidence.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from remit.columns import ColumnType

if TYPE_CHECKING:
    import pyarrow as pa

SECRET_BYTES = 32
ID_TYPES = ("string", "integer", "uuid")
"""The types of ids that people write down; a decimal(p,0) is written as an integer."""

# No UTF-8 text has the byte 0xFF, so no value is ever hashed as this.
_CHECKED = b"\xffremit pseudonym key 1"
_TEXTLESS = ("double", "boolean")
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,37}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def check_value(secret: bytes) -> str:
    """What an instruction pins a secret by: 64 hexadecimal digits that do not give it away."""
    return hashlib.sha256(hmac.digest(secret, _CHECKED, "sha256")).hexdigest()


def mac_under(secret: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 under the secret, which the function does not show."""
    # Copying a keyed object is twice as fast as hmac.digest, which hashes the key every time.
    copy = HMAC(secret, hashes.SHA256()).copy

    def mac(text: bytes) -> bytes:
        state = copy()
        state.update(text)
        return state.finalize()

    return mac


def require_text(declared: ColumnType) -> None:
    """Refuse types whose values have no canonical text.

    Raises:
        ValueError: a double, which has many spellings, or a boolean, which has two values.
    """
    if declared.name in _TEXTLESS:
        raise ValueError(f"a {declared} names nobody, so it has no pseudonym; leave the column out")


def canonical_text(array: pa.Array, declared: ColumnType) -> pa.StringArray:
    """What is hashed of each value; NULL stays NULL.

    A string is taken as it is, without Unicode normalisation: what the source holds apart stays
    apart. Numbers are plain digits without exponent, plus sign or zeros that do not count, so that
    an id is the same as integer, decimal(10,0) and decimal(12,2). docs/transformations.md has all.

    Args:
        array: values of the declared type's Arrow type.

    Raises:
        ValueError: the type has no canonical text (`require_text`).
    """
    import pyarrow as pa  # not at the top: DAG parsing imports this module, not pyarrow
    import pyarrow.compute as pc

    require_text(declared)
    if declared.name == "decimal":
        return _plain_digits(array, declared.scale)
    if declared.name == "uuid":
        return pc.ascii_lower(array)
    if declared.name not in ("timestamp", "timestamptz"):
        return array.cast(pa.string())
    # Without its zone, which is UTC, the text needs no time zone database.
    text = array.view(pa.timestamp("us")).cast(pa.string())
    text = pc.replace_substring(text, " ", "T")
    return pc.binary_join_element_wise(text, "Z", "") if declared.name == "timestamptz" else text


def text_of_id(written: str, kind: str) -> str:
    """The canonical text of an id as somebody wrote it down.

    Args:
        kind: one of `ID_TYPES`.

    Raises:
        ValueError: not such an id, or one that would not be found for what cannot be seen of it;
            the message does not show it.
    """
    if not written.strip():
        raise ValueError("it is empty")
    if written != written.strip() or not written.isprintable():
        raise ValueError("there is space around the id, or a character in it that cannot be seen")
    if kind == "integer" and not _INTEGER.fullmatch(written):
        raise ValueError("it is not a whole number in plain digits without leading zeros")
    if kind == "uuid":
        if not _UUID.fullmatch(written):
            raise ValueError("it is not a uuid of 36 characters")
        return written.lower()
    return written


def _plain_digits(array: pa.Array, scale: int) -> pa.StringArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    # The same 128 bits as a whole number: Arrow writes small decimals with an exponent.
    whole = pa.decimal128(38, 0)
    bits = pa.Array.from_buffers(whole, len(array), array.buffers(), offset=array.offset)
    text = bits.cast(pa.string())
    if scale == 0:
        return text
    sign = pc.if_else(pc.starts_with(text, "-"), "-", "")
    digits = pc.ascii_lpad(pc.ascii_ltrim(text, "-"), scale + 1, "0")
    fraction = pc.ascii_rtrim(pc.utf8_slice_codeunits(digits, -scale), "0")
    point = pc.if_else(pc.equal(fraction, ""), "", ".")
    units = pc.utf8_slice_codeunits(digits, 0, -scale)
    return pc.binary_join_element_wise(sign, units, point, fraction, "")
