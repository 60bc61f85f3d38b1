"""A bucket of an S3 API as a store."""

from remit.adapters.s3.place import S3Place
from remit.adapters.s3.store import S3Store

__all__ = ["S3Place", "S3Store"]
