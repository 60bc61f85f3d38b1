"""Files that hold a secret: read only if nobody but the account that runs remit can use them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from remit.errors import Refused


def read_private(path: Path, most: int) -> bytes:
    """The file's content.

    Args:
        most: the size in bytes beyond which it cannot be what it should be.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not a plain file, or larger than `most`.
        Refused: key-file-open, when others than its owner can use it, or it is not ours.
    """
    # Looked at once it is open, so that it is the same file. O_NONBLOCK: a pipe must not hang us.
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("not a file")
        _require_private(path, status)
        content = os.read(handle, most + 1)
    finally:
        os.close(handle)
    if len(content) > most:
        raise ValueError("too large")
    return content


def _require_private(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        message = f"its mode is {mode:04o}, so others than its owner can use the secret."
        way_out = f"chmod 600 {path}, and replace the secret if anybody may have read it."
    elif status.st_uid != os.geteuid():
        message = "it belongs to another account, which can read and change the secret."
        way_out = f"copy it as the account that runs remit, with mode 0600, and remove {path}."
    else:
        return
    raise Refused("key-file-open", str(path), message, way_out)
