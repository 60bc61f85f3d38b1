"""SQLite: a file opened read only through ADBC, read as text and cast, in one transaction."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
from adbc_driver_sqlite import dbapi as driver

from remit.adapters.sql_source.conform import conform, misfit
from remit.adapters.sql_source.parts import totals
from remit.adapters.sql_source.presence import absent, require_present, touched
from remit.adapters.sql_source.session import FAILURES, Session
from remit.adapters.sql_source.sqlite_statements import SQLiteStatements
from remit.columns import SIMPLE, ColumnType
from remit.errors import Refused, RemitError, Unavailable, UsageError, translating
from remit.ports import Account, Part, Relation, SourceColumn, TableQuery, Totals

BUSY_MS = 5000
"""How long to wait for a writer that has locked the file."""

_OPTIONS = {"adbc.sqlite.query.batch_rows": "32768"}
_ARRIVES = dict.fromkeys((*SIMPLE, "decimal"), ("string",)) | {"double": ("double",)}

_WORDS = {
    "integer": ("INTEGER", "INT", "TINYINT", "SMALLINT", "MEDIUMINT", "BIGINT", "INT2", "INT8"),
    "double": ("REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT"),
    "string": (
        *("TEXT", "CLOB", "CHAR", "CHARACTER", "NCHAR"),
        *("VARCHAR", "NVARCHAR", "CHARACTER VARYING", "VARYING CHARACTER"),
    ),
    "boolean": ("BOOLEAN", "BOOL"),
    "date": ("DATE",),
    "timestamp": ("TIMESTAMP", "DATETIME", "TIMESTAMP WITHOUT TIME ZONE"),
    "timestamptz": ("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"),
    "uuid": ("UUID",),
}
_NATIVE = {word: name for name, words in _WORDS.items() for word in words}
_LENGTH = re.compile(r"\s*\(\s*\d+\s*\)")
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")

_DESCRIBE = """
SELECT t.name, c.name, c.type, c."notnull", c.pk,
       (SELECT min(f."table") FROM pragma_foreign_key_list(t.name) AS f
        WHERE f."from" = c.name AND NOT EXISTS (
          SELECT 1 FROM pragma_foreign_key_list(t.name) AS g WHERE g.id = f.id AND g.seq > 0))
FROM sqlite_master AS t, pragma_table_xinfo(t.name) AS c
WHERE t.type IN ('table', 'view') AND t.name NOT GLOB 'sqlite_*' AND c.hidden <> 1{also}
ORDER BY t.name, c.cid
"""
_SCHEMA = "main"
"""The one schema of a file's own tables; the default one."""


class SQLiteSource:
    """An SQLite file; see `remit.ports.Source`.

    Args:
        path: the file; one that is not there is not made.
        label: its URL.
    """

    def __init__(self, path: Path, *, label: str) -> None:
        self.label = label
        self._path = path.absolute()
        self._statements = SQLiteStatements()

    def describe(self, schemas: Collection[str] = ()) -> Mapping[Relation, Sequence[SourceColumn]]:
        """The live schema. Raises: Unavailable."""
        named = [None, *([_SCHEMA] if _SCHEMA in schemas else [])]
        found: dict[Relation, list[SourceColumn]] = {}
        with self._session() as session:
            for table, column in _columns(session):
                for schema in named:
                    found.setdefault(Relation(schema, table), []).append(column)
        return found

    def account(self, relations: Collection[Relation]) -> Account:  # noqa: ARG002
        """None: a file is read by whoever can open it."""
        return Account(None, (), {})

    @contextmanager
    def snapshot(self, shared: str | None = None) -> Iterator[SQLiteSnapshot]:
        """One consistent state. Raises: Unavailable."""
        if shared is not None:
            raise UsageError("SQLite shares no state between connections")
        with self._session() as session:
            yield SQLiteSnapshot(session, self._statements)

    def sql(self, query: TableQuery) -> str:
        """What `stream` runs, without the head row for the driver. Raises: Refused."""
        return self._statements.select(query)

    @contextmanager
    def _session(self) -> Iterator[Session]:
        uri = f"{self._path.as_uri()}?mode=ro"
        with translating(*FAILURES, into=lambda error: self._explain(error, None)):
            if not self._path.is_file():
                raise Unavailable(self.label, "no such file")
            connection = driver.connect(uri, autocommit=True)
        session = Session(connection, self._explain, _OPTIONS)
        try:
            session.run(
                f"PRAGMA busy_timeout = {BUSY_MS}",
                "PRAGMA temp_store = MEMORY",  # sorting and views must spill nothing to disk
                "BEGIN",
                "SELECT 1 FROM sqlite_master",  # the state is that of the first read
            )
            yield session
        finally:
            session.close()

    def _explain(self, error: BaseException, query: TableQuery | None) -> RemitError:
        return _explain(error, query, self.label)


