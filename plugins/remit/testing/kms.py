"""A private KMS for tests: moto's server in this process, gone afterwards.

Not what KMS is: it accepts any credentials, checks no rights, and decrypts with keys that are disabled or
about to be deleted. What is shown with it is what remit asks for.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from remit.testing.s3 import S3Server

REGION = "eu-west-3"


class KmsServer:
    """A KMS of one's own on 127.0.0.1, as a context manager.

    Attributes:
        uri: the key store's URI, while it runs.
        environment: the variables by which boto3 finds credentials for it.
    """

    def __init__(self) -> None:
        self._server = S3Server()  # moto's one server speaks every API
        self.environment = self._server.environment

    def __enter__(self) -> Self:
        """Start the server."""
        self._server.__enter__()
        self.endpoint = self._server.endpoint
        self.uri = f"awskms:{REGION}?endpoint={quote(self.endpoint, safe='')}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and forget its keys."""
        from moto.backends import get_backend

        self._server.__exit__(kind, error, trace)
        get_backend("kms").reset()

    def keys(self) -> dict[str, Any]:
        """Each key that was made and not only by AWS, by its id, as moto has it."""
        from moto.core.models import DEFAULT_ACCOUNT_ID
        from moto.kms.models import kms_backends

        made = kms_backends[DEFAULT_ACCOUNT_ID][REGION].keys
        return {name: key for name, key in made.items() if key.description.startswith("remit")}
