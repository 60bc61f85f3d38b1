"""Whom MariaDB takes us for, and what that account could do, from its own grants."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from remit.adapters.sql_source.dbapi.mariadb_catalogue import Catalogue
from remit.adapters.sql_source.dbapi.session import DbapiSession
from remit.ports import Account, Relation

_READING = frozenset(("USAGE", "SELECT", "SHOW VIEW"))
# GRANT SELECT (`a`, `b`), INSERT ON `lis`.`t` TO `user`@`host` ... [WITH GRANT OPTION]
_NAME = r"(?:`(?:[^`]|``)*`|\*)"
_GRANT = re.compile(
    rf"GRANT (?P<rights>.+?) ON (?:TABLE )?(?P<schema>{_NAME})\.(?P<object>{_NAME}) TO .*?"
    r"(?P<more>WITH GRANT OPTION.*)?",
    re.DOTALL,
)
_COLUMNS = re.compile(r" ?\((?:`(?:[^`]|``)*`|[^`)])*\)")
_ROLE = re.compile(r"GRANT (?P<role>`(?:[^`]|``)*`)(?:@`[^`]*`)? TO .*", re.DOTALL)


class _Right(NamedTuple):
    rights: frozenset[str]
    schema: str
    table: str
    grantable: bool

    def __str__(self) -> str:
        if self.schema == "*":
            return "the whole server"
        return f"the schema {self.schema}" if self.table == "*" else f"{self.schema}.{self.table}"


class AccountCheck:
    """Asks about the relations, in one session."""

    def __init__(
        self, session: DbapiSession, catalogue: Catalogue, relations: Collection[Relation]
    ) -> None:
        self._session, self._catalogue = session, catalogue
        self._relations = sorted(set(relations), key=lambda one: (one.schema or "", one.table))

    def account(self) -> Account:
        """The account, as the server matched it."""
        [(name,)] = self._session.rows("SELECT CAST(CURRENT_USER() AS BINARY)")
        readable = {}
        for relation in self._relations:
            live = self._catalogue.table(relation)
            if live is not None:
                readable[relation] = live.readable
        login = bytes(name).decode().rpartition("@")[0]
        return Account(login, tuple(dict.fromkeys(self._powers())), readable)

    def _powers(self) -> Iterator[str]:
        asked = {(r.schema or self._catalogue.schema, r.table) for r in self._relations}
        for (line,) in self._session.rows("SHOW GRANTS"):
            grant = bytes(line).decode() if isinstance(line, (bytes, bytearray)) else str(line)
            role, right = _ROLE.fullmatch(grant), _parsed(grant)
            if role:
                yield f"may become the role {_plain(role['role'])}"
            elif right:
                yield from _beyond(right, asked)
            elif not grant.startswith("SET DEFAULT ROLE "):
                yield "has a grant of a kind that is not known here"


def _beyond(right: _Right, asked: Collection[tuple[str, str]]) -> Iterator[str]:
    """What a grant gives besides reading the relations asked about."""
    place = str(right)
    if held := sorted(right.rights - _READING):
        yield f"holds {', '.join(held)} on {place}"
    if "SELECT" in right.rights and (right.schema, right.table) not in asked:
        yield f"may read other relations: {place}"
    if right.grantable:
        yield f"may grant its rights on {place} to others"


def _parsed(grant: str) -> _Right | None:
    found = _GRANT.fullmatch(grant)
    if found is None:
        return None
    rights = _COLUMNS.sub("", found["rights"]).split(", ")
    schema, table = _plain(found["schema"]), _plain(found["object"])
    return _Right(frozenset(rights), schema, table, bool(found["more"]))


def _plain(quoted: str) -> str:
    return quoted[1:-1].replace("``", "`") if quoted.startswith("`") else quoted
