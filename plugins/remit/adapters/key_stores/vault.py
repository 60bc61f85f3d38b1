"""HashiCorp Vault's transit engine: each run's private half is wrapped under a key of that run's own.

The half itself is in the keyring folder, as Vault encrypted it. To destroy it is to overwrite that,
and then to allow the deletion of the transit key and delete it.
"""

from __future__ import annotations

import base64
import logging
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from remit.adapters.key_stores.servers import require_unseen
from remit.adapters.keyring import Wrapped, gone
from remit.errors import RemitError, Unavailable, UsageError, translating
from remit.private_files import read_private

_FORM = (
    "REMIT_KEYS: a Vault is vault:https://HOST:PORT/MOUNT?token=file:/PATH&ca=/PATH&folder=/PATH; token "
    "may be conn:ID, ca and folder are optional."
)
_LONGEST_TOKEN = 4096


class VaultWrapping:
    """Wraps under a transit key for each run; see `remit.adapters.keyring.Wrapping`."""

    def __init__(
        self, url: str, token: str, ca: str | None, password: Callable[[str], str]
    ) -> None:
        match = re.fullmatch(r"(https?://[^/]+)/([A-Za-z0-9._/-]{1,200})", url)
        kind, _, place = token.partition(":")
        known = kind == "conn" or (kind == "file" and place.startswith("/"))
        if match is None or not known or (ca is not None and not ca.startswith("/")):
            raise UsageError(_FORM)
        require_unseen(match[1], _FORM)
        self._server, self._mount = match[1], match[2].strip("/")
        self._kind, self._place, self._ca = kind, place, ca
        self._password = password
        self.label = f"vault:{self._server}/{self._mount}"

    def wrap(self, name: str, private: bytes) -> Wrapped:
        """Make the run's transit key, and encrypt under it."""
        # A name of its own, so that deployments which share a mount cannot meet in one key.
        key = f"remit-{name}-{secrets.token_hex(8)}"
        with self._transit() as transit:
            transit.create_key(
                key,
                key_type="aes256-gcm96",
                exportable=False,
                allow_plaintext_backup=False,
                mount_point=self._mount,
            )
            answer = transit.encrypt_data(
                key,
                _base64(private),
                associated_data=_base64(name.encode()),
                mount_point=self._mount,
            )
            return Wrapped(key, str(answer["data"]["ciphertext"]).encode("ascii"))

    def unwrap(self, name: str, wrapped: Wrapped) -> bytes:
        """Have Vault decrypt it, for this run alone."""
        from hvac.exceptions import InvalidRequest

        with self._transit() as transit:
            try:
                answer = transit.decrypt_data(
                    wrapped.key,
                    wrapped.secret.decode("ascii", "replace"),
                    associated_data=_base64(name.encode()),
                    mount_point=self._mount,
                )
            except InvalidRequest:  # what for is told in words only
                if not self._is_there(transit, wrapped.key):
                    raise gone(name) from None
            else:
                return base64.b64decode(answer["data"]["plaintext"], validate=True)
        raise ValueError("it does not decrypt")

    def forget(self, key: str) -> None:
        """Delete the run's transit key."""
        with self._transit() as transit:
            if self._is_there(transit, key):
                transit.update_key_configuration(
                    key, deletion_allowed=True, mount_point=self._mount
                )
                transit.delete_key(key, mount_point=self._mount)

    def _is_there(self, transit: Any, key: str) -> bool:
        from hvac.exceptions import InvalidPath

        try:
            transit.read_key(key, mount_point=self._mount)
        except InvalidPath:
            return False
        return True

    @contextmanager
    def _transit(self) -> Iterator[Any]:
        try:
            import hvac
        except ImportError:
            raise UsageError("Vault needs hvac: pip install hvac.") from None
        import requests

        token = self._token()
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        # An answer of another form is no answer: KeyError, TypeError, ValueError.
        kinds = (
            hvac.exceptions.VaultError,
            requests.RequestException,
            KeyError,
            TypeError,
            ValueError,
        )
        with translating(*kinds, into=self._said), requests.Session() as session:
            session.verify = self._ca or True
            client = hvac.Client(
                self._server, token=token, timeout=30, session=session, allow_redirects=False
            )
            yield client.secrets.transit

    def _token(self) -> str:
        if self._kind == "conn":
            token = self._password(self._place)
        else:
            try:
                token = read_private(Path(self._place), _LONGEST_TOKEN).decode("ascii").strip()
            except OSError as error:
                raise UsageError(
                    f"cannot read the token's file {self._place}: {error.strerror}."
                ) from None
            except ValueError:
                token = ""
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise UsageError(f"{self._kind}:{self._place} does not hold a token of Vault's.")
        return token

    def _said(self, error: BaseException) -> RemitError:
        name = type(error).__name__
        denied = "denies access" if name in ("Forbidden", "Unauthorized") else "could not be asked"
        return Unavailable(self.label, f"it {denied} ({name}).")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
