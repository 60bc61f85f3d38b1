"""The JSON Schema of an instruction, by which editors complete and check while one is written.

It says of a document's form what the model says: what the model accepts, the schema accepts. Not
in it: what a group's fields must be together, and whether a text says anything; that is for
`remit instruction lint`.

`python -m remit.instruction.schema` prints the text of include/schemas/instruction.schema.json.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from remit.instruction.model import Instruction

_HEAD = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "urn:remit:instruction:1",
    "title": "remit instruction",
    "description": (
        "The controller's instruction to the processor, form 1 (docs/instruction.md). What fields "
        "must be together is not in here: remit instruction lint FILE."
    ),
}
# What pydantic adds for other readers than JSON Schema's, or that would complete to nothing.
_DROPPED = ("title", "discriminator", "law")


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12), each field with its meaning and the law behind it."""
    schema = Instruction.model_json_schema(by_alias=True)
    groups = {name: _group(group) for name, group in schema.pop("$defs").items()}
    fields = {key: value for key, value in _group(schema).items() if key not in _HEAD}
    return _HEAD | fields | {"$defs": groups}


def text() -> str:
    """The schema as the file has it."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _group(schema: dict[str, Any]) -> dict[str, Any]:
    """A group of fields, or an enumeration, without what editors have no use for."""
    group: dict[str, Any] = _clean(schema)
    for name, schema_of_field in schema.get("properties", {}).items():
        group["properties"][name] = _field(schema_of_field, group["description"])
    return group


def _field(schema: dict[str, Any], group: str) -> dict[str, Any]:
    field: dict[str, Any] = _clean(schema)
    if field.get("default", 0) is None:
        del field["default"]
    # The field that tells kinds of a group apart is best described by its kind.
    about = field.get("description", group.partition("\n")[0].rstrip("."))
    law = f" ({schema['law']})" if "law" in schema else ""
    return field | {"description": f"{about}{law}."}


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items() if key not in _DROPPED}
    return [_clean(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.stdout.write(text())
