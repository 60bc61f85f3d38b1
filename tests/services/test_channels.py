"""Alerts leave by mail and webhook, on real servers, to whom they are for and saying only what they say."""

from __future__ import annotations

import html
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Connection

from remit.channels import open_channels
from remit.channels.webhook import body_of
from remit.errors import RemitError, Unavailable, Undeliverable, UsageError
from remit.operators.connections import Airflows
from remit.ports import Channel, Notice
from remit.testing.mail_server import MailServer
from remit.testing.webhook_receiver import WebhookReceiver
from remit.wiring import Settings, no_connections

PASSWORD = "correct-horse-battery"
HOSTILE = (
    "Anne\r\nBcc: thief@evil.example\r\n\r\n<script>x()</script>{{ conn }}=?utf-8?q?=0d=0aBcc:x?="
)
NOTICE = Notice(
    alert="0123456789abcdef",
    kind="deletion-overdue",
    severity="critical",
    tier=1,
    name="Anne Martin",
    email="anne.martin@durand.example",
    subject="[remit critical] Copies are there that had to be deleted: durand-1",
    text="Run durand-1 is overdue.\n\nWay out: remit delete --due",
)


def hostile(**fields: Any) -> Notice:
    told = {name: getattr(NOTICE, name) for name in NOTICE.__dataclass_fields__}
    return Notice(**told | {"name": HOSTILE, "subject": HOSTILE, "text": HOSTILE} | fields)


def mail_connection(port: int, **fields: Any) -> Connection:
    extra = {"from_email": "remit@calisto.example", "disable_ssl": True, "disable_tls": False}
    extra |= fields.pop("extra", {})
    given = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, **fields}
    return Connection(conn_id="alerts", extra=json.dumps(extra), **given)


def hook_connection(receiver: WebhookReceiver, ca: Path | None = None, **fields: Any) -> Connection:
    extra = json.dumps({"ca": str(ca / "ca.pem")} if ca else {})
    given = {"conn_type": "http", "host": f"{receiver.base}/hooks/remit", "extra": extra}
    return Connection(conn_id="alerts", **given | {"password": receiver.secret} | fields)


def channel(kind: str, connection: Connection) -> Channel:
    settings = Settings.from_environment({"REMIT_ALERTS": f"{kind}:alerts"})
    return open_channels(settings, Airflows(lambda _: connection))[0]


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the servers' certificate, which this process trusts once it is there."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return tmp_path


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[WebhookReceiver]:
    with WebhookReceiver(tmp_path) as running:
        yield running


# --- settings -----------------------------------------------------------------------------------


def test_no_setting_is_no_channel_and_several_are_in_their_order() -> None:
    some = Settings.from_environment({"REMIT_ALERTS": "webhook:on_call  smtp:mail"})
    lookup = Airflows(lambda _: pytest.fail("nothing is looked up before something is sent"))

    assert open_channels(Settings.from_environment({}), no_connections) == []
    labels = [one.label for one in open_channels(some, lookup)]
    assert labels == ["webhook:on_call", "smtp:mail"]


@pytest.mark.parametrize(
    "text", ["mail", "smtp", "smtp:", "ftp:x", "smtp:a smtp:a", "smtp:a,smtp:b"]
)
def test_another_setting_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="REMIT_ALERTS"):
        Settings.from_environment({"REMIT_ALERTS": text})


def test_channels_need_an_airflow() -> None:
    settings = Settings.from_environment({"REMIT_ALERTS": "smtp:mail"})

    with pytest.raises(UsageError, match="airflow remit"):
        open_channels(settings, no_connections)


# --- mail ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_mail_arrives_over_verified_tls_for_one_person(trusted: Path, how: Any) -> None:
    login = ("remit", PASSWORD) if how == "starttls" else (None, None)
    with MailServer(trusted, how, login=login if login[0] else None) as server:
        extra = {"disable_ssl": how == "starttls", "disable_tls": how == "tls"}
        fields = {"extra": extra, "login": login[0], "password": login[1]}
        channel("smtp", mail_connection(server.port, **fields)).send(NOTICE)

    [mailed] = server.mails
    assert mailed.recipients == ["anne.martin@durand.example"]
    message = mailed.message
    assert message["To"] == "anne.martin@durand.example"
    assert message["From"] == "remit@calisto.example"
    assert (
        message["Subject"] == "[remit critical] Copies are there that had to be deleted: durand-1"
    )
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "<remit-alerts.calisto.example>"
    assert message["Message-ID"].endswith("@calisto.example>")
    assert NOTICE.text in text_of(mailed)


