"""A bucket as a store for staging.

Guarantee: a file appears under its name whole, or not at all; what a killed process leaves behind,
earlier versions and delete markers are listed with the rest, and removed with the file. Nothing is
written to a bucket that anybody may read, or that keeps what is deleted.
Not guaranteed: what the storage's operator copies, replicates or backs up.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from botocore.exceptions import ClientError

from remit.adapters.s3.draft import S3Draft
from remit.adapters.s3.failures import code_of, is_denied, status_of, translated
from remit.adapters.s3.lock import lock_of
from remit.adapters.s3.place import S3Place
from remit.adapters.s3.privacy import is_private
from remit.adapters.s3.reader import S3Reader
from remit.errors import Refused
from remit.ports import Lock, StoredFile

IDENTITY = ".remit/store"
_GONE = ("NoSuchKey", "404")


class S3Store:
    """Implements `remit.ports.Store` on boto3; threads may share it."""

    def __init__(self, place: S3Place) -> None:
        self._place = place
        self.label = place.label
        self._guard = threading.RLock()
        self._connected: Any = None
        self._tried = False

    # --- files --------------------------------------------------------------------------------

    def create(self, path: str) -> S3Draft:
        """See `remit.ports.Store`; what is begun is in `list` at once, with a size of 0.

        Raises:
            Refused: those of `claim`.
        """
        key = self._key(path)
        if not self._tried:
            self.claim()
        return S3Draft(self._client, self._place.bucket, key, f"{self.label}/{path}")

    def open(self, path: str) -> BinaryIO:
        """See `remit.ports.Store`. A file that is changed amid reading raises `Unavailable`."""
        with self._translated(path):
            try:
                where = f"{self.label}/{path}"
                reader = S3Reader(self._client, self._place.bucket, self._key(path), where)
                return cast(BinaryIO, reader)
            except ClientError as error:
                if code_of(error) in _GONE:
                    raise FileNotFoundError(path) from None
                raise

    def exists(self, path: str) -> bool:
        """See `remit.ports.Store`."""
        with self._translated(path):
            try:
                self._client.head_object(Bucket=self._place.bucket, Key=self._key(path))
            except ClientError as error:
                if code_of(error) in _GONE:
                    return False
                raise
            return True

    def list(self, prefix: str) -> list[StoredFile]:
        """See `remit.ports.Store`; the size is that of all versions and unfinished uploads."""
        top, sizes, written = self._key(prefix), Counter[str](), dict[str, datetime]()
        with self._translated(prefix):
            # Uploads first: one that is finished meanwhile is among the versions then.
            for upload in self._uploads(top):
                sizes[upload["Key"]] += self._sent(upload)
                written[upload["Key"]] = upload["Initiated"]
            for version in self._versions(top):
                sizes[version["Key"]] += version.get("Size", 0)
                written[version["Key"]] = version["LastModified"]
        root = f"{self._place.prefix}/" if self._place.prefix else ""
        inside = {key: size for key, size in sizes.items() if not top or _below(key, top)}
        return [
            StoredFile(key.removeprefix(root), size, written[key])
            for key, size in sorted(inside.items())
        ]

    def remove(self, path: str) -> None:
        """See `remit.ports.Store`: every version, delete marker and unfinished upload.

        Raises:
            Refused: copy-not-deleted, when the storage forbids it.
        """
        key = self._key(path)
        with self._translated(path):
            for upload in self._uploads(key):
                if upload["Key"] == key:
                    self._abort(upload)
            kept = [
                self._is_kept(version) for version in self._versions(key) if version["Key"] == key
            ]
        if any(kept):
            raise Refused(
                "copy-not-deleted",
                f"{self.label}/{path}",
                "the storage forbids to delete a version of it (object lock, or a missing right).",
                "end the retention, or allow s3:DeleteObjectVersion; the deletion stays due.",
            )

    def lock(self, path: str) -> Lock | None:
        """See `remit.ports.Store`: what is told of its versions."""
        key = self._key(path)
        with self._translated(path):
            own = [version for version in self._versions(key) if version["Key"] == key]
            return lock_of(self._client, self._place.bucket, own)

    # --- the store itself ---------------------------------------------------------------------

    def claim(self) -> str:
        """See `remit.ports.Store`; tries first what must not be possible, and what must.

        Raises:
            Refused: staging-insecure, staging-undeletable.
        """
        with self._guard, self._translated(IDENTITY):
            if not self._tried:
                self._require_deletable()
            if self.identity() is None:
                self._name()
            if not self._tried:
                if not is_private(self._place, self._client, self._key(IDENTITY)):
                    raise Refused(
                        "staging-insecure",
                        self.label,
                        "anybody may read there without credentials.",
                        "block public access to the bucket, or name another one.",
                    )
                self._tried = True
        return self.identity() or ""

    def identity(self) -> str | None:
        """See `remit.ports.Store`."""
        try:
            with self.open(IDENTITY) as file:
                return file.read(64).decode("ascii", "replace")
        except FileNotFoundError:
            return None

    def _name(self) -> None:
        try:
            self._put(IDENTITY, secrets.token_hex(16).encode(), IfNoneMatch="*")
        except ClientError as error:
            if status_of(error) not in (409, 412):  # else somebody named it first
                raise

    def _require_deletable(self) -> None:
        trial = f".remit/trial-{secrets.token_hex(8)}"
        self._put(trial, b"")
        try:
            self.remove(trial)
        except Refused:
            raise Refused(
                "staging-undeletable",
                self.label,
                "what is written there cannot be deleted (object lock, or a right is missing).",
                "name a bucket without a default retention, and allow s3:DeleteObjectVersion.",
            ) from None

    # --- inside -------------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        with self._guard:
            if self._connected is None:
                self._connected = self._place.client()
            return self._connected

    def _put(self, path: str, body: bytes, **conditions: str) -> None:
        # Buckets with a retention, which are refused by what comes of this, want the MD5.
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        name = {"Bucket": self._place.bucket, "Key": self._key(path)}
        self._client.put_object(**name, Body=body, ContentMD5=md5, **conditions)

    def _key(self, path: str) -> str:
        parts = PurePosixPath(path).parts
        if ".." in parts or path.startswith("/"):
            raise Refused(
                "path-outside-store",
                self.label,
                "a path leads out of the store.",
                "this is a defect or an attack; look at the run's evidence.",
            )
        return "/".join((*filter(None, [self._place.prefix]), *parts))

    def _uploads(self, prefix: str) -> Sequence[Any]:
        pages = self._client.get_paginator("list_multipart_uploads")
        found = pages.paginate(Bucket=self._place.bucket, Prefix=prefix)
        return [upload for page in found for upload in page.get("Uploads", ())]

    def _versions(self, prefix: str) -> Sequence[Any]:
        pages = self._client.get_paginator("list_object_versions")
        found = pages.paginate(Bucket=self._place.bucket, Prefix=prefix)
        kinds = ("Versions", "DeleteMarkers")
        return [version for page in found for kind in kinds for version in page.get(kind, ())]

    def _sent(self, upload: Any) -> int:
        pages = self._client.get_paginator("list_parts")
        name = {"Bucket": self._place.bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        try:
            return sum(
                part["Size"] for page in pages.paginate(**name) for part in page.get("Parts", ())
            )
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise
            return 0

    def _abort(self, upload: Any) -> None:
        name = {"Bucket": self._place.bucket, "Key": upload["Key"], "UploadId": upload["UploadId"]}
        try:
            self._client.abort_multipart_upload(**name)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise

    def _is_kept(self, version: Any) -> bool:
        """Delete a version; True when the storage forbids it, so that the others go all the same."""
        name = {"Key": version["Key"], "VersionId": version["VersionId"]}
        try:
            self._client.delete_object(Bucket=self._place.bucket, **name)
        except ClientError as error:
            if not is_denied(error):
                raise
            return True
        return False

    def _translated(self, path: str) -> AbstractContextManager[None]:
        return translated(f"{self.label}/{path}")


def _below(key: str, top: str) -> bool:
    return key == top or key.startswith(f"{top}/")
