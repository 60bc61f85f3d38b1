"""How a database is reached: who connects, which SQL it speaks, what it is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from remit.errors import UsageError

_FORM = "mysql://user:password@host:port/database (special characters percent-encoded)"
_TLS = frozenset({"ssl_ca", "ssl_cert", "ssl_key"})
_DRIVERS = ("pymysql", "mysql.connector")


@dataclass(frozen=True, slots=True)
class Database:
    """A database behind a function that connects to it.

    Attributes:
        connect: gives a new DB-API connection, which its taker closes.
        driver: SQLAlchemy's name for the dialect, and the driver if it is told, such as
            ``mysql`` or ``postgresql+psycopg``.
        label: where it is, without credentials.
    """

    connect: Callable[[], Any]
    driver: str
    label: str

    @property
    def dialect(self) -> str:
        """The name of the dialect alone."""
        return self.driver.partition("+")[0]


def mysql_database(url: str) -> Database:
    """The database of a ``mysql://`` or ``mariadb://`` url, through PyMySQL or MySQL's connector.

    Raises:
        UsageError: the url is not of the known form, or neither driver is installed.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 3306
        options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    except ValueError:
        raise UsageError(f"not the URL of a MariaDB or MySQL database; known is {_FORM}") from None
    name = unquote(parts.path.removeprefix("/"))
    # A password with a bare '/', '#' or '?' shifts the parts; better refused than put in a label.
    misplaced = parts.fragment or any(mark in parts.path[1:] for mark in "/@")
    if not host or not name or misplaced:
        raise UsageError(f"not the URL of a MariaDB or MySQL database; known is {_FORM}")
    if not options.keys() <= _TLS:
        known = ", ".join(sorted(_TLS))
        raise UsageError(f"unknown parameter in a MySQL URL; known are {known}")
    place = f"{f'[{host}]' if ':' in host else host}:{port}/{quote(name, safe='')}"
    arguments = {"host": host, "port": port, "database": name, **_account(parts), **options}
    return Database(_connecting(arguments), "mysql", f"mysql://{place}")


def _account(parts: SplitResult) -> dict[str, str]:
    return {"user": unquote(parts.username or ""), "password": unquote(parts.password or "")}


def _connecting(arguments: dict[str, Any]) -> Callable[[], Any]:
    verified = "ssl_ca" in arguments
    tls = {"ssl_verify_cert": True, "ssl_verify_identity": True} if verified else {}
    driver = _driver()
    return lambda: driver.connect(**arguments, **tls, charset="utf8mb4")


def _driver() -> Any:
    for name in _DRIVERS:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise UsageError(
        "no driver for MariaDB or MySQL is installed; install PyMySQL or mysql-connector-python."
    )
