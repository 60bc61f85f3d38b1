"""Where a store in an S3 API is, and the client that reaches it.

Guarantee: the connection is encrypted and the server's certificate verified, or it is to this very
machine; no credential is in a label, a message or a log.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from remit.adapters.hosts import is_loopback
from remit.adapters.s3.failures import translated
from remit.errors import Refused, UsageError, translating

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPTIONS = {"endpoint", "region", "session_token"}
_FORM = (
    "a store in S3 is s3://BUCKET/PREFIX?endpoint=URL&region=NAME, both options optional "
    "(special characters percent-encoded)."
)


@dataclass(frozen=True, slots=True)
class S3Place:
    """A folder of a bucket.

    Attributes:
        prefix: the folder, without slashes at its ends; empty for the whole bucket.
        endpoint: the server's URL; None where boto3 knows it, as for AWS.
        credentials: boto3's keyword arguments; empty where boto3 is to find its own.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    credentials: dict[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read ``s3://[ID:SECRET@]BUCKET/PREFIX?endpoint=URL&region=NAME&session_token=TOKEN``.

        Raises:
            UsageError: it has another form. No part of it is repeated.
            Refused: staging-insecure, for an endpoint that is reached in clear.
        """
        with translating(ValueError, into=lambda _: UsageError(_FORM)):
            parts = urlsplit(url)
            given = parse_qs(parts.query, strict_parsing=True) if parts.query else {}
        login, _, bucket = parts.netloc.rpartition("@")
        prefix = unquote(parts.path).strip("/")
        options = {name: values[0] for name, values in given.items() if len(values) == 1}
        known = _OPTIONS >= set(given) == set(options) and not parts.fragment
        plain = all(part not in ("", ".", "..") for part in prefix.split("/")) or not prefix
        if parts.scheme != "s3" or not _BUCKET.fullmatch(bucket) or not known or not plain:
            raise UsageError(_FORM)
        endpoint = options.get("endpoint")
        if endpoint is not None:
            require_unseen(endpoint)
        credentials = _credentials(login, options.get("session_token"))
        return cls(bucket, prefix, endpoint, options.get("region"), credentials)

    @property
    def label(self) -> str:
        """The place, without credentials; what lies in it is found below."""
        server = f"{self.endpoint.rstrip('/')}/" if self.endpoint else "s3://"
        return f"{server}{self.bucket}/{self.prefix}".rstrip("/")

    def client(self) -> Any:
        """A client of boto3's; clients may be shared by threads, what makes them may not.

        Raises:
            Refused: staging-insecure, for an endpoint of the environment's or profile's.
        """
        for library in ("boto3", "botocore"):
            logger = logging.getLogger(library)  # its DEBUG shows tokens and signatures
            logger.setLevel(max(logger.level, logging.WARNING))
        with translated(self.label), translating(ValueError, into=lambda _: UsageError(_FORM)):
            session = boto3.session.Session(region_name=self.region, **self.credentials)
            client = session.client("s3", endpoint_url=self.endpoint, config=self._config())
        require_unseen(client.meta.endpoint_url)
        return client

    def stranger(self, client: Any) -> Any:
        """A client without credentials, to the same server as `client`."""
        with translated(self.label):
            return boto3.session.Session(region_name=client.meta.region_name).client(
                "s3",
                endpoint_url=client.meta.endpoint_url,
                config=self._config().merge(Config(signature_version=UNSIGNED)),
            )

    def _config(self) -> Config:
        return Config(
            connect_timeout=10,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": 4},
            s3={"addressing_style": "path" if self.endpoint else "auto"},
            # Not every server knows the newer checksums; the evidence has a SHA-256 of every file.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )


def require_unseen(endpoint: str) -> None:
    """Refuse a server to which credentials and files would travel in clear.

    Raises:
        Refused: staging-insecure.
        UsageError: it is not the URL of a server, or has credentials in it.
    """
    form = "the endpoint of an S3 store is https://HOST or https://HOST:PORT."
    with translating(ValueError, into=lambda _: UsageError(form)):
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port
    if not host or parts.scheme not in ("http", "https") or _has_more(parts):
        raise UsageError(form)
    if parts.scheme == "http" and not is_loopback(host):
        raise Refused(
            "staging-insecure",
            f"http://{host}",
            "credentials and files would travel in clear.",
            "give the server's https:// address; http:// is for this very machine alone.",
        )


def _has_more(parts: SplitResult) -> bool:
    return bool("@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment)


def _credentials(login: str, token: str | None) -> dict[str, str]:
    if not login and token is None:
        return {}
    identity, _, secret = login.partition(":")
    if not identity or not secret:
        raise UsageError(_FORM)
    found = {"aws_access_key_id": unquote(identity), "aws_secret_access_key": unquote(secret)}
    return found | ({"aws_session_token": token} if token else {})
