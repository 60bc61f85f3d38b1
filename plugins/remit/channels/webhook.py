"""Alerts as signed JSON to a URL, through Airflow's HttpNotifier.

Guarantee: one request over TLS with the server's certificate verified, or to this very machine; no
redirect is followed, no proxy of the environment used, and only 2xx counts. The form and the signature
are those of Standard Webhooks, so that a receiver checks them with any library that knows these.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from remit import canonical
from remit.adapters.https import is_private
from remit.channels.wording import id_of, subject_of, text_of
from remit.errors import (
    Refused,
    RemitError,
    Unavailable,
    Undeliverable,
    UsageError,
    one_line,
    translating,
)
from remit.wiring import clock

if TYPE_CHECKING:
    from airflow.providers.http.hooks.http import HttpHook
    from airflow.providers.http.notifications.http import HttpNotifier
    from airflow.sdk import Connection

    from remit.ports import Notice

TYPE = "remit.alert.v1"
_PREFIX = "whsec_"
_SECRET_BYTES = range(24, 65)
_SECONDS = 15  # to connect, and to wait for an answer: a minute is what a channel has

_OF_THIS_ONE = (400, 413, 422)  # what was sent does not suit the receiver; the next may


class Webhook:
    """A channel over a connection of type http; see `remit.ports.Channel`.

    Args:
        connection_id: of the connection.
        lookup: finds it.
    """

    def __init__(self, connection_id: str, lookup: Callable[[str], Connection]) -> None:
        self.label = f"webhook:{connection_id}"
        self._id, self._lookup = connection_id, lookup

    def send(self, notice: Notice) -> None:
        """Send it, once.

        Raises:
            Refused: channel-insecure.
            Unavailable: the receiver does not take it.
            UsageError: the connection has another form.
        """
        import requests

        logger = logging.getLogger("urllib3")  # its DEBUG shows the path, which may be a secret
        logger.setLevel(max(logger.level, logging.INFO))
        notifier = _notifier(self.label, notice, _read(self._lookup(self._id)))
        failures = (requests.RequestException, OSError, ValueError)
        with translating(*failures, into=self._failed):
            # Not called but asked to notify: a call would render what it is given as Jinja templates.
            notifier.notify({})

    def _failed(self, error: BaseException) -> RemitError:
        import requests

        if isinstance(error, requests.Timeout):
            return Unavailable(self.label, "it does not answer in time.")
        if isinstance(error, requests.exceptions.SSLError | ssl.SSLError):
            return Unavailable(self.label, "its certificate does not verify.")
        return Unavailable(self.label, "no connection.")


def body_of(notice: Notice) -> bytes:
    """The notice as JSON; docs/alert-channels.md has its form."""
    data = {
        "alert": notice.alert,
        "kind": notice.kind,
        "severity": notice.severity,
        "tier": notice.tier,
        "late": notice.late,
        "person": {"name": notice.name, "email": notice.email},
        "subject": subject_of(notice),
    }
    plain = _lines({"type": TYPE, "timestamp": f"{clock():%Y-%m-%dT%H:%M:%SZ}", "data": data})
    plain["data"]["text"] = text_of(notice)
    return canonical.dumps(plain)


def signature(secret: bytes, notice_id: str, moment: str, body: bytes) -> str:
    """Standard Webhooks' symmetric signature: HMAC-SHA-256 over id, seconds since 1970, and body."""
    signed = f"{notice_id}.{moment}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()}"


def _lines(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _lines(one) for name, one in value.items()}
    return one_line(value) if isinstance(value, str) else value


class _Receiver(NamedTuple):
    """The URL, the secret, and the authority that is trusted: a file, or True for the usual ones."""

    url: str
    secret: bytes
    authority: str | bool


def _read(connection: Connection) -> _Receiver:
    extra = dict(connection.extra_dejson)
    authority, secret = extra.pop("ca", None), _secret(connection.password or "")
    place = (connection.host or "").rpartition("://")[2]
    absolute = authority is None or (isinstance(authority, str) and authority.startswith("/"))
    right = connection.conn_type == "http" and place and not connection.login and not extra
    if not right or not absolute or secret is None:
        raise UsageError(
            f"connection {connection.conn_id} is to be of type http, with a host; as its password whsec_ "
            "and 24 to 64 random bytes in base64, which the receiver knows too; no login; and no other extra "
            "than ca, the absolute path of the authority that is trusted."
        )
    return _Receiver(_url(connection), secret, authority or True)


def _url(connection: Connection) -> str:
    scheme, _, place = (connection.host or "").rpartition("://")
    host, slash, path = place.partition("/")
    port = f":{connection.port}" if connection.port else ""
    url = f"{scheme or connection.schema or 'https'}://{host}{port}{slash}{path}"
    if not is_private(url):
        raise Refused(
            "channel-insecure",
            f"webhook:{connection.conn_id}",
            "alerts that name persons would travel to another machine in clear.",
            "give the receiver's https:// address; http:// is for this very machine alone.",
        )
    return url


def _secret(text: str) -> bytes | None:
    try:
        secret = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return secret if text.startswith(_PREFIX) and len(secret) in _SECRET_BYTES else None


def _notifier(label: str, notice: Notice, to: _Receiver) -> HttpNotifier:
    from airflow.providers.http.notifications.http import HttpNotifier
    from airflow.sdk import Connection as Made

    body, moment = body_of(notice), str(int(clock().timestamp()))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": id_of(notice),
        "webhook-timestamp": moment,
        "webhook-signature": signature(to.secret, id_of(notice), moment, body),
    }
    parts = urlsplit(to.url)
    notifier = HttpNotifier(
        http_conn_id=label, endpoint=parts.path, data=body.decode(), headers=headers
    )
    hook = _one_request(label, to.authority)(method="POST", http_conn_id=label)
    # The connection that was looked up is the one that is used, without its password.
    made = Made(conn_id=label, conn_type="http", host=f"{parts.scheme}://{parts.netloc}")
    hook.get_connection = lambda conn_id: made  # type: ignore[method-assign]  # noqa: ARG005
    notifier.hook = hook
    return notifier


def _one_request(label: str, authority: str | bool) -> type[HttpHook]:
    """A hook that asks once, follows nothing and logs nothing: its own words would hold the URL."""
    from airflow.providers.http.hooks.http import HttpHook

    class OneRequest(HttpHook):
        def run_and_check(self, session: Any, prepped_request: Any, extra_options: Any) -> Any:  # noqa: ARG002
            """Send it; the answer's body is not read."""
            with session.send(
                prepped_request,
                stream=True,
                verify=authority,
                timeout=_SECONDS,
                allow_redirects=False,
                proxies={},
            ) as answer:
                if not 200 <= answer.status_code < 300:
                    kind = Undeliverable if answer.status_code in _OF_THIS_ONE else Unavailable
                    raise kind(label, f"it answers with the status {answer.status_code}.")
                return answer

        def get_conn(self, headers: Any = None, extra_options: Any = None) -> Any:  # noqa: ARG002
            """Without what the environment says of proxies, authorities and passwords."""
            return super().get_conn(headers, {"trust_env": False})

    return OneRequest
