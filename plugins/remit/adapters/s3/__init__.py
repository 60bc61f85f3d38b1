"""A bucket of an S3 API as a store, and as a landing zone."""

from remit.adapters.s3.landing import S3Landing
from remit.adapters.s3.place import S3Place
from remit.adapters.s3.store import S3Store

__all__ = ["S3Landing", "S3Place", "S3Store"]
