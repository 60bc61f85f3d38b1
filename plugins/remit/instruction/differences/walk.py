"""Where two instructions differ: field by field, entries of lists matched by what names them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

Act = Literal["added", "removed", "set", "reordered"]

# What names an entry, by the list that it is in; entries of other lists have no name of their own.
_NAMED_BY = {
    "authorised": "email",
    "columns": "name",
    "escalation": "email",
    "expectations": "table",
    "files": "table",
    "joint_controllers": "name",
    "pseudonym_keys": "name",
    "recipients": "name",
    "recount": "table",
    "subprocessors": "legal_name",
    "tables": "name",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A step of a path: a field, and which entry of it, if it is a list of named ones."""

    name: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Raw:
    """A place at which two instructions differ.

    Attributes:
        before: None where it was added; a list where entries without a name were removed.
        after: None where it was removed.
    """

    path: tuple[Part, ...]
    act: Act
    before: Any
    after: Any

    def __str__(self) -> str:
        return ".".join(f"{p.name}[{p.key}]" if p.key is not None else p.name for p in self.path)

    @property
    def field(self) -> str:
        """The path without names of entries, such as ``tables.columns.category``."""
        return ".".join(part.name for part in self.path)

    @property
    def location(self) -> list[str | int]:
        """The path as `remit.instruction.fields.locate` takes it."""
        found: list[str | int] = []
        for part in self.path:
            found += [part.name] if part.key is None else [part.name, 0]
        return found


def compared(old: BaseModel, new: BaseModel, path: tuple[Part, ...] = ()) -> Iterator[Raw]:
    """Every place at which two groups of one kind differ, in the order of their fields."""
    for name, info in type(new).model_fields.items():
        part = Part(info.alias or name)
        yield from _field(getattr(old, name), getattr(new, name), (*path, part))


def _field(was: Any, now: Any, path: tuple[Part, ...]) -> Iterator[Raw]:
    if _same(was, now):
        return
    if isinstance(now, BaseModel) and type(was) is type(now):
        yield from compared(was, now, path)
    elif isinstance(was, list) and isinstance(now, list):
        yield from _entries(was, now, path)
    else:
        act: Act = "added" if was is None else "removed" if now is None else "set"
        yield Raw(path, act, was, now)


def _entries(was: list[Any], now: list[Any], path: tuple[Part, ...]) -> Iterator[Raw]:
    before, after = _named(was, path[-1].name), _named(now, path[-1].name)
    if before is None or after is None:
        yield from _unnamed(was, now, path)
        return
    for name, entry in after.items():
        own = (*path[:-1], Part(path[-1].name, name))
        if name in before:
            yield from _field(before[name], entry, own)
        else:
            yield Raw(own, "added", None, entry)
    for name, entry in before.items():
        if name not in after:
            yield Raw((*path[:-1], Part(path[-1].name, name)), "removed", entry, None)
    left = [name for name in before if name in after]
    if (order := [name for name in after if name in before]) != left:
        yield Raw(path, "reordered", left, order)


def _unnamed(was: list[Any], now: list[Any], path: tuple[Part, ...]) -> Iterator[Raw]:
    added, removed = _without(now, was), _without(was, now)
    if added:
        yield Raw(path, "added", None, added)
    if removed:
        yield Raw(path, "removed", removed, None)
    if not added and not removed:
        yield Raw(path, "reordered", was, now)


def _without(entries: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    return [one for one in entries if not any(_same(one, other) for other in others)]


def _named(entries: Sequence[Any], field: str) -> dict[str, Any] | None:
    """The entries by their names; None where they have none, or two share one."""
    by = _NAMED_BY.get(field)
    names = [getattr(one, by, None) for one in entries] if by else []
    if len(set(names)) != len(entries) or None in names:
        return None
    return {str(name): one for name, one in zip(names, entries, strict=True)}


def _same(one: Any, other: Any) -> bool:
    """Whether they are equal; Python takes true for 1, which a list of values must not."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other) and (isinstance(one, bool) is isinstance(other, bool))
