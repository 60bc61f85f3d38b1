"""A real SMTP server on this machine, which keeps what it is given and sends nothing on."""

from __future__ import annotations

import socket
import ssl
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from remit.testing.certificate import server_certificate


class Mailed(NamedTuple):
    """A message as it came: the envelope's sender and recipients, and the bytes."""

    sender: str
    recipients: list[str]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The message, its headers decoded."""
        return message_from_bytes(self.raw, policy=policy.default)


class MailServer:
    """The server, as a context manager.

    Args:
        tls: a folder for a certificate of its own (``ca.pem``), with which it speaks TLS.
        how: TLS from the start, or after STARTTLS; with `tls` alone.
        login: the account that it asks for, after STARTTLS.
        full: addresses that it takes nothing for.

    Attributes:
        port: where it listens, on 127.0.0.1, while it runs.
        mails: what it was given.
    """

    def __init__(
        self,
        tls: Path | None = None,
        how: Literal["starttls", "tls"] = "starttls",
        login: tuple[str, str] | None = None,
        full: frozenset[str] = frozenset(),
    ) -> None:
        self.mails: list[Mailed] = []
        self._tls, self._how, self._login, self._full = tls, how, login, full

    def __enter__(self) -> Self:
        """Start it."""
        options: dict[str, Any] = {}
        if self._tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server_certificate(self._tls))
            starttls = {"tls_context": context, "require_starttls": True}
            options |= {"ssl_context": context} if self._how == "tls" else starttls
        if self._login is not None:
            options |= {"authenticator": self._authenticate, "auth_required": True}
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)
        self._controller.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._controller.stop()

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's names
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Take a recipient, or not."""
        if address in self._full:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message."""
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        self.mails.append(Mailed(envelope.mail_from or "", list(envelope.rcpt_tos), raw))
        return "250 kept"

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, given: Any
    ) -> AuthResult:
        known = isinstance(given, LoginPassword) and self._login is not None
        right = known and (given.login.decode(), given.password.decode()) == self._login
        return AuthResult(success=bool(right), handled=False)
