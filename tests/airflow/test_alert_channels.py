"""From a migration that fails to mail and webhook: they come, and no value of a patient is in them."""

from __future__ import annotations

import html
import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException

from remit.provider import run_cli
from remit.testing import planted
from remit.testing.canaries import find_planted
from remit.testing.mail_server import MailServer
from remit.testing.webhook_receiver import WebhookReceiver
from remit.testing.world import World

pytestmark = pytest.mark.slow

ROWS = 60
HOSTILE = "Zoé <script>alert(1)</script> {{ 7*7 }} =?utf-8?q?Bcc=3A_x=40evil.example?= a,b;c"


@pytest.fixture
def channels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A mail server and a receiver over TLS, which the settings name."""
    ours, theirs = tmp_path / "mail-tls", tmp_path / "hook-tls"
    ours.mkdir()
    theirs.mkdir()
    with MailServer(ours, login=("remit", "a-password")) as mail, WebhookReceiver(theirs) as hook:
        monkeypatch.setenv("SSL_CERT_FILE", str(ours / "ca.pem"))
        smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": mail.port}
        smtp |= {"login": "remit", "password": "a-password"}
        smtp |= {"extra": {"from_email": "remit@calisto.example", "disable_ssl": True}}
        http = {"conn_type": "http", "host": f"{hook.base}/alerts", "password": hook.secret}
        http |= {"extra": {"ca": str(theirs / "ca.pem")}}
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS_MAIL", json.dumps(smtp))
        monkeypatch.setenv("AIRFLOW_CONN_ALERTS_HOOK", json.dumps(http))
        monkeypatch.setenv("REMIT_ALERTS", "smtp:alerts_mail webhook:alerts_hook")
        yield mail, hook


def failing(tmp_path: Path) -> Callable[[dict[str, Any]], None]:
    """An instruction of hostile names whose every rule finds the canaries unexpected."""
    rules = [
        {
            "id": f"null-{column}",
            "type": "expect_column_values_to_be_null",
            "kwargs": {"column": column},
        }
        for column in planted.COLUMNS
    ]
    plant = planted.instructing(tmp_path / "world" / "include", rules)

    def edit(fields: dict[str, Any]) -> None:
        plant(fields)
        fields["processor"]["dpo"]["name"] = HOSTILE
        fields["contacts"]["breach"]["name"] = HOSTILE

    return edit


def test_a_failed_validation_is_told_by_mail_and_webhook_without_a_value(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    channels: tuple[MailServer, WebhookReceiver],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = connected(failing(tmp_path))
    planted.write_sqlite(world.root / "lis.sqlite", ROWS)
    tasks["plan"].execute(context)
    tasks["extract"].execute(context)
    with pytest.raises(AirflowException, match="validation"):
        tasks["validate"].execute(context)

    with pytest.raises(SystemExit) as ended:  # what `airflow remit supervise` runs
        run_cli(Namespace(version=False, arguments=["supervise", "--json"]))

    assert ended.value.code == 0, capfd.readouterr()
    mail, hook = channels
    told = [json.loads(one.body)["data"] for one in hook.received]
    assert "validation-failed" in {one["kind"] for one in told}
    assert hook.refused == 0
    assert len(mail.mails) == len(told)
    assert HOSTILE in {one["person"]["name"] for one in told}
    folder = tmp_path / "received"
    folder.mkdir()
    for number, (mailed, one) in enumerate(zip(mail.mails, told, strict=True)):
        assert mailed.recipients == [one["person"]["email"]]
        assert mailed.message["To"] == one["person"]["email"]
        assert mailed.message["Bcc"] is None
        assert mailed.message["Subject"] == one["subject"]
        [part] = mailed.message.iter_parts()
        assert "<script>" not in part.get_content()
        assert html.unescape(part.get_content()).count(one["text"].strip()) == 1
        (folder / f"{number}.eml").write_bytes(mailed.raw)
        (folder / f"{number}.html").write_text(part.get_content())
        (folder / f"{number}.json").write_bytes(hook.received[number].body)
    assert find_planted([folder], planted.traces(ROWS)) == []
    assert find_planted([world.root / "lis.sqlite"], planted.traces(ROWS))


def test_supervision_in_a_task_tells_as_well(
    connected: Callable[..., World],
    tasks: dict[str, Any],
    context: Any,
    channels: tuple[MailServer, WebhookReceiver],
    dag_of: Callable[[str], Any],
) -> None:
    world = connected()
    tasks["plan"].execute(context)
    tasks["extract"].execute(context)
    world.landing_path.chmod(0o777)
    for step in ("validate", "seal"):
        tasks[step].execute(context)
    with pytest.raises(AirflowException):
        tasks["deliver"].execute(context)

    dag_of("remit_supervision").get_task("supervise").execute(context)

    mail, hook = channels
    assert [json.loads(one.body)["data"]["kind"] for one in hook.received] == ["refusal"]
    assert len(mail.mails) == 1
