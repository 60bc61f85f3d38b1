"""What the role of `remit grants` can do on a real server: what is instructed, and nothing else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import errors, sql

from remit.adapters.sql_source import open_source
from remit.cli import main
from remit.columns import ColumnType
from remit.instruction import Instruction, parse, read
from remit.ports import Relation, Source, TableQuery
from remit.suppression import SubjectFilter
from remit.testing.controller import Edit
from remit.testing.laboratory import TABLES, Laboratory
from remit.testing.postgres import PostgresCluster, find_programs
from remit.testing.world import World
from remit.transform import SuppressList

Database = psycopg.Connection[tuple[Any, ...]]

UNDATED = "One row per patient of the sites, whatever the year of the first visit"


def joined(fields: dict[str, Any]) -> None:
    """Results of patients of Lyon alone; and patients of another site, read for themselves."""
    lyon = {"column": "city", "in": ["Lyon"]}
    fields["tables"][0]["rows"]["through"] = [
        {
            "table": "patients",
            "join": [
                {"column": "patient_id", "to": "patient_id", "type": "uuid"},
                {"column": "site_code", "to": "site_code", "type": "string"},
            ],
            "through": [
                {
                    "table": "sites",
                    "join": [{"column": "site_code", "to": "site_code", "type": "string"}],
                    "sites": lyon,
                }
            ],
        }
    ]
    sites = {"column": "site_code", "in": ["LYO2"]}
    columns = {"patient_id": "uuid", "birth_date": "date"}
    fields["tables"].append(
        {
            "name": "patients",
            "rows": {"sites": sites, "undated": UNDATED, "maximum": 1000},
            "columns": [
                {"name": name, "type": kind, "category": "administrative", "purpose": "Record"}
                for name, kind in columns.items()
            ],
        }
    )


def by_subject(fields: dict[str, Any]) -> None:
    """Results whose data subject is named two tables away."""
    fields["tables"] = fields["tables"][:1]
    fields["expectations"] = fields["expectations"][:1]
    steps = [("samples", "sample_id", "integer"), ("patients", "patient_id", "uuid")]
    fields["tables"][0]["data_subject"] = {
        "column": "nir",
        "type": "string",
        "through": [
            {"table": table, "join": [{"column": key, "to": key, "type": kind}]}
            for table, key, kind in steps
        ],
    }


NEEDED = {
    "results": {
        *("result_id", "patient_id", "site_code", "loinc_code", "value_numeric", "value_text"),
        *("unit", "reference_low", "reference_high", "abnormal", "result_date", "validated_at"),
    },
    "observation_history": {
        *("observation_id", "patient_id", "observed_at", "code", "value", "site_code"),
    },
}
NEEDED_JOINED = NEEDED | {
    "patients": {"patient_id", "birth_date", "site_code"},
    "sites": {"site_code", "city"},
}
RESULTS = (
    "result_date >= '2024-01-01' AND result_date < '2025-01-01' AND site_code IN ('LYO1', 'LYO2')"
)
VISIBLE = {
    "results": RESULTS,
    "observation_history": (
        "observed_at >= '2024-01-01T00:00:00+01' AND observed_at < '2025-01-01T00:00:00+01'"
        " AND site_code IN ('LYO1', 'LYO2') AND code IN ('bloodGroup', 'smoker', 'weightKg')"
    ),
}
VISIBLE_JOINED = VISIBLE | {
    "results": f"{RESULTS} AND site_code = 'LYO1'",
    "patients": "site_code IN ('LYO1', 'LYO2')",
    "sites": "city = 'Lyon'",
}
IN_SCOPE = f"SELECT sample_id FROM results WHERE {RESULTS}"
NEEDED_BY_SUBJECT = {
    "results": NEEDED["results"] | {"sample_id"},
    "samples": {"sample_id", "patient_id"},
    "patients": {"patient_id", "nir"},
}
VISIBLE_BY_SUBJECT = {
    "results": RESULTS,
    "samples": f"sample_id IN ({IN_SCOPE})",
    "patients": f"patient_id IN (SELECT patient_id FROM samples WHERE sample_id IN ({IN_SCOPE}))",
}
CASES = {
    "by_subject": (by_subject, NEEDED_BY_SUBJECT, VISIBLE_BY_SUBJECT),
    "plain": (None, NEEDED, VISIBLE),
    "joined": (joined, NEEDED_JOINED, VISIBLE_JOINED),
}


@dataclass(frozen=True, slots=True)
class Script:
    """What `remit grants --json` printed, and the instruction that it was made for."""

    terms: Instruction
    sql: str
    role: str
    schema: str


@dataclass(frozen=True, slots=True)
class Applied:
    """A database in which a script was run, and how owner and role reach it."""

    script: Script
    case: str
    rows: str
    owner_url: str
    role_url: str
    needed: dict[str, set[str]]
    visible: dict[str, str]

    @property
    def owner(self) -> Source:
        return open_source(self.owner_url)

    @property
    def role(self) -> Source:
        return open_source(f"{self.role_url}?schema={self.script.schema}")

    def named(self, table: str) -> sql.Composed:
        return sql.SQL("{}.{}").format(sql.Identifier(self.script.schema), sql.Identifier(table))


@pytest.fixture(scope="module")
def cluster() -> Iterator[PostgresCluster]:
    with PostgresCluster() as running:
        url = running.create_database("lis")
        with psycopg.connect(url) as connection:  # as it is from PostgreSQL 15 on
            connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        Laboratory(patients=120).write_postgres(url)
        yield running


@pytest.fixture(scope="module")
def world(cluster: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"), source_url=cluster.url)


Write = Callable[..., Script]


@pytest.fixture
def write(world: World, capsys: pytest.CaptureFixture[str]) -> Write:
    return lambda *options, edit=None: written(world, capsys, *options, edit=edit)


def written(world: World, capsys: Any, *options: str, edit: Edit | None = None) -> Script:
    path = world.instruct(edit)
    capsys.readouterr()
    assert main(["grants", str(path), "--json", *options]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed.keys() == {"sql", "role", "schema"}
    return Script(parse(read(path)), **printed)


def run(url: str, script: str, *, fails: bool = False) -> str:
    """Has psql run a script, as a DBA would; what it complained of."""
    command = [find_programs() / "psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
    done = subprocess.run(
        [*command, "--file", "-", "--dbname", url],
        input=script.encode(),
        capture_output=True,
        env={"PGOPTIONS": "-c client_min_messages=warning"},
        check=False,
        timeout=60,
    )
    assert (done.returncode != 0) is fails, done.stderr.decode()
    return done.stderr.decode()


def copy_of(cluster: PostgresCluster, name: str) -> str:
    """A database like the laboratory's."""
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE lis").format(sql.Identifier(name)))
    return urlsplit(cluster.url)._replace(path=f"/{quote(name)}").geturl()


