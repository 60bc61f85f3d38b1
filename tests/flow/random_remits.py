"""Random relations with rows, random instructions over them, and what may leave, in plain Python.

The oracle reads the instruction's fields, not the model made of them, and compares Python's values:
no SQL, no Arrow.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

Fields = dict[str, Any]
Row = dict[str, Any]
Draw = Callable[..., Any]

POOL: dict[str, list[Any]] = {
    "integer": [-1, 0, 1, 2, 7, 2**53, 2**53 + 1, 2**63 - 1, -(2**63)],
    "decimal(9,0)": [Decimal(n) for n in (-1, 0, 1, 2, 7, 999999999)],
    "decimal(20,0)": [Decimal(n) for n in (0, 1, 2, 7, 2**53, 2**53 + 1, 10**15)],
    "decimal(8,2)": [Decimal(n) for n in ("0.00", "-1.50", "1.25", "7.00", "99999.99")],
    "boolean": [True, False],
    "string": [
        *("", " ", "a", "A", "a ", " a", "LYO1", "lyo1", "LYO1 ", "0", "00", "7", "7.0", "'", "%"),
        *("_", "\u00e9", "e\u0301", "\u0435", "\U0001f9ea", 'x" OR 1=1 --', "'); DROP TABLE t; --"),
        *("69003", "20137", "97400", "96000", "1:a", "a:1", "\\", "NULL", "null", "\ufeffa", "a\tb"),
    ],
    "uuid": [f"123e4567-e89b-12d3-a456-42661417400{n}" for n in "0abf"],
    "date": [
        *(date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 29), date(2024, 12, 31)),
        *(date(2025, 1, 1), date.min, date.max),
    ],
    "timestamp": [
        *(datetime(2023, 12, 31, 23, 59, 59, 999999), datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 1)),
        *(datetime(2024, 3, 31, 2, 30), datetime(2024, 12, 31, 23, 59, 59), datetime(2025, 1, 1)),
    ],
    "timestamptz": [
        *(datetime(2023, 12, 31, 22, 59, 59, 999999, UTC), datetime(2023, 12, 31, 23, tzinfo=UTC)),
        *(datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        *(datetime(2024, 12, 31, 23, tzinfo=UTC), datetime(2025, 1, 1, 12, 0, 0, 5, UTC)),
    ],
    "double": [0.0, -0.0, 0.1, 1.5, -3.25, 7.0, 1e9],
}  # fmt: skip
BOUNDS = {
    "date": ["2023-12-31", "2024-01-01", "2024-02-29", "2025-01-01", "9999-12-31"],
    "timestamp": ["2023-12-31T23:59:59", "2024-01-01T00:00:00", "2024-03-31T02:30:00",
                  "2024-12-31T23:59:59", "2025-01-01T00:00:00"],
    "timestamptz": ["2023-12-31T22:59:59Z", "2024-01-01T00:00:00+01:00", "2024-03-31T03:00:00+02:00",
                    "2024-10-27T02:30:00+02:00", "2025-01-01T00:00:00+01:00", "2025-01-01T12:00:01Z"],
}  # fmt: skip
WHOLE = ("integer", "decimal(9,0)", "decimal(20,0)")
LISTABLE = (*WHOLE, "boolean", "string", "uuid")
SUBJECTS = (*WHOLE, "string", "uuid", "date")
IMPOSSIBLE = [10**9, -(10**9), 2**63, -(2**63) - 1, 10**20, 10**40]
COLUMNS = [
    "id",
    "pid",
    "Site",
    "verdict",
    "order",
    "x y",
    "\u00e9",
    "a.b",
    'q"q',
    "%s",
    "0",
    "t.id",
    "key",
]
RELATIONS = ["results", "Visits", "order", 'p"x']
WHY = "A list of forty units of measurement, without any patient"


@dataclass(frozen=True)
class Relation:
    name: str
    columns: dict[str, str]
    rows: list[Row]


@dataclass(frozen=True)
class Case:
    """Relations, and the part of an instruction that is about them."""

    relations: dict[str, Relation]
    tables: list[Fields]
    objecting: list[Any] = field(default_factory=list)
    """The ids on the suppress list."""
    suppressing: bool = False

    def fields(self, base: Fields, secrets: dict[str, bytes], checks: dict[str, str]) -> Fields:
        """The whole instruction."""
        used = {"objections"} if self.suppressing else set()
        if any(kind(c) == "pseudonym" for t in self.tables for c in t["columns"]):
            used.add("ids")
        changed: Fields = {
            "tables": self.tables,
            "expectations": [],
            "pseudonym_keys": [{"name": name, "check": checks[name]} for name in sorted(used)],
        }
        if self.suppressing:
            subjects = {digest(secrets["objections"], text_of(one)) for one in self.objecting}
            changed["suppress"] = {"key": "objections", "subjects": sorted(subjects)}
        return {**base, **changed}


# --- drawing --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Maker:
    """Draws a case.

    Args:
        joinable: the types that a database finds keys by.
        schema: the name of the default schema.
    """

    draw: Draw
    joinable: tuple[str, ...]
    schema: str
    values: dict[str, list[Any]] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)

    def one(self, of: Any) -> Any:
        return self.draw(st.sampled_from(list(of)))

    def some(self, of: Any, least: int, most: int) -> list[Any]:
        chosen = st.lists(st.sampled_from(list(of)), min_size=least, max_size=most, unique=True)
        return list(self.draw(chosen))

    def sometimes(self, often: int = 1) -> bool:
        """Once in two, or more often."""
        return bool(self.one([False, *[True] * often]))

    def case(self) -> Case:
        for name, pool in POOL.items():
            self.values[name] = self.some(pool, 1, 2)
        common = self.one([1, 2, 7])
        for name in WHOLE:  # or numbers of unlike types would hardly ever meet
            self.values[name].append(type(POOL[name][0])(common))
        for name in self.some(RELATIONS, 1, 4):
            self.relations[name] = self.relation(name)
        suppressing = self.sometimes()
        tables = [
            self.table(name, number, suppressing)
            for number, name in enumerate(self.some(self.relations, 1, 2))
        ]
        objecting = self.some([v for t in SUBJECTS for v in self.values[t]], 0, 6)
        listed = [one for one in objecting if text_of(one).strip()]
        return Case(self.relations, tables, listed, suppressing)

    def relation(self, name: str) -> Relation:
        names = self.some(COLUMNS, 4, 6)
        own = ["integer", self.one(WHOLE), "string", self.one(["date", "timestamp", "timestamptz"])]
        own += [self.one(POOL) for _ in names[4:]]
        columns = dict(zip(names, own, strict=True))
        row = {n: self.cells(columns[n]) for n in names}
        rows = self.draw(st.lists(st.fixed_dictionaries(row), min_size=2, max_size=9))
        again = self.some(range(len(rows)), 0, 2)
        return Relation(name, columns, rows + [rows[place] for place in again])

    def cells(self, declared: str) -> Any:
        return st.sampled_from([None, *self.values[declared] * 6])

    def table(self, name: str, number: int, suppressing: bool) -> Fields:
        relation = self.relations[name]
        renamed = self.sometimes()
        table: Fields = {
            "name": f"delivered {number}" if renamed else name,
            "rows": self.rows(relation),
            "columns": [
                self.column(c, relation.columns[c]) for c in self.some(relation.columns, 1, 5)
            ],
        }
        if renamed:
            table["at"] = {"schema": self.schema, "table": name}
        if suppressing:
            subject = self.subject(relation)
            table |= {"data_subject": subject} if subject else {"no_data_subject": WHY}
        return table

    def column(self, name: str, declared: str) -> Fields:
        column = {"name": name, "type": declared, "category": self.one(["technical", "health"]),
                  "purpose": "Identity"}  # fmt: skip
        if self.sometimes():
            column["transform"] = self.one(list(transformations(declared)))
        return column

    def rows(self, relation: Relation) -> Fields:
        if self.one(range(12)) == 0:
            return {"all": WHY, "maximum": 1000}
        rows = self.limits(relation, 3)
        if not dated(rows):
            rows["undated"] = "One row per patient of the sites, whatever the year of the visit"
        return rows | {"maximum": 1000}

    def limits(self, relation: Relation, deepest: int) -> Fields:
        """One limit at least."""
        columns, limits = relation.columns, dict[str, Any]()
        while not limits:
            times = [name for name, declared in columns.items() if declared in BOUNDS]
            if times and self.sometimes():
                limits["window"] = self.window(name := self.one(times), columns[name])
            for place in ("sites", "codes"):
                if self.one(range(4)) == 0:
                    limits[place] = self.listing(columns)
            if self.one(range(5)) == 0:
                limits["only"] = [self.listing(columns) for _ in range(self.one([1, 1, 2]))]
            if deepest and self.sometimes():
                count = self.one([1, 1, 2]) if deepest == 3 else 1
                limits["through"] = [self.through(relation, deepest) for _ in range(count)]
        return limits

    def window(self, name: str, declared: str) -> Fields:
        bounds = BOUNDS[declared]
        start, end = (
            self.one(range(len(bounds) // 2)),
            self.one(range(len(bounds) // 2, len(bounds))),
        )
        return {"column": name, "type": declared, "from": bounds[start], "to": bounds[end]}

    def listing(self, columns: dict[str, str]) -> Fields:
        name = self.one([name for name, declared in columns.items() if declared in LISTABLE])
        declared = columns[name]
        values = [v for v in self.values[declared] if v != "" and "\t" not in str(v)]
        if declared in WHOLE:
            values = [*map(int, values), *map(int, values), self.one(IMPOSSIBLE)]
        values = values or ["nothing"]
        return {"column": name, "type": declared, "in": self.some(values, 1, 3)}

    def through(self, relation: Relation, deepest: int) -> Fields:
        other = self.relations[self.one(self.relations)]
        place: Fields = {"table": other.name}
        if self.sometimes():
            place["schema"] = self.schema
        return place | {"join": self.join(relation, other)} | self.limits(other, deepest - 1)

    def join(self, here: Relation, there: Relation) -> list[Fields]:
        pairs: list[Fields] = []
        wanted = self.one([1, 1, 2])
        options = [
            (own, to)
            for own, kind in here.columns.items()
            for to, other in there.columns.items()
            if (kind == other and kind in self.joinable) or {kind, other} <= {*WHOLE}
        ]
        for own, to in self.some(options, 1, 4):
            taken = {one["column"] for one in pairs}, {one["to"] for one in pairs}
            if len(pairs) < wanted and own not in taken[0] and to not in taken[1]:
                pair = {"column": own, "type": here.columns[own], "to": to}
                if here.columns[own] != there.columns[to]:
                    pair["to_type"] = there.columns[to]
                pairs.append(pair)
        return pairs

    def subject(self, relation: Relation) -> Fields | None:
        """Who a row is about: in the table itself, or up to two tables away."""
        steps: list[Fields] = []
        if self.one(range(6)) == 0:
            return None
        for _ in range(self.one([0, 0, 1, 1, 2])):
            there = self.relations[self.one(self.relations)]
            steps.append({"table": there.name, "join": self.join(relation, there)})
            relation = there
        name = self.one(
            [name for name, declared in relation.columns.items() if declared in SUBJECTS]
        )
        subject = {"column": name, "type": relation.columns[name]}
        return subject | ({"through": steps} if steps else {})


def cases(joinable: tuple[str, ...], schema: str) -> st.SearchStrategy[Case]:
    return st.composite(lambda draw: Maker(draw, joinable, schema).case())()


def transformations(declared: str) -> Iterator[Fields]:
    yield {"kind": "keep"}
    yield {"kind": "empty"}
    yield {"kind": "constant", "value": "said"}
    if declared not in ("double", "boolean"):
        yield {"kind": "pseudonym", "key": "ids"}
    if declared in BOUNDS:
        yield from ({"kind": "generalise", "to": unit} for unit in ("month", "year"))
    if declared == "string":
        yield {"kind": "generalise", "to": "department"}
        yield from ({"kind": "truncate", "length": length} for length in (1, 2))
    if declared in ("integer", "decimal(8,2)", "double"):
        # Of widths by which the smallest integer can be divided: it has a band.
        yield from ({"kind": "generalise", "to": "band", "width": width} for width in (1, 8, 1024))


def kind(column: Fields) -> str:
    return str(column.get("transform", {"kind": "keep"})["kind"])


def dated(limits: Fields) -> bool:
    return "window" in limits or any(dated(other) for other in limits.get("through", []))


# --- the oracle -----------------------------------------------------------------------------------


def inside(case: Case, limits: Fields, row: Row) -> bool:
    """Whether a row is within all of the limits."""
    window = limits.get("window")
    if window:
        value = row[window["column"]]
        if value is None or not moment(window["from"], value) <= value < moment(
            window["to"], value
        ):
            return False
    for rule in lists_of(limits):
        value = row[rule["column"]]
        if value is None or value not in rule["in"]:
            return False
    return all(
        any(inside(case, other, there) for there in met(case, other, row))
        for other in limits.get("through", [])
    )


def lists_of(limits: Fields) -> list[Fields]:
    return [rule for rule in (limits.get("sites"), limits.get("codes")) if rule] + limits.get(
        "only", []
    )


def met(case: Case, other: Fields, row: Row) -> list[Row]:
    """The other table's rows that a row's key leads to."""
    pairs = [(row[join["column"]], join["to"]) for join in other["join"]]
    return [
        there
        for there in case.relations[other["table"]].rows
        if all(value is not None and value == there[to] for value, to in pairs)
    ]


def moment(bound: str, like: date) -> date:
    return (
        datetime.fromisoformat(bound) if isinstance(like, datetime) else date.fromisoformat(bound)
    )


def rows_of(case: Case, table: Fields) -> list[Row]:
    return case.relations[relation_of(table)].rows


def relation_of(table: Fields) -> str:
    return str(table["at"]["table"] if "at" in table else table["name"])


def kept(case: Case, subject: Fields, row: Row) -> bool:
    """Whether every data subject that a row leads to is known, and not on the list."""
    steps = subject.get("through", [])
    if steps:
        rest = {**subject, "through": steps[1:]}
        found = met(case, steps[0], row)
        return bool(found) and all(kept(case, rest, there) for there in found)
    value = row[subject["column"]]
    text = "" if value is None else text_of(value)
    objecting = {text_of(one) for one in case.objecting}
    return bool(text.strip()) and text not in objecting and text.strip() not in objecting


def leaving(case: Case, table: Fields, secret: bytes) -> tuple[list[tuple[Any, ...]], int]:
    """The rows that leave, as they leave, and how many were suppressed."""
    found = [row for row in rows_of(case, table) if inside(case, table["rows"], row)]
    subject = table.get("data_subject") if case.suppressing else None
    left = [row for row in found if subject is None or kept(case, subject, row)]
    rows = [tuple(changed(c, row[c["name"]], secret) for c in table["columns"]) for row in left]
    return rows, len(found) - len(left)


def changed(column: Fields, value: Any, secret: bytes) -> Any:
    asked = column.get("transform", {"kind": "keep"})
    if asked["kind"] == "constant":
        return asked["value"]
    if value is None or asked["kind"] == "empty":
        return None
    if asked["kind"] == "pseudonym":
        return digest(secret, text_of(value))
    if asked["kind"] == "truncate":
        return value[: asked["length"]]
    if asked["kind"] == "generalise":
        return coarser(asked, value)
    return value


def coarser(asked: Fields, value: Any) -> Any:
    if asked["to"] == "department":
        return department(value)
    if asked["to"] == "band":
        lower = math.floor(value) // asked["width"] * asked["width"]
        return type(value)(lower)
    first = {"day": 1} | ({"month": 1} if asked["to"] == "year" else {})
    if isinstance(value, datetime):
        first |= {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    return value.replace(**first)


def department(text: str) -> str | None:
    postcode = text.strip(" ")
    if not re.fullmatch("[0-9]{5}", postcode) or postcode[:2] in ("00", "96", "99"):
        return None
    if postcode[:2] == "20":
        return {"0": "2A", "1": "2A", "2": "2B", "6": "2B"}.get(postcode[2])
    return postcode[:3] if postcode[:2] in ("97", "98") else postcode[:2]


def text_of(value: Any) -> str:
    """The text of an id, as docs/transformations.md defines it."""
    if isinstance(value, Decimal):
        whole, _, part = format(value, "f").partition(".")
        return f"{whole}.{part.rstrip('0')}" if part.strip("0") else whole
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f") + ("Z" if value.tzinfo else "")
    return value.isoformat() if isinstance(value, date) else str(value)


def digest(secret: bytes, text: str) -> str:
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def arrow_name(column: Fields) -> str:
    """The type that leaves, as Arrow calls it."""
    if kind(column) in ("pseudonym", "constant"):
        return "string"
    if column["type"].startswith("decimal"):
        return str(column["type"]).replace("decimal", "decimal128").replace(",", ", ")
    names = {"integer": "int64", "boolean": "bool", "date": "date32[day]", "uuid": "string"}
    times = {"timestamp": "timestamp[us]", "timestamptz": "timestamp[us, tz=UTC]"}
    return (names | times).get(column["type"], str(column["type"]))


# --- a source that leaves limits out --------------------------------------------------------------


@dataclass(frozen=True)
class Left:
    """Which limit is left out: of which relation, over which columns; `where` it is asked for.

    Attributes:
        where: `asked` of the table itself, `inside` the statement over another table, or `both`.
    """

    relation: str
    columns: tuple[str, ...]
    where: str


EVERYTHING = Left("*", (), "both")


def limits_of(case: Case) -> list[Left]:
    """Each limit of each table that leads to rows that leave."""
    found = {
        (relation, columns)
        for table in case.tables
        for relation, columns in below(relation_of(table), table["rows"])
    }
    return [Left(*one, where) for one in sorted(found) for where in ("asked", "inside", "both")]


def relations_read(case: Case) -> set[str]:
    """Whatever rows are read of: tables that leave, and those that membership and subjects lead through."""
    found = set()
    for table in case.tables:
        found |= {relation_of(table), *_through(table["rows"])}
        if case.suppressing:
            steps = table.get("data_subject", {}).get("through", [])
            found |= {step["table"] for step in steps}
    return found


def _through(limits: Fields) -> Iterator[str]:
    for other in limits.get("through", []):
        yield other["table"]
        yield from _through(other)


def below(relation: str, limits: Fields) -> Iterator[tuple[str, tuple[str, ...]]]:
    if "window" in limits:
        yield relation, (limits["window"]["column"],)
    for rule in lists_of(limits):
        yield relation, (rule["column"],)
    for other in limits.get("through", []):
        yield relation, tuple(join["column"] for join in other["join"])
        yield from below(other["table"], other)


def without(limits: Fields, left: Left, relation: str, deep: bool = False) -> Fields:
    """The limits that are still applied."""

    def applied(*columns: str) -> bool:
        return not leaves_out(left, relation, columns, deep)

    rest: Fields = {}
    if "window" in limits and applied(limits["window"]["column"]):
        rest["window"] = limits["window"]
    rest["only"] = [rule for rule in lists_of(limits) if applied(rule["column"])]
    rest["through"] = [
        {
            "table": other["table"],
            "join": other["join"],
            **without(other, left, other["table"], True),
        }
        for other in limits.get("through", [])
        if applied(*(join["column"] for join in other["join"]))
    ]
    return rest


def leaves_out(left: Left, relation: str, columns: tuple[str, ...], deep: bool) -> bool:
    if left == EVERYTHING:
        return True
    there = left.where == "both" or (left.where == "inside") is deep
    return there and (left.relation, left.columns) == (relation, columns)


def reads_outside(case: Case, left: Left) -> bool:
    """Whether any row that is read is outside of the limits of the table that it is read from."""
    return any(_outside(case, relation_of(table), table["rows"], left) for table in case.tables)


def _outside(case: Case, relation: str, limits: Fields, left: Left) -> bool:
    if any(_outside(case, other["table"], other, left) for other in limits.get("through", [])):
        return True
    rest = without(limits, left, relation)
    read = [row for row in case.relations[relation].rows if inside(case, rest, row)]
    return not all(inside(case, limits, row) for row in read)
