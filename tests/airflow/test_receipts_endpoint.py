"""The endpoint for receipts, on an API server of Airflow's own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.flow.alerting import supervised

from remit import signing
from remit.alerts.model import ALERTS
from remit.alerts.supervise import supervise
from remit.cli import main
from remit.confirm import PAYLOAD_TYPE
from remit.endpoint import receipts
from remit.ports import Rule, Verdict
from remit.testing.answers import Answers
from remit.testing.world import World
from remit.wiring import open_ledger

pytestmark = pytest.mark.slow


class Agreeable:
    engine = "a test's judge, of nothing"

    def check(self, rules: list[Rule]) -> None:
        """Every rule will do."""

    def judge(self, extract: Any, rules: list[Rule], others: Any = None) -> list[Verdict]:
        return [Verdict(rule.id, rule.type, (), success=True) for rule in rules]


@dataclass
class Served:
    world: World
    address: str
    log: Path

    def post(self, run: str, body: bytes | Iterator[bytes], method: str = "POST") -> httpx.Response:
        return httpx.request(
            method, f"{self.address}/remit/receipts/{run}", content=body, timeout=60
        )

    def delivered(self, name: str, **rules: Any) -> Answers:
        def own(fields: dict[str, Any]) -> None:
            fields["id"] = name
            if rules:
                supervised(fields, **rules)

        run = self.world.open_run(name, own)
        self.world.deliver(run, Agreeable())
        return Answers(self.world, run)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, laboratory_file: Path, database: Path
) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("endpoint")
    (root / "lis.sqlite").write_bytes(laboratory_file.read_bytes())
    world = World(root)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    settings = {
        "AIRFLOW__API_AUTH__JWT_SECRET": "0" * 64,
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
    }
    log = root / "api-server.log"
    command = ["api-server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", *command],
            env=os.environ | world.environment | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            until = time.monotonic() + 200
            while not _answers(f"{address}/api/v2/version"):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.3)
            yield Served(world, address, log)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def waiting(served: Served) -> Answers:
    """A run that waits for its receipt."""
    return served.delivered("waiting")


def inbox_of(served: Served, run: str) -> list[bytes]:
    return served.world.deployment().inbox.of(run)


def attempts_in(world: World) -> list[dict[str, Any]]:
    records = world.deployment().log.records(ALERTS)
    return [record.data for record in records if record.kind == "attempted"]


def test_unknown_run_and_bad_signature_get_the_same_answer(
    served: Served, waiting: Answers
) -> None:
    run, fields = waiting.run.id, waiting.true()
    true = waiting.signed(fields)
    controller = signing.load_signer(str(served.world.root / "controller" / "controller.pem"))
    strangers = signing.sign(b"{}", PAYLOAD_TYPE, controller)
    unsigned = json.dumps(json.loads(true) | {"signatures": []}, separators=(",", ":")).encode()
    answers = [
        served.post("no-such-run", true),
        served.post("..%2f" + run, true),
        served.post(run, b""),
        served.post(run, b"Mme Dupont"),
        served.post(run, strangers),
        served.post(run, unsigned),
        served.post(run, true[:-20] + b"A" + true[-19:]),
        served.post(run, waiting.signed(fields, run="another-run")),
    ]

    assert {answer.status_code for answer in answers} <= {401, 404}
    assert [answer.status_code for answer in answers].count(404) <= 1  # the path of two parts
    assert len({answer.text for answer in answers if answer.status_code == 401}) == 1
    assert inbox_of(served, run) == []
    assert not waiting.run.story.has("confirmed")
    [attempt] = attempts_in(served.world)  # one of each sender in an hour
    assert (attempt["address"], attempt["what"]) == ("127.0.0.1", "send a receipt")
    assert "Dupont" not in json.dumps(attempt)


def test_what_is_no_receipt_never_reaches_the_ledger_and_receipts_share_one(
    served: Served, waiting: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def opening(settings: Any) -> Any:
        opened.append(settings)
        return open_ledger(settings)

    monkeypatch.setattr(receipts, "open_ledger", opening)
    for name, value in served.world.environment.items():
        monkeypatch.setenv(name, value)
    receipts._ledger.cache_clear()
    run = waiting.run.id
    controller = signing.load_signer(str(served.world.root / "controller" / "controller.pem"))

    for body in (b"", b"Mme Dupont", signing.sign(b"{}", "application/another", controller)):
        assert receipts._keep(run, body, None).status_code == 401
    assert opened == []
    for _ in range(3):
        strangers = signing.sign(b"{}", PAYLOAD_TYPE, controller)
        assert receipts._keep(run, strangers, None).status_code == 401
    assert len(opened) == 1
    receipts._ledger.cache_clear()


def test_it_takes_no_more_than_a_receipt_can_have(served: Served, waiting: Answers) -> None:
    given = []

    def endless() -> Iterator[bytes]:  # sent in chunks, so that no length is announced
        for _ in range(64):
            given.append(1)
            yield b"x" * (1 << 18)

    try:
        assert served.post(waiting.run.id, endless()).status_code == 413
    except (httpx.WriteError, httpx.RemoteProtocolError):  # it hung up amid the sending
        assert len(given) < 64
    assert served.post(waiting.run.id, b"x" * ((1 << 20) + 1)).status_code == 413
    assert served.post(waiting.run.id, b"x" * (1 << 20)).status_code == 401


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_no_other_method(served: Served, waiting: Answers, method: str) -> None:
    assert served.post(waiting.run.id, b"", method).status_code == 405


@pytest.mark.parametrize("path", ["", "/", "/docs/x", "/openapi.json/x", "/a/b"])
def test_no_other_route(served: Served, path: str) -> None:
    answer = httpx.post(f"{served.address}/remit/receipts{path}", content=b"", timeout=60)
    assert answer.status_code in (307, 401, 404, 405)
    assert "swagger" not in answer.text.lower()


def test_receipt_that_is_posted_wakes_and_confirms(
    served: Served, waiting: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    from remit.operators.receipt_trigger import ReceiptTrigger

    for name, value in served.world.environment.items():
        monkeypatch.setenv(name, value)
    run, terms = waiting.run, waiting.run.instruction().terms
    envelope = waiting.signed(waiting.true())
    fields = {
        "landing": str(served.world.landing_path),
        "remit_run": run.id,
        "poke_interval": 0.1,
        "deadline": "2100-01-01T00:00:00+00:00",
        "rule": terms.confirmation.model_dump(mode="json", by_alias=True),
        "ways": ["receipt"],
        "tables": ["results"],
    }

    async def posted_meanwhile() -> Any:
        wait = asyncio.create_task(anext(ReceiptTrigger(**fields).run()))
        await asyncio.sleep(0.5)
        assert not wait.done()
        for _ in range(2):  # the same receipt may be sent again
            answer = await asyncio.to_thread(served.post, run.id, envelope)
            assert answer.status_code == 200, answer.text
        return await asyncio.wait_for(wait, 10)

    assert asyncio.run(posted_meanwhile()).payload == {"run": run.id}
    assert not run.story.has("confirmed")  # the endpoint grants nothing
    assert len(inbox_of(served, run.id)) == 1
    assert run.confirm(served.world.landing()) is True
    assert inbox_of(served, run.id) == []
    assert run.story.last("confirmed")["receipt"].encode() == envelope


def test_the_target_posts_what_it_received(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = served.delivered("posted")
    keys = served.world.root / "target"
    url = f"{served.address}/remit/receipts"
    for name, value in served.world.environment.items():
        monkeypatch.setenv(name, value)
    arguments = ["receive", answers.place.parent, "--key", keys / "recipient.pem"]
    code = main([*map(str, [*arguments, "--sign", keys / "receipts.pem", "--post", url, "--json"])])

    assert (code, json.loads(capsys.readouterr().out)["posted"]) == (0, True)
    assert inbox_of(served, answers.run.id) == [answers.place.read_bytes()]


def test_a_receipt_from_elsewhere_is_taken_and_raises_an_alert(served: Served) -> None:
    deployment = served.world.deployment()
    supervise(deployment, [], "test")
    places = {"here": ["127.0.0.0/8"], "elsewhere": ["10.1.0.0/16"]}
    for name, networks in places.items():
        answers = served.delivered(name, addresses=networks)
        assert served.post(answers.run.id, answers.signed(answers.true())).status_code == 200

    raised = supervise(deployment, [], "test").raised
    [alert] = [one for one in raised if one.kind == "unexpected-address"]

    assert (alert.run, alert.about) == ("elsewhere", "address 127.0.0.1")
    assert alert.message == "A request to send a receipt by its target came from 127.0.0.1."
    assert len(inbox_of(served, "elsewhere")) == 1


def test_so_many_receipts_of_a_run_and_no_more(served: Served) -> None:
    answers = served.delivered("flooded")
    fields = answers.true()
    statuses = [
        served.post(answers.run.id, answers.signed(fields, seconds=n)).status_code
        for n in range(34)
    ]
    assert statuses == [200] * 32 + [429] * 2


def test_nothing_that_was_sent_is_logged(served: Served) -> None:
    log = served.log.read_text()
    assert "/remit/receipts/" in log
    assert "Dupont" not in log
    assert "Traceback" not in log
