"""The evidence log in a database: a SQLite file by default, PostgreSQL for a real deployment.

Guarantee: appends are atomic, one at a time across processes, and each is durable before it returns.
The newest checkpoint that this machine made is also kept in a file apart (the witness), so that a log
cut short together with its checkpoints is noticed by whoever has that file.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import weakref
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from remit.adapters import ledger_tables as tables
from remit.adapters.folder import translating_os
from remit.adapters.ledger_tables import open_engine
from remit.adapters.locks import AdvisoryLocks, FolderLocks, Locks
from remit.adapters.witness import Witness
from remit.errors import EvidenceBroken, RemitError, Unavailable, UsageError, translating
from remit.merkle import Frontier, nodes_text, parse_nodes
from remit.records import Kept

_WAITING = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_READONLY"}


class SqlLedger:
    """Implements `remit.evidence.Ledger` on SQLAlchemy."""

    def __init__(self, url: str, witness: Path, *, create: bool = True, patience: int = 30) -> None:
        """Open, and create on first use.

        Args:
            url: ``sqlite:///PATH`` or ``postgresql://...``.
            witness: the file for the newest checkpoint.
            create: whether a ledger that is not there is made; a reader must not make one.
            patience: see `open_engine`.

        Raises:
            UsageError: the URL is none, or there is no ledger to read.
        """
        self._witness = Witness(witness)
        self._engine = open_engine(url, patience)
        weakref.finalize(self, self._engine.dispose)
        self.label = _label(self._engine)
        self._locks = _locks(self._engine, self.label)
        if not self._is_there():
            if self._witness.exists():
                raise EvidenceBroken(
                    self.label, "it was cut short: the checkpoints that it had are gone."
                )
            if not create:
                raise UsageError(
                    f"there is no evidence ledger at {self.label}; is REMIT_HOME right?"
                )
            self._create()
        self.name = self._own_name()

    def _is_there(self) -> bool:
        if self._engine.dialect.name == "sqlite":
            path = Path(self.label)
            if not path.exists() or not path.stat().st_size:
                return False
        with self._translated(), self._engine.connect() as connection:
            return sa.inspect(connection).has_table(tables.LOG.name)

    def _create(self) -> None:
        if self._engine.dialect.name == "sqlite":
            path = Path(self.label)
            with translating_os(str(path)):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                if not path.exists():
                    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with self._translated(), self._begin() as connection:
            tables.METADATA.create_all(connection)

    @contextmanager
    def writing(self) -> Iterator[_Writer]:
        """See `remit.evidence.Ledger`."""
        with self._translated(), self._begin() as connection:
            writer = _Writer(connection)
            yield writer
            self._locks.require_held()  # who lost a lock must not record what it did without it
        if writer.checkpoint is not None:
            self._witness.keep(writer.checkpoint)  # after the commit: it may lag, but not run ahead

    def kept(
        self, run: str | None = None, kinds: Collection[str] = (), *, newest_first: bool = False
    ) -> Iterator[Kept]:
        """See `remit.evidence.Ledger`."""
        query = sa.select(tables.RECORD)
        query = query.order_by(tables.RECORD.c.seq.desc() if newest_first else tables.RECORD.c.seq)
        if run is not None:
            query = query.where(tables.RECORD.c.run == run)
        if kinds:
            query = query.where(tables.RECORD.c.kind.in_(list(kinds)))
        if run is not None:  # a few records: one answer, not a cursor's four
            with self._translated(), self._engine.connect() as connection:
                found = connection.execute(query).all()
            yield from map(_kept, found)
            return
        with self._rows(query) as rows:
            yield from map(_kept, rows)

    def page(
        self, after: int | None, before: int, limit: int, kinds: Collection[str] = ()
    ) -> list[Kept]:
        """See `remit.evidence.Ledger`."""
        lowest = -(2**63) if after is None else after
        asked: dict[str, Any] = {"after": lowest, "before": before, "most": limit}
        query = tables.PAGE
        if kinds:
            query, asked["kinds"] = tables.PAGE_OF_KINDS, sorted(kinds)
        with self._translated(), self._engine.connect() as connection:
            return [_kept(row) for row in connection.execute(query, asked)]

    def places(self, before: int) -> Iterator[tuple[str, int, int]]:
        """See `remit.evidence.Ledger`."""
        with self._rows(tables.PLACES, before=before) as rows:
            yield from map(tuple, rows)

    def nodes(self, places: Collection[int]) -> dict[int, str]:
        """See `remit.evidence.Ledger`."""
        found: dict[int, str] = {}
        with self._translated(), self._engine.connect() as connection:
            asked = sorted(places)
            for some in (asked[at : at + 500] for at in range(0, len(asked), 500)):
                rows = connection.execute(tables.NODES, {"places": some})
                found |= {int(seq): str(nodes) for seq, nodes in rows}
        return found

    def runs(self, before: int | None = None) -> Iterator[tuple[int, str]]:
        """See `remit.evidence.Ledger`."""
        with self._rows(tables.RUNS, before=2**63 - 1 if before is None else before) as rows:
            for seq, run, step in rows:
                if step == 0:
                    yield seq, run

    def checkpoint(self) -> bytes | None:
        """See `remit.evidence.Ledger`."""
        with self._translated(), self._engine.connect() as connection:
            return _envelope(connection.execute(tables.STATE).one().checkpoint)

    def state(self) -> tuple[int, bytes | None]:
        """See `remit.evidence.Ledger`."""
        with self._translated(), self._engine.connect() as connection:
            envelope, count = connection.execute(tables.STATE_AND_COUNT).one()
        return int(count), _envelope(envelope)

    def witnessed(self) -> bytes | None:
        """See `remit.evidence.Ledger`."""
        return self._witness.read()

    def lock(self, name: str) -> AbstractContextManager[None]:
        """See `remit.evidence.Ledger`."""
        return self._locks.hold(name)

    def lock_all(self, names: Sequence[str]) -> AbstractContextManager[frozenset[str]]:
        """See `remit.evidence.Ledger`."""
        return self._locks.hold_all(names)

    def require_held(self) -> None:
        """See `remit.evidence.Ledger`."""
        self._locks.require_held()

    def _own_name(self) -> str:
        """The log's name; made once, in a transaction, but read without one that writers wait for."""
        asked = sa.select(tables.LOG.c.name)
        with self._translated(), self._engine.connect() as connection:
            name = connection.execute(asked).scalar()
        if name is None:
            with self._translated(), self._begin() as connection:
                name = connection.execute(asked).scalar()
                if name is None:
                    name = secrets.token_hex(16)
                    connection.execute(sa.insert(tables.LOG).values(name=name, size=0, frontier=""))
        return str(name)

    @contextmanager
    def _rows(self, query: sa.Select[Any], **asked: Any) -> Iterator[Iterator[Any]]:
        """The rows as they come."""
        with (
            self._translated(),
            self._engine.connect() as connection,
            # A server-side cursor: closed at once, also when the reader stops half-way.
            connection.execution_options(yield_per=1000).execute(query, asked) as rows,
        ):
            yield rows

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """A transaction that no other writer shares."""
        with self._engine.connect() as connection:
            if self._engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7239071)")
            yield connection
            connection.commit()

    def _translated(self) -> AbstractContextManager[None]:
        return translating(SQLAlchemyError, UnicodeDecodeError, into=self._into)

    def _into(self, error: BaseException) -> RemitError:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, sqlite3.Error):
            name = getattr(cause, "sqlite_errorname", "")
            if name.startswith("SQLITE_IOERR") or any(name.startswith(w) for w in _WAITING):
                return Unavailable(self.label, f"the evidence ledger does not answer ({name}).")
            return EvidenceBroken(self.label, "the ledger's file is damaged.")
        if isinstance(error, sa.exc.OperationalError):
            return Unavailable(self.label, "the evidence ledger does not answer.")
        return EvidenceBroken(self.label, "the ledger's tables are damaged.")