class SQLiteSnapshot:
    """One state of the file, as long as its transaction lasts."""

    def __init__(self, session: Session, statements: SQLiteStatements) -> None:
        self._session = session
        self._statements = statements
        self._known: dict[Relation, dict[str, SourceColumn]] = {}

    def count(self, query: TableQuery) -> int:
        """Rows that meet the limits. Raises: Unavailable, Refused."""
        return self.totals(query, ()).rows

    def totals(self, query: TableQuery, summed: Sequence[str]) -> Totals:
        """Those rows, and the sums of whole numbers: its decimals are kept as doubles."""
        kinds = dict(query.columns)
        whole = [name for name in summed if kinds[name].name == "integer"]
        statement = self._statements.totals(query, whole)
        self._require(query)
        [(rows, *sums)] = self._session.rows(statement, query)
        return totals(query, rows, dict(zip(whole, map(_joined, sums), strict=True)))

    def share(self) -> None:
        """None: a state cannot be shared."""

    def divide(self, query: TableQuery, parts: int) -> list[Part]:  # noqa: ARG002
        """None: it is read in one piece."""
        return []

    def stream(self, query: TableQuery) -> Iterator[pa.RecordBatch]:
        """Those rows. Raises: Unavailable, Refused."""
        statement = self._statements.stream(query)
        self._require(query)
        for number, batch in enumerate(self._session.batches(statement, query)):
            rows = conform(batch if number else batch.slice(1), query, _ARRIVES)
            if number == 0:  # now that its columns are known to be of the types expected
                _check_head(batch, query)
            yield rows

    def _require(self, query: TableQuery) -> None:
        require_present(query, self._live)
        for asked, keys in touched(query):
            suspects, statement = self._statements.misplaced(asked, keys)
            counts = self._session.rows(statement, query)[0] if suspects else ()
            for suspect, count in zip(suspects, counts, strict=True):
                if count:
                    raise misfit(f"{asked.table}.{suspect.column}", suspect.declared)

    def _live(self, relation: Relation) -> Mapping[str, SourceColumn]:
        if relation not in self._known:
            ours = relation.schema in (None, _SCHEMA)
            also = f" AND t.name = {self._statements.literal(relation.table)}"
            found = _columns(self._session, also) if ours else ()
            self._known[relation] = {column.name: column for _, column in found}
        return self._known[relation]


def _joined(halves: str | None) -> str | None:
    """A sum from its halves, of 32 bits and above: the sum itself might not fit SQLite's integers."""
    if halves is None:
        return None
    high, low = halves.split(":")
    return str((int(high) << 32) + int(low))


def _columns(session: Session, also: str = "") -> Iterator[tuple[str, SourceColumn]]:
    rows = session.rows(_DESCRIBE.format(also=also))
    for table, name, native, required, primary, references in rows:
        kind = _declared(native)
        yield table, SourceColumn(name, native, kind, not required, primary > 0, references)


def _check_head(batch: pa.RecordBatch, query: TableQuery) -> None:
    """The row dropped must be the head row, or one just like it."""
    if any(column[0].as_py() not in ("", 0.0) for column in batch.columns):
        raise _failed(query)


def _declared(native: str) -> ColumnType | None:
    """The declared type of a column declared `native`; SQLite itself hardly heeds it."""
    words = " ".join(native.upper().split())
    known = _NATIVE.get(_LENGTH.sub("", words))
    if known:
        return ColumnType(known)
    decimal = _DECIMAL.fullmatch(words)
    if decimal is None:
        return None
    try:
        return ColumnType.parse(f"decimal({decimal[1]},{decimal[2] or 0})")
    except ValueError:  # a precision above 38, or a scale above the precision
        return None


_PHRASES = {
    "locked": "locked by another process",
    "busy": "locked by another process",
    "not a database": "not an SQLite database",
    "disk image is malformed": "the file is damaged",
    "open": "the file cannot be opened",
    "i/o error": "the file cannot be read",
    "readonly": "the file's journal cannot be read without write access",
}


def _explain(error: BaseException, query: TableQuery | None, label: str) -> RemitError:
    text = str(error).partition("\nquery:")[0]
    reason = next((ours for theirs, ours in _PHRASES.items() if theirs in text.lower()), None)
    if query is None:
        return Unavailable(label, reason or "the schema cannot be read")
    mismatch = re.search(r"Type mismatch in column (\d+)", text)
    if mismatch:  # a text or blob in a column of doubles
        name, declared = query.columns[int(mismatch[1])]
        return misfit(f"{query.table}.{name}", declared)
    if "no such table" in text or "no such column" in text:
        return absent(query.table)
    return Unavailable(label, reason) if reason else _failed(query)


def _failed(query: TableQuery) -> Refused:
    return Refused(
        "source-query-failed",
        query.table,
        "the database cannot answer the query.",
        "run the statement of the plan at the source to see why.",
    )
