"""Source databases: PostgreSQL and SQLite through ADBC, others through DB-API; read only, streamed.

Guaranteed: only SELECTs over the columns and limits of the query are run, of relations and columns
that are there by their exact names, in one read-only transaction whose state does not move; every
value comes out in its declared type, exactly, or the extract is refused; no exception holds a
value, a password or a driver's text. Besides, catalogues are read.
Not guaranteed: that the account is limited to reading. `account` says what it could do, and
`grants` writes a role that can do no more.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from remit.adapters.sql_source.dbapi import Database, mysql_database, open_database
from remit.adapters.sql_source.postgres import PostgresSource
from remit.adapters.sql_source.sqlite import SQLiteSource
from remit.errors import UsageError
from remit.ports import Source

__all__ = ["Database", "open_database", "open_source"]

_FORMS = (
    "postgresql://user:password@host:port/database[?schema=name] (special characters"
    " percent-encoded), mysql:// or mariadb:// likewise, and sqlite:///relative/path or"
    " sqlite:////absolute/path"
)
# What a URL may tell libpq. `host` or `options` would change what the label and the checks say.
_LIBPQ = frozenset({"connect_timeout", "sslcert", "sslkey", "sslmode", "sslrootcert"})


def open_source(url: str) -> Source:
    """Prepare a source from its URL; nothing is connected or opened yet.

    Raises:
        UsageError: the URL is not of a known form. Its text is not repeated: it holds a password.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("postgresql", "postgres"):
        return _postgres(url)
    if separator and scheme in ("mysql", "mariadb"):
        return open_database(mysql_database(url))
    if separator and scheme == "sqlite":
        return _sqlite(rest)
    raise UsageError(f"unknown kind of source; known are {_FORMS}")


def _sqlite(rest: str) -> SQLiteSource:
    path = rest.removeprefix("/")
    if path == rest or path in ("", ":memory:") or "?" in path or "\0" in path:
        raise UsageError(f"not the URL of an SQLite file; known are {_FORMS}")
    return SQLiteSource(Path(path), label=f"sqlite:///{Path(path).absolute()}")


def _postgres(url: str) -> PostgresSource:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 5432
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise UsageError(f"not a URL of a PostgreSQL database; known are {_FORMS}") from None
    database = unquote(parts.path.removeprefix("/"))
    # A password with a bare '/', '#' or '?' shifts the parts; better refused than put in a label.
    misplaced = parts.fragment or any(mark in parts.path[1:] for mark in "/@")
    if not host or not database or misplaced:
        raise UsageError(f"not a URL of a PostgreSQL database; known are {_FORMS}")
    schema = options.pop("schema", "public")
    if not options.keys() <= _LIBPQ or "\0" in schema:
        known = ", ".join(sorted(_LIBPQ | {"schema"}))
        raise UsageError(f"unknown parameter in a PostgreSQL URL; known are {known}")
    place = f"{f'[{host}]' if ':' in host else host}:{port}/{quote(database, safe='')}"
    return PostgresSource(
        _libpq(parts, place, options), label=f"postgresql://{place}", schema=schema
    )


def _libpq(parts: SplitResult, place: str, options: dict[str, str]) -> str:
    """The URI for libpq: re-assembled, so that it reads exactly the parts that were checked."""
    user = quote(unquote(parts.username or ""), safe="")
    password = quote(unquote(parts.password or ""), safe="")
    account = f"{user}:{password}@" if password else f"{user}@" if user else ""
    settings = {
        "connect_timeout": "10",
        "application_name": "remit",
        **options,
        "client_encoding": "UTF8",
    }
    return f"postgresql://{account}{place}?{urlencode(settings, quote_via=quote)}"