def login(cluster: PostgresCluster, url: str, role: str) -> str:
    """Has the DBA give the role its password; its own URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD 'its own'").format(sql.Identifier(role)))
    account = f"{quote(role, safe='')}:its%20own"
    return urlsplit(url)._replace(netloc=f"{account}@127.0.0.1:{cluster.port}").geturl()


def remove(url: str, role: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(role)
        connection.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(name, name))


@pytest.fixture(scope="module")
def apply(cluster: PostgresCluster, world: World) -> Iterator[Callable[[str, str], Applied]]:
    """Runs the script of a case, once for the module, in a database and for a role of its own."""
    made: dict[str, Applied] = {}

    def once(case: str, rows: str, capsys: Any) -> Applied:
        name = f"{case}_{rows}"
        if name not in made:
            edit, needed, visible = CASES[case]
            script = written(world, capsys, "--rows", rows, "--role", name, edit=edit)
            url = copy_of(cluster, name)
            run(url, script.sql)
            role_url = login(cluster, url, name)
            made[name] = Applied(script, case, rows, url, role_url, needed, visible)
        return made[name]

    yield once
    for name, one in made.items():
        remove(one.owner_url, name)


@pytest.fixture(params=["view", "policy"])
def rows(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=CASES)
def applied(request: pytest.FixtureRequest, rows: str, apply: Any, capsys: Any) -> Applied:
    return apply(request.param, rows, capsys)


@pytest.fixture
def database(
    cluster: PostgresCluster, write: Write, request: pytest.FixtureRequest
) -> Iterator[str]:
    """A copy of the laboratory's database for one test, and afterwards no role of the instruction."""
    url = copy_of(cluster, "one")
    yield url
    with psycopg.connect(url, autocommit=True) as connection:
        for (role,) in connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' AND rolname <> 'remit'"
            " AND rolname NOT IN (SELECT datname FROM pg_database)"
        ).fetchall():
            remove(url, role)
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        connection.execute("DROP DATABASE one WITH (FORCE)")


