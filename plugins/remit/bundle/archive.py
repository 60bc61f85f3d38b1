"""The ZIP file: one byte form for each set of files.

Guarantee: `unpack` gives files only of bytes that `pack` would make of them. So there is one way to
read a bundle: no second directory, no name twice, nothing before, between or after the entries.
Nothing is compressed: what an entry has is not larger than the file, and no library's version of a
compression decides which bytes are right.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from io import BytesIO

from remit.errors import EvidenceBroken

LARGEST = 1 << 28
"""The most bytes of a bundle: 256 MiB, of a run in some 40,000 pieces."""

_BEGINNING = (1980, 1, 1, 0, 0, 0)  # ZIP knows no earlier time
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){0,2}")
_WHERE = "the bundle"
_DEFECTS = (
    zipfile.BadZipFile,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


def pack(files: Mapping[str, bytes]) -> bytes:
    """The archive of these files, sorted by name, stored, without times.

    Raises:
        EvidenceBroken: a name is none that a bundle has, or there is too much of it.
    """
    if sum(map(len, files.values())) > LARGEST:
        raise EvidenceBroken(_WHERE, f"it is larger than {LARGEST >> 20} MiB.")
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            _require_name(name)
            entry = zipfile.ZipInfo(name, _BEGINNING)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16  # the same on any system
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of an archive.

    Raises:
        EvidenceBroken: it is not, byte for byte, what `pack` would make of them.
    """
    if len(data) > LARGEST:
        raise EvidenceBroken(_WHERE, f"it is larger than {LARGEST >> 20} MiB.")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
            _require_plain(entries, len(data))
            files = {entry.filename: archive.read(entry) for entry in entries}
    except _DEFECTS:
        raise _changed("it is not a whole ZIP file") from None
    if pack(files) != data:
        raise _changed("it is a ZIP file, but not in the one form that remit writes")
    return files


def _require_plain(entries: list[zipfile.ZipInfo], size: int) -> None:
    names = [entry.filename for entry in entries]
    for name in names:
        _require_name(name)
    if len(set(names)) < len(names):
        raise _changed("it holds two files of one name")
    if any(entry.flag_bits & 1 for entry in entries):
        raise _changed("a file in it is encrypted")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise _changed("a file in it is compressed")
    if sum(entry.file_size for entry in entries) > size:
        raise _changed("its files say that they are larger than it is")


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _changed("it holds a file whose name no bundle has")


def _changed(what: str) -> EvidenceBroken:
    return EvidenceBroken(_WHERE, f"{what}: it was changed, or is no bundle.")
