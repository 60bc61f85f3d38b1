"""The evidence log in a database: a SQLite file by default, PostgreSQL for a real deployment.

Guarantee: appends are atomic, one at a time across processes, and each is durable before it returns.
The newest checkpoint that this machine made is also kept in a file apart (the witness), so that a log
cut short together with its checkpoints is noticed by whoever has that file.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from remit.adapters.folder import translating_os
from remit.adapters.locks import AdvisoryLocks, FolderLocks, Locks
from remit.adapters.witness import Witness
from remit.errors import EvidenceBroken, RemitError, Unavailable, UsageError, translating
from remit.evidence import Kept, Record
from remit.merkle import Frontier

_METADATA = sa.MetaData()
_LOG = sa.Table("remit_log", _METADATA, sa.Column("name", sa.Text, primary_key=True))
_RECORD = sa.Table(
    "remit_record",
    _METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.UniqueConstraint("run", "step"),
)
_CHECKPOINT = sa.Table(
    "remit_checkpoint",
    _METADATA,
    sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("frontier", sa.Text, nullable=False),
    sa.Column("envelope", sa.Text, nullable=False),
)
_WAITING = {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CANTOPEN", "SQLITE_FULL", "SQLITE_READONLY"}


class SqlLedger:
    """Implements `remit.evidence.Ledger` on SQLAlchemy."""

    def __init__(self, url: str, witness: Path, *, create: bool = True) -> None:
        """Open, and create on first use.

        Args:
            url: ``sqlite:///PATH`` or ``postgresql://...``.
            witness: the file for the newest checkpoint.
            create: whether a ledger that is not there is made; a reader must not make one.

        Raises:
            UsageError: the URL is none, or there is no ledger to read.
        """
        self._witness = Witness(witness)
        self._engine = _engine(url)
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
        with self._translated(), self._begin() as connection:
            self.name = self._own_name(connection)

    def _is_there(self) -> bool:
        if self._engine.dialect.name == "sqlite":
            path = Path(self.label)
            if not path.exists() or not path.stat().st_size:
                return False
        with self._translated(), self._engine.connect() as connection:
            return sa.inspect(connection).has_table(_LOG.name)

    def _create(self) -> None:
        if self._engine.dialect.name == "sqlite":
            path = Path(self.label)
            with translating_os(str(path)):
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                if not path.exists():
                    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with self._translated(), self._begin() as connection:
            _METADATA.create_all(connection)

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
        query = sa.select(_RECORD)
        query = query.order_by(_RECORD.c.seq.desc() if newest_first else _RECORD.c.seq)
        if run is not None:
            query = query.where(_RECORD.c.run == run)
        if kinds:
            query = query.where(_RECORD.c.kind.in_(list(kinds)))
        with (
            self._translated(),
            self._engine.connect() as connection,
            # A server-side cursor: closed at once, also when the reader stops half-way.
            connection.execution_options(yield_per=1000).execute(query) as rows,
        ):
            for seq, of_run, step, kind, body in rows:
                yield Kept(seq, of_run, step, kind, _text(body, f"record {seq}"))

    def checkpoint(self, size: int | None = None) -> bytes | None:
        """See `remit.evidence.Ledger`."""
        query = sa.select(_CHECKPOINT.c.envelope).order_by(_CHECKPOINT.c.size.desc()).limit(1)
        if size is not None:
            query = query.where(_CHECKPOINT.c.size == size)
        with self._translated(), self._engine.connect() as connection:
            envelope = connection.execute(query).scalar()
        return None if envelope is None else _text(envelope, "a checkpoint")

    def checkpoints(self) -> Iterator[tuple[int, Frontier, bytes]]:
        """See `remit.evidence.Ledger`."""
        query = sa.select(_CHECKPOINT).order_by(_CHECKPOINT.c.size)
        with (
            self._translated(),
            self._engine.connect() as connection,
            connection.execution_options(yield_per=1000).execute(query) as rows,
        ):
            for size, frontier, envelope in rows:
                yield size, _frontier(size, frontier), _text(envelope, f"checkpoint {size}")

    def witnessed(self) -> bytes | None:
        """See `remit.evidence.Ledger`."""
        return self._witness.read()

    def lock(self, name: str) -> AbstractContextManager[None]:
        """See `remit.evidence.Ledger`."""
        return self._locks.hold(name)

    def require_held(self) -> None:
        """See `remit.evidence.Ledger`."""
        self._locks.require_held()

    def _own_name(self, connection: sa.Connection) -> str:
        name = connection.execute(sa.select(_LOG.c.name)).scalar()
        if name is None:
            name = secrets.token_hex(16)
            connection.execute(sa.insert(_LOG).values(name=name))
        return str(name)

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
        self.checkpoint: bytes | None = None

    def newest(self) -> tuple[Frontier, bytes | None]:
        newest = sa.select(_CHECKPOINT).order_by(_CHECKPOINT.c.size.desc()).limit(1)
        row = self._connection.execute(newest).first()
        if row is None:
            count = sa.select(sa.func.count()).select_from(_RECORD)
            return Frontier(int(self._connection.execute(count).scalar_one())), None
        return _frontier(row.size, row.frontier), _text(row.envelope, "the newest checkpoint")

    def steps(self, run: str) -> int:
        count = sa.select(sa.func.count()).where(_RECORD.c.run == run)
        return int(self._connection.execute(count).scalar_one())

    def add(self, record: Record, frontier: Frontier, checkpoint: bytes) -> None:
        roots = " ".join(root.hex() for root in frontier.roots)
        row: dict[str, Any] = {"seq": record.seq, "run": record.run, "step": record.step}
        row |= {"kind": record.kind, "body": record.body().decode()}
        self._connection.execute(sa.insert(_RECORD).values(row))
        kept = {"size": frontier.size, "frontier": roots, "envelope": checkpoint.decode()}
        self._connection.execute(sa.insert(_CHECKPOINT).values(kept))
        self.checkpoint = checkpoint


def _frontier(size: int, text: str) -> Frontier:
    try:
        return Frontier(size, tuple(bytes.fromhex(part) for part in text.split()))
    except (ValueError, AttributeError):
        raise EvidenceBroken(f"checkpoint {size}", "its frontier was changed.") from None


def _engine(url: str) -> sa.Engine:
    if url.startswith("sqlite:///"):
        # Transactions are begun by hand: the driver's own begin too late to keep writers apart.
        options = {"timeout": 30, "isolation_level": None}
        return sa.create_engine(url, connect_args=options, poolclass=sa.NullPool)
    # Whatever the database's default: a snapshot from before the append's lock would be out of date.
    return sa.create_engine(_postgres(url), poolclass=sa.NullPool, isolation_level="READ COMMITTED")


def _locks(engine: sa.Engine, label: str) -> Locks:
    if engine.dialect.name == "sqlite":
        return FolderLocks(Path(f"{label}.locks"))
    return AdvisoryLocks(engine.url, label)


def _postgres(url: str) -> sa.URL:
    scheme, _, rest = url.partition("://")
    try:
        # A password with an @ of its own would be read as part of the host, and shown.
        if scheme in ("postgresql", "postgres") and rest.count("@") <= 1:
            return sa.make_url(f"postgresql+psycopg://{rest}")
    except (ValueError, sa.exc.ArgumentError):
        pass
    raise UsageError(
        "REMIT_LEDGER must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE "
        "(special characters percent-encoded)."
    )


def _label(engine: sa.Engine) -> str:
    url = engine.url
    return url.database or "" if engine.dialect.name == "sqlite" else f"{url.host}/{url.database}"


def _text(value: Any, where: str) -> bytes:
    if not isinstance(value, str):
        raise EvidenceBroken(where, "it was changed: it is no longer text.")
    return value.encode()
