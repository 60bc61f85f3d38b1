"""Databases reached through a DB-API connection (PEP 249), such as that of an Airflow hook.

Guaranteed: as for the other sources. MariaDB and MySQL have statements and a catalogue of their
own; every other database is read through SQLAlchemy's dialect for it, as far as that can tell, and
what it cannot tell is refused.
"""

from __future__ import annotations

from remit.adapters.sql_source.dbapi.database import Database, mysql_database
from remit.ports import Source

__all__ = ["Database", "mysql_database", "open_database"]


def open_database(database: Database) -> Source:
    """Prepare a source; nothing is connected yet.

    Raises:
        UsageError: SQLAlchemy has no dialect for this database.
    """
    if database.dialect in ("mysql", "mariadb"):
        from remit.adapters.sql_source.dbapi.mariadb import MariaDBSource

        return MariaDBSource(database)
    from remit.adapters.sql_source.dbapi.generic import GenericSource

    return GenericSource(database)
