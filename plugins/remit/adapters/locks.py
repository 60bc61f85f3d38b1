"""Locks that the processes of a deployment share through its evidence ledger.

Guarantee: of all that ask for a name, one holds it; it is free again when the holder dies. On
PostgreSQL this holds across machines, and a holder whose session is gone is told before it records.
Not guaranteed: that a holder who lost its session stopped at once. It writes no evidence any more.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from remit.adapters.folder import translating_os
from remit.errors import RemitError, Unavailable, translating

# A connection that waits idle for hours is kept open, and one whose machine is gone is noticed.
_CLIENT = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_SERVER = {
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "idle_session_timeout": "0",
}
# By way of the catalogue, because not every server knows every setting.
_SET = sa.text("SELECT set_config(name, :value, false) FROM pg_settings WHERE name = :name")
_TAKE = sa.text("SELECT pg_try_advisory_lock(:key)")
_RELEASE = sa.text("SELECT pg_advisory_unlock_all()")
_HELD = sa.text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND pid = pg_backend_pid() AND ((classid::bigint << 32) | objid::bigint) = ANY(:keys)"
)


class Locks(Protocol):
    """Where names are held."""

    def hold(self, name: str) -> AbstractContextManager[None]:
        """See `remit.evidence.Ledger.lock`."""

    def hold_all(self, names: Sequence[str]) -> AbstractContextManager[frozenset[str]]:
        """See `remit.evidence.Ledger.lock_all`."""

    def require_held(self) -> None:
        """Raise `Unavailable` when a name that is held through this object is held no longer."""


class FolderLocks:
    """Files in a folder, held with flock; the kernel lets go when the holder dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """See `Locks`."""
        with translating_os(str(self._folder)):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{quote(name, safe='')}.lock"
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _taken(name) from None
            yield
        finally:
            os.close(handle)

    @contextmanager
    def hold_all(self, names: Sequence[str]) -> Iterator[frozenset[str]]:
        """See `Locks`."""
        with ExitStack() as stack:
            held = set()
            for name in names:
                try:
                    stack.enter_context(self.hold(name))
                except Unavailable as error:
                    if error.where != name:
                        raise  # it is the folder that does not answer
                else:
                    held.add(name)
            yield frozenset(held)

    def require_held(self) -> None:
        """See `Locks`; the kernel takes no lock away from a process that lives."""


class AdvisoryLocks:
    """Advisory locks of PostgreSQL, in a session for each call, which ends with its holder."""

    def __init__(self, url: sa.URL | str, label: str) -> None:
        self._engine = sa.create_engine(
            url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT", connect_args=_CLIENT
        )
        self._label = label
        self._held: dict[sa.Connection, frozenset[str]] = {}

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """See `Locks`."""
        with self.hold_all([name]) as held:
            if name not in held:
                raise _taken(name)
            yield

    @contextmanager
    def hold_all(self, names: Sequence[str]) -> Iterator[frozenset[str]]:
        """See `Locks`; one session holds them all."""
        with self._translated():
            connection = self._engine.connect()
        try:
            held = self._take(connection, names)
            self._held[connection] = held
            yield held
            self._require(held, connection)
        finally:
            self._held.pop(connection, None)
            _release(connection)

    def require_held(self) -> None:
        """See `Locks`."""
        for connection, names in list(self._held.items()):
            self._require(names, connection)

    def _take(self, connection: sa.Connection, names: Sequence[str]) -> frozenset[str]:
        with self._translated():
            for setting, value in _SERVER.items():
                connection.execute(_SET, {"name": setting, "value": value})
            # A session may take a lock twice: names that share a key are held by the first of them.
            keys = {_key(name): name for name in reversed(names)}
            return frozenset(
                name
                for key, name in keys.items()
                if connection.execute(_TAKE, {"key": key}).scalar()
            )

    def _require(self, names: frozenset[str], connection: sa.Connection) -> None:
        lost = partial(self._lost, ", ".join(sorted(names)))
        with translating(SQLAlchemyError, into=lambda _: lost()):
            found = connection.execute(_HELD, {"keys": [_key(name) for name in names]}).scalar()
            if found != len(names):
                raise lost()

    def _lost(self, name: str) -> Unavailable:
        return Unavailable(self._label, f"the lock on {name} was lost amid the step.")

    def _translated(self) -> AbstractContextManager[None]:
        def into(_: BaseException) -> RemitError:
            return Unavailable(self._label, "the evidence ledger does not answer.")

        return translating(SQLAlchemyError, into=into)


def _release(connection: sa.Connection) -> None:
    try:
        # Said, not left to the end of the session: the server takes a moment to see that.
        connection.execute(_RELEASE)
        connection.close()
    except SQLAlchemyError:
        connection.invalidate()  # the session is gone, and its locks with it


def _key(name: str) -> int:
    """64 bits of a name; two names that share them wait for each other, no more."""
    digest = hashlib.sha256(b"remit lock\0" + name.encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _taken(name: str) -> Unavailable:
    return Unavailable(name, "another process is working on it just now.")