class _Writer:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._steps: dict[str, int] = {}
        self._added: list[dict[str, Any]] = []
        self.checkpoint: bytes | None = None

    def newest(self) -> tuple[Frontier, bytes | None]:
        size, frontier, envelope = self._connection.execute(tables.STATE).one()
        if envelope is None:
            return Frontier(int(self._connection.execute(tables.COUNT).scalar_one())), None
        return _frontier(size, frontier), _envelope(envelope)

    def steps(self, run: str) -> int:
        if run not in self._steps:
            count = self._connection.execute(tables.COUNT_OF_RUN, {"run": run}).scalar_one()
            self._steps[run] = int(count)
        return self._steps[run]

    def add(self, kept: Kept) -> None:
        self._added.append(kept._asdict() | {"body": kept.body.decode()})
        self._steps[kept.run] = self.steps(kept.run) + 1

    def close(self, frontier: Frontier, checkpoint: bytes) -> None:
        self._connection.execute(tables.ADD, self._added)
        roots = nodes_text(frontier.roots)
        state = {"records": frontier.size, "roots": roots, "envelope": checkpoint.decode()}
        self._connection.execute(tables.CLOSE, state)
        self.checkpoint = checkpoint


def _kept(row: Any) -> Kept:
    seq, run, step, kind, body, nodes = row
    return Kept(seq, run, step, kind, _text(body, f"record {seq}"), nodes)


def _envelope(text: Any) -> bytes | None:
    return None if text is None else _text(text, "the newest checkpoint")


def _frontier(size: int, text: str) -> Frontier:
    try:
        roots = parse_nodes(text)
        # As many as the size has bits: the same root could be had of fewer, larger subtrees.
        if len(roots) == size.bit_count():
            return Frontier(size, roots)
    except (ValueError, AttributeError):
        pass
    raise EvidenceBroken("the newest checkpoint", "the tree's edge kept with it was changed.")


def _locks(engine: sa.Engine, label: str) -> Locks:
    if engine.dialect.name == "sqlite":
        return FolderLocks(Path(f"{label}.locks"))
    return AdvisoryLocks(engine.url, label)


def _label(engine: sa.Engine) -> str:
    url = engine.url
    return url.database or "" if engine.dialect.name == "sqlite" else f"{url.host}/{url.database}"


def _text(value: Any, where: str) -> bytes:
    if not isinstance(value, str):
        raise EvidenceBroken(where, "it was changed: it is no longer text.")
    return value.encode()
