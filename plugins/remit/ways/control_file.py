"""The control file that older systems write: one line a file, with its name, rows and SHA-256.

Guarantee: a finding says that the file has exactly the manifest's files with their rows and digests.
Not guaranteed: who wrote it, nor that anything was decrypted or loaded. It is not signed, so it
counts only together with a named person, whom the caller asks for.
"""

from __future__ import annotations

import re

from remit import canonical
from remit.errors import Refused
from remit.manifest import Manifest
from remit.ways import Finding

CONTROL_LIMIT = 1 << 20
_LINE = re.compile(r"([a-z0-9_-]{1,80}\.parquet)[ \t;]+([0-9]{1,18})[ \t;]+([0-9a-f]{64})")


def read(data: bytes, manifest: Manifest) -> Finding:
    """Hold the file to the manifest.

    Raises:
        Refused: control-file-invalid, control-file-differs.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(_lines(data), start=1):
        match = _LINE.fullmatch(line.strip())
        if line.strip() and match is None:
            raise _invalid(f"line {number} is not a file's name, rows and SHA-256")
        if match is not None and match[1] in found:
            raise _invalid(f"line {number} names a file a second time")
        if match is not None:
            found[match[1]] = (int(match[2]), f"sha256:{match[3]}")
    sent = {file.name: (file.rows, file.sha256) for file in manifest.files}
    for name in {**sent, **found}:
        if found.get(name) != sent.get(name):
            raise Refused(
                "control-file-differs",
                f"control file, {name if name in sent else 'a file that was not delivered'}",
                _difference(found.get(name), sent.get(name)),
                "the copies are kept until their maximum age; settle with the target what it holds.",
            )
    said = {"file": canonical.sha256(data), "signed": False}
    return Finding("control_file", "L1", manifest.rows, said)


def _lines(data: bytes) -> list[str]:
    try:
        return data.decode("ascii").splitlines()
    except UnicodeDecodeError:
        raise _invalid("it is not plain ASCII") from None


def _difference(found: tuple[int, str] | None, sent: tuple[int, str] | None) -> str:
    if found is None or sent is None:
        return "the files listed are not those of the delivery."
    if found[0] != sent[0]:
        return f"{sent[0]} rows were delivered, {found[0]} are listed."
    return "its digest is not that of the file delivered."


def _invalid(what: str) -> Refused:
    return Refused(
        "control-file-invalid",
        "control file",
        f"{what}.",
        "have the target write one line a file: name, rows, SHA-256 of the encrypted file.",
    )
