"""AWS KMS: each run's private half is wrapped under a KMS key of that run's own.

KMS has no X25519, so the half itself is in the keyring folder, as KMS encrypted it. To destroy it is
to overwrite that, and then to disable the KMS key and schedule its deletion.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from remit.adapters.key_stores.servers import require_unseen
from remit.adapters.keyring import Wrapped, gone
from remit.errors import RemitError, Unavailable, UsageError, translating

_DAYS = 7  # the shortest that KMS knows
_FORM = (
    "REMIT_KEYS: a KMS is awskms:REGION?endpoint=https://HOST&folder=/PATH, both options optional."
)
_GONE = {"NotFoundException", "KMSInvalidStateException"}  # the second: its deletion is scheduled


class KmsWrapping:
    """Wraps under a symmetric KMS key for each run; see `remit.adapters.keyring.Wrapping`.

    Credentials are boto3's own search: environment, profile, role.
    """

    def __init__(self, region: str, endpoint: str | None = None) -> None:
        if not re.fullmatch(r"[a-z0-9-]{1,40}", region):
            raise UsageError(_FORM)
        if endpoint is not None:
            require_unseen(endpoint, _FORM)
        self._region, self._endpoint = region, endpoint
        self.label = f"awskms:{region}"

    def wrap(self, name: str, private: bytes) -> Wrapped:
        """Make the run's KMS key, and encrypt under it."""
        with self._translated():
            made = self._client.create_key(
                Description=f"remit: staging key of {name}",
                KeySpec="SYMMETRIC_DEFAULT",
                KeyUsage="ENCRYPT_DECRYPT",
                Tags=[{"TagKey": "remit-run", "TagValue": name}],
            )
            key = str(made["KeyMetadata"]["KeyId"])
            sealed = self._client.encrypt(
                KeyId=key, Plaintext=private, EncryptionContext=_context(name)
            )
        return Wrapped(key, bytes(sealed["CiphertextBlob"]))

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Have KMS decrypt it, for this run alone."""
        with self._translated():
            try:
                opened = self._client.decrypt(
                    KeyId=wrapped.key,
                    CiphertextBlob=wrapped.secret,
                    EncryptionContext=_context(name),
                )
            except ClientError as error:
                if _code(error) in _GONE:
                    raise gone(name) from None
                if _code(error) in ("InvalidCiphertextException", "IncorrectKeyException"):
                    raise ValueError("it does not decrypt") from None
                raise
        return bytes(opened["Plaintext"])

    def forget(self, key: str) -> None:
        """Disable the run's KMS key, and schedule its deletion."""
        with self._translated():
            try:
                self._client.disable_key(KeyId=key)
                self._client.schedule_key_deletion(KeyId=key, PendingWindowInDays=_DAYS)
            except ClientError as error:
                if _code(error) not in _GONE:
                    raise

    @cached_property
    def _client(self) -> Any:
        import boto3
        from botocore.config import Config

        for library in ("boto3", "botocore"):
            logger = logging.getLogger(library)  # its DEBUG shows what is encrypted, and signatures
            logger.setLevel(max(logger.level, logging.WARNING))
        config = Config(
            connect_timeout=10,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 4},
        )
        session = boto3.session.Session(region_name=self._region)
        client = session.client("kms", endpoint_url=self._endpoint, config=config)
        require_unseen(client.meta.endpoint_url, _FORM)  # the environment may name another one
        return client

    @contextmanager
    def _translated(self) -> Iterator[None]:
        with translating(BotoCoreError, ClientError, HTTPError, into=self._said):
            yield

    def _said(self, error: BaseException) -> RemitError:
        if not isinstance(error, ClientError):
            return Unavailable(self.label, f"it could not be asked ({type(error).__name__}).")
        code = _code(error)
        denied = "denies access" if code.startswith("AccessDenied") else "refused or failed"
        return Unavailable(self.label, f"it {denied} ({code}).")


def _context(name: str) -> dict[str, str]:
    """What KMS binds the ciphertext to, and shows in its own log."""
    return {"remit-run": name}


def _code(error: ClientError) -> str:
    code = str(error.response.get("Error", {}).get("Code", ""))
    return code if re.fullmatch(r"[A-Za-z0-9]{1,64}", code) else "an unknown error"
