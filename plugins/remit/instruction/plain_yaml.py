"""YAML without its surprises, and where in the text each part of it is.

Dates stay text, and so does whatever YAML 1.1 has a second meaning for (`NO`, `0123`, `1:30`). Keys
are text and occur once. Aliases and tags are refused, and so is more than 1 MiB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import yaml

MAXIMUM_BYTES = 1 << 20
_LARGEST = 2**53  # what every reader of JSON holds exactly


class Place(NamedTuple):
    """A place in a text, counted from 1."""

    line: int
    column: int


START = Place(1, 1)


class NotPlainYaml(Exception):
    """What is not accepted, and where."""

    def __init__(self, message: str, place: Place = START) -> None:
        super().__init__(message)
        self.message, self.place = message, place


class _PlainLoader(yaml.SafeLoader):
    """YAML without its surprises."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.events.AliasEvent):
            raise NotPlainYaml("aliases are not allowed.", _place(event.start_mark))
        if getattr(event, "tag", None) is not None:
            raise NotPlainYaml("tags are not allowed.", _place(event.start_mark))
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        value = super().construct_object(node, deep)
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise NotPlainYaml("the number is too large.", _place(node.start_mark))
        return value

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag != "tag:yaml.org,2002:str":  # a merge key among others
                raise NotPlainYaml(
                    "a field's name must be plain text.", _place(key_node.start_mark)
                )
            if key_node.value in seen:
                said = f"the field {key_node.value} appears twice."
                raise NotPlainYaml(said, _place(key_node.start_mark))
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


# What a plain scalar means, by its first character: YAML 1.2's own meanings and no more, so that
# an editor and remit read the same. A number with a leading zero, which is octal to some, is text.
_MEANINGS = {
    "null": ("~nN", r"~|null|Null|NULL|"),
    "bool": ("tTfF", r"true|True|TRUE|false|False|FALSE"),
    "int": ("-+0123456789", r"[-+]?(0|[1-9][0-9]*)"),
    "float": (
        "-+.0123456789",
        r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    ),
    "merge": ("<", r"<<"),
}
_PlainLoader.yaml_implicit_resolvers = {}
for _kind, (_first, _form) in _MEANINGS.items():
    _PlainLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}",
        re.compile(f"(?:{_form})\\Z"),
        ["", *_first] if _kind == "null" else list(_first),
    )


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


Step = tuple[yaml.Node | None, yaml.Node]


@dataclass(frozen=True, slots=True)
class Document:
    """A text as plain lists, dicts, texts and numbers, and where each of them stands."""

    value: Any
    _root: yaml.Node | None
    _fields: dict[int, dict[str, Step]] = field(default_factory=dict)

    def place(self, path: Sequence[str | int], *, key: bool = False) -> Place:
        """Where the value at a path begins; where it is missing, the group that lacks it.

        Args:
            path: names of fields, and indexes of list entries.
            key: where the name of the last field is, rather than its value.
        """
        named, node = None, self._root
        for part in path:
            step = self._step(node, part)
            if step is None:
                key = False
                break
            named, node = step
        found = named if key and named is not None else node
        return _place(found.start_mark) if found is not None else START

    def _step(self, node: yaml.Node | None, part: str | int) -> Step | None:
        """The name and value of a part of a mapping or list; None when it is not there."""
        if isinstance(node, yaml.MappingNode):
            if id(node) not in self._fields:
                self._fields[id(node)] = {name.value: (name, value) for name, value in node.value}
            return self._fields[id(node)].get(str(part))
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            return None, node.value[part]
        return None


def document_of(text: bytes) -> Document:
    """The document, and where its parts are. Raises `NotPlainYaml`."""
    if len(text) > MAXIMUM_BYTES:
        raise NotPlainYaml("it is larger than 1 MiB.")
    try:
        loader = _PlainLoader(text.decode("utf-8"))
        root = loader.get_single_node()
        return Document(loader.construct_document(root) if root else None, root)
    except UnicodeDecodeError:
        raise NotPlainYaml("it is not UTF-8.") from None
    except yaml.reader.ReaderError as error:
        before = text.decode("utf-8")[: error.position].split("\n")
        place = Place(len(before), len(before[-1]) + 1)
        raise NotPlainYaml("not YAML: it has a control character.", place) from None
    except yaml.MarkedYAMLError as error:
        place = _place(error.problem_mark) if error.problem_mark else START
        raise NotPlainYaml(f"not YAML: {error.problem}.", place) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise NotPlainYaml("it is not YAML.") from None


@lru_cache(maxsize=4)
def json_of(text: bytes) -> str:
    """The document as JSON. Raises `NotPlainYaml`.

    A step verifies its instruction several times, and most of that is reading the YAML. The text is
    what is remembered, byte for byte, and not what was concluded from it: signatures and keys are
    looked at each time.
    """
    return json.dumps(document_of(text).value)


def load(text: bytes) -> Any:
    """The document as plain lists, dicts, texts and numbers. Raises `NotPlainYaml`."""
    return document_of(text).value
