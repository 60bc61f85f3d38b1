"""Sends a file again from where an earlier try was cut, trusting nothing but what is read back."""

from __future__ import annotations

from typing import BinaryIO, Protocol

BLOCK = 1 << 20


class Partial(Protocol):
    """A file that an earlier try may have left, open for reading and writing."""

    size: int
    """Bytes that were there when it was opened."""

    def read_at(self, offset: int, size: int) -> bytes:
        """What is there."""

    def write_at(self, offset: int, data: bytes) -> None:
        """Put all of it there."""

    def truncate(self, size: int) -> None:
        """Cut off what is behind."""


def resume(source: BinaryIO, there: Partial) -> int:
    """Make `there` equal to `source`, block by block; the bytes that had to be sent.

    From the first block that differs on, all is sent.
    """
    at = sent = 0
    equal = True
    while data := source.read(BLOCK):
        equal = equal and at < there.size and there.read_at(at, len(data)) == data
        if not equal:
            there.write_at(at, data)
            sent += len(data)
        at += len(data)
    if there.size > at:
        there.truncate(at)
    return sent
