"""Names of copies as evidence and messages may tell them: those that remit gives, and no other.

A landing zone is written to by others as well, and a file's name can hold a person's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection

_ENVELOPES = ("instruction.dsse.json", "manifest.dsse.json", "receipt.dsse.json", "control.txt")
_PARTIAL = r"\.(?P<hidden>.+)\.[0-9a-f]{8}\.partial"
_PART = r"(?P<stem>[a-z0-9_-]+?)(-part-[0-9]{4})?\.parquet"


def telling(run: str, stems: Collection[str]) -> Callable[[str], str]:
    """What may be said of a path in a store of the run: the path, or a digest in its place.

    Args:
        stems: what the files of each table are called (`remit.pieces.file_stems`).
    """

    def told(path: str) -> str:
        folder, _, name = path.partition("/")
        if folder in (run, f".{run}.partial") and _is_given(name, stems):
            return path
        return f"{run}/{digested(path)}"

    return told


def digested(name: str) -> str:
    """A name that is not shown; its digest tells it apart from others."""
    # File systems have names that are no Unicode.
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return f"(not shown, sha256 {digest[:16]})"


def _is_given(name: str, stems: Collection[str]) -> bool:
    hidden = re.fullmatch(_PARTIAL, name)
    name = hidden["hidden"] if hidden else name
    part = re.fullmatch(_PART, name)
    return name in _ENVELOPES or (part is not None and part["stem"] in stems)
