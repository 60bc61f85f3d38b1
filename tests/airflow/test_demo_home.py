"""What the demo is built on: a folder that is safe to remake, and processes that all end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from remit.errors import Unavailable, UsageError
from remit.testing.demo_home import DemoHome, postgres_connection, sqlite_connection
from remit.testing.standalone import _alone


def test_it_never_removes_what_it_did_not_make(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="not removed"):
        DemoHome(tmp_path).make()
    assert (tmp_path / "thesis.txt").exists()


def test_it_is_made_anew(tmp_path: Path) -> None:
    home = DemoHome(tmp_path / "demo")
    home.make()
    first = home.environment["AIRFLOW__CORE__FERNET_KEY"]
    (home.landing / "left").touch()
    assert DemoHome(home.root).environment["AIRFLOW__CORE__FERNET_KEY"] == first
    home.make()
    assert list(home.landing.iterdir()) == []
    assert home.environment["AIRFLOW__CORE__FERNET_KEY"] != first


def test_nothing_of_another_airflow_gets_into_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PRODUCTION", "postgres://production")
    monkeypatch.setenv("REMIT_LEDGER", "postgresql://production")
    home = DemoHome(tmp_path / "demo")
    home.make()
    assert "production" not in json.dumps(home.environment)


def test_every_party_makes_its_own_keys(tmp_path: Path) -> None:
    home = DemoHome(tmp_path / "demo")
    home.make()
    home.instruct()
    private = {path.name: path.parent for path in home.root.rglob("*.pem")}
    assert private == {
        "processor.pem": home.remit / "keys",
        "controller.pem": home.root / "controller",
        "recipient.pem": home.target,
        "receipts.pem": home.target,
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in home.root.rglob("*.pem"))


def test_a_session_ends_with_the_children_that_were_left_behind(tmp_path: Path) -> None:
    home = DemoHome(tmp_path / "demo")
    home.make()
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {stubborn!r}])
print(child.pid, flush=True)
"""
    with home.running("-c", code, log="children.log") as process:
        process.wait(30)
        child = int((home.logs / "children.log").read_text())
        os.kill(child, 0)
    time.sleep(0.1)
    state = Path(f"/proc/{child}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


def test_what_fails_is_named_with_its_log(tmp_path: Path) -> None:
    home = DemoHome(tmp_path / "demo")
    home.make()
    with pytest.raises(Unavailable, match="ended with 3; see"):
        home.python("-c", "raise SystemExit(3)")


def test_one_airflow_at_a_time_runs_from_a_folder(tmp_path: Path) -> None:
    with _alone(tmp_path), pytest.raises(Unavailable, match="already"), _alone(tmp_path):
        pass
    with _alone(tmp_path):
        pass


def test_connections_are_made_of_their_fields() -> None:
    assert sqlite_connection(Path("/data/lis.db")) == {
        "conn_type": "sqlite",
        "host": "/data/lis.db",
    }
    assert postgres_connection("postgresql://u%40x:p%2F@127.0.0.1:6000/lis") == {
        "conn_type": "postgres",
        "host": "127.0.0.1",
        "port": 6000,
        "schema": "lis",
        "login": "u@x",
        "password": "p/",
    }
