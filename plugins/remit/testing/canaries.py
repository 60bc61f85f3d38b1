"""Looks for planted strings and bytes in files, to show that none got out.

A finding is a file and an offset, never the string: a report of a leak must not be the next one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from remit.errors import UsageError

SHORTEST = 8
"""Planted strings have at least this many characters, planted bytes as many bytes."""

_WINDOW = 8
_BLOCK = 4 << 20
_HASH_BITS = 24
_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads well


def find_planted(paths: Iterable[Path], planted: Iterable[str | bytes]) -> list[tuple[Path, int]]:
    """Every place where a planted string starts, in the files' raw bytes.

    A string is looked for as UTF-8, as UTF-16-LE, and as ASCII with the escapes of JSON, which
    structured logs write, or of Python; bytes are looked for as they are. Compressed, encrypted or
    base64 content is not looked into. A place where several strings start counts once.

    Args:
        paths: files; a directory stands for every file below it, links to folders left out.
        planted: the strings or bytes, in any order, repeated or not.

    Returns:
        Pairs of file and byte offset, files in the order given, offsets ascending.

    Raises:
        UsageError: one is shorter than `SHORTEST`, or there is none at all.
        OSError: a file cannot be read; what was not searched never counts as clean.
    """
    needles = _Needles(planted)
    found: list[tuple[Path, int]] = []
    for path in _files(paths):
        with path.open("rb") as stream:
            found.extend((path, offset) for offset in _scan(stream, needles))
    return found


class _Needles:
    """The strings as bytes, found by their first eight through a table of hashes."""

    def __init__(self, planted: Iterable[str | bytes]) -> None:
        self._whole: set[bytes] = set()
        for text in planted:
            if len(text) < SHORTEST:
                raise UsageError(f"a planted string has fewer than {SHORTEST} characters")
            self._whole.update(_forms(text))
        if not self._whole:
            raise UsageError("nothing was planted, so nothing can be looked for")
        self.longest = max(map(len, self._whole))
        lengths: dict[bytes, set[int]] = {}
        for needle in self._whole:
            lengths.setdefault(needle[:_WINDOW], set()).add(len(needle))
        self._lengths = {start: tuple(sorted(found)) for start, found in lengths.items()}
        starts = np.frombuffer(b"".join(lengths), dtype="<u8")
        self._starts = np.sort(starts)
        self._table = np.zeros(1 << _HASH_BITS, dtype=np.bool_)
        self._table[_hashed(starts)] = True

    def find(self, data: bytes) -> Iterator[int]:
        """Where a string starts, ascending."""
        for place in self._candidates(data).tolist():
            lengths = self._lengths[data[place : place + _WINDOW]]
            if any(data[place : place + length] in self._whole for length in lengths):
                yield place

    def _candidates(self, data: bytes) -> NDArray[np.int64]:
        """Where eight bytes are the first eight of some string."""
        places = []
        for shift in range(min(_WINDOW, max(len(data) - _WINDOW + 1, 0))):
            count = (len(data) - shift) // _WINDOW
            windows = np.frombuffer(data, dtype="<u8", offset=shift, count=count)
            likely = np.flatnonzero(self._table[_hashed(windows)])
            nearest = np.searchsorted(self._starts, windows[likely])
            nearest[nearest == len(self._starts)] = 0
            sure = likely[self._starts[nearest] == windows[likely]]
            places.append(sure * _WINDOW + shift)
        return np.sort(np.concatenate(places)) if places else np.empty(0, dtype=np.int64)


def _forms(text: str | bytes) -> tuple[bytes, ...]:
    if isinstance(text, bytes):
        return (text,)
    escaped = text.encode("ascii", "backslashreplace")  # as `ascii` and logs' error handlers do
    return text.encode(), text.encode("utf-16-le"), json.dumps(text)[1:-1].encode(), escaped


def _hashed(windows: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The top bits of a multiplication that wraps around."""
    return (windows * _HASH_FACTOR) >> np.uint64(64 - _HASH_BITS)


def _scan(stream: BinaryIO, needles: _Needles) -> Iterator[int]:
    """The offsets in the stream, read in blocks that overlap by the longest string."""
    kept, start = b"", 0
    while block := stream.read(_BLOCK):
        data = kept + block
        # From here on, the longest string might reach into the next block.
        whole = max(len(data) - needles.longest + 1, 0)
        yield from (start + place for place in needles.find(data) if place < whole)
        kept, start = data[whole:], start + whole
    yield from (start + place for place in needles.find(kept))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files, each once."""
    seen: set[Path] = set()
    for given in paths:
        for path in _below(given) if given.is_dir() else (given,):
            if path not in seen:
                seen.add(path)
                yield path


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders.sort()
        yield from (path for name in sorted(names) if (path := Path(place, name)).is_file())


def _raise(error: OSError) -> None:
    """Stop at a folder that cannot be listed, which `os.walk` and `rglob` would pass over."""
    raise error
