"""YAML without its surprises: dates stay text, keys occur once, nothing is aliased, 1 MiB at most."""

from __future__ import annotations

from typing import Any

import yaml

MAXIMUM_BYTES = 1 << 20


class NotPlainYaml(Exception):
    """What is not accepted, and where: a line and column, or the whole document."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where, self.message = where, message


_LARGEST = 2**53  # what every reader of JSON holds exactly
_PLAIN_TAGS = {
    f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")
}


class _PlainLoader(yaml.SafeLoader):
    """YAML without its surprises: dates stay text, keys occur once, nothing is aliased."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise NotPlainYaml(_line(event.start_mark), "aliases are not allowed.")
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        if node.tag not in _PLAIN_TAGS:
            raise NotPlainYaml(_line(node.start_mark), "tags are not allowed.")
        value = super().construct_object(node, deep)
        if isinstance(value, int) and abs(value) > _LARGEST:
            raise NotPlainYaml(_line(node.start_mark), "the number is too large.")
        return value

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag != "tag:yaml.org,2002:str":  # a merge key among others
                raise NotPlainYaml(_line(key_node.start_mark), "a field's name must be plain text.")
            if key_node.value in seen:
                raise NotPlainYaml(
                    _line(key_node.start_mark), f"the field {key_node.value} appears twice."
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def load(text: bytes) -> Any:
    """The document as plain lists, dicts, texts and numbers. Raises `NotPlainYaml`."""
    if len(text) > MAXIMUM_BYTES:
        raise NotPlainYaml("(whole document)", "it is larger than 1 MiB.")
    try:
        return yaml.load(text.decode("utf-8"), Loader=_PlainLoader)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError:
        raise NotPlainYaml("(whole document)", "it is not UTF-8.") from None
    except yaml.MarkedYAMLError as error:
        where = _line(error.problem_mark) if error.problem_mark else "(whole document)"
        raise NotPlainYaml(where, f"not YAML: {error.problem}.") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise NotPlainYaml("(whole document)", "it is not YAML.") from None
