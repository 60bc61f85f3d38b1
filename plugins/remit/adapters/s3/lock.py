"""What keeps a version of an object: a retention (S3 Object Lock) or a legal hold.

Not guaranteed: that the storage tells. Without the rights s3:GetObjectRetention and
s3:GetObjectLegalHold it leaves both out of its answer, and the version merely cannot be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Any

from botocore.exceptions import ClientError

from remit.adapters.s3.failures import code_of
from remit.ports import Lock

_NOTHING_TOLD = (
    "404",
    "405",
    "NoSuchKey",
    "NoSuchVersion",
    "MethodNotAllowed",
    "403",
    "AccessDenied",
)


def lock_of(client: Any, bucket: str, versions: Iterable[Any]) -> Lock | None:
    """The lock that keeps an object longest, of all its versions; None when none is told."""
    locks = [lock for version in versions if (lock := _lock(client, bucket, version)) is not None]
    if not locks:
        return None
    ends = [lock.until for lock in locks if lock.until is not None]
    return Lock(max(ends) if len(ends) == len(locks) else None)


def _lock(client: Any, bucket: str, version: Any) -> Lock | None:
    try:
        told = client.head_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    except ClientError as error:
        if code_of(error) in _NOTHING_TOLD:
            return None  # a delete marker, gone meanwhile, or not ours to know
        raise
    if told.get("ObjectLockLegalHoldStatus") == "ON":
        return Lock(None)
    until = told.get("ObjectLockRetainUntilDate")
    return Lock(until.astimezone(UTC)) if until is not None else None