def stream(source: Source, query: TableQuery) -> list[tuple[Any, ...]]:
    with source.snapshot() as snapshot:
        rows = [tuple(row.values()) for b in snapshot.stream(query) for row in b.to_pylist()]
        assert snapshot.count(query) == len(rows)
    return sorted(rows, key=repr)


def queries(query: TableQuery) -> Iterator[TableQuery]:
    """A table's query, and those for the keys that its rows are checked by."""
    yield query
    for join in query.through:
        yield from queries(join.keys)


# --- what the role can do -------------------------------------------------------------------------


def test_role_is_given_exactly_the_rows_that_its_owner_gets_by_the_instructed_queries(
    applied: Applied,
) -> None:
    for table in applied.script.terms.tables:
        for query in queries(table.query()):
            rows = stream(applied.role, query)
            assert rows == stream(applied.owner, query)
            assert rows


def test_role_sees_no_row_outside_the_limits_of_any_purpose(applied: Applied) -> None:
    with (
        psycopg.connect(applied.owner_url) as owner,
        psycopg.connect(applied.role_url) as role,
    ):
        for table, condition in applied.visible.items():
            by_hand = f"SELECT count(*), count(*) FILTER (WHERE {condition}) FROM {table}"
            [(total, visible)] = owner.execute(by_hand.encode()).fetchall()
            count = sql.SQL("SELECT count(*) FROM {}").format(applied.named(table))
            assert role.execute(count).fetchone() == (visible,)
            assert 0 < visible < total


def test_every_other_column_and_table_is_denied(applied: Applied) -> None:
    with psycopg.connect(applied.role_url, autocommit=True) as role:
        for name, table in TABLES.items():
            for column in table.names:
                read = sql.SQL("SELECT {} FROM public.{} LIMIT 1").format(
                    sql.Identifier(column), sql.Identifier(name)
                )
                if applied.rows == "policy" and column in applied.needed.get(name, ()):
                    assert role.execute(read).fetchall()
                else:
                    with pytest.raises(errors.InsufficientPrivilege):
                        role.execute(read)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {} (site_code) VALUES ('x')",
        "UPDATE {} SET site_code = 'x'",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "ALTER TABLE {} ADD COLUMN x text",
        "DROP TABLE {}",
        "CREATE POLICY p ON {} USING (true)",
        "ALTER TABLE {} DISABLE ROW LEVEL SECURITY",
    ],
)
def test_role_can_change_nothing(applied: Applied, statement: str) -> None:
    with psycopg.connect(applied.role_url, autocommit=True) as role:
        for table in [applied.named("results"), sql.SQL("public.results")]:
            change = sql.SQL(statement).format(table)
            with pytest.raises((errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction)):
                role.execute(change)
            role.execute("SET default_transaction_read_only TO off")  # which the role itself can do
            with pytest.raises((errors.InsufficientPrivilege, errors.WrongObjectType)):
                role.execute(change)
    with psycopg.connect(applied.owner_url) as owner:
        assert owner.execute("SELECT count(*) > 2000 FROM results").fetchone() == (True,)


def test_session_of_the_role_is_read_only_from_the_start(applied: Applied) -> None:
    with psycopg.connect(applied.role_url) as role:
        assert role.execute("SHOW default_transaction_read_only").fetchone() == ("on",)
        with pytest.raises(errors.ReadOnlySqlTransaction):
            role.execute("CREATE TEMPORARY TABLE t (x text)")


def test_plan_finds_no_power_of_the_role_and_only_the_needed_columns(applied: Applied) -> None:
    relations = [*applied.role.describe(), *(Relation("public", name) for name in TABLES)]
    account = applied.role.account(relations)
    assert account.name == applied.script.role
    assert account.powers == ()
    readable = {relation: names for relation, names in account.readable.items() if names}
    expected = {Relation(None, table): names for table, names in applied.needed.items()}
    if applied.rows == "policy":  # the default schema is that of the tables themselves
        expected |= {Relation("public", table): names for table, names in applied.needed.items()}
    assert readable == expected


