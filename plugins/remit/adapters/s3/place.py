"""Where a store in an S3 API is, and the client that reaches it.

Guarantee: the connection is encrypted and the server's certificate verified, or it is to this very
machine; no credential is in a label, a message or a log.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlencode, urlsplit

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from remit.adapters.hosts import is_loopback
from remit.adapters.s3.failures import translated
from remit.errors import Refused, UsageError, translating

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OPTIONS = {"endpoint", "region", "session_token"}
_FORM = (
    "a store in S3 is s3://BUCKET/PREFIX?endpoint=URL&region=NAME, both options optional "
    "(special characters percent-encoded)."
)

_AMAZON = (".amazonaws.com", ".amazonaws.com.cn")

InClear = Callable[[str], Refused]
"""Makes the refusal of a host that is reached in clear."""


def staging_in_clear(host: str) -> Refused:
    """Refuses it for staging."""
    return Refused(
        "staging-insecure",
        f"http://{host}",
        "credentials and files would travel in clear.",
        "give the server's https:// address; http:// is for this very machine alone.",
    )


@dataclass(frozen=True, slots=True)
class S3Place:
    """A folder of a bucket.

    Attributes:
        in_clear: makes the refusal of a server that is reached in clear.
        prefix: the folder, without slashes at its ends; empty for the whole bucket.
        endpoint: the server's URL; None where boto3 knows it, as for AWS.
        credentials: boto3's keyword arguments; empty where boto3 is to find its own.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    credentials: dict[str, str] = field(default_factory=dict, repr=False)
    in_clear: InClear = field(default=staging_in_clear, repr=False)

    @classmethod
    def parse(cls, url: str, in_clear: InClear = staging_in_clear) -> Self:
        """Read ``s3://[ID:SECRET@]BUCKET/PREFIX?endpoint=URL&region=NAME&session_token=TOKEN``.

        Raises:
            UsageError: it has another form. No part of it is repeated.
            Refused: by `in_clear`, for an endpoint that is reached in clear.
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
            require_unseen(endpoint, in_clear)
        credentials = _credentials(login, options.get("session_token"))
        return cls(bucket, prefix, endpoint, options.get("region"), credentials, in_clear)

    @property
    def label(self) -> str:
        """The place, without credentials; what lies in it is found below."""
        server = f"{self.endpoint.rstrip('/')}/" if self.endpoint else "s3://"
        return f"{server}{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def specification(self) -> str:
        """The URL that `parse` reads, without credentials: boto3 finds them the next time."""
        options = {"endpoint": self.endpoint, "region": self.region}
        query = urlencode({name: value for name, value in options.items() if value})
        return f"s3://{self.bucket}/{quote(self.prefix)}" + (f"?{query}" if query else "")

    def client(self) -> Any:
        """A client of boto3's; clients may be shared by threads, what makes them may not.

        Raises:
            Refused: by `in_clear`, for an endpoint of the environment's or profile's.
        """
        for library in ("boto3", "botocore"):
            logger = logging.getLogger(library)  # its DEBUG shows tokens and signatures
            logger.setLevel(max(logger.level, logging.WARNING))
        with translated(self.label), translating(ValueError, into=lambda _: UsageError(_FORM)):
            session = boto3.session.Session(region_name=self.region, **self.credentials)
            client = session.client("s3", endpoint_url=self.endpoint, config=self._config())
        require_unseen(client.meta.endpoint_url, self.in_clear)
        return client

    def principal(self, client: Any) -> str | None:
        """The ARN by which the server knows us; None where it does not tell.

        Amazon's always tells; of another server its own endpoint is asked.
        """
        amazons = str(urlsplit(client.meta.endpoint_url).hostname).endswith(_AMAZON)
        session = boto3.session.Session(
            region_name=self.region or client.meta.region_name, **self.credentials
        )
        with translated(self.label):
            sts = session.client(
                "sts",
                endpoint_url=None if amazons else client.meta.endpoint_url,
                config=self._config().merge(Config(connect_timeout=5, read_timeout=10)),
            )
            try:
                return str(sts.get_caller_identity()["Arn"])
            except (ClientError, ResponseParserError, KeyError):
                if amazons:
                    raise
                return None

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


def require_unseen(endpoint: str, in_clear: InClear = staging_in_clear) -> None:
    """Refuse a server to which credentials and files would travel in clear.

    Raises:
        Refused: by `in_clear`.
        UsageError: it is not the URL of a server, or has credentials in it.
    """
    form = "the endpoint of an S3 store is https://HOST or https://HOST:PORT."
    with translating(ValueError, into=lambda _: UsageError(form)):
        parts = urlsplit(endpoint)
        host, _ = parts.hostname, parts.port
    if not host or parts.scheme not in ("http", "https") or _has_more(parts):
        raise UsageError(form)
    if parts.scheme == "http" and not is_loopback(host):
        raise in_clear(host)


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