def text_of(mailed: Any) -> str:
    [part] = mailed.message.iter_parts()
    return html.unescape(part.get_content())


def test_hostile_names_make_no_header_no_template_and_no_markup() -> None:
    with MailServer() as server:
        extra = {"disable_tls": True}
        channel("smtp", mail_connection(server.port, extra=extra)).send(hostile())

    [mailed] = server.mails
    assert mailed.recipients == ["anne.martin@durand.example"]
    names = {"Content-Type", "MIME-Version", "Subject", "From", "To", "Date"}
    assert set(mailed.message.keys()) == names | {"Message-ID", "List-Id", "Auto-Submitted"}
    line = HOSTILE.replace("\r", "\ufffd").replace("\n", "\ufffd")
    assert mailed.message["Subject"] == line
    [part] = mailed.message.iter_parts()
    assert "<script>" not in part.get_content()
    assert "<script>x()</script>{{ conn }}" in text_of(mailed)


def test_a_long_subject_is_cut() -> None:
    with MailServer() as server:
        connection = mail_connection(server.port, extra={"disable_tls": True})
        channel("smtp", connection).send(hostile(subject="x" * 5000))

    subject = server.mails[0].message["Subject"]
    assert len(subject) == 200
    assert subject.endswith("x…")


def test_the_same_notice_has_the_same_id() -> None:
    with MailServer() as server:
        mail = channel("smtp", mail_connection(server.port, extra={"disable_tls": True}))
        later = replace(NOTICE, text=f"{NOTICE.text}You are told 9 seconds late.\n", late=9)
        for notice in (NOTICE, later, hostile()):
            mail.send(notice)

    first, again, other = (mailed.message["Message-ID"] for mailed in server.mails)
    assert first == again != other


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: x@y.example", "a@b.example,x@y.example", "Anne <a@b.example>", "é@b.fr"],
)
def test_what_is_no_plain_address_is_not_written_to(address: str) -> None:
    with MailServer() as server:
        mail = channel("smtp", mail_connection(server.port, extra={"disable_tls": True}))
        with pytest.raises(Undeliverable, match="address is none"):
            mail.send(hostile(email=address))

    assert server.mails == []


def test_what_the_server_says_is_not_passed_on(trusted: Path, tmp_path: Path) -> None:
    def words(server: MailServer, kind: type[Unavailable] = Unavailable, **fields: Any) -> str:
        with server, pytest.raises(Unavailable) as caught:
            channel("smtp", mail_connection(server.port, **fields)).send(NOTICE)
        assert type(caught.value) is kind  # whether another notice may be taken
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
        assert PASSWORD not in str(caught.value)
        return caught.value.message

    wrong = {"login": "remit", "password": PASSWORD + "x"}
    assert "login" in words(MailServer(trusted, login=("remit", PASSWORD)), **wrong)
    full = frozenset({NOTICE.email})
    assert "no mail for the person" in words(MailServer(trusted, full=full), Undeliverable)
    assert "does not offer" in words(MailServer())
    stopped = MailServer()
    with stopped:
        pass
    with pytest.raises(Unavailable, match="no connection"):
        channel("smtp", mail_connection(stopped.port)).send(NOTICE)


def test_a_certificate_that_nobody_vouches_for_stops_mail(tmp_path: Path) -> None:
    with MailServer(tmp_path) as server, pytest.raises(Unavailable, match="certificate"):
        channel("smtp", mail_connection(server.port, login="remit", password=PASSWORD)).send(NOTICE)

    assert server.mails == []


@pytest.mark.parametrize(
    "fields",
    [
        {"conn_type": "http"},
        {"host": ""},
        {"login": "remit"},
        {"extra": {"from_email": None}},
        {"extra": {"from_email": "remit@x.example\nBcc: y@z.example"}},
        {"extra": {"disable_ssl": "false"}},
        {"extra": {"disable_ssl": False}},
        {"extra": {"access_token": "x"}},
    ],
)
def test_a_connection_of_another_form_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="connection alerts"):
        channel("smtp", mail_connection(25, **fields)).send(NOTICE)


