"""The fields that the model has: what each is for, by the path that an author or pydantic gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from remit.errors import one_line
from remit.instruction.model import Instruction

WHOLE = "(whole document)"
_LONGEST = 64  # of a name that is shown; an unknown field's name can be anything


@dataclass(frozen=True, slots=True)
class Field:
    """A place in the model.

    Attributes:
        path: names of fields and indexes of list entries; ``()`` is the whole document.
        kinds: what it can hold; nothing where the model has no such field.
        law: the point of the law that it carries out, such as ``Art. 28(3)(g) GDPR``. A group whose
            fields have none of their own, such as a person, lends them its own.
        example: of what it can say.
        siblings: the fields of its group.
    """

    path: tuple[str | int, ...] = ()
    kinds: tuple[Any, ...] = (Instruction,)
    law: str | None = None
    example: str | None = None
    siblings: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = "".join(f"[{p}]" if isinstance(p, int) else f".{p[:_LONGEST]}" for p in self.path)
        return one_line(shown.removeprefix(".")) or WHOLE


def locate(location: Sequence[str | int]) -> Field:
    """The field of a path, or of pydantic's location of an error, which names branches of unions."""
    field = Field()
    for part in location:
        field = _entry(field, part) if isinstance(part, int) else _member(field, part)
    return field


def members(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a group, by the names that an author writes."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def choices(annotation: Any) -> Iterator[Any]:
    """What an annotation can hold: the members of a union without None, or the one thing it is."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from choices(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from choices(one)
    elif annotation is not NoneType:
        yield annotation


def models_in(kinds: Sequence[Any]) -> list[type[BaseModel]]:
    """The groups among the kinds."""
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def law_of(field: FieldInfo) -> str | None:
    """The point of the law that a field itself names."""
    extra = field.json_schema_extra
    return str(extra["law"]) if isinstance(extra, dict) else None


def _entry(field: Field, index: int) -> Field:
    lists = [kind for kind in field.kinds if get_origin(kind) is list]
    inside = tuple(choices(get_args(lists[0])[0])) if lists else ()
    return replace(field, path=(*field.path, index), kinds=inside, siblings=())


def _member(field: Field, name: str) -> Field:
    models = models_in(field.kinds)
    if not models:
        # A branch of a union of plain values, or a field below an unknown one.
        return field
    if len(models) > 1 and (tagged := [model for model in models if _tag(model) == name]):
        return replace(field, kinds=tuple(tagged))
    known = {said: info for model in models for said, info in members(model).items()}
    path, siblings = (*field.path, name), tuple(known)
    if name not in known:
        return Field(path, (), None, None, siblings)
    lent = None if any(map(law_of, known.values())) else field.law
    info = known[name]
    law = law_of(info) or lent
    return Field(path, tuple(choices(info.annotation)), law, _example(info), siblings)


def _tag(model: type[BaseModel]) -> str | None:
    kind = model.model_fields.get("kind")
    return next(iter(get_args(kind.annotation)), None) if kind else None


def _example(info: FieldInfo) -> str | None:
    for one in info.examples or []:
        return str(one[0] if isinstance(one, list) else one)
    return None
