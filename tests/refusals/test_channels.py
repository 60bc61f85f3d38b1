"""Alerts name persons: they leave in clear for this very machine alone."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import Connection

from remit.channels import open_channels
from remit.operators.connections import Airflows
from remit.ports import Notice
from remit.wiring import Settings

SECRET = f"whsec_{base64.b64encode(bytes(32)).decode()}"
NOTICE = Notice("0" * 16, "refusal", "warning", 0, "Anne Martin", "anne@durand.example", "s", "t")


def send(kind: str, **fields: Any) -> None:
    extra = json.dumps(fields.pop("extra"))
    connection = Connection(conn_id="alerts", extra=extra, **fields)
    settings = Settings.from_environment({"REMIT_ALERTS": f"{kind}:alerts"})
    (channel,) = open_channels(settings, Airflows(lambda _: connection))
    channel.send(NOTICE)


@pytest.mark.vector("channel-insecure")
@pytest.mark.parametrize("host", ["mail.example", "192.0.2.7", "localhost.evil.example"])
def test_mail_in_clear_to_another_machine(host: str, refuses: Callable[..., Any]) -> None:
    extra = {"from_email": "remit@calisto.example", "disable_ssl": True, "disable_tls": True}

    with refuses(at="smtp:alerts", saying="in clear"):
        send("smtp", conn_type="smtp", host=host, extra=extra)


@pytest.mark.vector("channel-insecure")
def test_mail_to_a_server_that_nobody_verifies(refuses: Callable[..., Any]) -> None:
    extra = {"from_email": "remit@calisto.example", "disable_ssl": True, "ssl_context": "none"}

    with refuses(at="smtp:alerts", saying="certificate would not be verified"):
        send("smtp", conn_type="smtp", host="127.0.0.1", extra=extra)


@pytest.mark.vector("channel-insecure")
@pytest.mark.parametrize(
    "place",
    [
        {"host": "http://alerts.example/hook"},
        {"host": "alerts.example", "schema": "http"},
    ],
)
def test_a_webhook_in_clear_to_another_machine(
    place: dict[str, str], refuses: Callable[..., Any]
) -> None:
    with refuses(at="webhook:alerts", saying="in clear"):
        send("webhook", conn_type="http", password=SECRET, extra={}, **place)
