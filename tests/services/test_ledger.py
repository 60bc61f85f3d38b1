"""The evidence ledger on its two databases: atomic, one append at a time, tampering noticed."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import rfc8785

from remit import signing
from remit.adapters.ledger import SqlLedger
from remit.errors import EvidenceBroken, Refused, Unavailable
from remit.evidence import EvidenceLog, verify_log
from remit.testing.postgres import PostgresCluster

WRITERS, EACH = 4, 25


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/evidence.sqlite"
    cluster = request.getfixturevalue("cluster")
    return cluster.create_database(f"ledger_{abs(hash(str(tmp_path))) % 10**12}")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    signing.new_key("signing", tmp_path / "key.pem")
    return tmp_path / "key.pem"


def open_log(url: str, key: Path) -> tuple[SqlLedger, EvidenceLog]:
    ledger = SqlLedger(url, key.parent / "witness")
    return ledger, EvidenceLog(ledger, signing.load_signer(str(key)), lambda: datetime.now(UTC))


def public(key: Path) -> list[signing.PublicKey]:
    return [signing.load_public(key.with_name("key.pem.pub"))]


def write_many(url: str, key: Path, writer: int) -> None:
    _, log = open_log(url, key)
    for step in range(EACH):
        log.append(f"run-{writer}", "noted", {"writer": writer}, "test", step=step)


def test_writers_in_several_processes_make_one_log(url: str, key: Path) -> None:
    open_log(url, key)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_many, args=(url, key, w)) for w in range(WRITERS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)

    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    ledger, log = open_log(url, key)
    assert verify_log(ledger, public(key)).size == WRITERS * EACH
    assert {r.run for r in log.records()} == {f"run-{w}" for w in range(WRITERS)}


def test_a_step_is_recorded_once(url: str, key: Path) -> None:
    _, log = open_log(url, key)
    log.append("run", "noted", {}, "test", step=0)

    with pytest.raises(Refused, match="run-moved"):
        log.append("run", "noted", {}, "test", step=0)

    assert len(log.records()) == 1


def test_a_failed_append_leaves_nothing(url: str, key: Path) -> None:
    ledger, log = open_log(url, key)
    log.append("run", "noted", {}, "test", step=0)

    with pytest.raises(rfc8785.CanonicalizationError):
        log.append("run", "noted", {"when": object()}, "test", step=1)

    assert verify_log(ledger, public(key)).size == 1
    log.append("run", "noted", {}, "test", step=1)
    assert verify_log(ledger, public(key)).size == 2


def test_a_record_changed_in_postgresql_is_named(cluster: PostgresCluster, key: Path) -> None:
    url = cluster.create_database("changed")
    ledger, log = open_log(url, key)
    for step in range(5):
        log.append("run", "noted", {"count": 7}, "test", step=step)

    with psycopg.connect(url) as connection:
        connection.execute("UPDATE remit_record SET body = replace(body, '7', '8') WHERE seq = 2")

    with pytest.raises(EvidenceBroken, match="record 2"):
        verify_log(ledger, public(key))


def test_a_server_that_is_away_is_worth_a_retry(key: Path) -> None:
    with pytest.raises(Unavailable, match="does not answer") as caught:
        open_log("postgresql://someone:hidden-password@127.0.0.1:1/none", key)

    assert "hidden-password" not in str(caught.value)
