"""What leaves PostgreSQL is the remit exactly; see tests/flow/test_subset_of_remit.py, of SQLite."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from remit.adapters.sql_source import open_source
from remit.columns import ColumnType
from remit.errors import Refused
from remit.ports import Membership, SemiJoin, Source, TableQuery
from remit.remit_check import ScopeCheck
from remit.testing.postgres import PostgresCluster

sys.path.append(str(Path(__file__).parents[1] / "flow"))
remits, extracts = import_module("random_remits"), import_module("random_extracts")

CASES = remits.cases(tuple(remits.POOL), "public")
NATIVE = {
    "integer": ("bigint", "bigint"),
    "string": ("text", "varchar(60)"),
    "double": ("double precision", "double precision"),
}
EXAMPLES = settings(
    max_examples=30, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return extracts.Processor(tmp_path_factory.mktemp("processor"))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with PostgresCluster() as cluster:
        yield cluster.create_database("lis")


@pytest.fixture(scope="module")
def source(url: str) -> Source:
    return open_source(url)


@EXAMPLES
@given(case=CASES)
def test_what_leaves_is_the_remit_exactly(
    url: str, source: Source, processor: Any, case: Any
) -> None:
    write(url, case)

    processor.require_exact(case, processor.extract(case, source))


@EXAMPLES
@given(case=CASES)
def test_the_sql_alone_gives_the_remit_exactly(
    url: str, source: Source, processor: Any, case: Any
) -> None:
    write(url, case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScopeCheck, "require", lambda *_: None)
        found = processor.extract(case, source)

    processor.require_exact(case, found)


@EXAMPLES
@given(case=CASES, data=st.data())
def test_the_check_alone_refuses_whenever_a_row_outside_is_read(
    url: str, source: Source, processor: Any, case: Any, data: Any
) -> None:
    write(url, case)
    one = data.draw(st.sampled_from(remits.limits_of(case) or [remits.EVERYTHING]))

    for left in (remits.EVERYTHING, one):
        careless = extracts.leaving_out(source, left)
        if remits.reads_outside(case, left):
            with pytest.raises(Refused) as caught:
                processor.extract(case, careless)
            assert caught.value.code == "row-outside-remit"
        else:
            processor.require_exact(case, processor.extract(case, careless))


UUID = ColumnType("uuid")
PATIENTS = TableQuery("patients", (("id", UUID),), memberships=(Membership("site", ("A",)),))
RESULTS = TableQuery("results", (), through=(SemiJoin((("patient", UUID),), PATIENTS),))


@pytest.fixture
def many(url: str) -> int:
    """Two tables, of which one has more keys than come in a batch."""
    rows = 150_000
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
            " CREATE TABLE patients (id uuid, site text); CREATE TABLE results (patient uuid);"
            " INSERT INTO patients SELECT gen_random_uuid(), 'A'"
            f" FROM generate_series(1, {rows});"
            " INSERT INTO results SELECT id FROM patients UNION ALL SELECT id FROM patients;"
            " INSERT INTO patients VALUES (gen_random_uuid(), 'B');"
            " INSERT INTO results SELECT id FROM patients WHERE site = 'B'"
        )
    return rows


def test_all_keys_are_read_before_the_rows_in_the_same_state(
    url: str, source: Source, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "remit.adapters.sql_source.postgres._OPTIONS",
        {"adbc.postgresql.batch_size_hint_bytes": str(1 << 20)},
    )
    with source.snapshot() as snapshot:
        expected = snapshot.count(RESULTS)
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("DELETE FROM patients")
        check = ScopeCheck.load("results", RESULTS, snapshot)
        batches = 0
        for batch in snapshot.stream(check.widened()):
            check.require(batch)
            batches += 1
            expected -= batch.num_rows
    assert expected == 0
    assert batches > 1


def test_failure_while_keys_are_read_names_their_table(url: str, source: Source, many: int) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        # Fails amid the stream, behind the keys of several batches.
        database.execute(
            "ALTER TABLE patients RENAME TO persons; CREATE VIEW patients AS"
            " SELECT id, CASE WHEN 1 / (CASE site WHEN 'B' THEN 0 ELSE 1 END) = 1 THEN 'A' END AS site"
            " FROM persons"
        )
    with source.snapshot() as snapshot, pytest.raises(Refused) as caught:
        ScopeCheck.load("results", RESULTS, snapshot)
    assert (caught.value.code, caught.value.where) == ("source-query-failed", "patients")


def test_account_that_may_not_read_the_keys_is_told_of_their_table(url: str, many: int) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(
            "CREATE ROLE narrow LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA public TO narrow;"
            " GRANT SELECT ON results TO narrow"
        )
    parts = urlsplit(url)
    place = f"narrow:secret@{parts.hostname}:{parts.port}"
    narrow = open_source(parts._replace(netloc=place).geturl())

    with narrow.snapshot() as snapshot, pytest.raises(Refused) as caught:
        ScopeCheck.load("results", RESULTS, snapshot)
    assert (caught.value.code, caught.value.where) == ("source-denied", "patients")


def write(url: str, case: Any) -> None:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for name, relation in case.relations.items():
            table = sql.Identifier(name)
            columns = [
                sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(native(declared, place)))
                for place, (column, declared) in enumerate(relation.columns.items())
            ]
            create = sql.SQL("CREATE TABLE {} ({})")
            database.execute(create.format(table, sql.SQL(", ").join(columns)))
            for row in relation.rows:
                cells = sql.SQL(", ").join(sql.Literal(row[column]) for column in relation.columns)
                database.execute(sql.SQL("INSERT INTO {} VALUES ({})").format(table, cells))


def native(declared: str, place: int) -> str:
    """The column's type; which of several that remit takes for the same, its place decides."""
    if declared.startswith("decimal") and place % 2:
        return "numeric"
    return NATIVE.get(declared, (declared, declared))[place % 2]
