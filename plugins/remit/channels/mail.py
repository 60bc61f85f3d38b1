"""Alerts by e-mail, through Airflow's SmtpNotifier.

Guarantee: the server's certificate is verified, or it is this very machine; the message goes to the
one person told; nothing in it is a template, a header of its own, or markup.
"""

from __future__ import annotations

import html
import json
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.header import Header
from typing import TYPE_CHECKING, Any

from remit.adapters.hosts import is_loopback
from remit.channels.wording import id_of, subject_of, text_of
from remit.errors import Refused, RemitError, Unavailable, Undeliverable, UsageError, translating

if TYPE_CHECKING:
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier
    from airflow.sdk import Connection

    from remit.ports import Notice

_SECONDS = 15  # for each answer of the server: a minute is what a channel has
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[A-Za-z0-9.-]+", re.ASCII)
_SWITCHES = ("disable_ssl", "disable_tls")
_KNOWN = {*_SWITCHES, "from_email", "ssl_context", "timeout", "retry_limit"}


class Mail:
    """A channel over a connection of type smtp; see `remit.ports.Channel`.

    Args:
        connection_id: of the connection.
        lookup: finds it.
    """

    def __init__(self, connection_id: str, lookup: Callable[[str], Connection]) -> None:
        self.label = f"smtp:{connection_id}"
        self._id, self._lookup = connection_id, lookup

    def send(self, notice: Notice) -> None:
        """Send it, once.

        Raises:
            Refused: channel-insecure.
            Unavailable: the server does not take it.
            UsageError: the connection has another form.
        """
        from airflow.sdk.exceptions import AirflowException

        connection = _checked(self._lookup(self._id))
        if not _ADDRESS.fullmatch(notice.email):
            raise Undeliverable(self.label, "the person's address is none that can be written to.")
        failures = (smtplib.SMTPException, OSError, AirflowException, ValueError)
        notifier = _notifier(connection, notice)
        with translating(*failures, into=self._failed), _closing(notifier.hook):
            # Not called but asked to notify: a call would render what it is given as Jinja templates.
            notifier.notify({})

    def _failed(self, error: BaseException) -> RemitError:
        words = next((said for kind, said in _WORDS if isinstance(error, kind)), "no connection.")
        kind = Undeliverable if isinstance(error, _OF_THIS_ONE) else Unavailable
        return kind(self.label, words)


_WORDS: list[tuple[type[BaseException], str]] = [
    (ssl.SSLCertVerificationError, "its certificate does not verify."),
    (ssl.SSLError, "it does not speak TLS as the connection says."),
    (TimeoutError, "it does not answer in time."),
    (smtplib.SMTPAuthenticationError, "it does not accept the login."),
    (smtplib.SMTPRecipientsRefused, "it takes no mail for the person's address."),
    (smtplib.SMTPSenderRefused, "it takes no mail from the connection's from_email."),
    (smtplib.SMTPNotSupportedError, "it does not offer what the connection asks for."),
    (smtplib.SMTPException, "it does not take the message."),
    (UnicodeError, "an address is not ASCII, which the notifier cannot send."),
]

_OF_THIS_ONE = (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError)


@contextmanager
def _closing(hook: SmtpHook) -> Iterator[None]:
    """Close what the hook leaves open where TLS or the login failed."""
    try:
        yield
    finally:
        if hook._smtp_client is not None:
            hook._smtp_client.close()


def _notifier(connection: Connection, notice: Notice) -> SmtpNotifier:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    sender = connection.extra_dejson["from_email"]
    domain = sender.rpartition("@")[2]
    notifier = SmtpNotifier(
        to=[notice.email],
        from_email=sender,
        subject=_header(subject_of(notice)),
        # The notifier knows no plain text; this is read the same, and nothing in it is markup.
        html_content=f'<pre style="white-space: pre-wrap">{html.escape(text_of(notice))}</pre>',
        custom_headers={
            "Message-ID": f"<{id_of(notice)}@{domain}>",
            "List-Id": f"<remit-alerts.{domain}>",
            "Auto-Submitted": "auto-generated",
        },
        smtp_conn_id=connection.conn_id,
    )
    # The connection that was looked up is the one that is used.
    notifier.hook.get_connection = lambda conn_id: connection  # type: ignore[method-assign]  # noqa: ARG005
    return notifier


def _header(line: str) -> str:
    """The line in a form that a mail program reads back as this very line."""
    plain = line.isascii() and "=?" not in line
    return line if plain else Header(line, "utf-8", header_name="Subject").encode()


def _checked(connection: Connection) -> Connection:
    """A copy that says what is verified and asked once, whatever else the connection says."""
    from airflow.sdk import Connection as Made

    extra = _extra(connection)
    _require_private(connection, extra)
    kept = {name: bool(extra.get(name)) for name in _SWITCHES}
    made = {**kept, "from_email": extra["from_email"], "timeout": _SECONDS, "retry_limit": 0}
    return Made(
        conn_id=connection.conn_id,
        conn_type="smtp",
        host=connection.host,
        port=connection.port,
        login=connection.login,
        password=connection.password,
        extra=json.dumps(made),
    )


def _extra(connection: Connection) -> dict[str, Any]:
    """What the connection's extra says, of a connection whose form is right."""
    extra = {name: value for name, value in connection.extra_dejson.items() if value}
    sender = extra.get("from_email")
    right = (
        connection.conn_type == "smtp"
        and connection.host
        and isinstance(sender, str)
        and _ADDRESS.fullmatch(sender)
        and all(extra.get(name, False) in (True, False) for name in _SWITCHES)
        and not set(extra) - _KNOWN
        and bool(connection.login) == bool(connection.password)
    )
    if not right:
        raise UsageError(
            f"connection {connection.conn_id} is to be of type smtp, with a host; login and password "
            "together or not at all; from_email (an ASCII address) and disable_ssl or disable_tls (true or "
            "false) in its extra; and no other extra than ssl_context, timeout and retry_limit."
        )
    return extra


def _require_private(connection: Connection, extra: dict[str, Any]) -> None:
    where = f"smtp:{connection.conn_id}"
    no_ssl, no_tls = (bool(extra.get(name)) for name in _SWITCHES)
    if not no_ssl and not no_tls:
        raise UsageError(
            f"connection {connection.conn_id} asks for TLS from the start and for STARTTLS within it: set "
            "disable_tls for the first alone (port 465), or disable_ssl for the second alone (port 587)."
        )
    loopback = is_loopback(connection.host or "")
    if no_ssl and no_tls and not loopback:
        raise Refused(
            "channel-insecure",
            where,
            "mail that names persons would travel to another machine in clear.",
            "set one of disable_ssl and disable_tls to false; in clear is for this very machine alone.",
        )
    if extra.get("ssl_context") not in (None, "default"):
        raise Refused(
            "channel-insecure",
            where,
            "the server's certificate would not be verified.",
            "remove ssl_context; trust an authority of your own by SSL_CERT_FILE.",
        )
