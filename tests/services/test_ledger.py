"""The evidence ledger on its two databases: atomic, one append at a time, tampering noticed."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import rfc8785

from remit import signing
from remit.adapters.ledger import SqlLedger
from remit.adapters.witness import Witness
from remit.errors import EvidenceBroken, Refused, Unavailable
from remit.evidence import EvidenceLog
from remit.testing.postgres import PostgresCluster
from remit.verification import verify_log

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


def write_on_one_run(url: str, key: Path, writer: int) -> None:
    # A home of its own for each, as on machines of their own.
    home = key.parent / f"machine-{writer}"
    home.mkdir()
    log = EvidenceLog(
        SqlLedger(url, home / "witness"),
        signing.load_signer(str(key)),
        lambda: datetime.now(UTC),
    )
    for number in range(EACH):
        log.append("run", "noted", {"writer": writer, "number": number}, "test", step=None)


def test_tasks_of_one_run_lose_no_record_whoever_is_faster(url: str, key: Path) -> None:
    open_log(url, key)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_on_one_run, args=(url, key, w)) for w in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)

    assert [writer.exitcode for writer in writers] == [0, 0]
    ledger, log = open_log(url, key)
    assert verify_log(ledger, public(key)).size == 2 * EACH
    records = log.records("run")
    assert [record.step for record in records] == list(range(2 * EACH))
    for writer in range(2):
        own = [r.data["number"] for r in records if r.data["writer"] == writer]
        assert own == list(range(EACH))
        witness = key.parent / f"machine-{writer}" / "witness"
        assert verify_log(ledger, public(key), [witness.read_bytes()]).size == 2 * EACH


def test_machine_that_appended_long_ago_goes_on(url: str, key: Path) -> None:
    _, here = open_log(url, key)
    here.append("run", "noted", {}, "test", step=0)
    signer = signing.load_signer(str(key))
    there = EvidenceLog(SqlLedger(url, key.parent / "other"), signer, lambda: datetime.now(UTC))
    for step in range(1, 6):
        there.append("run", "noted", {}, "test", step=step)

    here.append("run", "noted", {}, "test", step=6)

    assert verify_log(here.ledger, public(key)).size == 7


def test_witness_is_not_put_back_by_who_was_slower(url: str, key: Path) -> None:
    ledger, log = open_log(url, key)
    log.append("run", "noted", {}, "test", step=0)
    first = ledger.witnessed()
    log.append("run", "noted", {}, "test", step=1)
    second = ledger.witnessed()
    assert first is not None

    Witness(key.parent / "witness").keep(first)

    assert ledger.witnessed() == second == ledger.checkpoint()


def test_server_with_another_isolation_by_default_keeps_appends_apart(
    cluster: PostgresCluster, key: Path
) -> None:
    url = cluster.create_database("serializable")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "ALTER DATABASE serializable SET default_transaction_isolation = 'serializable'"
        )
    test_tasks_of_one_run_lose_no_record_whoever_is_faster(url, key)


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


def test_opening_to_read_waits_for_no_writer_and_keeps_none_waiting(url: str, key: Path) -> None:
    ledger, log = open_log(url, key)
    log.append("run", "noted", {}, "test", step=0)
    with ledger.writing():
        began = time.monotonic()
        reader = SqlLedger(url, key.parent / "witness", create=False)
        assert [kept.run for kept in reader.kept("run")] == ["run"]
        assert time.monotonic() - began < 5

    assert reader.name == ledger.name
