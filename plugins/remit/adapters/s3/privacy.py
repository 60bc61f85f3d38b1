"""Whether a bucket is closed to strangers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from remit.adapters.s3.failures import is_denied, translated
from remit.adapters.s3.place import S3Place


def is_private(place: S3Place, client: Any, key: str) -> bool:
    """Ask as a stranger, for real: policies and ACLs are many, and servers differ in reading them.

    Args:
        key: an object of the store that is there.

    Raises:
        Unavailable: it could not be tried, so that it is not known.
    """
    stranger, bucket = place.stranger(client), {"Bucket": place.bucket}
    asked: tuple[Callable[[], object], ...] = (
        lambda: stranger.head_bucket(**bucket),
        lambda: stranger.list_objects_v2(**bucket, MaxKeys=1),
        lambda: stranger.list_object_versions(**bucket, MaxKeys=1),
        lambda: stranger.list_multipart_uploads(**bucket, MaxUploads=1),
        lambda: stranger.head_object(**bucket, Key=key),
        lambda: stranger.get_object(**bucket, Key=key)["Body"].close(),
    )
    with translated(place.label):
        return all(_is_refused(ask) for ask in asked)


def _is_refused(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except ClientError as error:
        if not is_denied(error):
            raise
        return True
    return False
