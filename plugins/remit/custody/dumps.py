"""The files of a dump as copies of a run: what it was read from is deleted with what was made of it.

Guarantee: the duty to delete names each file declared, read or not, with its digest, before a row is
extracted; a file is called deleted only when it was looked for afterwards, in the very folder that it
was in, and not found; one of another content is never removed. A run that a refusal ends loses what
it staged at once, but keeps the dump for another try until its maximum age, unless the instruction
itself is revoked.
Not guaranteed: that the medium forgets. Unlike what is staged, a dump is in clear.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from remit.custody.story import Story
from remit.delete import DeletedCopy
from remit.dumped import DumpedSource
from remit.errors import Refused, Unavailable, translating
from remit.evidence import parse_timestamp
from remit.ports import Source

_REVOKED = "instruction-revoked"


def taken_up(source: Source) -> dict[str, Any]:
    """What the duty to delete says of a dump's files and their folder; nothing of a database.

    Raises:
        Refused, Unavailable: a file cannot be read, or is open to others.
    """
    if not isinstance(source, DumpedSource):
        return {}
    files = [file.as_json() for file in source.files()]
    if not files:
        return {"dump": []}
    with _folder(files) as folder:
        return {"dump": files, "dump_folder": _identity(folder)}


def require_same(story: Story, taken: Mapping[str, Any]) -> None:
    """Refuse (dump-changed) a dump that is not the one that this run is obliged to delete."""
    obliged = story.last("obliged")
    if any(obliged.get(name) != taken.get(name) for name in ("dump", "dump_folder")):
        raise _changed("dump", "its files, or their folder, are not those that this run took up.")


def kept_until(story: Story, now: datetime) -> datetime | None:
    """Until when the dump stays, though what was staged goes; None where it goes with the rest."""
    if not _files(story) or _revoked(story):
        return None
    due = min(
        parse_timestamp(record.data["due"])
        for record in story.records
        if record.kind in ("obliged", "confirmed")
    )
    return due if now < due else None


def spared(refusal: Refused) -> bool:
    """Whether a dump that is kept stays so, though its instruction is refused."""
    return refusal.code != _REVOKED


def find(story: Story) -> list[DeletedCopy]:
    """The files of the dump that there still are.

    Raises:
        Unavailable: the folder is not the one that the run took the files up in, so that a file that
            is there no more would pass for one that is gone.
    """
    if not (files := _files(story)):
        return []
    with _folder(files) as folder:
        if _identity(folder) != story.last("obliged").get("dump_folder"):
            raise Unavailable(
                str(Path(files[0]["path"]).parent),
                "it is not the folder that this run's dump was in (replaced, not mounted, or on "
                "another machine).",
            )
        sizes = {file["path"]: _size(Path(file["path"]).name, folder) for file in files}
    return [DeletedCopy(path, size) for path, size in sizes.items() if size is not None]


def remove(story: Story) -> None:
    """Remove the files, and look again.

    Raises:
        Refused: dump-changed, copy-not-deleted.
        Unavailable: a file cannot be reached; it stays due.
    """
    there = {copy.where for copy in find(story)}
    for file in _files(story):
        if file["path"] in there:
            _remove(Path(file["path"]), file["sha256"])
    for copy in find(story):
        raise Refused(
            "copy-not-deleted",
            copy.where,
            "it was removed, but it is still there when looked for.",
            "find out what keeps or restores it; the obligation stays due and is tried again.",
        )


def _remove(path: Path, digest: str) -> None:
    with translating(OSError, into=lambda _: _unreachable(path)):
        if path.is_symlink() or _digest(path) != digest:
            raise _changed(str(path), "a file of another content is in the place of the dump.")
        path.unlink()
        with _opened(path.parent) as folder:
            os.fsync(folder)


@contextmanager
def _folder(files: Sequence[Mapping[str, Any]]) -> Iterator[int]:
    """The one folder of a dump's files, open."""
    path = Path(files[0]["path"])
    with translating(OSError, into=lambda _: _unreachable(path)), _opened(path.parent) as folder:
        yield folder


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield folder
    finally:
        os.close(folder)


def _identity(folder: int) -> str:
    """What tells the folder again, on each machine that mounts it, until somebody replaces it.

    A device's number would not do: it differs between machines, and may after a restart.
    """
    return f"{os.fstatvfs(folder).f_fsid:x}:{os.fstat(folder).st_ino}"


def _size(name: str, folder: int) -> int | None:
    """The size of a file, or link, in an open folder; None when it is not there."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except FileNotFoundError:
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(story: Story) -> Sequence[Mapping[str, Any]]:
    return story.last("obliged").get("dump", []) if story.has("obliged") else []


def _revoked(story: Story) -> bool:
    """Whether it was the controller who ended the run, for whom nothing is kept any more."""
    ends = [r.data for r in story.records if r.kind == "refused" and r.data["ends_run"]]
    return any(end["refusal"]["code"] == _REVOKED for end in ends)


def _changed(where: str, why: str) -> Refused:
    return Refused(
        "dump-changed",
        where,
        why,
        "find out who replaced it; remove it by hand if it is to go, then the duty is certified.",
    )


def _unreachable(path: Path) -> Unavailable:
    return Unavailable(str(path), "the dump's folder cannot be reached from here.")