def test_others_see_and_change_what_they_did_before(applied: Applied, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("CREATE ROLE colleague LOGIN; GRANT USAGE ON SCHEMA public TO colleague")
        owner.execute("GRANT SELECT, INSERT, DELETE ON results, patients TO colleague")

    def rows_of_the_colleague() -> tuple[Any, ...] | None:
        with psycopg.connect(database) as connection:
            connection.execute("SET ROLE colleague")
            new = "SELECT gen_random_uuid(), sample_id, patient_id, 'NEW', loinc_code,"
            connection.execute(
                f"INSERT INTO results (result_id, sample_id, patient_id, site_code, loinc_code, unit,"
                f" reference_low, reference_high, abnormal, result_date) {new} unit, reference_low,"
                " reference_high, abnormal, result_date FROM results LIMIT 5".encode()
            )
            count = "SELECT (SELECT count(*) FROM results), (SELECT count(*) FROM patients)"
            found = connection.execute(count.encode()).fetchone()
            assert connection.execute("DELETE FROM results WHERE site_code = 'NEW'").rowcount == 5
            return found

    before = rows_of_the_colleague()
    run(database, applied.script.sql)
    assert rows_of_the_colleague() == before


def test_a_column_of_one_purpose_is_empty_in_rows_of_another(apply: Any, capsys: Any) -> None:
    applied = apply("joined", "view", capsys)
    with psycopg.connect(applied.role_url) as role:
        view = applied.named("patients")
        read = sql.SQL(
            "SELECT site_code, count(*), count(birth_date) FROM {} GROUP BY 1 ORDER BY 1"
        )
        lyon, other = role.execute(read.format(view)).fetchall()
    assert (lyon[0], lyon[2]) == ("LYO1", 0)  # there to find results by, not to leave
    assert (other[0], other[2]) == ("LYO2", other[1])


def test_role_tells_whose_a_row_is_as_the_owner_does(rows: str, apply: Any, capsys: Any) -> None:
    applied = apply("by_subject", rows, capsys)
    table = applied.script.terms.tables[0]
    assert table.data_subject is not None
    listed = SuppressList([sha256(nir).hexdigest() for nir in some_subjects(applied)], digest)
    kept = []
    for source in (applied.owner, applied.role):
        with source.snapshot() as snapshot:
            chosen = SubjectFilter(table.data_subject, listed, snapshot, table.query())
            named = ("result_id", ColumnType("uuid")), *chosen.columns.items()
            rows_there = replace(table.query(), columns=tuple(named))
            kept.append(
                {
                    result
                    for batch in snapshot.stream(rows_there)
                    for result in batch.filter(chosen.kept(batch)).column("result_id").to_pylist()
                }
            )
    assert kept[0] == kept[1]
    assert 0 < len(kept[0]) < len(stream(applied.owner, table.query()))


def digest(value: bytes) -> bytes:
    return sha256(value).digest()


def some_subjects(applied: Applied) -> list[bytes]:
    with psycopg.connect(applied.owner_url) as owner:
        by_hand = (
            f"SELECT nir FROM patients WHERE {VISIBLE_BY_SUBJECT['patients']} ORDER BY 1 LIMIT 9"
        )
        return [nir.encode() for (nir,) in owner.execute(by_hand.encode()).fetchall()]


def test_a_run_as_the_role_delivers(
    applied: Applied, tmp_path: Path, cluster: PostgresCluster
) -> None:
    world = World(tmp_path, source_url=f"{applied.role_url}?schema={applied.script.schema}")
    delivery = world.deliver(world.open_run(edit=CASES[applied.case][0]))
    files = {path.name for path in delivery.iterdir()}
    assert {f"{table.name}.parquet" for table in applied.script.terms.tables} <= files


# --- running it again, undoing it, and what stops it ----------------------------------------------


def rows_and_policies(url: str) -> list[tuple[Any, ...]]:
    """What a script may have changed, but for the role's password."""
    catalogue = """
        SELECT 'r', rolname, rolconfig::text, rolconnlimit::text FROM pg_roles
        UNION ALL SELECT 'n', nspname, nspacl::text, '' FROM pg_namespace
        UNION ALL SELECT 'c', oid::regclass::text, relacl::text, relrowsecurity::text FROM pg_class
        WHERE relkind IN ('r', 'v')
        UNION ALL SELECT 'a', attrelid::regclass::text, attname, attacl::text FROM pg_attribute
        WHERE attacl IS NOT NULL
        UNION ALL SELECT 'p', polrelid::regclass::text, polname, pg_get_expr(polqual, polrelid)
        FROM pg_policy
        UNION ALL SELECT 'v', schemaname, viewname, definition FROM pg_views
        ORDER BY 1, 2, 3, 4"""
    with psycopg.connect(url) as connection:
        return connection.execute(catalogue.encode()).fetchall()


def test_running_it_again_changes_nothing(write: Write, database: str, rows: str) -> None:
    script = write("--rows", rows, edit=joined)
    run(database, script.sql)
    first = rows_and_policies(database)
    run(database, script.sql)
    assert rows_and_policies(database) == first


def test_a_later_version_takes_back_what_it_no_longer_allows(
    cluster: PostgresCluster, write: Write, database: str, rows: str
) -> None:
    def fewer(fields: dict[str, Any]) -> None:
        fields["tables"][0]["columns"].pop()

    run(database, write("--rows", rows, edit=joined).sql)
    script = write("--rows", rows, edit=fewer)
    run(database, script.sql)
    with psycopg.connect(login(cluster, database, script.role), autocommit=True) as role:
        where = sql.Identifier(script.schema)
        role.execute(sql.SQL("SELECT unit FROM {}.results").format(where))
        with pytest.raises((errors.InsufficientPrivilege, errors.UndefinedColumn)):
            role.execute(sql.SQL("SELECT validated_at FROM {}.results").format(where))
        if rows == "view":  # policies need the earlier script's undoing, as the script says
            with pytest.raises(errors.InsufficientPrivilege):
                role.execute(sql.SQL("SELECT * FROM {}.patients").format(where))


def test_an_owner_of_the_tables_who_may_create_roles_can_run_it(
    cluster: PostgresCluster, write: Write, database: str, rows: str
) -> None:
    run(database, "CREATE ROLE dba LOGIN CREATEROLE; ALTER DATABASE one OWNER TO dba")
    run(database, "".join(f"ALTER TABLE {table} OWNER TO dba;" for table in TABLES))
    script = write("--rows", rows)
    as_dba = login(cluster, database, "dba")
    run(as_dba, script.sql)
    run(as_dba, script.sql)
    source = open_source(f"{login(cluster, database, script.role)}?schema={script.schema}")
    query = script.terms.tables[0].query()
    assert stream(source, query) == stream(open_source(database), query)
    run(database, "ALTER DATABASE one OWNER TO remit; REASSIGN OWNED BY dba TO remit")


def test_what_it_says_undoes_it(write: Write, database: str, rows: str) -> None:
    before = rows_and_policies(database)
    script = write("--rows", rows, edit=joined)
    run(database, script.sql)
    assert rows_and_policies(database) != before
    undoing = script.sql.partition("-- To undo all of it:")[2].splitlines()
    run(database, "\n".join(line.removeprefix("-- ") for line in undoing if line.endswith(";")))
    # A table's list of rights is empty once it had one, where it had none before.
    after = [row for row in rows_and_policies(database) if row[0] not in "ca"]
    assert after == [row for row in before if row[0] not in "ca"]
    with psycopg.connect(database) as owner:
        assert owner.execute("SELECT count(*) FROM pg_class WHERE relrowsecurity").fetchone() == (
            0,
        )


def test_row_security_that_is_on_already_is_left_as_it_is_for_others(
    cluster: PostgresCluster, write: Write, database: str
) -> None:
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("CREATE ROLE colleague; GRANT SELECT ON results TO colleague")
        owner.execute("ALTER TABLE results ENABLE ROW LEVEL SECURITY")
        owner.execute("CREATE POLICY own ON results TO colleague USING (site_code = 'BRE1')")
    script = write("--rows", "policy")
    run(database, script.sql)
    with psycopg.connect(database) as connection:
        connection.execute("SET ROLE colleague")
        sites = connection.execute("SELECT DISTINCT site_code FROM public.results").fetchall()
        assert sites == [("BRE1",)]
    with psycopg.connect(login(cluster, database, script.role)) as role:
        sites = role.execute("SELECT DISTINCT site_code FROM public.results ORDER BY 1").fetchall()
        assert sites == [("LYO1",), ("LYO2",)]


STOPS = {
    "CREATE ROLE remit_durand_2026 LOGIN": "more than a reader",
    "CREATE ROLE remit_durand_2026 NOINHERIT SUPERUSER": "more than a reader",
    "CREATE ROLE remit_durand_2026 NOINHERIT IN ROLE pg_read_all_data": "more than a reader",
    "CREATE ROLE remit_durand_2026 NOINHERIT; ALTER TABLE sites OWNER TO remit_durand_2026": (
        "more than a reader"
    ),
    "ALTER TABLE results DROP COLUMN unit": "not in this database",
    "ALTER TABLE results RENAME TO concat": "not in this database",
    "ALTER SCHEMA public RENAME TO private": "not in this database",
    "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
    " ALTER TABLE results ALTER site_code TYPE text COLLATE loose": "unlike texts",
}


@pytest.mark.parametrize("change", STOPS)
def test_what_does_not_fit_stops_it_and_nothing_is_changed(
    write: Write, database: str, rows: str, change: str
) -> None:
    run(database, change)
    before = rows_and_policies(database)
    assert STOPS[change] in run(database, write("--rows", rows).sql, fails=True)
    assert rows_and_policies(database) == before


def test_schema_of_somebody_else_stops_it(write: Write, database: str) -> None:
    run(database, "CREATE SCHEMA reports; CREATE VIEW reports.results AS SELECT 1 AS x")
    before = rows_and_policies(database)
    script = write("--schema", "reports")
    assert "was not made for this instruction" in run(database, script.sql, fails=True)
    assert rows_and_policies(database) == before


def test_column_that_is_a_functions_name_does_not_show_the_row(write: Write, database: str) -> None:
    def concat(fields: dict[str, Any]) -> None:
        fields["tables"][0]["columns"][1] |= {"name": "concat", "type": "string"}

    assert "not in this database" in run(database, write(edit=concat).sql, fails=True)


# --- what it is written from ----------------------------------------------------------------------


def test_window_of_each_run_is_given_whole(
    cluster: PostgresCluster, write: Write, database: str
) -> None:
    def nightly(fields: dict[str, Any]) -> None:
        fields["tables"][0]["rows"]["window"] |= {
            "per_run": "data_interval",
            "timezone": "Europe/Paris",
        }

    script = write(edit=nightly)
    run(database, script.sql)
    with psycopg.connect(login(cluster, database, script.role)) as role:
        where = sql.Identifier(script.schema)
        [(first, last)] = role.execute(
            sql.SQL("SELECT min(result_date)::text, max(result_date)::text FROM {}.results").format(
                where
            )
        ).fetchall()
    assert (first[:7], last[:7]) == ("2024-01", "2024-12")


def test_views_of_tables_that_lead_through_each_other(
    cluster: PostgresCluster, write: Write, database: str
) -> None:
    """A result of a patient with an observation there, who has a result there."""

    def circular(fields: dict[str, Any]) -> None:
        for table, other in ((0, "observation_history"), (1, "results")):
            fields["tables"][table]["rows"]["through"] = [
                {
                    "table": other,
                    "join": [{"column": "patient_id", "to": "patient_id", "type": "uuid"}],
                    "sites": {"column": "site_code", "in": ["LYO1"]},
                }
            ]

    script = write(edit=circular)
    run(database, script.sql)
    source = open_source(f"{login(cluster, database, script.role)}?schema={script.schema}")
    for table in script.terms.tables:
        for query in queries(table.query()):
            rows = stream(source, query)
            assert rows == stream(open_source(database), query)
            assert rows


def test_table_of_which_all_rows_leave_and_its_data_subject(
    cluster: PostgresCluster, write: Write, database: str, rows: str
) -> None:
    def every_row(fields: dict[str, Any]) -> None:
        fields["tables"] = fields["tables"][:1]
        fields["expectations"] = []
        table = fields["tables"][0] | {"name": "tests", "at": {"table": "results"}}
        table["rows"] = {"all": "The table holds only what moves to Lyon", "maximum": 50000}
        table["columns"] = table["columns"][:1]
        table["data_subject"] = {"column": "patient_id", "type": "uuid"}
        fields["tables"] = [table]

    script = write("--rows", rows, edit=every_row)
    run(database, script.sql)
    relation = Relation(None, "results")
    source = open_source(f"{login(cluster, database, script.role)}?schema={script.schema}")
    assert source.account([relation]).readable == {relation: frozenset({"result_id", "patient_id"})}
    query = script.terms.tables[0].query()
    assert stream(source, query) == stream(open_source(database), query)


def test_text_is_the_same_without_json_and_names_the_digest(
    world: World, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    script = write()
    assert main(["grants", str(world.settings.include / "instructions" / "durand.yaml")]) == 0
    assert capsys.readouterr().out == script.sql


HOSTILE = [
    """it's "x" -- \\! touch x $remit$ %I {0} 'DROP""",
    "'); DROP TABLE patient; --",
    '"; DROP TABLE patient; --',
    "$remit$; DROP TABLE patient; $remit$",
    "*/ DROP TABLE patient; /*",
    "\\gexec",
    ":'x' :\"x\" :x",
    "\\'; DROP TABLE patient; --",
    "p\u0430tient",
    "pati\u200bent \uff07\uff02\u202e",
    "line\u2028DROP TABLE patient;--",
    "concat",
    "\u00e9" * 28,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_names(
    cluster: PostgresCluster, write: Write, database: str, rows: str, name: str
) -> None:
    column = name.translate(str.maketrans(",;:", "   ")).strip()

    def hostile(fields: dict[str, Any]) -> None:
        keys = {
            "table": f"{name}2",
            "join": [{"column": column, "to": column, "type": "string"}],
            "sites": {"column": f"{column}2", "in": [name]},
        }
        table = fields["tables"][0] | {"name": name}
        table["rows"] = {
            "sites": {"column": column, "in": [name, "other"]},
            "through": [keys],
            "undated": UNDATED,
            "all_codes": UNDATED,
            "maximum": 9,
        }
        of_names = {"type": "string", "category": "technical", "purpose": "Name"}
        looked_for = {"treatment": "stop", "kinds": ["nir"]}
        table["columns"] = [
            {"name": column, "free_text": UNDATED, "identifiers": looked_for} | of_names
        ]
        fields["tables"], fields["expectations"] = [table], []

    table, other, x, y = (sql.Identifier(n) for n in (name, f"{name}2", column, f"{column}2"))
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute("CREATE TABLE patient (x text)")
        create = "CREATE TABLE {0} ({2} text, secret text); CREATE TABLE {1} ({2} text, {3} text)"
        owner.execute(sql.SQL(create).format(table, other, x, y))
        for own, code in ((name, name), ("other", "other"), ("no", name)):
            values = [sql.Literal(value) for value in (own, "withheld", own, code)]
            fill = "INSERT INTO {0} VALUES ({2}, {3}); INSERT INTO {1} VALUES ({4}, {5})"
            owner.execute(sql.SQL(fill).format(table, other, *values))
    options = () if rows == "policy" else ("--schema", f"{name}3")
    script = write("--rows", rows, "--role", f"{name}4", *options, edit=hostile)
    run(database, script.sql)
    run(database, script.sql)
    assert_no_line_ends_a_comment(script.sql)
    url = f"{login(cluster, database, script.role)}?schema={quote(script.schema, safe='')}"
    source, query = open_source(url), script.terms.tables[0].query()
    assert stream(source, query) == [(name,)]
    account = source.account([Relation(None, name), Relation(None, f"{name}2")])
    assert account.powers == ()
    assert set(account.readable.values()) == {
        frozenset([column]),
        frozenset([column, f"{column}2"]),
    }
    with psycopg.connect(database) as owner:
        owner.execute("SELECT x FROM public.patient")


def assert_no_line_ends_a_comment(script: str) -> None:
    for line in script.split("\n"):
        if line.startswith("--"):
            assert line.isprintable()
