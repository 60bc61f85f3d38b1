"""A private S3 API for tests: moto's server in this process, gone afterwards.

Not what a real server is: it accepts any credentials and checks no signature.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, quote, unquote

from remit.errors import UsageError

_REGION = "eu-west-3"
_NO_UPLOAD = b"<Error><Code>NoSuchUpload</Code></Error>"


class S3Server:
    """An S3 API of one's own on 127.0.0.1 and a free port, as a context manager.

    Attributes:
        endpoint: ``http://127.0.0.1:port``, while it runs.
        requests: what was asked of it so far: method, path and query of each.
        environment: the variables by which boto3 finds credentials for it.
    """

    endpoint: str

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.environment = {
            "AWS_ACCESS_KEY_ID": "AKIA" + secrets.token_hex(8).upper(),
            "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __enter__(self) -> Self:
        """Start the server.

        Raises:
            UsageError: moto is not installed.
        """
        try:
            from moto.server import ThreadedMotoServer
        except ImportError:
            raise UsageError(
                "moto's server is not installed; install it with: pip install 'moto[server]'"
            ) from None
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"
        self._client: Any = None
        self._served = cast(Any, self._server._server)
        self._served.app = _Front(self._served.app, self.requests)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and forget what was in it."""
        from moto.backends import get_backend

        if self._client is not None:
            self._client.close()
        self._server.stop()
        self._served.server_close()
        get_backend("s3").reset()

    def client(self) -> Any:
        """A client of boto3's, to set things up and look at them."""
        import boto3

        if self._client is None:
            session = boto3.session.Session(
                aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
                aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
                region_name=_REGION,
            )
            self._client = session.client("s3", endpoint_url=self.endpoint)
        return self._client

    def create_bucket(self, name: str, *, versioned: bool = False, locked: bool = False) -> str:
        """Make a bucket; the specification of a staging store in it.

        Args:
            locked: whether objects in it can be locked; it has versions then.
        """
        client = self.client()
        where = {"LocationConstraint": _REGION}
        client.create_bucket(
            Bucket=name, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=locked
        )
        if versioned and not locked:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return f"s3://{name}/staging?endpoint={quote(self.endpoint, safe='')}&region={_REGION}"


class _Front:
    """Notes each request, and answers as S3 does where moto does not.

    No stranger lists a bucket whose policy does not say so: moto asks permission for objects only.
    A part of an upload that was aborted is refused: moto fails at it with 500.
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], requests: list[str]) -> None:
        self._app, self._requests = app, requests

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        self._requests.append(f"{environ['REQUEST_METHOD']} {path}?{query}")
        bucket, _, key = unquote(path).lstrip("/").partition("/")
        if "HTTP_AUTHORIZATION" not in environ and not key and not _may_list(bucket):
            start_response("403 Forbidden", [("Content-Length", "0")])
            return [b""]
        upload = parse_qs(query).get("uploadId")
        if environ["REQUEST_METHOD"] == "PUT" and upload and not _is_open(bucket, upload[0]):
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response("404 Not Found", [("Content-Length", str(len(_NO_UPLOAD)))])
            return [_NO_UPLOAD]
        return self._app(environ, start_response)


def _kept(bucket: str) -> Any:
    """The bucket as moto has it; None when there is none."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(bucket)


def _is_open(bucket: str, upload: str) -> bool:
    kept = _kept(bucket)
    return kept is None or upload in kept.multiparts


def _may_list(bucket: str) -> bool:
    from moto.iam.access_control import PermissionResult

    kept = _kept(bucket)
    if kept is None:
        return True  # it answers that there is none
    asked = kept.get_permission("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    return bool(asked == PermissionResult.PERMITTED)
