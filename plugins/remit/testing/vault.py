"""A simulator of the few calls of HashiCorp Vault's transit engine that remit makes.

It is not Vault, and shows nothing of Vault's: it answers as the documentation of Vault's HTTP API says,
and encrypts for real (AES-256-GCM), so that remit's side of the conversation can be tested.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


@dataclass
class TransitKey:
    """A key as the simulator has it."""

    settings: dict[str, Any]
    secret: bytes = field(default_factory=lambda: AESGCM.generate_key(256), repr=False)


class VaultSimulator:
    """A transit engine mounted at ``transit``, on 127.0.0.1 and a free port, as a context manager.

    Attributes:
        keys: the keys that exist, by name.
        token: what it accepts. requests: method and path of what was asked.
        answer: set to a status, it gives that to everything.
    """

    def __init__(self) -> None:
        self.keys: dict[str, TransitKey] = {}
        self.token = "hvs." + secrets.token_urlsafe(24)
        self.requests: list[str] = []
        self.answer: int | None = None

    def __enter__(self) -> Self:
        """Start it."""
        handler = type("Handler", (_Handler,), {"vault": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def uri(self, token_file: Path) -> str:
        """The key store's URI; the token is put into the file."""
        token_file.write_text(self.token)
        token_file.chmod(0o600)
        return f"vault:{self.address}/transit?token=file:{token_file}"

    def act(self, method: str, action: str, name: str, given: dict[str, Any]) -> tuple[int, Any]:
        """Status and data of the answer."""
        key = self.keys.get(name)
        if action == "keys" and method == "POST":
            self.keys.setdefault(name, TransitKey({"deletion_allowed": False, **given}))
            return 204, None
        if key is None:
            missing = action == "keys" and method == "GET"
            return (404, []) if missing else (400, ["encryption key not found"])
        if action == "keys" and method == "GET":
            return 200, {"name": name, **key.settings}
        if action == "config":
            key.settings |= given
            return 204, None
        if action == "keys" and method == "DELETE":
            if not key.settings["deletion_allowed"]:
                return 400, ["deletion is not allowed for this key"]
            del self.keys[name]
            return 204, None
        return _encrypted(key, given) if action == "encrypt" else _decrypted(key, given)


def _encrypted(key: TransitKey, given: dict[str, Any]) -> tuple[int, Any]:
    nonce = secrets.token_bytes(12)
    plain, bound = (base64.b64decode(given[name]) for name in ("plaintext", "associated_data"))
    sealed = nonce + AESGCM(key.secret).encrypt(nonce, plain, bound)
    return 200, {"ciphertext": "vault:v1:" + base64.b64encode(sealed).decode()}


def _decrypted(key: TransitKey, given: dict[str, Any]) -> tuple[int, Any]:
    bound = base64.b64decode(given["associated_data"])
    try:
        sealed = base64.b64decode(given["ciphertext"].removeprefix("vault:v1:"), validate=True)
        plain = AESGCM(key.secret).decrypt(sealed[:12], sealed[12:], bound)
    except (InvalidTag, ValueError):
        return 400, ["invalid ciphertext: unable to decrypt"]
    return 200, {"plaintext": base64.b64encode(plain).decode()}


class _Handler(BaseHTTPRequestHandler):
    vault: VaultSimulator

    def _handle(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        self.vault.requests.append(f"{self.command} {self.path}")
        path = r"/v1/transit/(keys|encrypt|decrypt)/([\w.-]+)(/config)?"
        match = re.fullmatch(path, self.path)
        if self.vault.answer is not None:
            status, data = self.vault.answer, ["told to"]
        elif self.headers.get("X-Vault-Token") != self.vault.token:
            status, data = 403, ["permission denied"]
        elif match is None:
            status, data = 404, []
        else:
            action = "config" if match[3] else match[1]
            status, data = self.vault.act(self.command, action, match[2], given)
        self._answer(status, data)

    def _answer(self, status: int, data: Any) -> None:
        fields = {"data": data} if status < 400 else {"errors": data}
        body = b"" if data is None else json.dumps(fields).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _handle  # noqa: N815 - the base class asks for these names

    def log_message(self, format: str, *_: Any) -> None:  # noqa: A002 - named by the base class
        """Say nothing: requests have tokens."""
