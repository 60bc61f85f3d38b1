"""The target's table of loads in a real PostgreSQL, read by an account that can read that and no more."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from remit.errors import Refused
from remit.instruction.confirmation import AuditTable
from remit.manifest import Manifest
from remit.testing.answers import AUDIT
from remit.testing.postgres import PostgresCluster
from remit.ways.audit_table import has_answer, look
from remit.wiring import open_source

RULE = AuditTable.model_validate(
    {
        **AUDIT,
        "schema": "audit",
        "recount": [
            {
                "table": "results",
                "relation": "Results In",
                "schema": "incoming",
                "run": "import_run",
            },
            {"table": "units", "relation": "units", "schema": "incoming"},
        ],
    }
)
FILE = {"columns": "sha256:" + "0" * 64, "size": 9, "sha256": "sha256:" + "0" * 64}
MANIFEST = Manifest.model_validate(
    {
        "run": "durand-1",
        "instruction": {"id": "durand", "version": 1, "digest": "sha256:" + "0" * 64},
        "files": [
            {**FILE, "name": name, "table": table, "rows": rows, "commitment": "sha256:" + "0" * 64}
            for name, table, rows in (
                ("results-part-0001.parquet", "results", 3),
                ("results-part-0002.parquet", "results", 2),
                ("units.parquet", "units", 4),
            )
        ],
        "recipients": {},
        "nonce": "0" * 64,
        "sealed_at": "2026-01-01T00:00:00Z",
        "checkpoint": "",
        "interval": None,
    }
)
SCHEMA = """
CREATE SCHEMA audit; CREATE SCHEMA incoming;
CREATE TABLE audit.load_audit (
  run_id text, loaded_table text, loaded_rows bigint, load_status text, remark text);
CREATE TABLE incoming."Results In" (import_run text, value text);
CREATE TABLE incoming.units (unit text);
CREATE ROLE auditor LOGIN PASSWORD 'a';
GRANT USAGE ON SCHEMA audit, incoming TO auditor;
GRANT SELECT (run_id, loaded_table, loaded_rows, load_status) ON audit.load_audit TO auditor;
GRANT SELECT (import_run) ON incoming."Results In" TO auditor;
GRANT SELECT ON incoming.units TO auditor;
INSERT INTO audit.load_audit VALUES
  ('durand-0', 'results', 999, 'loaded', 'another run'), ('durand-1', 'results', 5, 'loading', NULL);
INSERT INTO incoming."Results In" SELECT 'durand-0', 'v' FROM generate_series(1, 999);
INSERT INTO incoming."Results In" SELECT 'durand-1', 'v' FROM generate_series(1, 5);
INSERT INTO incoming.units SELECT 'mg' FROM generate_series(1, 4);
"""


@pytest.fixture(scope="module")
def target() -> Iterator[tuple[psycopg.Connection, str]]:
    with PostgresCluster() as cluster:
        url = cluster.create_database("kalisil")
        with psycopg.connect(url, autocommit=True) as owner:
            owner.execute(SCHEMA)
            parts = urlsplit(url)
            place = f"auditor:a@{parts.hostname}:{parts.port}"
            yield owner, urlunsplit((parts.scheme, place, parts.path, "", ""))


def test_it_waits_counts_and_refuses_other_counts(target: tuple[psycopg.Connection, str]) -> None:
    owner, url = target
    source = open_source(url)
    assert look(source, RULE, MANIFEST) is None
    assert not has_answer(source, RULE, "durand-1", ["results", "units"])
    with owner.cursor() as cursor:
        cursor.execute(
            "INSERT INTO audit.load_audit VALUES ('durand-1', 'results', 5, 'loaded', NULL),"
            " ('durand-1', 'units', 4, 'loaded', NULL)"
        )
    found = look(source, RULE, MANIFEST)

    assert found is not None
    assert (found.level, found.rows) == ("L2", 9)
    assert found.said["counted"] == {"results": 5, "units": 4}
    assert "a@" not in str(found.said)

    with owner.cursor() as cursor:
        cursor.execute(
            "DELETE FROM incoming.units WHERE ctid = (SELECT min(ctid) FROM incoming.units)"
        )
    with pytest.raises(Refused, match="4 rows were delivered, 3 are counted there"):
        look(source, RULE, MANIFEST)


def test_it_only_reads(target: tuple[psycopg.Connection, str]) -> None:
    owner, url = target
    before = owner.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables")
    counted = before.fetchone()
    with pytest.raises(Refused):
        look(open_source(url), RULE, MANIFEST)
    after = owner.execute("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables")
    assert after.fetchone() == counted
