"""A file being written to a bucket: in parts, there from its beginning, readable once it is whole."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from remit.adapters.s3.failures import translated
from remit.errors import Unavailable

PART = 8 << 20
_MOST_PARTS = 10_000  # what the API allows
_AT_ONCE = 2


class S3Draft:
    """Sends each part while the next is written; holds at most three in memory.

    From the beginning it is an open upload, which `S3Store.list` reports and `S3Store.remove` aborts:
    whoever deletes never overlooks one that is about to be written. What was aborted takes no part and
    is never published.
    """

    def __init__(
        self, client: Any, bucket: str, key: str, where: str, *, anew: bool = False
    ) -> None:
        """Begin the upload.

        Args:
            anew: whether it is never published over another file.
        """
        self._client, self._where = client, where
        self._conditions = {"IfNoneMatch": "*"} if anew else {}
        name = {"Bucket": bucket, "Key": key}
        with translated(where):
            begun = client.create_multipart_upload(**name)
        self._upload = {**name, "UploadId": begun["UploadId"]}
        self._buffer = bytearray()
        self._sender = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="remit-s3")
        self._sending: deque[Future[dict[str, Any]]] = deque()
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes) -> int:
        """See `remit.ports.Draft`."""
        self._buffer += data
        with translated(self._where):
            while len(self._buffer) >= PART:
                self._send(PART)
        return len(data)

    def publish(self) -> None:
        """See `remit.ports.Draft`."""
        with translated(self._where):
            if self._buffer or not (self._parts or self._sending):  # one part at least, if empty
                self._send(len(self._buffer))
            self._await(0)
            self._client.complete_multipart_upload(
                **self._upload,
                **self._conditions,
                MultipartUpload={"Parts": self._parts},
            )
        self._sender.shutdown()
        self._buffer.clear()

    def discard(self) -> None:
        """See `remit.ports.Draft`."""
        self._sender.shutdown(cancel_futures=True)
        wait(self._sending)  # a part that arrives after the end of the upload would stay
        self._buffer.clear()
        try:
            self._client.abort_multipart_upload(**self._upload)
        except (BotoCoreError, ClientError):
            # What made the caller give up is told, not this: the upload stays listed as a copy.
            return

    def _send(self, size: int) -> None:
        number = len(self._parts) + len(self._sending) + 1
        if number > _MOST_PARTS:
            raise Unavailable(
                self._where, f"it is larger than {_MOST_PARTS} parts of {PART} bytes."
            )
        with memoryview(self._buffer) as view:
            part = bytes(view[:size])
        del self._buffer[:size]
        self._await(_AT_ONCE - 1)
        self._sending.append(self._sender.submit(self._put, number, part))

    def _put(self, number: int, part: bytes) -> dict[str, Any]:
        put = self._client.upload_part(**self._upload, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": put["ETag"]}

    def _await(self, left: int) -> None:
        """Wait until no more than `left` parts are under way."""
        while len(self._sending) > left:
            self._parts.append(self._sending[0].result())
            self._sending.popleft()