# --- webhook ------------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_says_the_notice(receiver: WebhookReceiver, tmp_path: Path) -> None:
    channel("webhook", hook_connection(receiver, tmp_path)).send(NOTICE)

    [one] = receiver.received
    assert one.path == "/hooks/remit"
    assert one.headers["content-type"] == "application/json"
    assert "authorization" not in one.headers
    said = json.loads(one.body)
    assert said["type"] == "remit.alert.v1"
    assert said["data"] == {
        "alert": "0123456789abcdef",
        "kind": "deletion-overdue",
        "severity": "critical",
        "tier": 1,
        "late": 0,
        "person": {"name": "Anne Martin", "email": "anne.martin@durand.example"},
        "subject": "[remit critical] Copies are there that had to be deleted: durand-1",
        "text": NOTICE.text,
    }


def test_hostile_names_stay_text_in_json(receiver: WebhookReceiver, tmp_path: Path) -> None:
    channel("webhook", hook_connection(receiver, tmp_path)).send(hostile())

    data = json.loads(receiver.received[0].body)["data"]
    assert "{{ conn }}" in data["text"]
    assert "\n" not in data["subject"] + data["person"]["name"]


def test_a_receiver_with_another_secret_takes_nothing(
    receiver: WebhookReceiver, tmp_path: Path
) -> None:
    connection = hook_connection(receiver, tmp_path, password=WebhookReceiver().secret)

    with pytest.raises(Unavailable, match="status 401"):
        channel("webhook", connection).send(NOTICE)
    assert (receiver.received, receiver.refused) == ([], 1)


def test_only_a_2xx_counts_and_no_redirect_is_followed(
    receiver: WebhookReceiver, tmp_path: Path
) -> None:
    with WebhookReceiver() as elsewhere:
        elsewhere.secret = receiver.secret
        for status in (302, 307, 308, 404, 500, 400, 413, 422):
            receiver.status, receiver.sent_on = status, f"{elsewhere.base}/taken"
            with pytest.raises(Unavailable, match=f"status {status}") as caught:
                channel("webhook", hook_connection(receiver, tmp_path)).send(NOTICE)
            assert isinstance(caught.value, Undeliverable) == (status in (400, 413, 422))

    assert elsewhere.received == []


def test_no_proxy_and_no_authority_of_the_environment_is_used(
    receiver: WebhookReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")

    channel("webhook", hook_connection(receiver, tmp_path)).send(NOTICE)

    assert len(receiver.received) == 1


def test_errors_and_logs_hold_no_path_and_no_secret(
    receiver: WebhookReceiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel("webhook", hook_connection(receiver, tmp_path)).send(NOTICE)
    with WebhookReceiver() as gone:
        pass
    for connection in (hook_connection(gone), hook_connection(receiver)):
        with pytest.raises(Unavailable) as caught:
            channel("webhook", connection).send(NOTICE)
        assert "hooks" not in str(caught.value)
        assert caught.value.__suppress_context__

    assert caught.value.message == "its certificate does not verify."
    assert "hooks/remit" not in caplog.text
    assert "whsec_" not in caplog.text


@pytest.mark.parametrize(
    "fields",
    [
        {"conn_type": "smtp"},
        {"host": ""},
        {"login": "remit"},
        {"password": "hunter2"},
        {"password": "whsec_c2hvcnQ="},
        {"password": "whsec_*"},
        {"extra": json.dumps({"verify": False})},
        {"extra": json.dumps({"ca": "relative.pem"})},
        {"host": "https://remit:hunter2@127.0.0.1/hooks"},
    ],
)
def test_a_receiver_of_another_form_is_refused(fields: dict[str, Any]) -> None:
    address: Any = SimpleNamespace(base="https://127.0.0.1:1", secret=WebhookReceiver().secret)

    with pytest.raises(RemitError) as caught:
        channel("webhook", hook_connection(address, **fields)).send(NOTICE)
    assert isinstance(caught.value, UsageError)
    assert "hunter2" not in str(caught.value)


def test_the_page_has_every_field_of_the_body() -> None:
    def names(value: dict[str, Any], prefix: str = "") -> Iterator[str]:
        for name, inner in value.items():
            if isinstance(inner, dict):
                yield from names(inner, f"{prefix}{name}.")
            else:
                yield f"{prefix}{name}"

    page = (Path(__file__).parents[2] / "docs" / "alert-channels.md").read_text("utf-8")
    table = page.partition("**The body**")[2]

    documented = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert set(documented) == set(names(json.loads(body_of(NOTICE))))
