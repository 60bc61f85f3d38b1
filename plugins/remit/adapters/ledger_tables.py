"""The tables of the evidence ledger, its statements, and how its database is opened."""

from __future__ import annotations

import os
import sqlite3
import weakref
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from remit.errors import UsageError

METADATA = sa.MetaData()
LOG = sa.Table(
    "remit_log",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("frontier", sa.Text, nullable=False),
    sa.Column("checkpoint", sa.Text),
)
"""One row: the log's name, its size, the tree's right edge, and the checkpoint signed over both."""
RECORD = sa.Table(
    "remit_record",
    METADATA,
    # SQLite keeps a table in the order of such a key, and every index with it.
    sa.Column(
        "seq",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("step", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, index=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("nodes", sa.Text, nullable=False),
)
sa.Index(
    "remit_record_of_run", RECORD.c.run, RECORD.c.step, unique=True, postgresql_include=["seq"]
)

# Made once: to put a statement together takes SQLAlchemy longer than an append takes the database.
COUNT = sa.select(sa.func.count()).select_from(RECORD)
STATE = sa.select(LOG.c.size, LOG.c.frontier, LOG.c.checkpoint)
STATE_AND_COUNT = sa.select(LOG.c.checkpoint, COUNT.scalar_subquery())
COUNT_OF_RUN = COUNT.where(RECORD.c.run == sa.bindparam("run"))
ADD = sa.insert(RECORD)
CLOSE = sa.update(LOG).values(
    size=sa.bindparam("records"),
    frontier=sa.bindparam("roots"),
    checkpoint=sa.bindparam("envelope"),
)
PAGE = (
    sa.select(RECORD)
    .where(RECORD.c.seq > sa.bindparam("after"), RECORD.c.seq < sa.bindparam("before"))
    .order_by(RECORD.c.seq)
    .limit(sa.bindparam("most"))
)
PAGE_OF_KINDS = PAGE.where(RECORD.c.kind.in_(sa.bindparam("kinds", expanding=True)))
PLACES = (
    sa.select(RECORD.c.run, RECORD.c.step, RECORD.c.seq)
    .where(RECORD.c.seq < sa.bindparam("before"))
    .order_by(RECORD.c.run, RECORD.c.step)
)
NODES = sa.select(RECORD.c.seq, RECORD.c.nodes).where(
    RECORD.c.seq.in_(sa.bindparam("places", expanding=True))
)
RUNS = (
    sa.select(RECORD.c.seq, RECORD.c.run, RECORD.c.step)
    .where(RECORD.c.seq < sa.bindparam("before"))
    .order_by(RECORD.c.seq.desc())
)


def open_engine(url: str, patience: int) -> sa.Engine:
    """The database at ``sqlite:///PATH`` or ``postgresql://...``.

    Args:
        patience: for so many seconds a server that does not answer, or who writes in a file, is waited for.

    Raises:
        UsageError: for any other.
    """
    if url.startswith("sqlite:///"):
        path = sa.make_url(url).database or ""
        # Opened anew each time: a file put in its place would otherwise go unnoticed.
        engine = sa.create_engine(url, creator=lambda: _file(path, patience), poolclass=sa.NullPool)
        sa.event.listen(engine, "connect", _durably)
        return engine
    # Whatever the database's default: a snapshot from before the append's lock would be out of date.
    engine = sa.create_engine(
        _postgres(url),
        pool_size=4,  # as many as read at once when a group of runs is deleted
        max_overflow=-1,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args={"connect_timeout": patience},
    )
    _POOLED.add(engine)
    return engine


def _file(path: str, patience: int) -> sqlite3.Connection:
    """A connection to a file that is there: to one that is gone SQLite would make an empty one."""
    return sqlite3.connect(
        f"{Path(path).absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=patience,
        isolation_level=None,  # transactions are begun by hand: the driver's begin too late
        check_same_thread=False,
    )


def _durably(connection: Any, _: Any) -> None:
    """An append counts when the journal's head is wiped, which is synced; its removal would not be."""
    connection.execute("PRAGMA journal_mode = PERSIST")


def _forget_inherited() -> None:
    """A process that was forked opens connections of its own, and leaves those to its parent."""
    for engine in list(_POOLED):
        engine.dispose(close=False)


_POOLED: weakref.WeakSet[sa.Engine] = weakref.WeakSet()
os.register_at_fork(after_in_child=_forget_inherited)


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
