"""An alert left alone escalates on time, though each supervisor in turn is killed and started again.

Two real processes look every second, as the DAG and the service do every five minutes; the chain's
times are seconds. Notices arrive at a real receiver over HTTP.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.flow.alerting import CAMILLE, CONTROLLER, DPO, OWNER, only, supervised

from remit.alerts import heartbeat
from remit.cli import main
from remit.errors import Refused
from remit.evidence import parse_timestamp
from remit.people import Identity
from remit.testing.world import World

CHAIN = {OWNER: 0, DPO: 3, CONTROLLER: 12}
LATEST = 5
"""A pass each second, on a machine that does other things as well."""

SUPERVISOR = Path(__file__).with_name("supervisor.py")


class Receiver:
    """Takes what is posted; each notice with the second in which it came."""

    def __init__(self) -> None:
        self.came: list[tuple[float, dict[str, Any]]] = []
        self.up = True
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.up:
                    receiver.came.append((time.time(), json.loads(body)))
                self.send_response(200 if receiver.up else 503)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing on the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def people(self) -> list[str]:
        return [notice["email"] for _, notice in self.came]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start(world: World, receiver: Receiver) -> Iterator[Start]:
    """Starts a supervisor under a name of its own."""
    started: list[subprocess.Popen[bytes]] = []

    def go(name: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **world.environment, "RECEIVER": receiver.url, "NAME": name}
        command = [sys.executable, str(SUPERVISOR), "1"]
        started.append(subprocess.Popen(command, env=environment))
        return started[-1]

    yield go
    for process in started:
        process.kill()
        process.wait(10)


def now() -> datetime:
    return datetime.now(UTC)


def refused_now(world: World) -> None:
    def seconds(fields: dict[str, Any]) -> None:
        supervised(fields)
        for person in fields["supervision"]["escalation"]:
            person["after"] = f"PT{CHAIN[person['email']]}S"

    world.clock.moment = now()
    with pytest.raises(Refused):
        world.open_run(edit=seconds).seal()


def looks(world: World, name: str, since: float = 0) -> bool:
    """Whether a supervisor of that name has looked since then."""
    passes = heartbeat.last_passes(world.deployment().notes)
    return any(one.name == f"os:{name}" and one.at.timestamp() >= since for one in passes)


def told(world: World) -> list[bool]:
    records = world.deployment().log.records("register:alerts")
    return [one.data["told"] for one in records if one.kind == "escalated"]


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(10)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.time() + seconds
    while not condition():
        assert time.time() < end
        time.sleep(0.05)


def test_each_supervisor_killed_in_turn_and_started_again(
    world: World, receiver: Receiver, start: Start
) -> None:
    first, second = start("one"), start("two")
    wait_for(lambda: looks(world, "one") and looks(world, "two"))
    refused_now(world)
    wait_for(lambda: OWNER in receiver.people())
    end(first)
    wait_for(lambda: DPO in receiver.people())  # by the other one
    began = time.time()
    start("one")
    wait_for(lambda: looks(world, "one", since=began))
    end(second)
    wait_for(lambda: CONTROLLER in receiver.people())  # by the one that was started again

    world.clock.moment = now()
    alert = only(world, "refusal")
    # Who is killed after it has sent and before that is recorded is followed by one who sends again.
    assert list(dict.fromkeys(receiver.people())) == [OWNER, DPO, CONTROLLER]
    for came, notice in receiver.came:
        late = came - alert.raised_at.timestamp() - CHAIN[notice["email"]]
        assert -1 <= late <= LATEST, notice


def test_receiver_that_is_down_is_told_when_it_is_up_again_though_the_process_was_killed(
    world: World, receiver: Receiver, start: Start
) -> None:
    receiver.up = False
    refused_now(world)
    first = start("one")
    wait_for(lambda: told(world)[:1] == [False])
    end(first)
    receiver.up = True
    start("one")
    wait_for(lambda: True in told(world))

    assert OWNER in receiver.people()
    assert told(world)[:2] == [False, True]


def test_command_looks_until_it_is_asked_to_end(world: World, tmp_path: Path) -> None:
    refused_now(world)
    environment = {**os.environ, **world.environment}
    code = "import sys; from remit.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "supervise", "--every", "PT1S", "--json"]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said)
        try:
            log = world.deployment().log
            wait_for(lambda: any(r.kind == "alerted" for r in log.records("register:alerts")))
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()
            process.wait(10)
    assert '"kind": "refusal"' in (tmp_path / "said").read_text()


def test_commands_list_acknowledge_and_close(
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    refused_now(world)
    assert main(["alerts", "list"]) == 0
    assert "SUPERVISION HAS NEVER LOOKED" in capsys.readouterr().out
    assert main(["supervise"]) == 4  # nobody could be told
    assert "NOT TOLD" in capsys.readouterr().out
    alert = only(world, "refusal").id
    said = ["--reason", "The vendor is asked for the column", "--json"]
    by_name = ["--by", "Camille Moreau", *said]
    assert main(["alerts", "acknowledge", alert, *by_name]) == 3  # she has an account
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "person-not-proven"
    (tmp_path / "token").write_text("a token")
    (tmp_path / "token").chmod(0o600)
    by_login = ["--login", str(tmp_path / "token"), *said]

    def prove(token: str) -> Identity:
        assert token == "a token"
        return CAMILLE

    assert main(["alerts", "acknowledge", alert, *by_login], prove=prove) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "acknowledged"
    assert main(["alerts", "close", alert, *by_login], prove=prove) == 0
    capsys.readouterr()
    assert main(["alerts", "list", "--open", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)

    assert listed["alerts"] == []
    assert [one["silent"] for one in listed["supervision"]] == [False]
    record = only(world, "refusal").closed
    assert record is not None
    assert parse_timestamp(only(world, "refusal").as_json()["closed"]["at"]) == record.at
