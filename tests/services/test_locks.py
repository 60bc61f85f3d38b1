"""Locks through the ledger: held by one, free when the holder dies, noticed when they are lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from remit import signing
from remit.adapters.ledger import SqlLedger
from remit.adapters.locks import AdvisoryLocks
from remit.errors import Unavailable
from remit.evidence import EvidenceLog
from remit.testing.postgres import PostgresCluster

pytestmark = pytest.mark.slow

HOLD = """
import sys
from pathlib import Path
from remit.adapters.ledger import SqlLedger
with SqlLedger(sys.argv[1], Path(sys.argv[2])).lock("durand/part 1"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/evidence.sqlite"
    return postgres(request.getfixturevalue("cluster"), tmp_path)


def postgres(cluster: PostgresCluster, tmp_path: Path) -> str:
    return cluster.create_database(f"locks_{abs(hash(str(tmp_path))) % 10**12}")


def holder(url: str, tmp_path: Path) -> subprocess.Popen[str]:
    SqlLedger(url, tmp_path / "witness")
    started = subprocess.Popen(
        [sys.executable, "-c", HOLD, url, str(tmp_path / "elsewhere")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "held\n"
    return started


def taken_within(seconds: float, ledger: SqlLedger, name: str) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with ledger.lock(name):
                return True
        except Unavailable:
            time.sleep(0.05)
    return False


def test_one_holds_a_name_and_others_are_told_to_come_later(url: str, tmp_path: Path) -> None:
    first, second = (SqlLedger(url, tmp_path / "witness") for _ in range(2))
    for _ in range(3):  # free again at once, each time
        with first.lock("durand"):
            for other in (first, second):
                with pytest.raises(Unavailable, match="another process") as caught:
                    other.lock("durand").__enter__()
                assert caught.value.where == "durand"
            with second.lock("durand-2"), first.lock("../durand"):
                pass
        with second.lock("durand"):
            pass


def test_lock_is_free_after_an_error_which_is_told(url: str, tmp_path: Path) -> None:
    ledger = SqlLedger(url, tmp_path / "witness")
    with pytest.raises(ZeroDivisionError), ledger.lock("durand"):
        raise ZeroDivisionError
    with ledger.lock("durand"):
        pass


def test_lock_of_a_killed_process_is_free(url: str, tmp_path: Path) -> None:
    with holder(url, tmp_path) as other:
        ledger = SqlLedger(url, tmp_path / "witness")
        with pytest.raises(Unavailable, match="another process"):
            ledger.lock("durand/part 1").__enter__()

        other.send_signal(signal.SIGKILL)
        assert taken_within(20, ledger, "durand/part 1")


# --- lost locks -----------------------------------------------------------------------------------


@pytest.fixture
def log(cluster: PostgresCluster, tmp_path: Path) -> EvidenceLog:
    signing.new_key("signing", tmp_path / "key.pem")
    signer = signing.load_signer(str(tmp_path / "key.pem"))
    ledger = SqlLedger(postgres(cluster, tmp_path), tmp_path / "witness")
    return EvidenceLog(ledger, signer, lambda: datetime.now(UTC))


def cut_off(cluster: PostgresCluster) -> None:
    """End every session that holds a lock, as a restart of the server or a broken network does."""
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks "
            "WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        ).fetchall()
    assert ended == [(True,)]


def test_who_lost_a_lock_records_nothing(cluster: PostgresCluster, log: EvidenceLog) -> None:
    held = log.ledger.lock("durand")
    held.__enter__()
    log.append("durand", "noted", {}, "test", step=0)
    cut_off(cluster)

    with pytest.raises(Unavailable, match="lock on durand was lost") as caught:
        log.append("durand", "noted", {}, "test", step=1)
    assert caught.value.where == log.ledger.label
    assert len(log.records()) == 1
    with pytest.raises(Unavailable, match="lock on durand was lost"):
        held.__exit__(None, None, None)

    with log.ledger.lock("durand"):
        log.append("durand", "noted", {}, "test", step=1)
    assert len(log.records()) == 2


def test_loss_is_told_at_the_end_of_a_step_and_hides_no_other_error(
    cluster: PostgresCluster, log: EvidenceLog
) -> None:
    with pytest.raises(Unavailable, match="lost"), log.ledger.lock("durand"):
        cut_off(cluster)
    with pytest.raises(FileNotFoundError), log.ledger.lock("durand"):
        (cut_off(cluster), Path("nowhere").read_bytes())
    with log.ledger.lock("durand"):
        pass


def test_ledger_that_is_away_is_not_taken_for_somebody_at_work() -> None:
    locks = AdvisoryLocks(
        "postgresql+psycopg://someone:hidden-password@127.0.0.1:1/none", "127.0.0.1/none"
    )
    with pytest.raises(Unavailable, match="does not answer") as caught:
        locks.hold("durand").__enter__()
    assert caught.value.where == "127.0.0.1/none"
    assert "hidden" not in str(caught.value)
