"""A file in a bucket, read in ranges."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from remit.adapters.s3.failures import code_of, translated
from remit.errors import Unavailable

_LEAST = 64 << 10
_AHEAD = 8 << 20
_WINDOWS = 4
_TRIES = 3


class S3Reader(io.RawIOBase):
    """Seekable; reads ahead by 8 MiB where it is read on, and by little where it is sought.

    Four such windows are kept: readers of Parquet go through row groups side by side.

    The first request brings the end of the file, where Parquet has its footer. Every further one
    asks for the same ETag, so that another file under the name is noticed, not mixed in.
    """

    def __init__(self, client: Any, bucket: str, key: str, where: str) -> None:
        """Open it.

        Raises:
            ClientError: as the server has it; NoSuchKey when there is none.
        """
        super().__init__()
        self._client, self._where = client, where
        self._object = {"Bucket": bucket, "Key": key}
        self._at = 0
        self._windows: dict[int, bytes] = {0: b""}
        self._etag, self._size = self._begin()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; asks nothing of the server."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning of the file")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, or what the rest of the file fills of it."""
        with memoryview(buffer).cast("B") as view:
            data = self.read(len(view))
            view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """The rest."""
        return self.read(-1)

    def read(self, size: int | None = -1) -> bytes:
        """As many bytes, or the rest."""
        if self.closed:
            raise ValueError("read of a closed file")
        left = max(self._size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        pieces = list(self._pieces(wanted))
        self._at += wanted
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _pieces(self, wanted: int) -> Iterator[bytes]:
        """What the windows have of it, and what has to be fetched."""
        at, end = self._at, self._at + wanted
        while at < end:
            data = self._from_window(at, end)
            if data is None:
                reads_on = any(at == start + len(data) for start, data in self._windows.items())
                length = max(end - at, _AHEAD if reads_on else _LEAST)
                data = self._fetch(at, min(length, self._size - at))
                self._keep(at, data)
                data = data[: end - at]  # no copy where it is all of it
            at += len(data)
            yield data

    def _from_window(self, at: int, end: int) -> bytes | None:
        for start, data in self._windows.items():
            if start <= at < start + len(data):
                self._windows[start] = self._windows.pop(start)  # the last used is the last to go
                return data[at - start : end - start]
        return None

    def _keep(self, start: int, data: bytes) -> None:
        if len(data) <= _AHEAD:
            self._windows.pop(start, None)
            self._windows[start] = data
        while len(self._windows) > _WINDOWS:
            del self._windows[next(iter(self._windows))]

    def _begin(self) -> tuple[str, int]:
        try:
            got = self._client.get_object(**self._object, Range=f"bytes=-{_LEAST}")
        except ClientError as error:
            if code_of(error) != "InvalidRange":
                raise
            got = self._client.head_object(**self._object)  # an empty file has no end
            return got["ETag"], got["ContentLength"]
        size = int(got.get("ContentRange", "/0").rpartition("/")[2])
        with got["Body"] as body:
            data = body.read()
        if len(data) != min(size, _LEAST):
            raise self._failed("the storage sent another range than was asked for")
        self._keep(size - len(data), data)
        return got["ETag"], size

    def _fetch(self, start: int, length: int) -> bytes:
        for attempt in range(1, _TRIES + 1):
            with translated(self._where):
                got = self._get(start, length)
                try:
                    with got["Body"] as body:
                        data = bytes(body.read())
                except (BotoCoreError, HTTPError):
                    if attempt == _TRIES:
                        raise
                    continue  # the library tries requests again, but not the reading of an answer
            if got["ETag"] != self._etag or len(data) != length:
                raise self._failed("the storage sent another range than was asked for")
            return data
        raise AssertionError

    def _get(self, start: int, length: int) -> Any:
        asked = f"bytes={start}-{start + length - 1}"
        try:
            return self._client.get_object(**self._object, Range=asked, IfMatch=self._etag)
        except ClientError as error:
            if code_of(error) in ("PreconditionFailed", "NoSuchKey", "InvalidRange", "412", "404"):
                raise self._failed("it was changed or removed while it was read") from None
            raise

    def _failed(self, what: str) -> Unavailable:
        return Unavailable(self._where, f"{what}.")
