"""What differs between two plans: at the source (drift), and in what leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Shown = Mapping[str, Any]
"""A plan as `Plan.as_json` gives it, and evidence keeps it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: whether it is at the source, where, and what changed there."""

    at_source: bool
    where: str
    what: str

    def as_json(self) -> dict[str, Any]:
        """The difference as `remit plan --json` and the evidence give it."""
        return {name: getattr(self, name) for name in self.__slots__}


def differences(old: Shown, new: Shown) -> list[Difference]:
    """From one plan to a later one, in the order of the later one's tables."""
    found = [*_of_instruction(old, new), *_of_tables(old, new)]
    before = {table["name"]: table for table in old["tables"]}
    for table in new["tables"]:
        if table["name"] in before:
            found += _of_source(before[table["name"]], table)
            found += _of_remit(before[table["name"]], table)
    return found


def _of_instruction(old: Shown, new: Shown) -> Iterator[Difference]:
    was, now = old["instruction"], new["instruction"]
    if was["version"] != now["version"]:
        what = f"version {was['version']} is now version {now['version']}"
        yield Difference(False, now["id"], what)
    elif was["digest"] != now["digest"]:
        yield Difference(False, now["id"], "its text is another one of the same version")
    for name in ("landing", "interval"):
        if new[name] is not None and old[name] != new[name]:
            yield Difference(False, name, f"was {_said(old[name])}, is {_said(new[name])}")
    if old["deletion"] != new["deletion"]:
        yield Difference(False, "deletion", "the periods until deletion changed")


def _of_tables(old: Shown, new: Shown) -> Iterator[Difference]:
    was = {table["name"] for table in old["tables"]}
    now = {table["name"] for table in new["tables"]}
    yield from (Difference(False, name, "leaves now") for name in sorted(now - was))
    yield from (Difference(False, name, "leaves no more") for name in sorted(was - now))
    known, live = _relations(old), _relations(new)
    for name in sorted(live - known):
        yield Difference(True, name, "is a new table, withheld")
    for name in sorted(known - live):
        yield Difference(True, name, "is gone")


def _of_source(old: Shown, new: Shown) -> Iterator[Difference]:
    was, now = old["live"], new["live"]
    for name in sorted(now.keys() - was.keys()):
        left = "allowed" if name in new["allowed"] else "withheld"
        yield Difference(True, f"{new['name']}.{name}", f"is a new column ({now[name]}), {left}")
    for name in sorted(was.keys() - now.keys()):
        yield Difference(True, f"{new['name']}.{name}", f"is gone (was {was[name]})")
    for name in sorted(was.keys() & now.keys()):
        if was[name] != now[name]:
            what = f"was {was[name]}, is {now[name]}"
            yield Difference(True, f"{new['name']}.{name}", what)


def _of_remit(old: Shown, new: Shown) -> Iterator[Difference]:
    was = {column["name"]: column for column in old["columns"]}
    now = {column["name"]: column for column in new["columns"]}
    for name in sorted(now.keys() - was.keys()):
        yield Difference(False, f"{new['name']}.{name}", "leaves now")
    for name in sorted(was.keys() - now.keys()):
        yield Difference(False, f"{new['name']}.{name}", "leaves no more")
    for name in sorted(was.keys() & now.keys()):
        for field in ("transformation", "category", "recipients", "identifiers"):
            before, after = was[name].get(field, ""), now[name].get(field, "")
            if before != after:
                what = f"{field}: was {_said(before)}, is {_said(after)}"
                yield Difference(False, f"{new['name']}.{name}", what)
    if old["limits"] != new["limits"]:
        what = f"rows: was {'; '.join(old['limits'])}, is {'; '.join(new['limits'])}"
        yield Difference(False, new["name"], what)
    if old["rows_in_scope"] != new["rows_in_scope"]:
        what = f"rows in scope: {_said(old['rows_in_scope'])}, now {_said(new['rows_in_scope'])}"
        yield Difference(False, new["name"], what)


def _relations(plan: Shown) -> set[str]:
    return {table["relation"] for table in plan["tables"]} | set(plan["withheld_tables"])


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['start']} to {value['end']}"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "nobody"
    return "unknown" if value is None else str(value)
